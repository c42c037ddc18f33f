// SPDX-License-Identifier: Apache-2.0
/*
 * Run control: the packets ?, vCont, c, s, D, k and Ctrl-C. While one CPU steps, the others
 * stand still.
 */

#include "vmm/gdb/stub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a step or a breakpoint tells beyond the signal. */
static void answer_point(struct gdb *gdb, const struct gdb_point *point)
{
	static const char *const watches[] = {
		[GDB_POINT_WRITE] = "watch",
		[GDB_POINT_READ] = "rwatch",
		[GDB_POINT_ACCESS] = "awatch",
	};

	switch (point->type) {
	case GDB_POINT_SOFTWARE:
	case GDB_POINT_HARDWARE:
		if (gdb->tells_breakpoints)
			gdb_answer(gdb, "%s:;", point->type == GDB_POINT_SOFTWARE ? "swbreak" :
				   "hwbreak");
		break;
	case GDB_POINT_WRITE:
	case GDB_POINT_READ:
	case GDB_POINT_ACCESS:
		gdb_answer(gdb, "%s:%llx;", watches[point->type],
			   (unsigned long long)point->address);
		break;
	}
}

static void answer_why(struct gdb *gdb)
{
	const struct gdb_stop *stop = &gdb->last;

	gdb_answer(gdb, "T%02xthread:%x;", gdb->last_signal, stop->cpu + 1);
	switch (stop->reason) {
	case GDB_STOP_INTERRUPT:
	case GDB_STOP_STEP:
		break;
	case GDB_STOP_SOFTWARE:
		if (gdb->tells_breakpoints)
			gdb_answer(gdb, "swbreak:;");
		break;
	case GDB_STOP_HARDWARE:
		answer_point(gdb, &gdb->points[gdb->hardware[stop->hardware]]);
		break;
	}
}

int gdb_why(struct gdb *gdb, char *args, size_t len)
{
	answer_why(gdb);
	return 0;
}

static int resume(struct gdb *gdb, const enum gdb_action *actions)
{
	struct gdb_run run = { .actions = actions };

	gdb_run_points(gdb, &run);
	gdb->running = true;
	gdb->stopping = false;
	gdb->target->resume(gdb->target->arg, &run);
	return GDB_NO_ANSWER;
}

/* While one CPU steps, the others stand; without a step, the chosen ones run. */
static int resume_or_stay(struct gdb *gdb, enum gdb_action *actions)
{
	unsigned int nr_cpus = gdb->target->nr_cpus, step = nr_cpus;
	bool runs = false;

	for (unsigned int i = 0; i < nr_cpus; i++) {
		runs |= actions[i] != GDB_STAY;
		if (actions[i] == GDB_STEP && (step == nr_cpus || i == gdb->cpu))
			step = i;
	}
	if (!runs) {
		answer_why(gdb);
		return 0;
	}
	for (unsigned int i = 0; step < nr_cpus && i < nr_cpus; i++)
		if (i != step)
			actions[i] = GDB_STAY;
	return resume(gdb, actions);
}

/* One of ";c", ";C05", ";s:1", ";t:-1"...; the signals of C and S mean nothing to a machine. */
static char *read_action(const struct gdb *gdb, char *text, enum gdb_action *ret_action,
			 int *ret_cpu)
{
	uint64_t ignored;
	char word;

	text = gdb_read_char(text, ';');
	if (!text)
		return NULL;
	word = *text++;
	switch (word) {
	case 'c':
	case 'C':
		*ret_action = GDB_RUN;
		break;
	case 's':
	case 'S':
		*ret_action = GDB_STEP;
		break;
	case 't':
		*ret_action = GDB_STAY;
		break;
	default:
		return NULL;
	}
	if (word == 'C' || word == 'S')
		text = gdb_read_number(text, &ignored);
	*ret_cpu = -1;
	return text && *text == ':' ? gdb_read_thread(gdb, text + 1, ret_cpu) : text;
}

/* For each thread, the leftmost action that names it counts. */
static int read_actions(const struct gdb *gdb, char *text, enum gdb_action *actions)
{
	unsigned int nr_cpus = gdb->target->nr_cpus;
	enum gdb_action action;
	bool set[GDB_CPUS_MAX];
	int cpu;

	memset(set, 0, sizeof(set));
	do {
		text = read_action(gdb, text, &action, &cpu);
		for (unsigned int i = 0; text && i < nr_cpus; i++) {
			if (set[i] || (cpu >= 0 && (unsigned int)cpu != i))
				continue;
			actions[i] = action;
			set[i] = true;
		}
	} while (text && *text);
	return text ? 0 : -EINVAL;
}

int gdb_actions(struct gdb *gdb, char *args, size_t len)
{
	enum gdb_action actions[GDB_CPUS_MAX];

	if (!strcmp(args, "?")) {
		gdb_answer(gdb, "vCont;c;C;s;S;t");
		return 0;
	}
	for (unsigned int i = 0; i < gdb->target->nr_cpus; i++)
		actions[i] = GDB_STAY;
	if (read_actions(gdb, args, actions))
		return -EINVAL;
	return resume_or_stay(gdb, actions);
}

int gdb_continue(struct gdb *gdb, char *args, size_t len)
{
	enum gdb_action actions[GDB_CPUS_MAX];

	/* With an address, the client would have to set the register itself. */
	if (len)
		return -EINVAL;
	for (unsigned int i = 0; i < gdb->target->nr_cpus; i++)
		actions[i] = GDB_RUN;
	return resume(gdb, actions);
}

int gdb_step(struct gdb *gdb, char *args, size_t len)
{
	enum gdb_action actions[GDB_CPUS_MAX];

	if (len)
		return -EINVAL;
	for (unsigned int i = 0; i < gdb->target->nr_cpus; i++)
		actions[i] = i == gdb->cpu ? GDB_STEP : GDB_STAY;
	return resume(gdb, actions);
}

void gdb_interrupt(struct gdb *gdb)
{
	/* The guest may have stopped while the client's wish was on its way. */
	if (!gdb->running || gdb->stopping || gdb->ended)
		return;
	gdb->stopping = true;
	gdb->target->stop(gdb->target->arg);
}

static void send_answer(struct gdb *gdb)
{
	gdb_link_send(&gdb->link, gdb->answer, gdb->answer_len);
}

void gdb_stopped(struct gdb *gdb, const struct gdb_stop *stop)
{
	if (!gdb->running || gdb->ended)
		return;
	gdb->running = false;
	gdb->stopping = false;
	gdb->last = *stop;
	gdb->last_signal = stop->reason == GDB_STOP_INTERRUPT ? GDB_SIGNAL_INT : GDB_SIGNAL_TRAP;
	gdb->cpu = stop->cpu;
	gdb->answer_len = 0;
	answer_why(gdb);
	send_answer(gdb);
}

int gdb_detach(struct gdb *gdb, char *args, size_t len)
{
	gdb_remove_points(gdb);
	gdb->target->release(gdb->target->arg);
	gdb->ended = true;
	gdb_answer(gdb, "OK");
	return 0;
}

int gdb_kill_answered(struct gdb *gdb, char *args, size_t len)
{
	gdb->ended = true;
	gdb->target->kill(gdb->target->arg);
	gdb_answer(gdb, "OK");
	return 0;
}

/* The client does not wait for an answer. */
int gdb_kill(struct gdb *gdb, char *args, size_t len)
{
	(void)gdb_kill_answered(gdb, args, len);
	gdb->target->finish(gdb->target->arg);
	return GDB_NO_ANSWER;
}

void gdb_exited(struct gdb *gdb)
{
	if (gdb->ended)
		return;
	gdb->ended = true;
	/* A client that waits learns it; another one at its next request. */
	if (gdb->running) {
		gdb->answer_len = 0;
		gdb_answer(gdb, "W00");
		send_answer(gdb);
	}
	gdb->target->finish(gdb->target->arg);
}

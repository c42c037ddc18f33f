// SPDX-License-Identifier: Apache-2.0
/* ne-emu ps: list the enclaves of this machine. */

#include "cli/commands.h"
#include "cli/enclave/channels.h"
#include "cli/enclave/outcome.h"
#include "cli/enclave/state.h"

#include "common/clock.h"
#include "common/util.h"

#include <ctype.h>
#include <linux/nitro_enclaves.h>
#include <string.h>
#include <unistd.h>

#define CPUS_TEXT_SIZE	64
#define UPTIME_SIZE	24
#define PID_SIZE	12

static uint64_t uptime_seconds(const struct ne_nl_enclave *enclave)
{
	uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);

	return enclave->started_ns && now_ns > enclave->started_ns ?
	       (now_ns - enclave->started_ns) / NSEC_PER_SEC : 0;
}

static const char *flags_name(const struct ne_nl_enclave *enclave)
{
	return enclave->flags & NE_ENCLAVE_DEBUG_MODE ? "DEBUG_MODE" : "NONE";
}

/* In upper case, as nitro-cli prints them. */
static const char *state_name(const struct ne_nl_enclave *enclave, char *buf, size_t size)
{
	size_t i;

	snprintf(buf, size, "%s", ne_nl_state_name(enclave->state));
	for (i = 0; buf[i]; i++)
		buf[i] = toupper((unsigned char)buf[i]);
	return buf;
}

static const char *cpus_text(const struct ne_nl_enclave *enclave, char *buf)
{
	size_t i, len = 0;

	snprintf(buf, CPUS_TEXT_SIZE, "-");
	for (i = 0; i < enclave->nr_vcpus && len < CPUS_TEXT_SIZE; i++)
		len += snprintf(buf + len, CPUS_TEXT_SIZE - len, "%s%u", i ? "," : "",
				enclave->vcpus[i]);
	if (len >= CPUS_TEXT_SIZE)
		strcpy(buf + CPUS_TEXT_SIZE - 4, "...");
	return buf;
}

static const char *uptime_text(const struct ne_nl_enclave *enclave, char *buf)
{
	unsigned long long s = uptime_seconds(enclave);

	if (!enclave->started_ns)
		snprintf(buf, UPTIME_SIZE, "-");
	else if (s < 3600)
		snprintf(buf, UPTIME_SIZE, "%llum%02llus", s / 60, s % 60);
	else
		snprintf(buf, UPTIME_SIZE, "%lluh%02llum", s / 3600, s / 60 % 60);
	return buf;
}

static const char *pid_text(const struct ne_nl_enclave *enclave, char *buf)
{
	if (enclave->owner_pid)
		snprintf(buf, PID_SIZE, "%u", enclave->owner_pid);
	else
		snprintf(buf, PID_SIZE, "-");
	return buf;
}

/* The kernel gives text and status to the owner and root only. */
static void print_exit(const struct ne_nl_enclave *enclave)
{
	bool ended = enclave->exit_reason != NE_EMU_EXIT_REASON_NONE;
	struct outcome outcome = outcome_of(enclave);
	char text[OUTCOME_TEXT_SIZE];

	/* Of a start that failed, there is only the text. */
	if (!ended)
		outcome.reason = ne_nl_exit_reason_name(enclave->exit_reason);
	if (!ended && !*enclave->exit_text)
		printf("-\n");
	else
		printf("%s\n", outcome_text(&outcome, text));
}

static void print_table(const struct ne_nl_enclave *list, size_t count)
{
	const char *bold = term_colour(STDOUT_FILENO, TERM_BOLD);

	printf("%s%-19s %10s %-8s %-10s %-12s %9s %9s %7s %s%s\n", bold, "ID", "CID", "STATE",
	       "FLAGS", "CPUS", "MEMORY", "UPTIME", "PID", "EXIT",
	       term_colour(STDOUT_FILENO, TERM_PLAIN));
	for (size_t i = 0; i < count; i++) {
		const struct ne_nl_enclave *e = &list[i];
		char id[STATE_ID_SIZE], state[16], cpus[CPUS_TEXT_SIZE], uptime[UPTIME_SIZE];
		char pid[PID_SIZE];

		printf("%-19s %10u %-8s %-10s %-12s %5llu MiB %9s %7s ", state_id(e->slot_uid, id),
		       e->cid, state_name(e, state, sizeof(state)), flags_name(e),
		       cpus_text(e, cpus), e->mem_size / MIB, uptime_text(e, uptime),
		       pid_text(e, pid));
		print_exit(e);
	}
}

static void json_vsock(struct json_out *out, const struct channel *channel)
{
	if (!channel) {
		json_out_null(out, "Vsock");
		return;
	}
	json_out_object(out, "Vsock");
	json_out_u64(out, "QueuedPackets", channel->queued);
	json_out_u64(out, "DroppedPackets", channel->dropped);
	json_out_u64(out, "MalformedPackets", channel->malformed);
	json_out_end(out);
}

static void json_owner(struct json_out *out, const struct ne_nl_enclave *enclave)
{
	if (enclave->owner_pid)
		json_out_u64(out, "ProcessID", enclave->owner_pid);
	else
		json_out_null(out, "ProcessID");
	if (enclave->owner_uid != NE_NL_NO_OWNER)
		json_out_u64(out, "OwnerUID", enclave->owner_uid);
	else
		json_out_null(out, "OwnerUID");
}

static int print_json(const struct ne_nl_enclave *list, size_t count)
{
	__cleanup_free struct channel *channels = NULL;
	struct json_out out = {};
	size_t nr_channels = 0;

	/* On failure "Vsock" is null; the rest is still useful. */
	(void)channel_list(&channels, &nr_channels);
	json_out_array(&out, NULL);
	for (size_t i = 0; i < count; i++) {
		const struct ne_nl_enclave *e = &list[i];
		struct outcome outcome = outcome_of(e);
		char id[STATE_ID_SIZE], name[STATE_NAME_SIZE], state[16];

		json_out_object(&out, NULL);
		json_out_str(&out, "EnclaveID", state_id(e->slot_uid, id));
		json_out_str(&out, "Name", state_enclave_name(ne_nl_owner(e), e->slot_uid, name));
		json_owner(&out, e);
		json_out_u64(&out, "EnclaveCID", e->cid);
		state_json_cpus(&out, e->vcpus, e->nr_vcpus);
		json_out_u64(&out, "MemoryMiB", e->mem_size / MIB);
		json_out_str(&out, "State", state_name(e, state, sizeof(state)));
		json_out_str(&out, "Flags", flags_name(e));
		json_out_u64(&out, "UptimeSeconds", uptime_seconds(e));
		outcome_json(&out, &outcome);
		json_vsock(&out, channel_find(channels, nr_channels, e->cid));
		json_out_bool(&out, "Emulated", true);
		json_out_end(&out);
	}
	return json_out_print(&out, stdout, 2);
}

struct ps_options {
	bool json;
};

static const struct opt options[] = {
	OPT_FLAG("json", struct ps_options, json, "print a JSON array"),
	{}
};

static int ps_run(const struct command_call *call)
{
	const struct ps_options *wanted = call->options;
	struct ne_nl_enclave *list;
	struct error error;
	struct ne_nl *nl;
	size_t count;
	int err;

	err = state_open(&nl, &error);
	if (err)
		return term_result(err, &error);
	err = ne_nl_enclave_list(nl, &list, &count);
	ne_nl_close(nl);
	if (err) {
		term_error("cannot list enclaves: %s", strerror(-err));
		return COMMAND_FAILED;
	}
	if (wanted->json)
		err = print_json(list, count);
	else
		print_table(list, count);
	ne_nl_list_free(list, count);
	return err ? COMMAND_FAILED : COMMAND_OK;
}

const struct command cmd_ps = {
	.name = "ps",
	.summary = "list the enclaves of this machine",
	.about = "List the enclaves of this machine, oldest first",
	.options = options,
	.size = sizeof(struct ps_options),
	.run = ps_run,
};

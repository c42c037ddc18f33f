/* SPDX-License-Identifier: Apache-2.0 */
/* An attestor with a separate state directory, and the module's end of its channel. */

#ifndef NE_EMU_ATTESTOR_FIXTURE_H
#define NE_EMU_ATTESTOR_FIXTURE_H

#include "common/util.h"
#include "daemon/attestor.h"
#include "temp_dir.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* 2026-03-01 12:00:00 UTC */
#define NOW	1772366400LL
#define HOUR	3600
#define UID	0x0193000000010000ULL
#define UID_TEXT	"0193000000010000"
/* Members of the group; this machine need not have these users. */
#define ALICE	2001
#define BOB	2002

struct state {
	struct temp_dir dir;
	char state_dir[64];
	struct lab_settings defaults;
	struct attestor attestor;
	int fd;			/* the module's end */
	uint8_t message[NSM_CONTROL_MAX];
};

static inline int setup(void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->fd = -1;
	temp_dir_create(&s->dir);
	snprintf(s->state_dir, sizeof(s->state_dir), "%s/ca", s->dir.path);
	lab_init(&s->defaults);
	attestor_init(&s->attestor, s->dir.path, s->state_dir, &s->defaults);
	*state = s;
	return 0;
}

static inline int teardown(void **state)
{
	struct state *s = *state;

	fd_close(&s->fd);
	attestor_exit(&s->attestor);
	temp_dir_remove(&s->dir);
	free(s);
	return 0;
}

/*
 * Return the next message, which must be there at once. The key of the agent, which precedes the
 * first settings, counts only if it is wanted.
 */
static inline struct nsm_control_message receive(struct state *s, enum nsm_control_type type)
{
	struct nsm_control_message message;
	ssize_t len;

	do {
		len = recv(s->fd, s->message, sizeof(s->message), MSG_DONTWAIT);
		assert_true(len > 0);
		assert_int_equal(nsm_control_decode(s->message, len, &message), 0);
	} while (message.type == NSM_CONTROL_AGENT_KEY && type != NSM_CONTROL_AGENT_KEY);
	assert_int_equal(message.type, type);
	return message;
}

static inline void assert_nothing(struct state *s)
{
	assert_int_equal(recv(s->fd, s->message, sizeof(s->message), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static inline void drain(struct state *s)
{
	while (recv(s->fd, s->message, sizeof(s->message), MSG_DONTWAIT) > 0)
		;
}

static inline void start(struct state *s, int64_t now)
{
	assert_non_null(attestor_prepare(&s->attestor, UID, ALICE, true, &s->fd));
	attestor_started(&s->attestor, UID, now);
}

/* Requests of "ne-emu lab". */
#define LAB_SET(target, settings) \
	"{\"command\":\"lab-set\",\"target\":\"" target "\",\"settings\":{" settings "}}"
#define LAB_RESET(target)	"{\"command\":\"lab-reset\",\"target\":\"" target "\"}"
#define LAB_SHOW(target)	"{\"command\":\"lab-show\",\"target\":\"" target "\"}"

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

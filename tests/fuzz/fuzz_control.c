// SPDX-License-Identifier: Apache-2.0
/*
 * A packet to the supervisor's control socket: the answer is a JSON object, with a reason if
 * the request is refused, and a refused request changes nothing.
 */

#include "fuzz.h"

#include "common/log.h"
#include "common/util.h"
#include "daemon/control.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* 2026-03-01 12:00:00 UTC */
#define NOW		1772366400LL
#define UID		0x0193000000010000ULL
#define UID_TEXT	"0193000000010000"
#define ANSWER_MAX	(256 * KIB)

static struct {
	char dir[32];
	char state_dir[48];
	char path[48];
	struct lab_settings defaults;
	struct attestor attestor;
	struct control control;
	struct log_root logs;
	struct control_host host;
	struct holds holds;
	int module;		/* the module's end of the running enclave's socket */
} daemon_;

static void set_up(void)
{
	strcpy(daemon_.dir, "/tmp/ne-emu-fuzz-XXXXXX");
	must(mkdtemp(daemon_.dir) != NULL);
	snprintf(daemon_.state_dir, sizeof(daemon_.state_dir), "%s/ca", daemon_.dir);
	snprintf(daemon_.path, sizeof(daemon_.path), "%s/control", daemon_.dir);
	log_init(LOG_EMERG, NULL);
	lab_init(&daemon_.defaults);
	attestor_init(&daemon_.attestor, daemon_.dir, daemon_.state_dir, &daemon_.defaults);
	must(attestor_prepare(&daemon_.attestor, UID, geteuid(), true,
			      &daemon_.module) != NULL);
	attestor_started(&daemon_.attestor, UID, NOW);
	daemon_.logs.fd = -1;
	daemon_.host = (struct control_host){
		.attestor = &daemon_.attestor, .logs = &daemon_.logs, .holds = &daemon_.holds,
		.now = NOW,
	};
	control_init(&daemon_.control);
	must(!control_open(&daemon_.control, daemon_.path, "root"));
}

/* Get the supervisor's answer, or NULL without one. The caller frees it. */
static json_t *ask(const void *request, size_t len)
{
	static char answer[ANSWER_MAX];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	__cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	json_t *json;
	ssize_t n;

	must(fd >= 0);
	strcpy(address.sun_path, daemon_.path);
	must(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
	control_dispatch(&daemon_.control, &daemon_.host);
	must(send(fd, request, len, MSG_NOSIGNAL) == (ssize_t)len);
	control_dispatch(&daemon_.control, &daemon_.host);
	n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
	if (n <= 0) {
		must(!n || errno == ECONNRESET);	/* but the connection is closed */
		return NULL;
	}
	json = json_loadb(answer, n, JSON_REJECT_DUPLICATES, NULL);
	must(json_is_object(json));
	return json;
}

static json_t *ask_text(const char *request)
{
	json_t *answer = ask(request, strlen(request));

	must(json_is_true(json_object_get(answer, "ok")));
	return answer;
}

/* Get all settings that requests can change. */
static json_t *settings(void)
{
	return json_pack("{s:o, s:o, s:o}",
			 "next", ask_text("{\"command\":\"lab-show\",\"target\":\"next\"}"),
			 "enclave", ask_text("{\"command\":\"lab-show\",\"target\":\"" UID_TEXT
					     "\"}"),
			 "defaults", ask_text("{\"command\":\"lab-show\","
					      "\"target\":\"defaults\"}"));
}

static void forget_messages(void)
{
	static uint8_t message[NSM_CONTROL_MAX];

	while (recv(daemon_.module, message, sizeof(message), MSG_DONTWAIT) > 0)
		;
}

/* Restore the settings for the next input, if changed: a new certificate takes time. */
static void reset(json_t *before, json_t *after)
{
	if (!json_equal(json_object_get(before, "next"), json_object_get(after, "next")))
		json_decref(ask_text("{\"command\":\"lab-reset\",\"target\":\"next\"}"));
	if (!json_equal(json_object_get(before, "enclave"), json_object_get(after, "enclave")))
		json_decref(ask_text("{\"command\":\"lab-reset\",\"target\":\"" UID_TEXT "\"}"));
}

/*
 * A refusal gives a reason and changes nothing. "set, but ..." is not a refusal: the
 * setting is in force, but the enclave has no certificate for it yet, for example because
 * there are too many roots; inputs create one after the other.
 */
static bool was_refused(const json_t *answer)
{
	const char *reason = json_string_value(json_object_get(answer, "error"));

	if (json_is_true(json_object_get(answer, "ok")))
		return false;
	must(json_is_false(json_object_get(answer, "ok")));
	must(reason && *reason);
	return strncmp(reason, "set, but ", strlen("set, but "));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *before, *after, *answer;

	if (!daemon_.dir[0])
		set_up();
	if (!size || size > CONTROL_REQUEST_MAX + 1)
		return 0;
	before = settings();
	answer = ask(data, size);
	must(answer != NULL);
	after = settings();
	if (was_refused(answer))
		must(json_equal(before, after));
	else
		reset(before, after);
	must(json_equal(json_object_get(before, "defaults"), json_object_get(after, "defaults")));
	forget_messages();
	json_decref(before);
	json_decref(after);
	json_decref(answer);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
/* Requests of "ne-emu lab" and their answers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attestor_fixture.h"
#include "common/enclave_name.h"
#include "common/paths.h"
#include "daemon/control.h"

/* The user who sends the requests. The enclave is Alice's. */
static uid_t asking = ALICE;

/* The directories of enclaves; none without test_names() or test_forget(). */
static struct log_root logs = { .fd = -1 };

static struct holds holds;

/* What came with the last answer. */
static struct session_ends given = SESSION_ENDS_NONE;

static json_t *ask(struct state *s, const char *request)
{
	const struct control_host host = {
		.attestor = &s->attestor, .logs = &logs, .holds = &holds, .now = NOW,
	};
	json_t *answer;
	char *text;

	session_ends_close(&given);
	text = control_answer(&host, asking, request, strlen(request), &given);
	answer = json_loads(text, 0, NULL);

	assert_non_null(answer);
	assert_true(json_is_true(json_object_get(answer, "emulated")));
	free(text);
	return answer;
}

static void expect_ok(struct state *s, const char *request)
{
	json_t *answer = ask(s, request);

	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
}

static void expect_error(struct state *s, const char *request, const char *text)
{
	json_t *answer = ask(s, request);
	const char *error = json_string_value(json_object_get(answer, "error"));

	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_non_null(error);
	if (!strstr(error, text))
		fail_msg("\"%s\" does not say \"%s\"", error, text);
	json_decref(answer);
}

static void expect_setting(struct state *s, const char *target, const char *name,
			   const char *value)
{
	char request[128];
	json_t *answer;

	snprintf(request, sizeof(request), "{\"command\":\"lab-show\",\"target\":\"%s\"}", target);
	answer = ask(s, request);
	assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "settings"),
							      name)), value);
	json_decref(answer);
}

static void test_requests(void **state)
{
	struct state *s = *state;

	expect_error(s, "", "not a JSON object");
	expect_error(s, "[]", "not a JSON object");
	expect_error(s, "{\"a\":1,\"a\":2}", "not a JSON object");
	expect_error(s, "{}", "no command");
	expect_error(s, "{\"command\":\"lab-set\",\"target\":\"next\"}", "no object");
	expect_error(s, "{\"command\":\"lab-set\",\"target\":\"next\",\"settings\":{\"map\":1}}",
		     "not a string");
	expect_error(s, "{\"command\":\"lab-set\",\"target\":\"" UID_TEXT "\",\"settings\":{}}",
		     "no running enclave");
	expect_error(s, "{\"command\":\"lab-reset\",\"target\":\"defaults\"}",
		     "no running enclave");
	expect_ok(s, "{\"command\":\"status\"}");

	/* All or nothing. */
	expect_error(s, "{\"command\":\"lab-set\",\"target\":\"next\",\"settings\":"
		     "{\"flaws\":\"stale\",\"map\":\"x\"}}", "map: ");
	expect_setting(s, "next", "flaws", "none");
	expect_ok(s, "{\"command\":\"lab-set\",\"target\":\"next\",\"settings\":"
		  "{\"flaws\":\"stale,expired\",\"role-arn\":\"arn\"}}");
	expect_setting(s, "next", "flaws", "expired,stale");
	expect_setting(s, "defaults", "flaws", "none");
	expect_ok(s, "{\"command\":\"lab-reset\",\"target\":\"next\"}");
	expect_setting(s, "next", "flaws", "none");
}

static void test_faults(void **state)
{
	struct state *s = *state;

	expect_error(s, LAB_SET("next", "\"nsm-latency\":\"5\""), "nsm-latency: not a time");
	expect_ok(s, LAB_SET("next", "\"nsm-latency\":\"2m:p=0.5\",\"image-flip\":\"9\""));
	expect_setting(s, "next", "nsm-latency", "120s:p=0.500000");
	expect_setting(s, "next", "fault-seed", "0");
	start(s, NOW);
	expect_setting(s, UID_TEXT, "image-flip", "9");
	expect_error(s, LAB_SET(UID_TEXT, "\"image-flip\":\"none\""),
		     "image-flip: can only be set before an enclave starts");
	expect_error(s, LAB_SET(UID_TEXT, "\"start-error\":\"EIO\""), "before an enclave starts");
	expect_ok(s, LAB_RESET(UID_TEXT));
	expect_setting(s, UID_TEXT, "nsm-latency", "none");
	expect_setting(s, UID_TEXT, "image-flip", "9");
}

/* Bob's settings apply to Bob's next enclave, even if Alice starts one first. */
static void test_next_is_per_user(void **state)
{
	struct state *s = *state;

	asking = BOB;
	expect_ok(s, LAB_SET("next", "\"region\":\"eu-west-1\""));
	asking = ALICE;
	expect_setting(s, "next", "region", "us-east-1");
	expect_ok(s, LAB_SET("next", "\"map\":\"definite\""));
	expect_setting(s, "next", "map", "definite");
	expect_setting(s, "next", "region", "us-east-1");

	start(s, NOW);		/* Alice's enclave */
	assert_string_equal(attestor_find(&s->attestor, UID)->settings.place.region, "us-east-1");
	assert_true(attestor_find(&s->attestor, UID)->settings.module.definite_map);
	expect_setting(s, "next", "map", "indefinite");
	asking = BOB;
	expect_setting(s, "next", "region", "eu-west-1");
	expect_ok(s, LAB_RESET("next"));
	expect_setting(s, "next", "region", "us-east-1");
	asking = ALICE;
}

/* Only its owner and root may change a running enclave. */
static void test_running_is_its_owners(void **state)
{
	static const char *const requests[] = {
		LAB_SHOW(UID_TEXT), LAB_SET(UID_TEXT, "\"flaws\":\"wrong-root\""),
		LAB_RESET(UID_TEXT),
	};
	struct state *s = *state;

	start(s, NOW);
	(void)receive(s, NSM_CONTROL_SETTINGS);
	(void)receive(s, NSM_CONTROL_IDENTITY);
	asking = BOB;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		expect_error(s, requests[i], "belongs to user 2001; use sudo");
	assert_nothing(s);
	assert_int_equal(attestor_find(&s->attestor, UID)->settings.place.flaws, 0);
	for (asking = 0; ; asking = ALICE) {
		for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
			expect_ok(s, requests[i]);
		for (size_t i = 0; i < 2; i++) {
			(void)receive(s, NSM_CONTROL_SETTINGS);
			(void)receive(s, NSM_CONTROL_IDENTITY);
		}
		if (asking == ALICE)
			break;
	}
}

static json_t *next_region_of(struct state *s, const char *user)
{
	char request[128];
	json_t *answer, *region;

	snprintf(request, sizeof(request),
		 "{\"command\":\"lab-show\",\"target\":\"next\",\"user\":%s}", user);
	answer = ask(s, request);
	region = json_incref(json_object_get(json_object_get(answer, "settings"), "region"));
	json_decref(answer);
	return region;
}

/* Root may name another user; others may name only themselves. */
static void test_next_of_another(void **state)
{
	static const char *const values[] = { "-1", "4294967295", "1.0", "\"2001\"", "null" };
	struct state *s = *state;
	char request[160];
	json_t *region;

	asking = 0;
	expect_ok(s, "{\"command\":\"lab-set\",\"target\":\"next\",\"user\":2001,"
		  "\"settings\":{\"region\":\"eu-west-1\"}}");
	region = next_region_of(s, "0");
	assert_string_equal(json_string_value(region), "us-east-1");
	json_decref(region);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(request, sizeof(request), "{\"command\":\"lab-reset\","
			 "\"target\":\"next\",\"user\":%s}", values[i]);
		expect_error(s, request, "not a user id");
	}
	asking = BOB;
	expect_error(s, "{\"command\":\"lab-reset\",\"target\":\"next\",\"user\":2001}",
		     "is not yours");
	expect_error(s, "{\"command\":\"lab-set\",\"target\":\"next\",\"user\":2001,"
		     "\"settings\":{}}", "is not yours");
	assert_null(next_region_of(s, "2001"));
	asking = ALICE;
	region = next_region_of(s, "2001");
	assert_string_equal(json_string_value(region), "eu-west-1");
	json_decref(region);
}

static void test_too_many_nexts(void **state)
{
	struct state *s = *state;

	for (asking = 10000; asking < 10000 + ATTESTOR_NEXT_MAX; asking++)
		expect_ok(s, LAB_SET("next", "\"map\":\"definite\""));
	expect_error(s, LAB_SET("next", "\"map\":\"definite\""), "makes room");
	asking--;
	expect_ok(s, LAB_SET("next", "\"map\":\"definite\""));
	expect_ok(s, LAB_RESET("next"));
	asking = ALICE;
	expect_ok(s, LAB_SET("next", "\"map\":\"definite\""));
}

/* Users choose names of projects, so their number is limited; root can make more. */
static void test_too_many_roots(void **state)
{
	struct state *s = *state;
	struct ca_store store;
	struct error error;
	char request[160];

	start(s, NOW);		/* makes a root */
	assert_int_equal(ca_store_open(&store, s->state_dir, false, &error), 0);
	for (int i = 1; i <= AUTHORITY_ROOTS_MAX; i++) {
		snprintf(request, sizeof(request), LAB_SET(UID_TEXT, "\"project\":\"p%d\""), i);
		if (i < AUTHORITY_ROOTS_MAX)
			expect_ok(s, request);
		else
			expect_error(s, request, "ne-emu-ca create --project p64");
		drain(s);
	}
	assert_int_equal(faccessat(store.fd, "p64.pem", F_OK, 0), -1);
	expect_ok(s, LAB_SET(UID_TEXT, "\"project\":\"p1\""));
	assert_int_equal(ca_store_create(&store, "p64", false, &error), 0);
	expect_ok(s, request);
	ca_store_close(&store);
}

/* Not before an enclave has started, and not after it has ended. */
static void test_only_while_it_runs(void **state)
{
	struct state *s = *state;

	assert_non_null(attestor_prepare(&s->attestor, UID, ALICE, true, &s->fd));
	expect_error(s, LAB_SET(UID_TEXT, "\"map\":\"definite\""), "no running enclave");
	attestor_started(&s->attestor, UID, NOW);
	expect_ok(s, LAB_SET(UID_TEXT, "\"map\":\"definite\""));
	attestor_forget(&s->attestor, UID);
	expect_error(s, LAB_SET(UID_TEXT, "\"map\":\"definite\""), "no running enclave");
	expect_error(s, LAB_SHOW(UID_TEXT), "no running enclave");
}

/* The reason is valid text even if the client's text is cut. */
static void test_reasons_are_text(void **state)
{
	static const char *const formats[] = {
		"{\"command\":\"lab-show\",\"target\":\"%.*s%s\"}",
		"{\"command\":\"%.*s%s\"}",
		"{\"command\":\"lab-set\",\"target\":\"next\",\"settings\":{\"%.*s%s\":\"1\"}}",
		"{\"command\":\"lab-set\",\"target\":\"next\",\"settings\":{\"%.*s%s\":1}}",
		"{\"command\":\"lab-set\",\"target\":\"next\",\"settings\":"
		"{\"flaws\":\"%.*s%s\"}}",
	};
	static const char *const characters[] = { "é", "€", "\U0001f600", "\\u001b", "\u202e" };
	static char words[60];
	struct state *s = *state;
	char request[256];

	memset(words, 'x', sizeof(words));
	for (size_t f = 0; f < ARRAY_SIZE(formats); f++)
		for (size_t c = 0; c < ARRAY_SIZE(characters); c++)
			for (int len = 0; len < (int)sizeof(words); len++) {
				json_t *answer;
				const char *error;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
				snprintf(request, sizeof(request), formats[f], len, words,
					 characters[c]);
#pragma GCC diagnostic pop
				answer = ask(s, request);
				error = json_string_value(json_object_get(answer, "error"));
				assert_non_null(error);
				assert_null(strchr(error, 033));
				/* Cut before a character, not inside it. */
				assert_true(c >= 3 || !strstr(error, "\\x"));
				assert_null(strstr(error, "\u202e"));
				json_decref(answer);
			}
}

#define OTHER		(UID + 1)
#define OTHER_TEXT	"0193000000010001"

static void start_other(struct state *s, uid_t owner)
{
	__cleanup_fd int fd = -1;

	assert_non_null(attestor_prepare(&s->attestor, OTHER, owner, true, &fd));
	attestor_started(&s->attestor, OTHER, NOW);
}

#define AGENT_KEY(target)	"{\"command\":\"agent-key\",\"target\":\"" target "\"}"

/* The owner and root get the key that the module got, also from a later supervisor. */
static void test_agent_key(void **state)
{
	struct state *s = *state;
	uint8_t key[NSM_CONTROL_AGENT_KEY_SIZE];
	char text[2 * sizeof(key) + 1], path[128];
	struct nsm_control_message message;
	struct stat st;
	json_t *answer;

	expect_error(s, AGENT_KEY(UID_TEXT), "no running enclave");
	start(s, NOW);
	message = receive(s, NSM_CONTROL_AGENT_KEY);
	memcpy(key, message.agent_key, sizeof(key));
	hex_encode(key, sizeof(key), text);
	answer = ask(s, AGENT_KEY(UID_TEXT));
	assert_string_equal(json_string_value(json_object_get(answer, "key")), text);
	json_decref(answer);
	snprintf(path, sizeof(path), "%s/" UID_TEXT "/agent.key", s->dir.path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	asking = BOB;
	answer = ask(s, AGENT_KEY(UID_TEXT));
	assert_null(json_object_get(answer, "key"));
	assert_non_null(strstr(json_string_value(json_object_get(answer, "error")),
			       "belongs to user"));
	json_decref(answer);

	attestor_exit(&s->attestor);
	attestor_init(&s->attestor, s->dir.path, s->state_dir, &s->defaults);
	attestor_adopt(&s->attestor, UID, ALICE, true, NOW);
	asking = 0;
	answer = ask(s, AGENT_KEY(UID_TEXT));
	assert_string_equal(json_string_value(json_object_get(answer, "key")), text);
	json_decref(answer);
	asking = ALICE;

	/* Each enclave has its own. */
	start_other(s, ALICE);
	answer = ask(s, AGENT_KEY(OTHER_TEXT));
	assert_string_not_equal(json_string_value(json_object_get(answer, "key")), text);
	json_decref(answer);
	/* That of an earlier version has none. */
	assert_int_equal(unlink(path), 0);
	attestor_exit(&s->attestor);
	attestor_init(&s->attestor, s->dir.path, s->state_dir, &s->defaults);
	attestor_adopt(&s->attestor, UID, ALICE, true, NOW);
	expect_error(s, AGENT_KEY(UID_TEXT), "has no key for its agent");
	attestor_forget(&s->attestor, UID);
}

#define SESSION(target, service) \
	"{\"command\":\"session\",\"target\":\"" target "\",\"service\":\"" service "\"," \
	"\"options\":\"o\"}"

/* The client gets both ends, and the VMM the nonce. */
static void expect_session(struct state *s, const char *request)
{
	struct nsm_control_message message;
	char nonce[2 * SESSION_NONCE_SIZE + 1];
	json_t *answer = ask(s, request);

	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_true(given.read_fd >= 0 && given.write_fd >= 0);
	message = receive(s, NSM_CONTROL_SESSION);
	hex_encode(message.session.nonce, SESSION_NONCE_SIZE, nonce);
	assert_string_equal(json_string_value(json_object_get(answer, "nonce")), nonce);
	assert_int_equal(message.session.line, 0);
	assert_string_equal(message.session.service, "stats");
	assert_string_equal(message.session.options, "o");
	json_decref(answer);
}

/* Only the owner and root look into an enclave, also with a later supervisor. */
static void test_session(void **state)
{
	struct session_fds fds = SESSION_FDS_NONE;
	struct state *s = *state;

	expect_error(s, SESSION(UID_TEXT, "stats"), "no running enclave");
	start(s, NOW);
	expect_error(s, SESSION(UID_TEXT, "stats"), "cannot be looked into");
	attestor_open_lines(&s->attestor, UID, &fds);
	drain(s);
	expect_session(s, SESSION(UID_TEXT, "stats"));
	expect_error(s, SESSION(UID_TEXT, "nothing"), "no service \"nothing\"");
	asking = BOB;
	expect_error(s, SESSION(UID_TEXT, "stats"), "belongs to user");
	assert_int_equal(given.read_fd, -1);

	attestor_exit(&s->attestor);
	attestor_init(&s->attestor, s->dir.path, s->state_dir, &s->defaults);
	attestor_adopt(&s->attestor, UID, ALICE, true, NOW);
	drain(s);
	asking = 0;
	expect_session(s, SESSION(UID_TEXT, "stats"));
	asking = ALICE;
	/* Its VMM has ended. */
	session_fds_close(&fds);
	session_ends_close(&given);
	expect_error(s, SESSION(UID_TEXT, "stats"), "cannot be looked into");
	attestor_forget(&s->attestor, UID);
}

/* What shows the contents of a production enclave needs the owner's setting. */
static void test_look_inside(void **state)
{
	struct session_fds fds = SESSION_FDS_NONE;
	struct state *s = *state;

	assert_non_null(attestor_prepare(&s->attestor, UID, ALICE, false, &s->fd));
	attestor_started(&s->attestor, UID, NOW);
	attestor_open_lines(&s->attestor, UID, &fds);
	expect_error(s, SESSION(UID_TEXT, "gdb"), "look-inside=always");
	assert_int_equal(given.read_fd, -1);
	expect_ok(s, LAB_SET(UID_TEXT, "\"look-inside\":\"always\""));
	expect_ok(s, SESSION(UID_TEXT, "gdb"));
	assert_true(given.read_fd >= 0);
	session_ends_close(&given);
	session_fds_close(&fds);
	attestor_forget(&s->attestor, UID);
}

#define HOLD_FOR(target, whom) \
	"{\"command\":\"hold\",\"target\":\"" target "\",\"for\":\"" whom "\"}"
#define HOLD(target)	HOLD_FOR(target, "gdb")

/* The wish is for an enclave that will start; its owner is known only then. */
static void test_hold(void **state)
{
	struct state *s = *state;

	holds = (struct holds){ 0 };
	expect_error(s, HOLD("next"), "not a slot uid");
	expect_error(s, HOLD(""), "not a slot uid");
	expect_ok(s, HOLD(UID_TEXT));
	assert_int_equal(holds.count, 1);
	assert_int_equal(holds.list[0].uid, ALICE);
	assert_int_equal(holds.list[0].whom, HOLD_GDB);
	expect_error(s, HOLD_FOR(UID_TEXT, "ever"), "not gdb, trace or dump");
	expect_ok(s, HOLD_FOR(UID_TEXT, "trace"));
	assert_int_equal(holds.list[1].whom, HOLD_TRACE);
	expect_ok(s, HOLD_FOR(UID_TEXT, "dump"));
	assert_int_equal(holds.list[2].whom, HOLD_DUMP);
	holds.count = 1;
	start(s, NOW);
	expect_error(s, HOLD(UID_TEXT), "started already");
	assert_int_equal(holds.count, 1);
	attestor_forget(&s->attestor, UID);
}

#define PAUSE(how) \
	"{\"command\":\"session\",\"target\":\"" UID_TEXT "\",\"service\":\"pause\"," \
	"\"options\":\"" how "\"}"

/* Others see in a file that an enclave is to stand still. */
static void test_pause(void **state)
{
	struct session_fds fds = SESSION_FDS_NONE;
	struct state *s = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/logs", s->dir.path);
	assert_int_equal(log_root_open(&logs, path), 0);
	start(s, NOW);
	attestor_open_lines(&s->attestor, UID, &fds);
	snprintf(path, sizeof(path), "%s/logs/%u/" UID_TEXT "/paused", s->dir.path, ALICE);
	asking = BOB;
	expect_error(s, PAUSE("on"), "belongs to user");
	assert_int_equal(access(path, F_OK), -1);
	asking = ALICE;
	json_decref(ask(s, PAUSE("on")));
	assert_int_equal(access(path, F_OK), 0);
	session_ends_close(&given);
	json_decref(ask(s, PAUSE("off")));
	assert_int_equal(access(path, F_OK), -1);
	session_ends_close(&given);
	json_decref(ask(s, PAUSE("off")));
	session_ends_close(&given);
	session_fds_close(&fds);
	/* Of an enclave that has ended meanwhile, nothing is noted. */
	expect_error(s, PAUSE("on"), "cannot be looked into");
	assert_int_equal(access(path, F_OK), -1);
	attestor_forget(&s->attestor, UID);
	log_root_close(&logs);
}

/* A production enclave is not shown, unless its owner has changed the setting. */
static void test_dump_of_production(void **state)
{
	struct session_fds fds = SESSION_FDS_NONE;
	struct state *s = *state;

	start(s, NOW);
	attestor_open_lines(&s->attestor, UID, &fds);
	attestor_find(&s->attestor, UID)->debug = false;
	expect_error(s, SESSION(UID_TEXT, "dump"), "look-inside=always");
	json_decref(ask(s, SESSION(UID_TEXT, "pause")));
	assert_true(given.read_fd >= 0);
	session_ends_close(&given);
	attestor_find(&s->attestor, UID)->settings.look_inside = true;
	json_decref(ask(s, SESSION(UID_TEXT, "dump")));
	assert_true(given.read_fd >= 0);
	session_ends_close(&given);
	session_fds_close(&fds);
	attestor_forget(&s->attestor, UID);
}

static void test_names(void **state)
{
	struct state *s = *state;
	char path[128], name[NE_EMU_NAME_MAX + 1];

	snprintf(path, sizeof(path), "%s/logs", s->dir.path);
	assert_int_equal(log_root_open(&logs, path), 0);
	expect_error(s, "{\"command\":\"name\",\"target\":\"" UID_TEXT "\",\"name\":\"web\"}",
		     "no running enclave");
	start(s, NOW);
	asking = BOB;
	expect_error(s, "{\"command\":\"name\",\"target\":\"" UID_TEXT "\",\"name\":\"web\"}",
		     "belongs to user");
	asking = ALICE;
	expect_error(s, "{\"command\":\"name\",\"target\":\"" UID_TEXT "\",\"name\":\"../x\"}",
		     "begin with a letter");
	expect_error(s, "{\"command\":\"name\",\"target\":\"" UID_TEXT "\"}",
		     "begin with a letter");
	assert_int_equal(folder_get_name(&logs, ALICE, UID, name), -ENOENT);
	expect_ok(s, "{\"command\":\"name\",\"target\":\"" UID_TEXT "\",\"name\":\"web\"}");
	assert_int_equal(folder_get_name(&logs, ALICE, UID, name), 0);
	assert_string_equal(name, "web");
	/* Again, and another one. */
	expect_ok(s, "{\"command\":\"name\",\"target\":\"" UID_TEXT "\",\"name\":\"web\"}");
	expect_ok(s, "{\"command\":\"name\",\"target\":\"" UID_TEXT "\",\"name\":\"db\"}");
	assert_int_equal(folder_get_name(&logs, ALICE, UID, name), 0);
	assert_string_equal(name, "db");
	start_other(s, ALICE);
	expect_error(s, "{\"command\":\"name\",\"target\":\"" OTHER_TEXT "\",\"name\":\"db\"}",
		     UID_TEXT " has the name");
	expect_ok(s, "{\"command\":\"name\",\"target\":\"" OTHER_TEXT "\",\"name\":\"db2\"}");
	log_root_close(&logs);
}

#define DESCRIBE(more)	"{\"command\":\"describe\",\"target\":\"" UID_TEXT "\"," more "}"

/* What the owner reports lies in one file; what it leaves out stays. */
static void test_describe(void **state)
{
	struct state *s = *state;
	char path[128], text[6000], *request;
	json_t *file;

	snprintf(path, sizeof(path), "%s/logs", s->dir.path);
	assert_int_equal(log_root_open(&logs, path), 0);
	expect_error(s, DESCRIBE("\"image\":\"/a.eif\""), "no running enclave");
	start(s, NOW);
	asking = BOB;
	expect_error(s, DESCRIBE("\"image\":\"/a.eif\""), "belongs to user");
	asking = ALICE;
	expect_error(s, DESCRIBE("\"image\":1"), "\"image\" is not a string");
	expect_error(s, DESCRIBE("\"booted\":\"now\""), "not a date");
	expect_error(s, DESCRIBE("\"booted\":7"), "not a date");
	expect_error(s, DESCRIBE("\"measurements\":[]"), "not an object");
	expect_error(s, DESCRIBE("\"measurements\":{\"PCR0\":{}}"), "not a string");
	expect_error(s, DESCRIBE("\"measurements\":{\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\","
				 "\"5\":\"\",\"6\":\"\",\"7\":\"\",\"8\":\"\",\"9\":\"\"}"),
		     "at most 8 registers");
	memset(text, 'a', 5000);
	text[5000] = 0;
	assert_true(asprintf(&request, DESCRIBE("\"image\":\"%s\""), text) > 0);
	expect_error(s, request, "at most 4096 bytes");
	free(request);
	assert_int_equal(folder_read_file(&logs, ALICE, UID, NE_EMU_IMAGE_FILE, text, sizeof(text)),
			 -ENOENT);

	expect_ok(s, DESCRIBE("\"image\":\"/a.eif\",\"measurements\":{\"PCR0\":\"00ff\"},"
			      "\"other\":1"));
	expect_ok(s, DESCRIBE("\"booted\":\"2026-01-31T12:00:00.000Z\""));
	assert_int_equal(folder_read_file(&logs, ALICE, UID, NE_EMU_IMAGE_FILE, text, sizeof(text)),
			 0);
	file = json_loads(text, 0, NULL);
	assert_int_equal(json_object_size(file), 3);
	assert_string_equal(json_string_value(json_object_get(file, "image")), "/a.eif");
	assert_string_equal(json_string_value(json_object_get(file, "booted")),
			    "2026-01-31T12:00:00.000Z");
	assert_string_equal(json_string_value(json_object_get(json_object_get(file, "measurements"),
							      "PCR0")), "00ff");
	json_decref(file);
	log_root_close(&logs);
}

static bool is_live(uint64_t slot_uid, void *arg)
{
	return slot_uid == *(const uint64_t *)arg;
}

static void test_forget(void **state)
{
	struct state *s = *state;
	uint64_t live = UID;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/logs", s->dir.path);
	assert_int_equal(log_root_open(&logs, path), 0);
	logs.live = is_live;
	logs.live_arg = &live;
	assert_int_equal(folder_open(&logs, ALICE, UID, &fd), 0);
	close(fd);
	assert_int_equal(folder_set_name(&logs, ALICE, UID, "web"), 0);
	snprintf(path, sizeof(path), "%s/logs/%d/" UID_TEXT, s->dir.path, ALICE);

	expect_error(s, "{\"command\":\"forget\",\"target\":\"" UID_TEXT "\"}", "not ended");
	live = 0;
	expect_error(s, "{\"command\":\"forget\",\"target\":\"../../x\"}", "not a slot uid");
	/* Of Bob's enclaves, there is none with this uid: nothing happens. */
	asking = BOB;
	expect_ok(s, "{\"command\":\"forget\",\"target\":\"" UID_TEXT "\"}");
	expect_error(s, "{\"command\":\"forget\",\"target\":\"" UID_TEXT "\",\"user\":2001}",
		     "use sudo");
	assert_int_equal(access(path, F_OK), 0);
	asking = ALICE;
	expect_ok(s, "{\"command\":\"forget\",\"target\":\"" UID_TEXT "\"}");
	assert_int_equal(access(path, F_OK), -1);
	log_root_close(&logs);
}

/* After a rotation, the enclave gets a certificate at once, and the new root is published. */
static void test_root_changed(void **state)
{
	char before[sizeof(((struct authority *)0)->root_sha256)];
	struct state *s = *state;
	struct authority *authority = &s->attestor.authority;
	struct ca_store store;
	struct error error;

	start(s, NOW);
	(void)receive(s, NSM_CONTROL_SETTINGS);
	(void)receive(s, NSM_CONTROL_IDENTITY);
	strcpy(before, authority->root_sha256);
	assert_int_equal(ca_store_open(&store, s->state_dir, false, &error), 0);
	assert_int_equal(ca_store_create(&store, "default", true, &error), 0);
	ca_store_close(&store);
	asking = BOB;
	expect_error(s, "{\"command\":\"root-changed\"}", "use sudo");
	assert_string_equal(authority->root_sha256, before);
	assert_nothing(s);
	asking = 0;
	expect_ok(s, "{\"command\":\"root-changed\"}");
	asking = ALICE;
	assert_string_not_equal(authority->root_sha256, before);
	assert_int_equal(receive(s, NSM_CONTROL_IDENTITY).identity.not_after, NOW + 3 * HOUR);
	assert_nothing(s);
}

static void test_name_rule(void **state)
{
	static const char *const good[] = {
		"web", "a", "Web-1.x_y", "encoder", "web-encoder", "abc", "deadbeefdeadbeefd",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	static const char *const bad[] = {
		"", "1", "16", "next", "defaults", "-x", ".x", "a b", "a/b", "\xc3\xa4", "a\n", "enc0123456789abcdef",
		"enc1", "i-0123456789abcdef0-enc0123456789abcdef", "deadbeefdeadbeef",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(enclave_name_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(enclave_name_valid(bad[i]));
}

static void test_lab_on_running(void **state)
{
	struct state *s = *state;

	expect_ok(s, "{\"command\":\"lab-set\",\"target\":\"next\",\"settings\":"
		  "{\"flaws\":\"signature\",\"role-arn\":\"arn\"}}");
	start(s, NOW);
	assert_int_equal(receive(s, NSM_CONTROL_SETTINGS).settings.flaws,
			 NSM_FLAW_BIT(NSM_FLAW_SIGNATURE));
	(void)receive(s, NSM_CONTROL_IDENTITY);
	expect_setting(s, "next", "flaws", "none");	/* it was for one enclave */

	expect_error(s, "{\"command\":\"lab-set\",\"target\":\"" UID_TEXT "\",\"settings\":"
		     "{\"pcr0\":\"measured\"}}", "before an enclave starts");
	assert_nothing(s);
	expect_ok(s, "{\"command\":\"lab-set\",\"target\":\"" UID_TEXT "\",\"settings\":"
		  "{\"flaws\":\"bundle-gap\",\"leaf-life\":\"1d\"}}");
	assert_int_equal(receive(s, NSM_CONTROL_SETTINGS).settings.flaws, 0);
	{
		struct nsm_control_message message = receive(s, NSM_CONTROL_IDENTITY);

		assert_int_equal(message.identity.nr_cas, 3);
		assert_int_equal(message.identity.not_after, NOW + 24 * HOUR);
	}
	expect_ok(s, "{\"command\":\"lab-reset\",\"target\":\"" UID_TEXT "\"}");
	(void)receive(s, NSM_CONTROL_SETTINGS);
	assert_int_equal(receive(s, NSM_CONTROL_IDENTITY).identity.nr_cas, 4);
	expect_setting(s, UID_TEXT, "role-arn", "arn");

	/* With its own date, an enclave gets certificates of that date, which are not reissued. */
	expect_ok(s, "{\"command\":\"lab-set\",\"target\":\"" UID_TEXT "\",\"settings\":"
		  "{\"clock\":\"2025-01-01T00:00:00Z\"}}");
	assert_int_equal(receive(s, NSM_CONTROL_SETTINGS).settings.clock_ms, 1735689600000);
	assert_int_equal(receive(s, NSM_CONTROL_IDENTITY).identity.not_after,
			 1735689600 + 3 * HOUR);
	(void)attestor_run(&s->attestor, NOW + 100 * HOUR);
	assert_nothing(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_requests),
		TEST(test_faults),
		TEST(test_next_is_per_user),
		TEST(test_running_is_its_owners),
		TEST(test_next_of_another),
		TEST(test_too_many_nexts),
		TEST(test_too_many_roots),
		TEST(test_only_while_it_runs),
		TEST(test_reasons_are_text),
		TEST(test_lab_on_running),
		TEST(test_root_changed),
		TEST(test_name_rule),
		TEST(test_agent_key),
		TEST(test_session),
		TEST(test_pause),
		TEST(test_dump_of_production),
		TEST(test_look_inside),
		TEST(test_hold),
		TEST(test_names),
		TEST(test_describe),
		TEST(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

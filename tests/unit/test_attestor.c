// SPDX-License-Identifier: Apache-2.0
/* Messages to enclaves' modules, re-issue in time, and the socket of "ne-emu lab". */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca/store.h"
#include "common/paths.h"
#include "common/util.h"
#include "daemon/control.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* 2026-03-01 12:00:00 UTC */
#define NOW	1772366400LL
#define HOUR	3600
#define UID	0x0193000000010000ULL
#define UID_TEXT	"0193000000010000"
/* Members of the group, who are nobody here. */
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

static int setup(void **state)
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

static int teardown(void **state)
{
	struct state *s = *state;

	fd_close(&s->fd);
	attestor_exit(&s->attestor);
	temp_dir_remove(&s->dir);
	free(s);
	return 0;
}

/* The next message, or an assertion: there has to be one at once. */
static struct nsm_control_message receive(struct state *s, enum nsm_control_type type)
{
	struct nsm_control_message message;
	ssize_t len = recv(s->fd, s->message, sizeof(s->message), MSG_DONTWAIT);

	assert_true(len > 0);
	assert_int_equal(nsm_control_decode(s->message, len, &message), 0);
	assert_int_equal(message.type, type);
	return message;
}

static void assert_nothing(struct state *s)
{
	assert_int_equal(recv(s->fd, s->message, sizeof(s->message), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void drain(struct state *s)
{
	while (recv(s->fd, s->message, sizeof(s->message), MSG_DONTWAIT) > 0)
		;
}

static void start(struct state *s, int64_t now)
{
	assert_non_null(attestor_prepare(&s->attestor, UID, ALICE, &s->fd));
	attestor_started(&s->attestor, UID, now);
}

static void test_start(void **state)
{
	struct state *s = *state;
	struct nsm_control_message message;
	char path[128];
	struct stat st;

	assert_non_null(attestor_prepare(&s->attestor, UID, ALICE, &s->fd));
	message = receive(s, NSM_CONTROL_SETTINGS);
	assert_int_equal(message.settings.pcrs_given, 1U << 4);
	assert_nothing(s);
	attestor_started(&s->attestor, UID, NOW);
	message = receive(s, NSM_CONTROL_IDENTITY);
	assert_int_equal(message.identity.nr_cas, 4);
	assert_int_equal(message.identity.not_after, NOW + 3 * HOUR);
	assert_nothing(s);

	snprintf(path, sizeof(path), "%s/" UID_TEXT "/" NSM_CONTROL_SOCKET, s->dir.path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(path, sizeof(path), "%s/" UID_TEXT, s->dir.path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/" NE_EMU_ROOT_FILE, s->dir.path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);

	attestor_forget(&s->attestor, UID);
	snprintf(path, sizeof(path), "%s/" UID_TEXT, s->dir.path);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(attestor_run(&s->attestor, NOW + 9 * HOUR), -1);
}

/* Nothing in the last identity begins after @now. */
static void assert_begun(const struct nsm_identity *identity, int64_t now)
{
	for (size_t i = 0; i <= identity->nr_cas; i++) {
		const struct nsm_bytes *der = i ? &identity->cas[i - 1] : &identity->certificate;
		X509 *cert = ca_cert_read(der->data, der->len);

		assert_non_null(cert);
		assert_true(ca_cert_begin(cert) <= now);
		X509_free(cert);
	}
}

/* A day by a clock of our own: a leaf every 2 h 45 min, never late. */
static void test_reissue(void **state)
{
	struct state *s = *state;
	int64_t now = NOW, end = NOW + 3 * HOUR;
	unsigned int count = 0;

	start(s, now);
	(void)receive(s, NSM_CONTROL_SETTINGS);
	(void)receive(s, NSM_CONTROL_IDENTITY);
	while (now < NOW + 24 * HOUR) {
		int64_t left = attestor_run(&s->attestor, now);
		struct nsm_control_message message;

		assert_in_range(left, 1, 300);
		now += left;
		if (now < end - CA_LEAF_MARGIN)
			continue;
		assert_int_equal(now, end - CA_LEAF_MARGIN);
		(void)attestor_run(&s->attestor, now);
		message = receive(s, NSM_CONTROL_IDENTITY);
		end = message.identity.not_after;
		assert_int_equal(end, now + 3 * HOUR);
		count++;
	}
	assert_int_equal(count, 8);

	/* The clock was set: late, but no later than the next look. */
	(void)attestor_run(&s->attestor, now + 100 * HOUR);
	(void)receive(s, NSM_CONTROL_IDENTITY);
	assert_nothing(s);
}

/* Documents have the host's time, so certificates must not begin after it. */
static void test_clock_set_back(void **state)
{
	static const int64_t back[] = { 4, HOUR / 2, 5 * HOUR, 24 * 60 * HOUR };
	struct state *s = *state;
	int64_t now = NOW;

	start(s, now);
	(void)receive(s, NSM_CONTROL_SETTINGS);
	(void)receive(s, NSM_CONTROL_IDENTITY);
	/* A leaf begins three seconds early. */
	(void)attestor_run(&s->attestor, now - 3);
	assert_nothing(s);
	for (size_t i = 0; i < ARRAY_SIZE(back); i++) {
		struct nsm_control_message message;

		now -= back[i];
		assert_in_range(attestor_run(&s->attestor, now), 1, 300);
		message = receive(s, NSM_CONTROL_IDENTITY);
		assert_begun(&message.identity, now);
		assert_int_equal(message.identity.not_after, now + 3 * HOUR);
		(void)attestor_run(&s->attestor, now + 1);
		assert_nothing(s);
	}
}

static void test_restart(void **state)
{
	struct state *s = *state;
	struct lab_settings next = s->defaults;
	struct lab_error error;

	assert_int_equal(lab_set(&next, "region", "eu-west-1", false, &error), 0);
	assert_int_equal(attestor_set_next(&s->attestor, ALICE, &next), 0);
	start(s, NOW);
	(void)receive(s, NSM_CONTROL_SETTINGS);
	(void)receive(s, NSM_CONTROL_IDENTITY);

	/* Another supervisor finds the enclave, its socket and its settings. */
	attestor_exit(&s->attestor);
	attestor_init(&s->attestor, s->dir.path, s->state_dir, &s->defaults);
	attestor_adopt(&s->attestor, UID, ALICE, NOW + HOUR);
	assert_int_equal(receive(s, NSM_CONTROL_IDENTITY).identity.not_after, NOW + 4 * HOUR);
	assert_string_equal(attestor_find(&s->attestor, UID)->settings.place.region, "eu-west-1");
	attestor_adopt(&s->attestor, UID, ALICE, NOW + HOUR);
	assert_nothing(s);
}

/* Nothing is sent, nothing crashes, and it is put right by itself. */
static void test_failing_ca(void **state)
{
	struct state *s = *state;
	struct ca_store store;
	struct ca_error error;

	assert_int_equal(ca_store_open(&store, s->state_dir, true, &error), 0);
	assert_int_equal(ca_store_create(&store, "default", false, &error), 0);
	assert_int_equal(fchmodat(store.fd, "default.pem", 0644, 0), 0);
	start(s, NOW);
	(void)receive(s, NSM_CONTROL_SETTINGS);
	assert_nothing(s);
	assert_non_null(strstr(s->attestor.authority.error.text, "chmod 600"));
	assert_in_range(attestor_run(&s->attestor, NOW + 1), 1, 60);
	assert_nothing(s);
	(void)attestor_run(&s->attestor, NOW + 60);
	assert_nothing(s);
	/* A clock that is set back does not put off the next try. */
	assert_in_range(attestor_run(&s->attestor, NOW - HOUR), 1, 60);

	assert_int_equal(fchmodat(store.fd, "default.pem", 0600, 0), 0);
	(void)attestor_run(&s->attestor, NOW - HOUR + 60);
	(void)receive(s, NSM_CONTROL_IDENTITY);
	assert_string_equal(s->attestor.authority.error.text, "");
	ca_store_close(&store);
}

static void test_no_run_folder(void **state)
{
	struct state *s = *state;

	s->attestor.run_dir = "/does/not/exist";
	assert_non_null(attestor_prepare(&s->attestor, UID, ALICE, &s->fd));
	assert_int_equal(s->fd, -1);
	attestor_started(&s->attestor, UID, NOW);
	attestor_forget(&s->attestor, UID);
}

/* What everybody on the host can read is the root of this identity. */
static void assert_published(const struct state *s, const struct nsm_identity *identity)
{
	char path[128], text[4096];
	uint8_t *der;
	size_t len;
	X509 *cert;
	int fd;

	snprintf(path, sizeof(path), "%s/" NE_EMU_ROOT_FILE, s->dir.path);
	fd = open(path, O_RDONLY);
	len = read_full(fd, text, sizeof(text));
	close(fd);
	cert = ca_cert_read(text, len);
	assert_non_null(cert);
	assert_int_equal(ca_cert_der(cert, &der, &len), 0);
	assert_int_equal(len, identity->cas[0].len);
	assert_memory_equal(der, identity->cas[0].data, len);
	ca_der_wipe(der, len);
	X509_free(cert);
}

/* The root was replaced: the next leaf hangs from the new one. */
static void test_rotation(void **state)
{
	struct state *s = *state;
	struct nsm_control_message message;
	struct ca_store store;
	struct ca_error error;
	uint8_t before[NSM_CONTROL_CERT_MAX];
	size_t len;

	start(s, NOW);
	(void)receive(s, NSM_CONTROL_SETTINGS);
	message = receive(s, NSM_CONTROL_IDENTITY);
	assert_published(s, &message.identity);
	len = message.identity.cas[0].len;
	memcpy(before, message.identity.cas[0].data, len);
	assert_int_equal(ca_store_open(&store, s->state_dir, false, &error), 0);
	assert_int_equal(ca_store_create(&store, "default", true, &error), 0);
	ca_store_close(&store);
	(void)attestor_run(&s->attestor, NOW + 3 * HOUR);
	message = receive(s, NSM_CONTROL_IDENTITY);
	assert_true(message.identity.cas[0].len != len ||
		    memcmp(message.identity.cas[0].data, before, len));
	assert_published(s, &message.identity);
}

/* Who sends the requests: the enclave is Alice's. */
static uid_t asking = ALICE;

static json_t *ask(struct state *s, const char *request)
{
	char *text = control_answer(&s->attestor, asking, request, strlen(request), NOW);
	json_t *answer = json_loads(text, 0, NULL);

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

	expect_error(s, "", "no JSON object");
	expect_error(s, "[]", "no JSON object");
	expect_error(s, "{\"a\":1,\"a\":2}", "no JSON object");
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

#define LAB_SET(target, settings) \
	"{\"command\":\"lab-set\",\"target\":\"" target "\",\"settings\":{" settings "}}"
#define LAB_RESET(target)	"{\"command\":\"lab-reset\",\"target\":\"" target "\"}"
#define LAB_SHOW(target)	"{\"command\":\"lab-show\",\"target\":\"" target "\"}"

/* What Bob sets is for his next enclave, whoever starts one first. */
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

	start(s, NOW);		/* Alice's */
	assert_string_equal(attestor_find(&s->attestor, UID)->settings.place.region, "us-east-1");
	assert_true(attestor_find(&s->attestor, UID)->settings.module.definite_map);
	expect_setting(s, "next", "map", "indefinite");
	asking = BOB;
	expect_setting(s, "next", "region", "eu-west-1");
	expect_ok(s, LAB_RESET("next"));
	expect_setting(s, "next", "region", "us-east-1");
	asking = ALICE;
}

/* A running enclave is its owner's, and root's. */
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

/* Root names another user; others may name themselves only. */
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

/* Names of projects are anybody's choice; root makes more of them by hand. */
static void test_too_many_roots(void **state)
{
	struct state *s = *state;
	struct ca_store store;
	struct ca_error error;
	char request[160];

	start(s, NOW);		/* makes one */
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

/* Neither one that has not started nor one that has ended. */
static void test_only_while_it_runs(void **state)
{
	struct state *s = *state;

	assert_non_null(attestor_prepare(&s->attestor, UID, ALICE, &s->fd));
	expect_error(s, LAB_SET(UID_TEXT, "\"map\":\"definite\""), "no running enclave");
	attestor_started(&s->attestor, UID, NOW);
	expect_ok(s, LAB_SET(UID_TEXT, "\"map\":\"definite\""));
	attestor_forget(&s->attestor, UID);
	expect_error(s, LAB_SET(UID_TEXT, "\"map\":\"definite\""), "no running enclave");
	expect_error(s, LAB_SHOW(UID_TEXT), "no running enclave");
}

/* A reason however the client's words are cut. */
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
				/* Cut in front of a character, not in it. */
				assert_true(c >= 3 || !strstr(error, "\\x"));
				assert_null(strstr(error, "\u202e"));
				json_decref(answer);
			}
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

	/* A date of its own: certificates of that date, and no re-issue. */
	expect_ok(s, "{\"command\":\"lab-set\",\"target\":\"" UID_TEXT "\",\"settings\":"
		  "{\"clock\":\"2025-01-01T00:00:00Z\"}}");
	assert_int_equal(receive(s, NSM_CONTROL_SETTINGS).settings.clock_ms, 1735689600000);
	assert_int_equal(receive(s, NSM_CONTROL_IDENTITY).identity.not_after,
			 1735689600 + 3 * HOUR);
	(void)attestor_run(&s->attestor, NOW + 100 * HOUR);
	assert_nothing(s);
}

static int connect_control(const struct control *control)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, control->path);
	assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	return fd;
}

static void dispatch(struct control *control, struct state *s)
{
	/* Accept, then serve; one more for what that closes. */
	for (int i = 0; i < 3; i++)
		control_dispatch(control, &s->attestor, NOW);
}

static void test_socket(void **state)
{
	struct state *s = *state;
	struct control control;
	char path[128], text[4096];
	struct stat st;
	int clients[CONTROL_CLIENTS_MAX + 2];
	ssize_t len;
	int fd;

	control_init(&control);
	snprintf(path, sizeof(path), "%s/sock", s->dir.path);
	assert_int_equal(control_open(&control, path, "no-such-group"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	fd = connect_control(&control);
	dispatch(&control, s);
	assert_int_equal(send(fd, "{\"command\":\"status\"}", 20, 0), 20);
	dispatch(&control, s);
	len = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(len > 0);
	text[len] = 0;
	assert_non_null(strstr(text, "root_sha256"));
	assert_int_equal(recv(fd, text, sizeof(text), 0), 0);
	close(fd);
	assert_int_equal(control.nr_clients, 0);

	/* Silent clients do not keep others out. */
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = connect_control(&control);
		dispatch(&control, s);
	}
	assert_int_equal(control.nr_clients, CONTROL_CLIENTS_MAX);
	assert_int_equal(recv(clients[0], text, sizeof(text), 0), 0);
	fd = clients[ARRAY_SIZE(clients) - 1];
	assert_int_equal(send(fd, "{}", 2, 0), 2);
	dispatch(&control, s);
	assert_true(recv(fd, text, sizeof(text), 0) > 0);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	dispatch(&control, s);
	control_exit(&control);
	assert_int_equal(stat(path, &st), -1);
}

/* A client that @uid would have. */
static int put_client(struct control *control, uid_t uid)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	control->clients[control->nr_clients++] = (struct control_client){
		.fd = fds[0], .uid = uid,
	};
	return fds[1];
}

static bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* Whoever has most makes room. */
static void test_socket_is_shared(void **state)
{
	struct state *s = *state;
	struct control control;
	int alice, bob[CONTROL_CLIENTS_MAX - 1], mine;
	char path[128];

	control_init(&control);
	snprintf(path, sizeof(path), "%s/sock", s->dir.path);
	assert_int_equal(control_open(&control, path, "no-such-group"), 0);
	alice = put_client(&control, ALICE);	/* waits longest */
	for (size_t i = 0; i < ARRAY_SIZE(bob); i++)
		bob[i] = put_client(&control, BOB);
	mine = connect_control(&control);
	dispatch(&control, s);
	assert_false(is_closed(alice));
	assert_true(is_closed(bob[0]));
	assert_false(is_closed(bob[1]));
	assert_false(is_closed(mine));
	assert_int_equal(control.nr_clients, CONTROL_CLIENTS_MAX);
	control_exit(&control);
	for (size_t i = 0; i < ARRAY_SIZE(bob); i++)
		close(bob[i]);
	close(alice);
	close(mine);
}

/* Credentials of a client process. */
struct who {
	uid_t uid;
	gid_t gid;
	gid_t groups[2];
	size_t nr_groups;
};

/* Its exit status: 0 - it has got an answer, 1 - it has not. */
static int run_client(const struct control *control, const struct who *who)
{
	char answer[4096];
	int fd;

	if (setgroups(who->nr_groups, who->groups) || setresgid(who->gid, who->gid, who->gid) ||
	    setresuid(who->uid, who->uid, who->uid))
		return 2;
	fd = connect_control(control);
	if (fcntl(fd, F_SETFL, 0) < 0)
		return 2;
	(void)send(fd, LAB_SHOW("next"), strlen(LAB_SHOW("next")), MSG_NOSIGNAL);
	return recv(fd, answer, sizeof(answer), 0) > 0 ? 0 : 1;
}

static int client_status(struct control *control, struct state *s, const struct who *who)
{
	pid_t pid = fork(), ended;
	int status;

	assert_return_code(pid, errno);
	if (!pid)
		_exit(run_client(control, who));
	while (!(ended = waitpid(pid, &status, WNOHANG)))
		dispatch(control, s);
	assert_int_equal(ended, pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The socket's mode is open to all, so that its own check decides. */
static void test_foreign_peers(void **state)
{
	const struct group *group = getgrnam("daemon");
	struct state *s = *state;
	struct control control;
	char path[128];

	if (geteuid())
		skip();		/* only root can become somebody else */
	assert_non_null(group);
	{
		const gid_t ne = group->gr_gid, other = ne + 4000;
		const struct who root = { 0, 0, { 0 }, 0 };
		const struct who member = { ALICE, ALICE, { other, ne }, 2 };
		const struct who primary = { ALICE, ne, { other }, 1 };
		const struct who stranger = { ALICE, ALICE, { other, other + 1 }, 2 };
		const struct who alone = { ALICE, ALICE, { 0 }, 0 };

		control_init(&control);
		snprintf(path, sizeof(path), "%s/sock", s->dir.path);
		assert_return_code(chmod(s->dir.path, 0755), errno);
		assert_int_equal(control_open(&control, path, "daemon"), 0);
		assert_return_code(chmod(path, 0666), errno);
		assert_int_equal(client_status(&control, s, &root), 0);
		assert_int_equal(client_status(&control, s, &member), 0);
		assert_int_equal(client_status(&control, s, &primary), 0);
		assert_int_equal(client_status(&control, s, &stranger), 1);
		assert_int_equal(client_status(&control, s, &alone), 1);
		control_exit(&control);

		/* Where there is no such group only root may. */
		assert_int_equal(control_open(&control, path, "no-such-group"), 0);
		assert_return_code(chmod(path, 0666), errno);
		assert_int_equal(client_status(&control, s, &root), 0);
		assert_int_equal(client_status(&control, s, &member), 1);
		control_exit(&control);
	}
}

/* A request acts as the user that has connected. */
static void test_peer_is_the_owner(void **state)
{
	const struct group *group = getgrnam("daemon");
	struct state *s = *state;
	struct lab_settings next = s->defaults;
	struct control control;
	char path[128];
	int status;
	pid_t pid;

	if (geteuid())
		skip();
	assert_non_null(group);
	control_init(&control);
	snprintf(path, sizeof(path), "%s/sock", s->dir.path);
	assert_return_code(chmod(s->dir.path, 0755), errno);
	assert_int_equal(control_open(&control, path, "daemon"), 0);
	assert_int_equal(attestor_set_next(&s->attestor, ALICE, &next), 0);
	assert_int_equal(attestor_set_next(&s->attestor, BOB, &next), 0);
	pid = fork();
	assert_return_code(pid, errno);
	if (!pid) {
		char answer[4096];
		int fd;

		if (setgroups(0, NULL) || setresgid(group->gr_gid, group->gr_gid, group->gr_gid) ||
		    setresuid(BOB, BOB, BOB))
			_exit(2);
		fd = connect_control(&control);
		(void)fcntl(fd, F_SETFL, 0);
		(void)send(fd, LAB_RESET("next"), strlen(LAB_RESET("next")), MSG_NOSIGNAL);
		_exit(recv(fd, answer, sizeof(answer), 0) > 0 ? 0 : 1);
	}
	while (!waitpid(pid, &status, WNOHANG))
		dispatch(&control, s);
	assert_int_equal(status, 0);
	assert_int_equal(s->attestor.nr_next, 1);
	assert_ptr_not_equal(attestor_next(&s->attestor, ALICE), &s->attestor.defaults);
	assert_ptr_equal(attestor_next(&s->attestor, BOB), &s->attestor.defaults);
	control_exit(&control);
}

/* Many at once: a few at a time, and all in the end. */
static void test_issues_are_bounded(void **state)
{
	struct state *s = *state;
	int fds[ATTESTOR_ISSUES_MAX + 3];
	unsigned int issued = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = -1;
		assert_non_null(attestor_prepare(&s->attestor, UID + i, ALICE, &fds[i]));
		attestor_started(&s->attestor, UID + i, NOW);
		s->fd = fds[i];
		(void)receive(s, NSM_CONTROL_SETTINGS);
		(void)receive(s, NSM_CONTROL_IDENTITY);
	}
	assert_int_equal(attestor_run(&s->attestor, NOW + 100 * HOUR), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (recv(fds[i], s->message, sizeof(s->message), MSG_DONTWAIT) > 0)
			issued++;
	assert_int_equal(issued, ATTESTOR_ISSUES_MAX);
	assert_in_range(attestor_run(&s->attestor, NOW + 100 * HOUR), 1, 300);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (recv(fds[i], s->message, sizeof(s->message), MSG_DONTWAIT) > 0)
			issued++;
	assert_int_equal(issued, ARRAY_SIZE(fds));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	s->fd = -1;
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start),
		TEST(test_reissue),
		TEST(test_clock_set_back),
		TEST(test_restart),
		TEST(test_failing_ca),
		TEST(test_no_run_folder),
		TEST(test_rotation),
		TEST(test_requests),
		TEST(test_next_is_per_user),
		TEST(test_running_is_its_owners),
		TEST(test_next_of_another),
		TEST(test_too_many_nexts),
		TEST(test_too_many_roots),
		TEST(test_only_while_it_runs),
		TEST(test_reasons_are_text),
		TEST(test_lab_on_running),
		TEST(test_socket),
		TEST(test_socket_is_shared),
		TEST(test_foreign_peers),
		TEST(test_peer_is_the_owner),
		TEST(test_issues_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

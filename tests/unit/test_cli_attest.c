// SPDX-License-Identifier: Apache-2.0
/* The commands "ne-emu attest" and "ne-emu lab", with a supervisor's socket. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca/store.h"
#include "cli/commands.h"
#include "command/command.h"
#include "common/paths.h"
#include "daemon/control.h"
#include "fake_root.h"
#include "hand_document.h"
#include "sample_document.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define ROOT_FILE	NE_EMU_RUN_DIR "/" NE_EMU_ROOT_FILE
/* A time at which the document is valid, as an argument of "ne-emu attest". */
#define TIME		"2026-03-01T12:00:01Z"

struct state {
	struct temp_dir dir;
	struct ca_signer root;
	struct sample_document document;
	char path[ROOT_PATH_SIZE];
	struct command_result result;
	pid_t daemon;
};

/* Serve requests until killed. */
static void serve(struct state *s)
{
	char run_dir[ROOT_PATH_SIZE], state_dir[ROOT_PATH_SIZE], path[ROOT_PATH_SIZE];
	struct lab_settings defaults;
	struct attestor attestor;
	struct control control;
	const struct log_root logs = { .fd = -1 };
	struct control_host host = {
		.attestor = &attestor, .logs = &logs, .now = SAMPLE_NOW,
	};

	fake_root_path(&s->dir, NE_EMU_RUN_DIR, run_dir);
	fake_root_path(&s->dir, "/var/lib/ca", state_dir);
	fake_root_path(&s->dir, NE_EMU_RUN_DIR "/" NE_EMU_CONTROL_SOCKET, path);
	lab_init(&defaults);
	attestor_init(&attestor, run_dir, state_dir, &defaults);
	control_init(&control);
	if (control_open(&control, path, "no-such-group"))
		_exit(1);
	for (;;) {
		struct pollfd pollfd = { .fd = control.epoll_fd, .events = POLLIN };

		(void)poll(&pollfd, 1, -1);
		control_dispatch(&control, &host);
	}
}

static void start_daemon(struct state *s)
{
	char path[ROOT_PATH_SIZE];

	fake_root_mkdir(&s->dir, NE_EMU_RUN_DIR);
	fake_root_path(&s->dir, NE_EMU_RUN_DIR "/" NE_EMU_CONTROL_SOCKET, path);
	s->daemon = fork();
	assert_return_code(s->daemon, errno);
	if (!s->daemon)
		serve(s);
	for (int i = 0; i < 5000 && access(path, F_OK); i++)
		usleep(1000);
	assert_int_equal(access(path, F_OK), 0);
}

static int setup(void **state)
{
	const struct sample sample = { .nonce = { (const uint8_t *)"\1\2\3", 3 } };
	struct state *s = calloc(1, sizeof(*s));
	struct error error;
	char *pem;

	assert_non_null(s);
	fake_root_create(&s->dir);
	assert_int_equal(ca_root_make("test", &s->root, &error), 0);
	sample_make(&sample, &s->root, &s->document);
	pem = ca_cert_pem(s->root.cert);
	fake_root_put(&s->dir, ROOT_FILE, pem);
	free(pem);
	fake_root_write(&s->dir, "/document", s->document.bytes, s->document.len);
	fake_root_path(&s->dir, "/document", s->path);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct state *s = *state;

	if (s->daemon) {
		kill(s->daemon, SIGKILL);
		assert_int_equal(waitpid(s->daemon, NULL, 0), s->daemon);
	}
	ca_signer_clear(&s->root);
	fake_root_remove(&s->dir);
	free(s);
	return 0;
}

static void test_verify(void **state)
{
	struct state *s = *state;
	struct command_result *r = &s->result;

	run_command(r, &cmd_attest, "attest", "verify", "--time", TIME, "--strict", "--nonce",
		    "010203", s->path, NULL);
	assert_int_equal(r->code, 0);
	expect_text(r->out, "ok       signature");
	expect_text(r->out, ": verified");
	run_command(r, &cmd_attest, "attest", "verify", "--json", "--time", "document", "--nonce",
		    "010204", s->path, NULL);
	assert_int_equal(r->code, 3);
	expect_text(r->out, "\"Verified\": false");
	expect_text(r->out, "\"Check\": \"nonce\",\n      \"Status\": \"error\"");

	/* Today the document has expired, or the clock is before 2026. */
	run_command(r, &cmd_attest, "attest", "verify", s->path, NULL);
	assert_int_equal(r->code, 3);
	expect_text(r->out, "error    validity");
	expect_text(r->out, "REJECTED");
}

/* A hostile document cannot control the terminal, and JSON output loses nothing. */
static void test_hostile_texts(void **state)
{
	static const char module_id[] = "i-\033[2J\xc2\x9b" "31m\u202e\0é";
	struct state *s = *state;
	struct command_result *r = &s->result;
	struct hand_document hand;
	json_t *json;

	hand_begin(&hand, 2);
	emu_cbor_put_text(&hand.payload, "module_id");
	/* A byte string's head differs from a text string's in one bit. */
	emu_cbor_put_data(&hand.payload, module_id, sizeof(module_id) - 1);
	hand.payload_bytes[hand.payload.used - sizeof(module_id)] |= 0x20;
	emu_cbor_put_text(&hand.payload, "digest");
	emu_cbor_put_text(&hand.payload, "\n\177");
	hand_end(&hand);
	fake_root_write(&s->dir, "/document", hand.bytes, hand.len);
	run_command(r, &cmd_attest, "attest", "show", s->path, NULL);
	assert_int_equal(r->code, 0);
	expect_text(r->out, "module_id    i-\\x1b[2J\\xc2\\x9b31m\\xe2\\x80\\xae\\x00é\n");
	expect_text(r->out, "digest       \\x0a\\x7f\n");
	run_command(r, &cmd_attest, "attest", "show", "--json", s->path, NULL);
	assert_int_equal(r->code, 0);
	expect_text(r->out, "\"i-\\u001B[2J\\u009B31m\\u202E\\u0000\\u00E9\"");
	json = json_loads(r->out, JSON_ALLOW_NUL, NULL);
	assert_non_null(json);
	assert_int_equal(json_string_length(json_object_get(json, "ModuleId")),
			 sizeof(module_id) - 1);
	assert_memory_equal(json_string_value(json_object_get(json, "ModuleId")), module_id,
			    sizeof(module_id));
	json_decref(json);
	run_command(r, &cmd_attest, "attest", "verify", s->path, NULL);
	assert_int_equal(r->code, 3);
	assert_null(strchr(r->out, '\033'));
	assert_null(strchr(r->err, '\033'));
}

static void test_text_forms(void **state)
{
	static char text[4 * sizeof(((struct sample_document *)NULL)->bytes)];
	struct state *s = *state;
	char path[ROOT_PATH_SIZE];
	size_t len;

	len = EVP_EncodeBlock((unsigned char *)text, s->document.bytes, s->document.len);
	memmove(text + 101, text + 100, len - 100 + 1);
	text[100] = '\n';
	fake_root_put(&s->dir, "/base64", text);
	run_command(&s->result, &cmd_attest, "attest", "verify", "--time", TIME,
		    fake_root_path(&s->dir, "/base64", path), NULL);
	assert_int_equal(s->result.code, 0);

	hex_encode(s->document.bytes, s->document.len, text);
	fake_root_put(&s->dir, "/hex", text);
	run_command(&s->result, &cmd_attest, "attest", "verify", "--time", TIME,
		    fake_root_path(&s->dir, "/hex", path), NULL);
	assert_int_equal(s->result.code, 0);

	/* As in programs for Ethereum. */
	memmove(text + 2, text, strlen(text) + 1);
	memcpy(text, "0x", 2);
	fake_root_put(&s->dir, "/hex", text);
	run_command(&s->result, &cmd_attest, "attest", "verify", "--time", TIME, "--nonce",
		    "0x010203", fake_root_path(&s->dir, "/hex", path), NULL);
	assert_int_equal(s->result.code, 0);

	fake_root_put(&s->dir, "/words", "no document at all");
	run_command(&s->result, &cmd_attest, "attest", "verify",
		    fake_root_path(&s->dir, "/words", path), NULL);
	assert_int_equal(s->result.code, 1);
	expect_text(s->result.err, "it is not CBOR, base64 or");
}

static void test_show(void **state)
{
	struct state *s = *state;

	run_command(&s->result, &cmd_attest, "attest", "show", s->path, NULL);
	assert_int_equal(s->result.code, 0);
	expect_text(s->result.out, "module_id    " SAMPLE_MODULE_ID "\n");
	expect_text(s->result.out, "timestamp    2026-03-01T12:00:00.250Z\n");
	expect_text(s->result.out, "PCR1         a1a1a1");
	expect_text(s->result.out, "nonce        010203\n");
	expect_text(s->result.out, "valid from 2026-03-01T11:59:57Z to 2026-03-01T15:00:00Z");
	run_command(&s->result, &cmd_attest, "attest", "show", "--json", s->path, NULL);
	expect_text(s->result.out, "\"Timestamp\": 1772366400250");
	expect_text(s->result.out, "\"UserData\": null");
}

/* All expected values must be there; a register cannot have two values. */
static void test_expectations(void **state)
{
	char hex[4 + 96 + 1] = "0=0X", pcr0[2 + 96 + 1] = "0=";
	char pcr1[2 + 96 + 1] = "1=", other[2 + 96 + 1] = "1=";
	struct state *s = *state;
	struct command_result *r = &s->result;

	for (size_t i = 2; i < sizeof(pcr0) - 1; i += 2) {
		strcpy(pcr0 + i, "a0");
		strcpy(pcr1 + i, "a1");
		strcpy(other + i, "a2");
	}
	run_command(r, &cmd_attest, "attest", "verify", "--time", TIME, "--pcr", pcr0, "--pcr",
		    pcr1, "--nonce", "010203", s->path, NULL);
	assert_int_equal(r->code, 0);
	run_command(r, &cmd_attest, "attest", "verify", "--time", TIME, "--pcr", pcr0, "--pcr",
		    other, "--nonce", "0102", "--user-data", "00", s->path, NULL);
	assert_int_equal(r->code, 3);
	expect_text(r->out, "ok       pcr0");
	expect_text(r->out, "error    pcr1");
	expect_text(r->out, "error    nonce");
	expect_text(r->out, "error    user-data");
	run_command(r, &cmd_attest, "attest", "verify", "--time", TIME, "--pcr", pcr1, "--pcr",
		    other, s->path, NULL);
	assert_int_equal(r->code, 2);
	expect_text(r->err, "each once");
	strcpy(hex + 4, pcr0 + 2);
	run_command(r, &cmd_attest, "attest", "verify", "--time", TIME, "--pcr", hex, s->path,
		    NULL);
	assert_int_equal(r->code, 0);
}

static void test_bad_arguments(void **state)
{
	static const struct {
		const char *option, *value, *error;
		int code;
	} cases[] = {
		{ "--pcr", "0=00", "96 hexadecimal digits", 2 },
		{ "--pcr", "32=00", "N from 0 to 31", 2 },
		{ "--nonce", "xyz", "\"xyz\" is neither hexadecimal digits", 2 },
		{ "--user-data", "123", "\"123\" is neither hexadecimal digits", 2 },
		{ "--public-key", "0x0g", "\"0x0g\" is neither hexadecimal digits", 2 },
		{ "--time", "yesterday", "\"yesterday\" is not \"document\"", 2 },
		{ "--nonce", "@/does/not/exist", "No such file", 1 },
		{ "--root", "/does/not/exist", "No such file", 1 },
		{ "--max-age", "0", "not a number", 2 },
	};
	struct state *s = *state;
	char path[ROOT_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run_command(&s->result, &cmd_attest, "attest", "verify", cases[i].option,
			    cases[i].value, s->path, NULL);
		assert_int_equal(s->result.code, cases[i].code);
		expect_text(s->result.err, cases[i].error);
	}
	/* Arguments are checked before the root of a host without enclaves is looked for. */
	assert_int_equal(unlink(fake_root_path(&s->dir, ROOT_FILE, path)), 0);
	run_command(&s->result, &cmd_attest, "attest", "verify", "--nonce", "xyz", "/none", NULL);
	assert_int_equal(s->result.code, 2);
	expect_text(s->result.err, "\"xyz\" is neither hexadecimal digits");
}

static void test_root(void **state)
{
	static const struct {
		const char *format, *text;
	} cases[] = {
		{ "pem", "-----BEGIN CERTIFICATE-----\n" },
		{ "rust", "pub const EMULATED_ROOT: [u8; " },
		{ "go", "var emulatedRoot = []byte{\n\t0x30, 0x82, " },
		{ "c", "static const unsigned char emulated_root[] = {\n" },
	};
	struct state *s = *state;
	uint8_t sha256[CA_SHA256_SIZE];
	char hex[2 * CA_SHA256_SIZE + 2];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run_command(&s->result, &cmd_attest, "attest", "root", "--format",
			    cases[i].format, NULL);
		assert_int_equal(s->result.code, 0);
		expect_text(s->result.out, cases[i].text);
		assert_null(strstr(s->result.out, "PRIVATE"));
	}
	assert_int_equal(ca_cert_fingerprint(s->root.cert, sha256), 0);
	hex_encode(sha256, sizeof(sha256), hex);
	strcat(hex, "\n");
	run_command(&s->result, &cmd_attest, "attest", "root", "--format", "fingerprint", NULL);
	assert_string_equal(s->result.out, hex);
	run_command(&s->result, &cmd_attest, "attest", "root", "--format", "jks", NULL);
	assert_int_equal(s->result.code, 2);
}

static void test_lab(void **state)
{
	struct state *s = *state;
	struct command_result *r = &s->result;

	run_command(r, &cmd_lab, "lab", "show", NULL);
	assert_int_equal(r->code, 1);
	expect_text(r->err, "ne-emud is not running");

	start_daemon(s);
	run_command(r, &cmd_lab, "lab", "set", "flaws=stale,expired", "region=eu-west-1", NULL);
	assert_string_equal(r->err, "");
	assert_int_equal(r->code, 0);
	run_command(r, &cmd_lab, "lab", "show", NULL);
	expect_text(r->out, "flaws           expired,stale\n");
	expect_text(r->out, "region          eu-west-1\n");
	run_command(r, &cmd_lab, "lab", "show", "--json", "defaults", NULL);
	expect_text(r->out, "\"flaws\": \"none\"");
	run_command(r, &cmd_lab, "lab", "set", "next", "flaws=bogus", NULL);
	assert_int_equal(r->code, 1);
	expect_text(r->err, "flaws: \"bogus\" is not a flaw; \"ne-emu lab set --help\" lists them");
	run_command(r, &cmd_lab, "lab", "set", "next", NULL);
	assert_int_equal(r->code, 2);
	run_command(r, &cmd_lab, "lab", "set", "defaults", "map=definite", NULL);
	assert_int_equal(r->code, 2);
	expect_text(r->err, "ne-emud.conf");
	run_command(r, &cmd_lab, "lab", "reset", NULL);
	assert_int_equal(r->code, 0);
	run_command(r, &cmd_lab, "lab", "show", "next", NULL);
	expect_text(r->out, "flaws           none\n");
}

static void test_doctor(void **state)
{
	struct state *s = *state;
	char path[ROOT_PATH_SIZE];

	fake_root_put(&s->dir, "/sys/module/nitro_enclaves_emu/version", NE_EMU_VERSION "\n");
	start_daemon(s);
	run_command(&s->result, &cmd_doctor, "doctor", NULL);
	expect_text(s->result.out, "attestation  EMULATED root, SHA-256 ");
	assert_int_equal(chmod(fake_root_path(&s->dir, "/var/lib/ca", path), 0755), 0);
	run_command(&s->result, &cmd_doctor, "doctor", NULL);
	expect_text(s->result.out, "warning  attestation  no certificates: ");
	expect_text(s->result.out, "-> sudo chmod 700 ");
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_verify),
		TEST(test_hostile_texts),
		TEST(test_text_forms),
		TEST(test_show),
		TEST(test_expectations),
		TEST(test_bad_arguments),
		TEST(test_root),
		TEST(test_lab),
		TEST(test_doctor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

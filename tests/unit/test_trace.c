// SPDX-License-Identifier: Apache-2.0
/* What an enclave does as events: from the devices to the text that a user sees. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/enclave/session.h"
#include "cli/enclave/trace_text.h"
#include "common/clock.h"
#include "common/util.h"
#include "daemon/session_lines.h"
#include "temp_dir.h"
#include "vmm/services.h"
#include "vmm/trace/service.h"

#include <endian.h>
#include <errno.h>
#include <jansson.h>
#include <linux/virtio_config.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define TURNS		10000
#define GUEST		16
#define PARENT		3
#define TEXT_SIZE	(MIB)

static const uint8_t nonce[SESSION_NONCE_SIZE] = "0123456789abcdef";

/** struct fixture - a VMM that has nothing but sessions and a trace, and one client */
struct fixture {
	struct temp_dir dir;
	struct vmm vmm;
	struct session_fds fds;
	struct session_client client;
	char text[TEXT_SIZE];
	size_t len;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	temp_dir_create(&f->dir);
	assert_int_equal(session_lines_create(f->dir.path, &f->fds), 0);
	assert_int_equal(loop_init(&f->vmm.loop), 0);
	assert_int_equal(ending_init(&f->vmm.ending), 0);
	assert_int_equal(trace_init(&f->vmm.trace, &f->vmm.loop), 0);
	sessions_init(&f->vmm.sessions, &f->vmm.loop, &f->fds, services, &f->vmm);
	f->client.read_fd = f->client.write_fd = -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	session_close(&f->client);
	sessions_exit(&f->vmm.sessions);
	trace_exit(&f->vmm.trace);
	ending_exit(&f->vmm.ending);
	loop_exit(&f->vmm.loop);
	session_fds_close(&f->fds);
	temp_dir_remove(&f->dir);
	free(f);
	return 0;
}

static void begin(struct fixture *f, const char *kinds, struct session_client *client)
{
	struct session_ends ends = SESSION_ENDS_NONE;
	struct session_request request = { .service = "trace" };
	struct error error;
	int fds[2];

	assert_int_equal(session_lines_take(f->dir.path, &request.line, &ends), 0);
	memcpy(request.nonce, nonce, sizeof(nonce));
	strcpy(request.options, kinds);
	sessions_begin(&f->vmm.sessions, &request);
	fds[0] = ends.read_fd;
	fds[1] = ends.write_fd;
	assert_int_equal(session_attach(client, fds, nonce, &error), 0);
}

static void run(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		assert_int_equal(loop_run_once(&f->vmm.loop, 0), 0);
}

/* Receive all that the client has got. Return: what session_read() said at last. */
static ssize_t receive(struct fixture *f, struct session_client *client, struct error *error)
{
	ssize_t n;

	f->len = 0;
	run(f);
	while ((n = session_read(client, f->text + f->len, TEXT_SIZE - 1 - f->len, error)) > 0) {
		f->len += n;
		run(f);
	}
	f->text[f->len] = '\0';
	return n;
}

/* Receive, and return entry @index of what has come, which the next call invalidates. */
static json_t *get(struct fixture *f, size_t index)
{
	static json_t *kept;
	struct error error;
	char *line = f->text;

	json_decref(kept);
	if (!index)
		assert_int_equal(receive(f, &f->client, &error), -EAGAIN);
	while (index--) {
		line = strchr(line, '\n');
		assert_non_null(line);
		line++;
	}
	kept = json_loadb(line, strcspn(line, "\n"), 0, NULL);
	assert_non_null(kept);
	return kept;
}

static size_t count_lines(const char *text, const char *part)
{
	size_t count = 0;

	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

static void expect_str(const json_t *event, const char *key, const char *value)
{
	assert_non_null(json_string_value(json_object_get(event, key)));
	assert_string_equal(json_string_value(json_object_get(event, key)), value);
}

static void expect_number(const json_t *event, const char *key, int64_t value)
{
	assert_true(json_is_integer(json_object_get(event, key)));
	assert_int_equal(json_integer_value(json_object_get(event, key)), value);
}

static bool wanted(const struct fixture *f, enum trace_kind kind)
{
	return trace_wanted(&f->vmm.trace, kind);
}

static void test_nothing_without_a_client(void **state)
{
	struct fixture *f = *state;

	assert_false(trace_wanted(NULL, TRACE_NSM));
	for (enum trace_kind kind = 0; kind < NR_TRACE_KINDS; kind++)
		assert_false(wanted(f, kind));
	assert_null(f->vmm.trace.ring);
	begin(f, "nsm,exit", &f->client);
	assert_true(wanted(f, TRACE_NSM));
	assert_true(wanted(f, TRACE_EXIT));
	assert_false(wanted(f, TRACE_VSOCK));
	session_close(&f->client);
	run(f);
	assert_false(wanted(f, TRACE_NSM));
	assert_null(f->vmm.trace.ring);
	/* A thread that has looked just before. */
	trace_put(&f->vmm.trace, &(struct trace_event){ .kind = TRACE_NSM });
}

static void test_begin(void **state)
{
	struct fixture *f = *state;
	json_t *event;

	begin(f, "", &f->client);
	event = get(f, 0);
	expect_str(event, "Kind", "begin");
	expect_number(event, "FormatVersion", 1);
	for (enum trace_kind kind = 0; kind < NR_TRACE_KINDS; kind++)
		assert_true(wanted(f, kind));
}

static void test_bad_kinds(void **state)
{
	struct fixture *f = *state;
	struct error error;

	begin(f, "nsm,unknown", &f->client);
	assert_int_equal(receive(f, &f->client, &error), -EREMOTEIO);
	assert_string_equal(error.text, "\"unknown\" is not a kind of events");
	assert_null(f->vmm.trace.ring);
}

/* Requests and responses as AWS's library encodes them (serde_cbor). */
static void test_nsm(void **state)
{
	static const char attestation[] =
		"\xa1\x6b" "Attestation" "\xa3\x69" "user_data" "\x43" "abc"
		"\x65" "nonce" "\xf6\x6a" "public_key" "\xf6";
	static const char extend[] =
		"\xa1\x69" "ExtendPCR" "\xa2\x65" "index" "\x10\x64" "data" "\x42" "xy";
	static const char invalid_index[] = "\xa1\x65" "Error" "\x6c" "InvalidIndex";
	static const char random[] = "\x69" "GetRandom";
	struct fixture *f = *state;
	char large[300] = "\xa1\x6b" "Attestation";
	json_t *event;

	begin(f, "nsm", &f->client);
	(void)get(f, 0);
	trace_request(&f->vmm.trace, attestation, sizeof(attestation) - 1, large, sizeof(large),
		      1234567);
	event = get(f, 0);
	expect_str(event, "Kind", "nsm");
	expect_str(event, "Operation", "Attestation");
	expect_number(event, "UserDataBytes", 3);
	assert_true(json_is_null(json_object_get(event, "NonceBytes")));
	assert_true(json_is_null(json_object_get(event, "PublicKeyBytes")));
	expect_number(event, "ResponseBytes", 300);
	expect_number(event, "DurationUs", 1234);
	assert_true(json_is_null(json_object_get(event, "Error")));
	assert_null(json_object_get(event, "Index"));
	/* Names and sizes only. */
	assert_null(strstr(f->text, "abc"));

	trace_request(&f->vmm.trace, extend, sizeof(extend) - 1, invalid_index,
		      sizeof(invalid_index) - 1, 0);
	trace_request(&f->vmm.trace, random, sizeof(random) - 1, "", 0, 0);
	trace_request(&f->vmm.trace, "\xff", 1, "\xa1\x65" "Error" "\x7f", 8, 0);
	event = get(f, 0);
	expect_str(event, "Operation", "ExtendPCR");
	expect_number(event, "Index", 16);
	expect_number(event, "DataBytes", 2);
	expect_str(event, "Error", "InvalidIndex");
	expect_str(get(f, 1), "Operation", "GetRandom");
	assert_true(json_is_null(json_object_get(get(f, 2), "Operation")));
	assert_true(json_is_null(json_object_get(get(f, 2), "Error")));
}

static void packet(struct fixture *f, uint16_t op, uint32_t guest_port, uint32_t peer_port,
		   uint32_t len, bool to_guest)
{
	struct virtio_vsock_hdr hdr = {
		.src_cid = htole64(to_guest ? PARENT : GUEST),
		.dst_cid = htole64(to_guest ? GUEST : PARENT),
		.src_port = htole32(to_guest ? peer_port : guest_port),
		.dst_port = htole32(to_guest ? guest_port : peer_port),
		.op = htole16(op),
		.len = htole32(len),
	};

	trace_packet(&f->vmm.trace, &hdr, 0xb7, to_guest);
}

static void test_connection(void **state)
{
	struct fixture *f = *state;
	json_t *event;

	begin(f, "vsock", &f->client);
	(void)get(f, 0);
	packet(f, VIRTIO_VSOCK_OP_REQUEST, 1024, 8001, 0, false);
	packet(f, VIRTIO_VSOCK_OP_RESPONSE, 1024, 8001, 0, true);
	packet(f, VIRTIO_VSOCK_OP_RW, 1024, 8001, 100, false);
	packet(f, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 1024, 8001, 0, true);
	packet(f, VIRTIO_VSOCK_OP_RW, 1024, 8001, 20, true);
	packet(f, VIRTIO_VSOCK_OP_RW, 1024, 8001, 1, false);
	packet(f, VIRTIO_VSOCK_OP_SHUTDOWN, 1024, 8001, 0, true);
	packet(f, VIRTIO_VSOCK_OP_SHUTDOWN, 1024, 8001, 0, false);
	packet(f, VIRTIO_VSOCK_OP_RST, 1024, 8001, 0, false);
	packet(f, VIRTIO_VSOCK_OP_RST, 1024, 8001, 0, true);
	event = get(f, 0);
	expect_str(event, "Event", "request");
	expect_str(event, "By", "guest");
	expect_number(event, "GuestPort", 1024);
	expect_number(event, "PeerCID", 3);
	expect_number(event, "PeerPort", 8001);
	event = get(f, 1);
	expect_str(event, "Event", "open");
	expect_str(event, "By", "parent");
	event = get(f, 2);
	expect_str(event, "Event", "closed");
	expect_str(event, "By", "parent");
	expect_number(event, "BytesToParent", 101);
	expect_number(event, "BytesToGuest", 20);
	assert_true(json_is_integer(json_object_get(event, "DurationUs")));
	assert_int_equal(count_lines(f->text, "\n"), 3);
}

static void test_refused_and_reset(void **state)
{
	struct fixture *f = *state;
	json_t *event;

	begin(f, "vsock", &f->client);
	(void)get(f, 0);
	packet(f, VIRTIO_VSOCK_OP_REQUEST, 5005, 2000, 0, true);
	packet(f, VIRTIO_VSOCK_OP_RST, 5005, 2000, 0, false);
	/* A connection that is older than the trace. */
	packet(f, VIRTIO_VSOCK_OP_RW, 5006, 2001, 7, true);
	packet(f, VIRTIO_VSOCK_OP_RST, 5006, 2001, 0, true);
	event = get(f, 0);
	expect_str(event, "Event", "request");
	expect_str(event, "By", "parent");
	event = get(f, 1);
	expect_str(event, "Event", "refused");
	expect_str(event, "By", "guest");
	event = get(f, 2);
	expect_str(event, "Event", "reset");
	expect_str(event, "By", "parent");
	expect_number(event, "BytesToGuest", 7);
}

static void test_heartbeat(void **state)
{
	struct fixture *f = *state;
	json_t *event;

	begin(f, "heartbeat", &f->client);
	(void)get(f, 0);
	packet(f, VIRTIO_VSOCK_OP_REQUEST, 1024, 8001, 0, false);
	packet(f, VIRTIO_VSOCK_OP_REQUEST, 1024, 9000, 0, false);
	packet(f, VIRTIO_VSOCK_OP_RW, 1024, 9000, 1, false);
	event = get(f, 0);
	expect_str(event, "Kind", "heartbeat");
	expect_str(event, "Event", "request");
	event = get(f, 1);
	expect_str(event, "Event", "byte");
	expect_number(event, "Byte", 0xb7);
}

/* More connections than are remembered: what is missing is said. */
static void test_many_connections(void **state)
{
	struct fixture *f = *state;
	json_t *event;

	begin(f, "vsock", &f->client);
	for (uint32_t i = 0; i < TRACE_CONNECTIONS; i++)
		packet(f, VIRTIO_VSOCK_OP_RW, i, 1, 1, false);
	(void)get(f, 0);
	packet(f, VIRTIO_VSOCK_OP_RW, TRACE_CONNECTIONS, 1, 1, false);
	packet(f, VIRTIO_VSOCK_OP_RST, 0, 1, 0, false);
	event = get(f, 0);
	expect_str(event, "Event", "reset");
	event = get(f, 1);
	expect_str(event, "Kind", "lost");
	expect_number(event, "Count", 1);
}

static void test_device_and_exits(void **state)
{
	struct trace_event status = {
		.kind = TRACE_DEVICE,
		.device = {
			.what = TRACE_DEVICE_STATUS, .id = 19,
			.status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
		},
	};
	struct fixture *f = *state;
	struct error error;
	json_t *event;

	begin(f, "device,exit", &f->client);
	(void)get(f, 0);
	trace_put(&f->vmm.trace, &status);
	event = get(f, 0);
	expect_str(event, "Device", "vsock");
	assert_int_equal(json_array_size(json_object_get(event, "Status")), 2);
	trace_count(&f->vmm.trace, TRACE_EXIT_PORT);
	trace_count(&f->vmm.trace, TRACE_EXIT_PORT);
	trace_count(&f->vmm.trace, TRACE_EXIT_ADDRESS);
	/* Reported each second, and at the end. */
	ending_report(&f->vmm.ending, NE_EMU_EXIT_REASON_GUEST_RESET, "by \"itself\"");
	sessions_finish(&f->vmm.sessions, 0);
	f->len = 0;
	assert_int_equal(receive(f, &f->client, &error), 0);
	event = json_loadb(f->text, strcspn(f->text, "\n"), 0, NULL);
	expect_number(event, "UnknownPorts", 2);
	expect_number(event, "UnknownAddresses", 1);
	expect_number(event, "Interrupted", 0);
	json_decref(event);
	event = json_loads(strchr(f->text, '\n') + 1, 0, NULL);
	expect_str(event, "Kind", "end");
	expect_str(event, "Reason", "guest-reset");
	expect_str(event, "Text", "by \"itself\"");
	json_decref(event);
}

static void print(struct fixture *f, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		trace_console(&f->vmm.trace, text[i]);
}

static void test_console(void **state)
{
	static const char hostile[] = "\x1b]0;\"\\\xff\0\xc3\xa9\n\r\n";
	struct fixture *f = *state;

	begin(f, "console", &f->client);
	(void)get(f, 0);
	print(f, "hello\r\nwor", 10);
	expect_str(get(f, 0), "Text", "hello");
	print(f, "ld\n", 3);
	expect_str(get(f, 0), "Text", "world");
	print(f, hostile, sizeof(hostile) - 1);
	(void)get(f, 0);
	assert_non_null(strstr(f->text, "\"\\u001b]0;\\u0022\\u005c\\ufffd\\ufffd\xc3\xa9\"}\n"));
	for (size_t i = 0; i < TRACE_TEXT_SIZE + 2; i++)
		print(f, "\x01", 1);
	print(f, "\n", 1);
	assert_int_equal(json_string_length(json_object_get(get(f, 0), "Text")), TRACE_TEXT_SIZE);
	assert_int_equal(json_string_length(json_object_get(get(f, 1), "Text")), 2);
}

static void *put_events(void *arg)
{
	struct trace_event event = { .kind = TRACE_DEVICE };

	for (int i = 0; i < 2 * TRACE_RING_SIZE; i++)
		trace_put(arg, &event);
	return NULL;
}

/* A ring that is full, and a client that does not read: all that is lost is counted. */
static void test_lost(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[2];
	size_t seen = 0, lost = 0;
	struct error error;

	begin(f, "device", &f->client);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_events, &f->vmm.trace), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < TURNS && seen + lost < 4 * TRACE_RING_SIZE; i++) {
		const char *line = f->text;

		assert_int_equal(receive(f, &f->client, &error), -EAGAIN);
		seen += count_lines(f->text, "\"Kind\": \"device\"");
		for (; (line = strstr(line, "\"Count\": ")); line++)
			lost += strtoul(line + strlen("\"Count\": "), NULL, 10);
	}
	assert_int_equal(seen + lost, 4 * TRACE_RING_SIZE);
	assert_true(seen > 0 && lost > 0);
}

static void test_two_clients(void **state)
{
	struct fixture *f = *state;
	struct session_client other = { .read_fd = -1, .write_fd = -1 };
	struct error error;

	begin(f, "vsock", &f->client);
	begin(f, "heartbeat", &other);
	packet(f, VIRTIO_VSOCK_OP_REQUEST, 1024, 8001, 0, false);
	packet(f, VIRTIO_VSOCK_OP_REQUEST, 1025, 9000, 0, false);
	assert_int_equal(receive(f, &f->client, &error), -EAGAIN);
	assert_int_equal(count_lines(f->text, "\"Kind\": \"vsock\""), 1);
	assert_int_equal(count_lines(f->text, "\"Kind\": \"heartbeat\""), 0);
	assert_int_equal(receive(f, &other, &error), -EAGAIN);
	assert_int_equal(count_lines(f->text, "\"Kind\": \"vsock\""), 0);
	assert_int_equal(count_lines(f->text, "\"Kind\": \"heartbeat\""), 1);
	session_close(&f->client);
	run(f);
	assert_true(wanted(f, TRACE_HEARTBEAT));
	assert_false(wanted(f, TRACE_VSOCK));
	session_close(&other);
}

static void expect_print(const char *line, bool json, const char *text)
{
	struct trace_text_out out = { .json = json };
	struct error error;
	char *printed;
	size_t size;

	out.to = open_memstream(&printed, &size);
	/* In two pieces. */
	assert_int_equal(trace_text_add(&out, line, 5, &error), 0);
	assert_int_equal(trace_text_add(&out, line + 5, strlen(line) - 5, &error), 0);
	fclose(out.to);
	assert_string_equal(printed, text);
	free(printed);
}

static void test_text(void **state)
{
	expect_print("{\"AtUs\": 1500000, \"Kind\": \"nsm\", \"Operation\": \"ExtendPCR\", "
		     "\"DataBytes\": 48, \"Index\": 16, \"RequestBytes\": 80, "
		     "\"ResponseBytes\": 64, \"Error\": null, \"DurationUs\": 42}\n", false,
		     "    1.500000 nsm       ExtendPCR(index=16, data=48 bytes) = ok, 64 bytes "
		     "<0.000042>\n");
	expect_print("{\"AtUs\": 0, \"Kind\": \"nsm\", \"Operation\": \"Attestation\", "
		     "\"UserDataBytes\": null, \"NonceBytes\": 20, \"PublicKeyBytes\": null, "
		     "\"Error\": \"InternalError\", \"DurationUs\": 1}\n", false,
		     "    0.000000 nsm       Attestation(user_data=none, nonce=20 bytes, "
		     "public_key=none) = InternalError <0.000001>\n");
	expect_print("{\"AtUs\": 0, \"Kind\": \"vsock\", \"Event\": \"closed\", \"By\": \"guest\", "
		     "\"GuestPort\": 1024, \"PeerCID\": 3, \"PeerPort\": 8001, "
		     "\"BytesToParent\": 101, \"BytesToGuest\": 20, \"DurationUs\": 2000000}\n",
		     false, "    0.000000 vsock     guest:1024 3:8001 closed by guest, 101 bytes "
		     "to parent, 20 to guest <2.000000>\n");
	expect_print("{\"AtUs\": 0, \"Kind\": \"heartbeat\", \"Event\": \"byte\", \"By\": "
		     "\"parent\", \"GuestPort\": 1, \"PeerCID\": 3, \"PeerPort\": 9000, "
		     "\"Byte\": 183}\n", false,
		     "    0.000000 heartbeat guest:1 3:9000 byte by parent: 0xb7\n");
	expect_print("{\"AtUs\": 0, \"Kind\": \"device\", \"Device\": \"nsm\", \"Event\": "
		     "\"status\", \"Status\": [\"ACKNOWLEDGE\", \"DRIVER\"]}\n", false,
		     "    0.000000 device    nsm status ACKNOWLEDGE|DRIVER\n");
	expect_print("{\"AtUs\": 0, \"Kind\": \"console\", \"Text\": \"a\\u001bb\"}\n", false,
		     "    0.000000 console   \"a\\x1bb\"\n");
	expect_print("{\"AtUs\": 0, \"Kind\": \"lost\", \"Count\": 5}\n", false,
		     "    0.000000 lost      5 events: they came too fast\n");
	/* Of a newer VMM. */
	expect_print("{\"AtUs\": 0, \"Kind\": \"new\"}\n", false, "");
	expect_print("{\"AtUs\": 0, \"Text\": \"\\u00e9\"}\n", true,
		     "{\"AtUs\": 0, \"Text\": \"\\u00E9\"}\n");
}

/* A VMM whose guest has taken it over can send anything. */
static void test_bad_lines(void **state)
{
	static const char *const lines[] = {
		"\n", "[]\n", "{\"a\": 1} {\n", "{\"a\": 1, \"a\": 2}\n", "\"\xff\"\n",
	};
	static char large[TRACE_TEXT_LINE_MAX + 1];
	FILE *to = fopen("/dev/null", "we");
	struct error error;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct trace_text_out out = { .to = to };

		assert_int_equal(trace_text_add(&out, lines[i], strlen(lines[i]), &error),
				 -EPROTO);
	}
	assert_int_equal(trace_text_add(&(struct trace_text_out){ .to = to }, large,
					sizeof(large), &error), -EPROTO);
	fclose(to);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_nothing_without_a_client),
		T(test_begin),
		T(test_bad_kinds),
		T(test_nsm),
		T(test_connection),
		T(test_refused_and_reset),
		T(test_heartbeat),
		T(test_many_connections),
		T(test_device_and_exits),
		T(test_console),
		T(test_lost),
		T(test_two_clients),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bad_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* Messages to the modules of enclaves, and identities that are reissued in time. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attestor_fixture.h"
#include "ca/store.h"
#include "common/paths.h"

#include <fcntl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_start(void **state)
{
	struct state *s = *state;
	struct nsm_control_message message;
	char path[128];
	struct stat st;

	assert_non_null(attestor_prepare(&s->attestor, UID, ALICE, true, &s->fd));
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

/* No certificate of the last identity begins after @now. */
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

/* A day by a fake clock: a new leaf every 2 h 45 min, never late. */
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

	/* After the clock was set, the new leaf is late, but comes with the next run. */
	(void)attestor_run(&s->attestor, now + 100 * HOUR);
	(void)receive(s, NSM_CONTROL_IDENTITY);
	assert_nothing(s);
}

/* Documents contain the host's time, so certificates must not begin after it. */
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
	struct error error;

	assert_int_equal(lab_set(&next, "region", "eu-west-1", false, &error), 0);
	assert_int_equal(attestor_set_next(&s->attestor, ALICE, &next), 0);
	start(s, NOW);
	(void)receive(s, NSM_CONTROL_SETTINGS);
	(void)receive(s, NSM_CONTROL_IDENTITY);

	/* The next supervisor finds the enclave, its socket and its settings. */
	attestor_exit(&s->attestor);
	attestor_init(&s->attestor, s->dir.path, s->state_dir, &s->defaults);
	attestor_adopt(&s->attestor, UID, ALICE, true, NOW + HOUR);
	assert_int_equal(receive(s, NSM_CONTROL_IDENTITY).identity.not_after, NOW + 4 * HOUR);
	assert_string_equal(attestor_find(&s->attestor, UID)->settings.place.region, "eu-west-1");
	attestor_adopt(&s->attestor, UID, ALICE, true, NOW + HOUR);
	assert_nothing(s);
}

static void change(struct state *s, const char *name, const char *value)
{
	struct attestee *attestee = attestor_find(&s->attestor, UID);
	struct lab_settings settings = attestee->settings;

	assert_int_equal(lab_set(&settings, name, value, true, NULL), 0);
	assert_int_equal(attestor_change(&s->attestor, attestee, &settings, NOW), 0);
	(void)receive(s, NSM_CONTROL_SETTINGS);
}

/* Faults are sent only if there are some, and anew each time that one of them is set. */
static void test_faults(void **state)
{
	struct nsm_control_message message;
	struct lab_settings next;
	struct state *s = *state;

	next = s->defaults;
	assert_int_equal(lab_set(&next, "nsm-error", "InternalError:count=3", false, NULL), 0);
	assert_int_equal(attestor_set_next(&s->attestor, ALICE, &next), 0);
	start(s, NOW);
	(void)receive(s, NSM_CONTROL_SETTINGS);
	assert_int_equal(receive(s, NSM_CONTROL_FAULTS).faults.faults[FAULT_NSM_ERROR].count, 3);
	(void)receive(s, NSM_CONTROL_IDENTITY);

	change(s, "map", "definite");
	(void)receive(s, NSM_CONTROL_IDENTITY);
	change(s, "nsm-error", "InternalError:count=3");
	assert_int_equal(receive(s, NSM_CONTROL_FAULTS).faults.faults[FAULT_NSM_ERROR].count, 3);
	(void)receive(s, NSM_CONTROL_IDENTITY);

	/* The next supervisor knows them and leaves their counters alone. */
	attestor_exit(&s->attestor);
	attestor_init(&s->attestor, s->dir.path, s->state_dir, &s->defaults);
	attestor_adopt(&s->attestor, UID, ALICE, true, NOW);
	(void)receive(s, NSM_CONTROL_IDENTITY);
	assert_nothing(s);
	assert_int_equal(attestor_find(&s->attestor, UID)->settings.faults.faults[FAULT_NSM_ERROR]
			 .count, 3);
	change(s, "nsm-error", "none");
	message = receive(s, NSM_CONTROL_FAULTS);
	assert_false(fault_settings_any(&message.faults));
	(void)receive(s, NSM_CONTROL_IDENTITY);
	change(s, "fault-seed", "3");
	(void)receive(s, NSM_CONTROL_IDENTITY);
	assert_nothing(s);
}

/* Nothing is sent, nothing crashes, and the next try succeeds. */
static void test_failing_ca(void **state)
{
	struct state *s = *state;
	struct ca_store store;
	struct error error;

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
	/* Setting the clock back does not delay the next try. */
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
	assert_non_null(attestor_prepare(&s->attestor, UID, ALICE, true, &s->fd));
	assert_int_equal(s->fd, -1);
	attestor_started(&s->attestor, UID, NOW);
	attestor_forget(&s->attestor, UID);
}

/* The world-readable root on the host is the root of this identity. */
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

/* After the root is replaced, the next leaf chains to the new one. */
static void test_rotation(void **state)
{
	struct state *s = *state;
	struct nsm_control_message message;
	struct ca_store store;
	struct error error;
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

/* Many due at once: a few are issued at a time, and finally all. */
static void test_issues_are_bounded(void **state)
{
	struct state *s = *state;
	int fds[ATTESTOR_ISSUES_MAX + 3];
	unsigned int issued = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = -1;
		assert_non_null(attestor_prepare(&s->attestor, UID + i, ALICE, true, &fds[i]));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start),
		TEST(test_reissue),
		TEST(test_clock_set_back),
		TEST(test_restart),
		TEST(test_faults),
		TEST(test_failing_ca),
		TEST(test_no_run_folder),
		TEST(test_rotation),
		TEST(test_issues_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* ne-emu logs: what the supervisor kept of an enclave, also after its end. */

#include "cli/cli.h"
#include "cli/json_in.h"
#include "cli/state.h"
#include "cli/sysfs.h"

#include "common/paths.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UID_DIGITS	16
#define COPY_STEP	(64 * KIB)

/** struct log_list - slot uids that have a folder, the newest first */
struct log_list {
	uint64_t *uids;
	size_t count;
};

#define __cleanup_json	__cleanup(json_in_free)

static void log_list_free(struct log_list *list)
{
	free(list->uids);
}

/* Slot uids begin with the time of creation. */
static int compare_newest(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

static int log_list_add(struct log_list *list, const char *name)
{
	uint64_t uid, *grown;

	if (strlen(name) != UID_DIGITS || parse_u64(name, 16, UINT64_MAX, &uid))
		return 0;	/* not ours */
	grown = reallocarray(list->uids, list->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->uids = grown;
	list->uids[list->count++] = uid;
	return 0;
}

static int log_list_read(struct log_list *list, struct cli_text *why)
{
	char path[SYS_PATH_SIZE];
	struct dirent *entry;
	int r = 0;
	DIR *dir;

	dir = opendir(sys_path(path, NE_EMU_LOG_DIR));
	if (!dir)
		return cli_fail(why, errno, "%s: %s%s", path, strerror(errno), errno == EACCES ?
				"; use sudo or join the group ne" : errno == ENOENT ?
				"; no enclave has been started yet" : "");
	while (!r && (entry = readdir(dir)))
		r = log_list_add(list, entry->d_name);
	closedir(dir);
	if (r)
		return cli_fail(why, -r, "%s", strerror(-r));
	if (list->count)
		qsort(list->uids, list->count, sizeof(*list->uids), compare_newest);
	return 0;
}

static const char *log_path(char *buf, uint64_t uid, const char *name)
{
	return sys_path(buf, NE_EMU_LOG_DIR "/%016" PRIx64 "/%s", uid, name);
}

/* NULL while the enclave lives. */
static struct json_t *load_exit(uint64_t uid)
{
	char path[SYS_PATH_SIZE];
	struct json_t *record = NULL;

	(void)json_in_load(log_path(path, uid, NE_EMU_EXIT_FILE), &record);
	return record;
}

/* The newest enclave with this CID, alive or not; 0: none. */
static uint64_t find_cid(const struct log_list *list, const char *name, uint32_t cid)
{
	struct ne_nl_enclave enclave;
	struct cli_text why;
	struct ne_nl *nl;

	if (!ne_nl_open(&nl)) {
		int r = state_find(nl, name, &enclave, &why);

		ne_nl_close(nl);
		if (!r) {
			uint64_t uid = enclave.slot_uid;

			ne_nl_enclave_done(&enclave);
			return uid;
		}
	}
	for (size_t i = 0; i < list->count; i++) {
		__cleanup_json struct json_t *record = load_exit(list->uids[i]);

		if (record && json_in_u64(record, "cid") == cid)
			return list->uids[i];
	}
	return 0;
}

static int choose(const struct log_list *list, const char *name, uint64_t *ret_uid,
		  struct cli_text *why)
{
	uint64_t uid;
	uint32_t cid;
	size_t i;

	if (!list->count)
		return cli_fail(why, ENOENT, "no logs are kept in %s", NE_EMU_LOG_DIR);
	if (!name) {
		*ret_uid = list->uids[0];
		return 0;
	}
	if (state_parse_id(name, &uid, &cid))
		return cli_fail(why, EINVAL, "\"%s\" is neither an enclave id nor a CID; see "
				"\"ne-emu logs --list\"", name);
	if (!uid)
		uid = find_cid(list, name, cid);
	for (i = 0; i < list->count && list->uids[i] != uid; i++)
		;
	if (i == list->count)
		return cli_fail(why, ENOENT, "no logs are kept of %s; see \"ne-emu logs --list\"",
				name);
	*ret_uid = uid;
	return 0;
}

static int copy_console(uint64_t uid)
{
	char path[SYS_PATH_SIZE], buf[COPY_STEP];
	__cleanup_fd int fd = open(log_path(path, uid, NE_EMU_CONSOLE_LOG), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read_full(fd, buf, sizeof(buf))) > 0)
		if (write_full(STDOUT_FILENO, buf, n))
			return -EPIPE;
	return n;
}

/* What stdout does not hold goes to stderr: the log may be piped. */
static int show(uint64_t uid)
{
	__cleanup_json struct json_t *record = load_exit(uid);
	char id[STATE_ID_SIZE];
	int r = copy_console(uid);

	state_id(uid, id);
	if (r == -ENOENT) {
		fprintf(stderr, "%s: no console was kept, it is no debug enclave\n", id);
	} else if (r) {
		cli_error("%s: cannot copy the console: %s", id, strerror(-r));
		return CLI_FAILED;
	}
	if (record)
		fprintf(stderr, "%s: ended %s, %s: %s\n", id, json_in_str(record, "ended"),
			json_in_str(record, "reason"), json_in_str(record, "text"));
	else
		fprintf(stderr, "%s: has not ended, or nobody noticed\n", id);
	return CLI_OK;
}

static uint64_t console_size(uint64_t uid)
{
	char path[SYS_PATH_SIZE];
	struct stat st;

	return stat(log_path(path, uid, NE_EMU_CONSOLE_LOG), &st) ? 0 : st.st_size;
}

static void print_table(const struct log_list *list)
{
	printf("%-19s %10s %12s  %s\n", "ID", "CID", "CONSOLE", "END");
	for (size_t i = 0; i < list->count; i++) {
		__cleanup_json struct json_t *record = load_exit(list->uids[i]);
		char id[STATE_ID_SIZE];

		printf("%-19s ", state_id(list->uids[i], id));
		if (record)
			printf("%10" PRIu64 " ", json_in_u64(record, "cid"));
		else
			printf("%10s ", "-");
		printf("%12" PRIu64 "  ", console_size(list->uids[i]));
		if (record)
			printf("%s %s: %s\n", json_in_str(record, "ended"),
			       json_in_str(record, "reason"), json_in_str(record, "text"));
		else
			printf("-\n");
	}
}

static int print_json(const struct log_list *list)
{
	struct json_out out = {};

	json_out_array(&out, NULL);
	for (size_t i = 0; i < list->count; i++) {
		__cleanup_json struct json_t *record = load_exit(list->uids[i]);
		char id[STATE_ID_SIZE], path[SYS_PATH_SIZE];

		json_out_object(&out, NULL);
		json_out_str(&out, "EnclaveID", state_id(list->uids[i], id));
		json_out_str(&out, "Console", console_size(list->uids[i]) ?
			     log_path(path, list->uids[i], NE_EMU_CONSOLE_LOG) : NULL);
		json_out_u64(&out, "ConsoleBytes", console_size(list->uids[i]));
		json_out_bool(&out, "Ended", record);
		if (record) {
			json_out_u64(&out, "EnclaveCID", json_in_u64(record, "cid"));
			json_out_str(&out, "EndTime", json_in_str(record, "ended"));
			json_out_str(&out, "ExitReason", json_in_str(record, "reason"));
			json_out_str(&out, "ExitText", json_in_str(record, "text"));
		}
		json_out_end(&out);
	}
	return json_out_print(&out, stdout, 2) ? CLI_FAILED : CLI_OK;
}

int cmd_logs(int argc, char **argv)
{
	bool list_all = false, json = false;
	const struct cli_opt opts[] = {
		OPT_FLAG("list", &list_all, "list all enclaves that left logs, the newest first"),
		OPT_FLAG("json", &json, "the list as a JSON array"),
		{}
	};
	const struct cli_usage usage = {
		"ne-emu logs", "[ID|CID]",
		"Show the console log of an enclave and why it ended; without an argument,\n"
		"of the newest one", opts, 0, 1,
	};
	__cleanup(log_list_free) struct log_list list = {};
	struct cli_text why;
	uint64_t uid = 0;
	char **args;
	int r;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	list_all = list_all || json;
	if (list_all && r)
		return cli_usage_error(&usage, "--list takes no argument");
	if (log_list_read(&list, &why) ||
	    (!list_all && choose(&list, r ? args[0] : NULL, &uid, &why))) {
		cli_error("%s", why.text);
		return CLI_FAILED;
	}
	if (json)
		return print_json(&list);
	if (!list_all)
		return show(uid);
	print_table(&list);
	return CLI_OK;
}

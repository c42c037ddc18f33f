// SPDX-License-Identifier: Apache-2.0
/* Query the emulator about enclaves. EC2 has no such interface. */

#include "cli/enclave/state.h"

#include "cli/host/sysfs.h"
#include "common/enclave_name.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOCK_FILE	NE_EMU_RUN_DIR "/ne-emud.lock"

const char *state_id(uint64_t slot_uid, char *buf)
{
	snprintf(buf, STATE_ID_SIZE, "enc%016" PRIx64, slot_uid);
	return buf;
}

const char *state_user(uint32_t uid, char *buf)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(buf, STATE_USER_SIZE, "%.40s (uid %" PRIu32 ")", user->pw_name, uid);
	else
		snprintf(buf, STATE_USER_SIZE, "user %" PRIu32, uid);
	return buf;
}

int state_outcome(uint64_t slot_uid, struct outcome *ret)
{
	struct ne_nl_enclave enclave;
	struct ne_nl *nl;
	int err;

	err = ne_nl_open(&nl);
	if (err)
		return err;
	err = ne_nl_enclave_get(nl, slot_uid, &enclave);
	if (!err) {
		*ret = outcome_of(&enclave);
		ne_nl_enclave_done(&enclave);
	}
	ne_nl_close(nl);
	return err;
}

int state_exit_text(uint64_t slot_uid, char *ret_text)
{
	struct outcome outcome;
	int err = state_outcome(slot_uid, &outcome);

	if (err)
		return err;
	memcpy(ret_text, outcome.text, STATE_TEXT_SIZE);
	return *ret_text ? 0 : -ENODATA;
}

const char *state_enclave_name(uint32_t owner, uint64_t slot_uid, char *ret)
{
	char path[SYS_PATH_SIZE];
	__cleanup_fd int fd = open(sys_path(path, NE_EMU_LOG_DIR "/%" PRIu32 "/%016" PRIx64
					    "/" NE_EMU_NAME_FILE, owner, slot_uid),
				   O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read_full(fd, ret, NE_EMU_NAME_MAX);

	if (len < 0)
		return NULL;
	ret[len] = 0;
	return enclave_name_valid(ret) ? ret : NULL;
}

bool state_emulated(void)
{
	return sys_exists("%s", NE_EMU_MODULE_PATH);
}

/* PID of the process that locks a file, or 0; for users who may not open the file. */
static uint64_t lock_holder(const char *path)
{
	char locks[SYS_PATH_SIZE];
	__cleanup_free char *line = NULL;
	__cleanup_file FILE *file = fopen(sys_path(locks, "/proc/locks"), "re");
	size_t size = 0;
	struct stat st;

	if (stat(path, &st))
		return 0;
	while (file && getline(&line, &size, file) > 0) {
		unsigned int major_nr, minor_nr;
		unsigned long long inode;
		int64_t pid;

		/* "1: FLOCK  ADVISORY  WRITE 4242 08:01:131 0 EOF" */
		if (sscanf(line, "%*d: FLOCK %*s %*s %" SCNd64 " %x:%x:%llu", &pid, &major_nr,
			   &minor_nr, &inode) == 4 && inode == st.st_ino &&
		    major_nr == major(st.st_dev) && minor_nr == minor(st.st_dev))
			return pid;
	}
	return 0;
}

uint64_t state_daemon_pid(void)
{
	char path[SYS_PATH_SIZE];

	return lock_holder(sys_path(path, LOCK_FILE));
}

int state_open(struct ne_nl **ret_nl, struct error *error)
{
	int err = ne_nl_open(ret_nl);

	if (err == -ENOENT)
		return error_set(error, -ENOENT, "the emulator is not loaded; load it with \"sudo "
				 "modprobe nitro_enclaves_emu\"");
	if (err)
		return error_set(error, err, "cannot query the emulator: %s", strerror(-err));
	return 0;
}

int state_parse_id(const char *name, uint64_t *ret_uid, uint32_t *ret_cid)
{
	const char *hex = enclave_id_digits(name);
	uint64_t value;

	if (hex) {
		if (strlen(hex) > ENCLAVE_UID_DIGITS || parse_u64(hex, 16, UINT64_MAX, &value) ||
		    !value)
			return -EINVAL;
		*ret_uid = value;
		*ret_cid = 0;
		return 0;
	}
	if (parse_u64(name, 10, UINT32_MAX, &value) || !value)
		return -EINVAL;
	*ret_uid = 0;
	*ret_cid = value;
	return 0;
}

int state_list(struct ne_nl *nl, struct ne_nl_enclave **ret, size_t *ret_count,
	       struct error *error)
{
	int err = ne_nl_enclave_list(nl, ret, ret_count);

	return err ? error_set(error, err, "cannot list enclaves: %s", strerror(-err)) : 0;
}

void state_take(struct ne_nl_enclave *list, size_t count, size_t i, struct ne_nl_enclave *ret)
{
	/* Move the entry out of the list, so that freeing the list spares it. */
	*ret = list[i];
	list[i] = list[count - 1];
	ne_nl_list_free(list, count - 1);
}

/*
 * Of several users' enclaves with this name, that of this user counts. Return: its index, or
 * -ENOENT or -ENOTUNIQ.
 */
static ssize_t find_named(const struct ne_nl_enclave *list, size_t count, const char *name)
{
	char buf[STATE_NAME_SIZE];
	ssize_t found = -ENOENT;

	for (size_t i = 0; i < count; i++) {
		uint32_t owner = ne_nl_owner(&list[i]);
		const char *its = state_enclave_name(owner, list[i].slot_uid, buf);

		if (!its || strcmp(its, name))
			continue;
		if (owner == getuid())
			return i;
		found = found == -ENOENT ? (ssize_t)i : -ENOTUNIQ;
	}
	return found;
}

static ssize_t find_numbered(const struct ne_nl_enclave *list, size_t count, uint64_t slot_uid,
			     uint32_t cid)
{
	for (size_t i = 0; i < count; i++)
		if (slot_uid ? list[i].slot_uid == slot_uid : list[i].cid == cid)
			return i;
	return -ENOENT;
}

int state_find(struct ne_nl *nl, const char *name, struct ne_nl_enclave *ret,
	       struct error *error)
{
	struct ne_nl_enclave *list;
	uint64_t slot_uid;
	size_t count;
	ssize_t found;
	uint32_t cid;
	bool named = state_parse_id(name, &slot_uid, &cid);
	int err;

	if (named && !enclave_name_valid(name))
		return error_set(error, -EINVAL, "\"%s\" is neither an enclave id nor a CID nor a "
				 "name; see \"ne-emu ps\"", name);
	err = state_list(nl, &list, &count, error);
	if (err)
		return err;
	found = named ? find_named(list, count, name) :
		find_numbered(list, count, slot_uid, cid);
	if (found >= 0) {
		state_take(list, count, found, ret);
		return 0;
	}
	ne_nl_list_free(list, count);
	if (found == -ENOTUNIQ)
		return error_set(error, found, "several users have an enclave \"%s\"; use its id or "
				 "CID, see \"ne-emu ps\"", name);
	return error_set(error, found, "there is no enclave %s; see \"ne-emu ps\"", name);
}

void state_json_cpus(struct json_out *out, const uint32_t *cpus, size_t count)
{
	json_out_u64(out, "NumberOfCPUs", count);
	json_out_array(out, "CPUIDs");
	for (size_t i = 0; i < count; i++)
		json_out_u64(out, NULL, cpus[i]);
	json_out_end(out);
}

// SPDX-License-Identifier: Apache-2.0
/* ne-emu-ca: manage the roots of trust of emulated enclaves. */

#include "ca/export.h"
#include "ca/store.h"
#include "cli/enclave/daemon_client.h"
#include "command/command.h"
#include "common/json_out.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The options of all commands. */
struct place {
	const char *state;
	const char *project;
	const char *format;
	bool json;
};

static const struct place defaults = {
	.state = CA_STATE_DIR, .project = CA_PROJECT_DEFAULT, .format = "pem",
};

static int read_project(const char *text, void *value)
{
	if (!ca_project_valid(text))
		return -EINVAL;
	*(const char **)value = text;
	return 0;
}

static const struct opt_type project_type = {
	.what = "a project name (1 to 32 characters of a-z, 0-9 and \"-\")",
	.read = read_project,
};

#define OPT_STATE \
	OPT_STRING("state", struct place, state, "DIR", \
		   "directory of the roots;\ndefault: " CA_STATE_DIR, \
		   .manual = "Directory of the roots. Default: _" CA_STATE_DIR "_. It is created " \
			     "if needed, with its parent.", \
		   .values = VALUES_DIRS)
#define OPT_PROJECT \
	OPT_TYPED("project", struct place, project, const char *, &project_type, "NAME", \
		   "project of the root; default: " CA_PROJECT_DEFAULT, \
		   .manual = "Project of the root: 1 to 32 characters of a-z, 0-9 and \"-\", " \
			     "without \"-\" at either end. Default: _" CA_PROJECT_DEFAULT "_.")

static const struct opt root_options[] = { OPT_STATE, OPT_PROJECT, {} };

static int open_store(const struct place *place, bool create, struct ca_store *store)
{
	struct error error;

	if (ca_store_open(store, place->state, create, &error)) {
		term_error("%s", error.text);
		return -EIO;
	}
	return 0;
}

/*
 * All commands and verifiers must see the new root from now on. If ne-emud does not run, it
 * publishes the root when it starts.
 */
static int tell_supervisor(void)
{
	json_t *answer = NULL;
	struct error error;
	int err;

	err = daemon_request(json_pack("{s:s}", "command", "root-changed"), &answer, &error);
	if (!err)
		json_decref(answer);
	if (!err || err == -ENOENT || err == -ECONNREFUSED)
		return 0;
	term_error("the root has changed, but ne-emud does not use it yet: %s", error.text);
	return err;
}

static int make_root(const struct place *place, bool replace)
{
	__cleanup(ca_store_close) struct ca_store store = { .fd = -1 };
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	struct error error;

	if (open_store(place, true, &store))
		return COMMAND_FAILED;
	if (ca_store_create(&store, place->project, replace, &error) ||
	    ca_store_load(&store, place->project, &root, &error)) {
		term_error("%s", error.text);
		return COMMAND_FAILED;
	}
	if (replace && ca_store_has_old(&store, place->project))
		fprintf(stderr, "the previous root and its key are kept as %s/%s.old.pem; "
			"\"ne-emu-ca forget\" destroys them\n", place->state, place->project);
	if (ca_export(root.cert, CA_EXPORT_FINGERPRINT, stdout) || tell_supervisor())
		return COMMAND_FAILED;
	return COMMAND_OK;
}

static int run_create(const struct command_call *call)
{
	return make_root(call->options, false);
}

static const struct command cmd_create = {
	.name = "create",
	.summary = "make a root",
	.about = "Make a root and print its fingerprint. ne-emud makes a missing root itself",
	.options = root_options,
	.size = sizeof(struct place),
	.defaults = &defaults,
	.run = run_create,
};

static int run_rotate(const struct command_call *call)
{
	return make_root(call->options, true);
}

static const struct command cmd_rotate = {
	.name = "rotate",
	.summary = "replace a root",
	.about = "Replace a root by a new one and print the new fingerprint. The old root and its\n"
		 "key are kept as NAME.old.pem until \"ne-emu-ca forget\". Running enclaves use\n"
		 "the new root at once",
	.options = root_options,
	.size = sizeof(struct place),
	.defaults = &defaults,
	.run = run_rotate,
};

static int run_forget(const struct command_call *call)
{
	__cleanup(ca_store_close) struct ca_store store = { .fd = -1 };
	const struct place *place = call->options;
	struct error error;
	int err;

	if (open_store(place, false, &store))
		return COMMAND_FAILED;
	err = ca_store_forget(&store, place->project, &error);
	if (!err)
		return COMMAND_OK;
	if (err == -ENOENT)
		term_error("project %s has no root from before a rotation", place->project);
	else
		term_error("%s", error.text);
	return COMMAND_FAILED;
}

static const struct command cmd_forget = {
	.name = "forget",
	.summary = "destroy the root from before the last rotation",
	.about = "Destroy NAME.old.pem, the root from before the last \"ne-emu-ca rotate\", and\n"
		 "its key",
	.options = root_options,
	.size = sizeof(struct place),
	.defaults = &defaults,
	.run = run_forget,
};

static int load_root(const struct place *place, struct ca_signer *root)
{
	__cleanup(ca_store_close) struct ca_store store = { .fd = -1 };
	struct error error;

	if (open_store(place, false, &store))
		return -EIO;
	if (ca_store_load(&store, place->project, root, &error)) {
		term_error("%s", error.text);
		return -EIO;
	}
	return 0;
}

static int run_export(const struct command_call *call)
{
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	const struct place *place = call->options;
	int format = ca_export_format(place->format);

	if (format < 0)
		return command_usage_error(call, "--format: \"%s\" is not " CA_EXPORT_FORMATS,
					   place->format);
	if (load_root(place, &root))
		return COMMAND_FAILED;
	if (ca_export(root.cert, format, stdout)) {
		term_error("cannot write the certificate");
		return COMMAND_FAILED;
	}
	return COMMAND_OK;
}

static const struct opt export_options[] = {
	OPT_STATE,
	OPT_PROJECT,
	OPT_STRING("format", struct place, format, "FORMAT",
		   CA_EXPORT_FORMATS ";\ndefault: pem",
		   .manual = CA_EXPORT_MANUAL, .values = { OPT_COMPLETE_WORDS, CA_EXPORT_WORDS }),
	{}
};

static const struct command cmd_export = {
	.name = "export",
	.summary = "print the certificate of a root",
	.about = "Print the certificate of a root, never its key",
	.options = export_options,
	.size = sizeof(struct place),
	.defaults = &defaults,
	.run = run_export,
};

/* State of "list"; @out: takes the list as JSON, NULL: print text */
struct listing {
	const struct ca_store *store;
	struct json_out *out;
};

static int list_project(const char *project, void *arg)
{
	const struct listing *listing = arg;
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	char fingerprint[2 * CA_SHA256_SIZE + 1];
	uint8_t sha256[CA_SHA256_SIZE];
	struct error error;
	bool usable = !ca_store_load(listing->store, project, &root, &error);

	if (usable && ca_cert_fingerprint(root.cert, sha256))
		return -EIO;
	if (usable)
		hex_encode(sha256, sizeof(sha256), fingerprint);
	if (!listing->out) {
		printf("%-*s %s%s\n", CA_PROJECT_MAX, project, usable ? "" : "unusable: ",
		       usable ? fingerprint : error.text);
		return 0;
	}
	json_out_document(listing->out);
	json_out_str(listing->out, "Project", project);
	json_out_str(listing->out, "Sha256", usable ? fingerprint : NULL);
	json_out_str(listing->out, "Error", usable ? NULL : error.text);
	json_out_end(listing->out);
	return 0;
}

static int run_list(const struct command_call *call)
{
	__cleanup(ca_store_close) struct ca_store store = { .fd = -1 };
	const struct place *place = call->options;
	struct listing listing = { .store = &store };
	struct json_out out = {};
	int err;

	if (open_store(place, false, &store))
		return COMMAND_FAILED;
	if (place->json) {
		listing.out = &out;
		json_out_array(&out, NULL);
	}
	err = ca_store_each(&store, list_project, &listing);
	if (place->json && json_out_print(&out, stdout, 2))
		err = -EIO;
	return err ? COMMAND_FAILED : COMMAND_OK;
}

static const struct opt list_options[] = {
	OPT_STATE,
	OPT_FLAG("json", struct place, json, "print one JSON array"),
	{}
};

static const struct command cmd_list = {
	.name = "list",
	.summary = "list projects and the fingerprints of their roots",
	.about = "List projects and the SHA-256 fingerprints of their roots",
	.options = list_options,
	.size = sizeof(struct place),
	.defaults = &defaults,
	.run = run_list,
};

static const struct command *const commands[] = {
	&cmd_create, &cmd_rotate, &cmd_forget, &cmd_export, &cmd_list, NULL,
};

static int print_version(void)
{
	puts("ne-emu-ca " NE_EMU_VERSION);
	return COMMAND_OK;
}

static const struct command program = {
	.name = "ne-emu-ca", .commands = commands, .version = print_version,
};

int main(int argc, char **argv)
{
	return command_main(&program, argc, argv);
}

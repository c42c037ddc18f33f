// SPDX-License-Identifier: Apache-2.0
/* ne-emu-ca: the roots that emulated enclaves are attested with. */

#include "ca/export.h"
#include "ca/store.h"
#include "command/command.h"
#include "common/json_out.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What all commands take. */
struct place {
	const char *state;
	const char *project;
};

#define PLACE_INIT	{ .state = CA_STATE_DIR, .project = CA_PROJECT_DEFAULT }
#define OPT_STATE(place) \
	OPT_STRING("state", &(place).state, "DIR", "folder of the roots (" CA_STATE_DIR ")")
#define OPT_PROJECT(place) \
	OPT_STRING("project", &(place).project, "NAME", "which root (" CA_PROJECT_DEFAULT ")")

static int open_store(const struct place *place, bool create, struct ca_store *store)
{
	struct error error;

	if (!ca_project_valid(place->project)) {
		cli_error("\"%s\" is not a project name: 1 to %d of a-z, 0-9 and -",
			  place->project, CA_PROJECT_MAX);
		return -EINVAL;
	}
	if (ca_store_open(store, place->state, create, &error)) {
		cli_error("%s", error.text);
		return -EIO;
	}
	return 0;
}

static int make_root(const struct cli_usage *usage, const struct place *place, int argc,
		     char **argv, bool replace)
{
	__cleanup(ca_store_close) struct ca_store store = { .fd = -1 };
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	struct error error;
	char **args;
	int r;

	r = cli_parse(usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	if (open_store(place, true, &store))
		return CLI_FAILED;
	if (ca_store_create(&store, place->project, replace, &error) ||
	    ca_store_load(&store, place->project, &root, &error)) {
		cli_error("%s", error.text);
		return CLI_FAILED;
	}
	if (replace && ca_store_has_old(&store, place->project))
		fprintf(stderr, "the root before it is kept with its key, as %s/%s.old.pem; "
			"\"ne-emu-ca forget\" destroys it\n", place->state, place->project);
	return ca_export(root.cert, CA_EXPORT_FINGERPRINT, stdout) ? CLI_FAILED : CLI_OK;
}

static int cmd_create(int argc, char **argv)
{
	struct place place = PLACE_INIT;
	const struct cli_opt opts[] = { OPT_STATE(place), OPT_PROJECT(place), {} };
	const struct cli_usage usage = {
		"ne-emu-ca create", "", "Make a root and print its fingerprint. ne-emud does it "
		"when it first needs one", opts, 0, 0,
	};

	return make_root(&usage, &place, argc, argv, false);
}

static int cmd_rotate(int argc, char **argv)
{
	struct place place = PLACE_INIT;
	const struct cli_opt opts[] = { OPT_STATE(place), OPT_PROJECT(place), {} };
	const struct cli_usage usage = {
		"ne-emu-ca rotate", "", "Put a new root in the place of the one there is, which "
		"is kept as NAME.old.pem\nwith its key until \"ne-emu-ca forget\", and print its "
		"fingerprint. Enclaves get\ncertificates under it when their next is due",
		opts, 0, 0,
	};

	return make_root(&usage, &place, argc, argv, true);
}

static int cmd_forget(int argc, char **argv)
{
	__cleanup(ca_store_close) struct ca_store store = { .fd = -1 };
	struct place place = PLACE_INIT;
	const struct cli_opt opts[] = { OPT_STATE(place), OPT_PROJECT(place), {} };
	const struct cli_usage usage = {
		"ne-emu-ca forget", "", "Destroy NAME.old.pem, the root before the last "
		"\"ne-emu-ca rotate\", with its key", opts, 0, 0,
	};
	struct error error;
	char **args;
	int r;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	if (open_store(&place, false, &store))
		return CLI_FAILED;
	r = ca_store_forget(&store, place.project, &error);
	if (!r)
		return CLI_OK;
	if (r == -ENOENT)
		cli_error("project %s has no root from before a rotation", place.project);
	else
		cli_error("%s", error.text);
	return CLI_FAILED;
}

static int load_root(const struct place *place, struct ca_signer *root)
{
	__cleanup(ca_store_close) struct ca_store store = { .fd = -1 };
	struct error error;

	if (open_store(place, false, &store))
		return -EIO;
	if (ca_store_load(&store, place->project, root, &error)) {
		cli_error("%s", error.text);
		return -EIO;
	}
	return 0;
}

static int cmd_export(int argc, char **argv)
{
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	struct place place = PLACE_INIT;
	const char *name = "pem";
	const struct cli_opt opts[] = {
		OPT_STATE(place), OPT_PROJECT(place),
		OPT_STRING("format", &name, "FORMAT", CA_EXPORT_FORMATS " (pem)"),
		{}
	};
	const struct cli_usage usage = {
		"ne-emu-ca export", "", "Print the certificate of a root, never its key", opts, 0, 0,
	};
	int r, format;
	char **args;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	format = ca_export_format(name);
	if (format < 0)
		return cli_usage_error(&usage, "--format: not " CA_EXPORT_FORMATS);
	if (load_root(&place, &root))
		return CLI_FAILED;
	if (ca_export(root.cert, format, stdout)) {
		cli_error("cannot write the certificate");
		return CLI_FAILED;
	}
	return CLI_OK;
}

/* @out: NULL for people */
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
	json_out_object(listing->out, NULL);
	json_out_str(listing->out, "Project", project);
	json_out_str(listing->out, "Sha256", usable ? fingerprint : NULL);
	json_out_str(listing->out, "Error", usable ? NULL : error.text);
	json_out_end(listing->out);
	return 0;
}

static int cmd_list(int argc, char **argv)
{
	__cleanup(ca_store_close) struct ca_store store = { .fd = -1 };
	struct place place = PLACE_INIT;
	struct json_out out = {};
	struct listing listing = { .store = &store };
	bool json = false;
	const struct cli_opt opts[] = {
		OPT_STATE(place),
		OPT_FLAG("json", &json, "print one JSON array"),
		{}
	};
	const struct cli_usage usage = {
		"ne-emu-ca list", "", "List projects and the SHA-256 fingerprints of their roots",
		opts, 0, 0,
	};
	char **args;
	int r;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	if (open_store(&place, false, &store))
		return CLI_FAILED;
	if (json) {
		listing.out = &out;
		json_out_array(&out, NULL);
	}
	r = ca_store_each(&store, list_project, &listing);
	if (json && json_out_print(&out, stdout, 2))
		r = -EIO;
	return r ? CLI_FAILED : CLI_OK;
}

static const struct cli_command commands[] = {
	{ "create", "make a root", cmd_create },
	{ "rotate", "replace a root", cmd_rotate },
	{ "forget", "destroy the root before the last rotation", cmd_forget },
	{ "export", "print the certificate of a root", cmd_export },
	{ "list", "list projects and the fingerprints of their roots", cmd_list },
	{}
};

int main(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))) {
		puts("ne-emu-ca " NE_EMU_VERSION);
		return CLI_OK;
	}
	return cli_dispatch("ne-emu-ca", commands, argc, argv);
}

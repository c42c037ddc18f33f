/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave runs: file system, command, environment, directory, user. */

#ifndef NE_EMU_PACK_APPLICATION_H
#define NE_EMU_PACK_APPLICATION_H

#include "pack/tree.h"

/**
 * struct strings - a list of texts, which it owns
 * @list: terminated by NULL; NULL if the list is empty
 * @count: number of entries of @list without the NULL
 */
struct strings {
	char **list;
	size_t count;
};

/** strings_add() - append a copy of @text; Return: 0 or -ENOMEM */
int strings_add(struct strings *strings, const char *text);
/** strings_cut() - remove all but the first @count texts */
void strings_cut(struct strings *strings, size_t count);
/** strings_set() - append "NAME=VALUE", or replace an earlier value of NAME; Return: likewise */
int strings_set(struct strings *strings, const char *entry);
/** strings_value() - Return: the value of "NAME=VALUE", or NULL */
const char *strings_value(const struct strings *strings, const char *name);
void strings_free(struct strings *strings);

/**
 * struct application - what an enclave runs; the caller may change it
 * @as_nitro_cli: run it exactly as nitro-cli and AWS's init would
 * @tree: root file system
 * @command: program and arguments
 * @nr_entrypoint: number of items of @command that arguments of the user do not replace
 * @env: environment, "NAME=VALUE" each
 * @workdir: working directory; NULL or "": the root directory
 * @user: "user[:group]", names or numbers; NULL or "": root
 * @info: JSON text for the metadata, or NULL
 * @name: name of the image, or NULL
 * @id: hash of the image's configuration as hexadecimal digits, or NULL
 */
struct application {
	bool as_nitro_cli;
	struct tree tree;
	struct strings command;
	size_t nr_entrypoint;
	struct strings env;
	char *workdir;
	char *user;
	char *info;
	char *name;
	char *id;
};

/**
 * application_init() - start with the directories on which the init mounts file systems
 * @app: the application
 *
 * Return: 0 or a negative errno.
 */
int application_init(struct application *app);
void application_free(struct application *app);

/**
 * application_read_image() - unpack a container image
 * @app: receives the contents; has to be empty
 * @path: directory or tar archive in OCI image layout, or output of "docker save" or
 *	"skopeo copy ... dir:"; "-" is an archive on standard input
 * @arch: "amd64" or "arm64"
 * @tag: selects one of several images; or NULL
 * @error: set on failure
 *
 * The limits of @app->tree apply to what is unpacked, and also to the image itself.
 *
 * Return: 0 or a negative errno, with or without a text.
 */
int application_read_image(struct application *app, const char *path, const char *arch,
			   const char *tag, struct error *error);

/**
 * application_add_files() - add the files that container engines and nitro-cli add
 * @app: the application
 * @keep: its own ones stay: a directory of the user, not an image
 * @error: set on failure
 *
 * These are /etc/hosts and /etc/resolv.conf, for the names that have to resolve, and /etc/mtab.
 * What engines leave in an image is removed.
 */
int application_add_files(struct application *app, bool keep, struct error *error);

/** application_add_env() - add the defaults of HOME and PATH, except as nitro-cli */
int application_add_env(struct application *app);

/**
 * application_needs_more() - check whether the init of AWS cannot run an application
 * @app: the application
 *
 * Return: true if it has a user other than root, or a working directory other than "/".
 */
bool application_needs_more(const struct application *app);

/**
 * application_write() - write the ramdisk: rootfs/, cmd, env; workdir, user and like if needed
 * @app: the application
 * @fd: written to from its current position
 * @error: set on failure
 */
int application_write(struct application *app, int fd, struct error *error);

/**
 * bootstrap_write() - write the ramdisk before it: dev/, init, nsm.ko
 * @fd: written to from its current position
 * @init: path of the program
 * @nsm: path of the module, or NULL
 * @error: set on failure
 */
int bootstrap_write(int fd, const char *init, const char *nsm, struct error *error);

#endif

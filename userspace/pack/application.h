/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave runs: file system, command, environment, directory, user. */

#ifndef NE_EMU_PACK_APPLICATION_H
#define NE_EMU_PACK_APPLICATION_H

#include "pack/tree.h"

/**
 * struct strings - a list of texts, each of them owned
 * @list: ends with NULL once there is one
 * @count: entries of @list without the NULL
 */
struct strings {
	char **list;
	size_t count;
};

/** strings_add() - a copy of @text; 0 or -ENOMEM */
int strings_add(struct strings *strings, const char *text);
void strings_free(struct strings *strings);

/**
 * struct application - zero or filled by application_read_image(), then changed
 * @tree: the root of what it runs in
 * @command: program and arguments
 * @env: "NAME=VALUE" each
 * @workdir: NULL or "": the root
 * @user: NULL or "": root; else "user[:group]", names or numbers
 * @info: JSON text for the metadata, or NULL
 * @name: of the image, or NULL
 * @id: hash of the image's configuration as hexadecimal digits, or NULL
 */
struct application {
	struct tree tree;
	struct strings command;
	struct strings env;
	char *workdir;
	char *user;
	char *info;
	char *name;
	char *id;
};

/** application_init() - with the directories that the init mounts on; 0 or a negative errno */
int application_init(struct application *app);
void application_free(struct application *app);

/**
 * application_read_image() - unpack a container image
 * @app: what is read into; has to be empty
 * @path: directory or tar archive in OCI image layout, or what "docker save" gives
 * @arch: "amd64" or "arm64"
 * @tag: which image, if there are several; or NULL
 * @error: set on failure
 *
 * The limits of @app->tree bound what is unpacked, and the image itself likewise.
 *
 * Return: 0 or a negative errno, with a text or not.
 */
int application_read_image(struct application *app, const char *path, const char *arch,
			   const char *tag, struct error *error);

/**
 * application_needs_more() - does it need an init that knows more than AWS's does?
 * @app: what is to be packed
 *
 * That is a user or a working directory other than root's.
 */
bool application_needs_more(const struct application *app);

/**
 * application_write() - the ramdisk: rootfs/, cmd, env; workdir and user if they matter
 * @app: what is packed
 * @fd: written to from where it stands
 * @error: set on failure
 */
int application_write(struct application *app, int fd, struct error *error);

/**
 * bootstrap_write() - the ramdisk in front of it: dev/, init, nsm.ko
 * @fd: written to from where it stands
 * @init: path of the program
 * @nsm: path of the module, or NULL
 * @error: set on failure
 */
int bootstrap_write(int fd, const char *init, const char *nsm, struct error *error);

#endif

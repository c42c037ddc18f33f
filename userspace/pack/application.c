// SPDX-License-Identifier: Apache-2.0
/* What an enclave runs, and writing it as the two ramdisks of AWS's layout. */

#include "pack/application.h"

#include "common/util.h"
#include "pack/cpio.h"
#include "pack/users.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Limits of our init for each list; other inits accept such lists too. */
#define LIST_SIZE_MAX	(64 * KIB - 1)
#define LIST_ITEMS_MAX	1024

#define PROGRAM_SIZE_MAX	(256 * MIB)

/* The names that container engines and linuxkit, which nitro-cli calls, put there. */
static const char hosts[] =
	"127.0.0.1\tlocalhost\n"
	"::1\tlocalhost ip6-localhost ip6-loopback\n"
	"fe00::0\tip6-localnet\n"
	"ff00::0\tip6-mcastprefix\n"
	"ff02::1\tip6-allnodes\n"
	"ff02::2\tip6-allrouters\n";

static const char resolv_conf[] = "# an enclave has no name server\n";

/* The default of container engines. */
#define CONTAINER_PATH	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

int strings_add(struct strings *strings, const char *text)
{
	char **list = reallocarray(strings->list, strings->count + 2, sizeof(*list));

	if (!list)
		return -ENOMEM;
	strings->list = list;
	list[strings->count] = strdup(text);
	if (!list[strings->count])
		return -ENOMEM;
	list[++strings->count] = NULL;
	return 0;
}

void strings_cut(struct strings *strings, size_t count)
{
	while (strings->count > count) {
		free(strings->list[--strings->count]);
		strings->list[strings->count] = NULL;
	}
}

/* Return: the index of "NAME=VALUE", or @strings->count. @len: length of NAME */
static size_t strings_find(const struct strings *strings, const char *name, size_t len)
{
	size_t i = 0;

	while (i < strings->count && (strncmp(strings->list[i], name, len) ||
				      strings->list[i][len] != '='))
		i++;
	return i;
}

const char *strings_value(const struct strings *strings, const char *name)
{
	size_t len = strlen(name), i = strings_find(strings, name, len);

	return i < strings->count ? strings->list[i] + len + 1 : NULL;
}

int strings_set(struct strings *strings, const char *entry)
{
	size_t i = strings_find(strings, entry, strcspn(entry, "="));
	char *copy;

	if (i == strings->count)
		return strings_add(strings, entry);
	copy = strdup(entry);
	if (!copy)
		return -ENOMEM;
	free(strings->list[i]);
	strings->list[i] = copy;
	return 0;
}

void strings_free(struct strings *strings)
{
	strings_cut(strings, 0);
	free(strings->list);
	*strings = (struct strings){};
}

int application_init(struct application *app)
{
	static const char *const folders[] = { "dev", "proc", "run", "sys", "tmp", "var" };
	struct tree_node *node;
	int err;

	*app = (struct application){};
	err = tree_init(&app->tree);
	for (size_t i = 0; !err && i < ARRAY_SIZE(folders); i++)
		err = tree_add(&app->tree, folders[i], S_IFDIR | 0755, &node);
	return err;
}

void application_free(struct application *app)
{
	tree_exit(&app->tree);
	strings_free(&app->command);
	strings_free(&app->env);
	free(app->workdir);
	free(app->user);
	free(app->info);
	free(app->name);
	free(app->id);
}

static int remove_file(struct tree *tree, const char *path)
{
	struct tree_node *node = tree_find(tree, path, false);

	return node && !S_ISDIR(node->mode) ? tree_hide(tree, node) : 0;
}

/* Files that engines make for a container and that are of no use in an image. */
static int remove_leftovers(struct application *app)
{
	int err = 0;

	app->tree.layer++;
	if (!err)
		err = remove_file(&app->tree, ".dockerenv");
	if (!err)
		err = remove_file(&app->tree, "etc/hostname");
	if (!err && app->as_nitro_cli)
		err = remove_file(&app->tree, "Dockerfile");
	return err;
}

static int put_names(struct tree *tree, const char *path, const char *text, bool keep,
		     struct error *error)
{
	int err = keep && tree_find(tree, path, false) ? 0 :
		tree_put(tree, path, 0644, text, strlen(text));

	return err ? error_set(error, err, "cannot add /%s: %s", path, strerror(-err)) : 0;
}

static int link_mounts(struct tree *tree, struct error *error)
{
	static const char path[] = "etc/mtab";
	struct tree_node *node;
	int err;

	if (tree_find(tree, path, false))
		return 0;
	err = tree_add(tree, path, S_IFLNK | 0777, &node);
	if (!err)
		err = tree_set_target(tree, node, "/proc/mounts");
	return err ? error_set(error, err, "cannot add /%s: %s", path, strerror(-err)) : 0;
}

static int set_home(struct application *app)
{
	__cleanup_free char *home = NULL, *entry = NULL;
	int err = users_find_home(&app->tree, app->user, &home);

	if (err)
		return err;
	if (asprintf(&entry, "HOME=%s", home) < 0) {
		entry = NULL;
		return -ENOMEM;
	}
	return strings_add(&app->env, entry);
}

int application_add_files(struct application *app, bool keep, struct error *error)
{
	int err = keep ? 0 : remove_leftovers(app);

	if (!err)
		err = put_names(&app->tree, "etc/hosts", hosts, keep, error);
	if (!err)
		err = put_names(&app->tree, "etc/resolv.conf", resolv_conf, keep, error);
	return err ? err : link_mounts(&app->tree, error);
}

int application_add_env(struct application *app)
{
	int err = 0;

	if (app->as_nitro_cli)
		return 0;
	if (!strings_value(&app->env, "PATH"))
		err = strings_add(&app->env, CONTAINER_PATH);
	if (!err && !strings_value(&app->env, "HOME"))
		err = set_home(app);
	return err;
}

static bool has_workdir(const struct application *app)
{
	return app->workdir && *app->workdir && strcmp(app->workdir, "/");
}

static bool has_user(const struct application *app)
{
	static const char *const root[] = { "", "0", "root", "0:0", "root:root" };

	for (size_t i = 0; app->user && i < ARRAY_SIZE(root); i++)
		if (!strcmp(app->user, root[i]))
			return false;
	return app->user;
}

bool application_needs_more(const struct application *app)
{
	return has_workdir(app) || has_user(app);
}

/* Write one item per line, as all inits of this layout expect. */
static int write_lines(struct cpio *cpio, const char *name, const struct strings *strings)
{
	__cleanup_free char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < strings->count; i++) {
		if (strchr(strings->list[i], '\n')) {
			fclose(out);
			return error_set(cpio->error, -EINVAL, "%s: item %zu has several lines, "
					 "but the format has one item per line", name, i + 1);
		}
		fprintf(out, "%s\n", strings->list[i]);
	}
	if (fclose(out))
		return -ENOMEM;
	if (size > LIST_SIZE_MAX || strings->count > LIST_ITEMS_MAX)
		return error_set(cpio->error, -E2BIG, "%s: more than %d items or %llu bytes", name,
				 LIST_ITEMS_MAX, LIST_SIZE_MAX);
	return cpio_add_data(cpio, name, 0644, text, size);
}

static int application_write_text(struct cpio *cpio, const char *name, const char *text)
{
	return cpio_add_data(cpio, name, 0644, text, strlen(text));
}

/* Like a container engine, create the directory if it does not exist. */
static int write_workdir(struct application *app, struct cpio *cpio)
{
	struct tree_node *node = tree_find(&app->tree, app->workdir, true);
	int err = 0;

	if (*app->workdir != '/' || strchr(app->workdir, '\n'))
		return error_set(cpio->error, -EINVAL,
				 "working directory \"%s\" is not an absolute path",
				 app->workdir);
	if (node && !S_ISDIR(node->mode))
		return error_set(cpio->error, -ENOTDIR, "working directory %s is not a directory",
				 app->workdir);
	if (!node)
		err = tree_add(&app->tree, app->workdir, S_IFDIR | 0755, &node);
	if (err)
		return error_set(cpio->error, err, "working directory %s: %s", app->workdir,
				 strerror(-err));
	return application_write_text(cpio, "workdir", app->workdir);
}

static int write_user(struct application *app, struct cpio *cpio)
{
	__cleanup_free char *text = NULL;
	int err = users_resolve(&app->tree, app->user, &text, cpio->error);

	return err ? err : application_write_text(cpio, "user", text);
}

int application_write(struct application *app, int fd, struct error *error)
{
	struct cpio cpio;
	int err;

	if (!app->command.count)
		return error_set(error, -EINVAL, "there is no command to run: give --exec");
	err = cpio_begin(&cpio, fd, error);
	if (!err)
		err = write_lines(&cpio, "cmd", &app->command);
	if (!err)
		err = write_lines(&cpio, "env", &app->env);
	if (!err && has_workdir(app))
		err = write_workdir(app, &cpio);
	if (!err && has_user(app))
		err = write_user(app, &cpio);
	if (!err && app->as_nitro_cli)
		err = application_write_text(&cpio, "like", "nitro-cli\n");
	if (!err)
		err = cpio_add_tree(&cpio, &app->tree, "rootfs");
	if (!err)
		err = cpio_end(&cpio);
	cpio_abort(&cpio);
	return err;
}

static int add_program(struct cpio *cpio, const char *name, const char *path)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	__cleanup_free uint8_t *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return error_set(cpio->error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > PROGRAM_SIZE_MAX)
		return error_set(cpio->error, -EINVAL, "%s: not a file, or too large", path);
	data = malloc(st.st_size ?: 1);
	if (!data)
		return -ENOMEM;
	if (read_full(fd, data, st.st_size) != st.st_size)
		return error_set(cpio->error, -EIO, "%s: cannot read", path);
	return cpio_add_data(cpio, name, 0755, data, st.st_size);
}

int bootstrap_write(int fd, const char *init, const char *nsm, struct error *error)
{
	struct cpio cpio;
	int err = cpio_begin(&cpio, fd, error);

	if (!err)
		err = cpio_add_folder(&cpio, "dev", 0755);
	if (!err)
		err = add_program(&cpio, "init", init);
	if (!err && nsm)
		err = add_program(&cpio, "nsm.ko", nsm);
	if (!err)
		err = cpio_end(&cpio);
	cpio_abort(&cpio);
	return err;
}

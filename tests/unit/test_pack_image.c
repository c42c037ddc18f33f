// SPDX-License-Identifier: Apache-2.0
/* Images in directories and archives, in the layouts of OCI and Docker. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_root.h"
#include "pack/application.h"
#include "pack/store.h"
#include "pack_fixture.h"

#include <openssl/evp.h>
#include <time.h>

static void write_blob(struct temp_dir *dir, const char *hash, const void *data, size_t size)
{
	char path[200];

	snprintf(path, sizeof(path), "/oci/blobs/sha256/%s", hash);
	fake_root_write(dir, path, data, size);
}

static void hash_of(const void *data, size_t size, char *ret)
{
	uint8_t hash[32];

	assert_true(EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL));
	hex_encode(hash, sizeof(hash), ret);
}

static const char config[] =
	"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Entrypoint\":[\"/run\",\"-x\"],"
	"\"Cmd\":[\"a b\"],\"Env\":[\"PATH=/bin\",\"E=1\"],\"WorkingDir\":\"/w\",\"User\":\"3\"}}";

static size_t make_layer(char *data, size_t room)
{
	static const struct entry entries[] = { REG("run", "#!"), {} };
	__cleanup_fd int fd = write_tar(entries, ARCHIVE_FILTER_GZIP);
	ssize_t n = pread(fd, data, room, 0);

	assert_true(n > 0 && (size_t)n < room);
	return n;
}

static void assert_app(const char *path, const char *tag)
{
	struct error error = {};
	struct application app;

	assert_int_equal(application_init(&app), 0);
	if (application_read_image(&app, path, "amd64", tag, &error))
		fail_msg("%s", error.text);
	assert_contents(&app.tree, "run", "#!");
	assert_int_equal(app.command.count, 3);
	assert_string_equal(app.command.list[0], "/run");
	assert_string_equal(app.command.list[2], "a b");
	assert_int_equal(app.env.count, 2);
	assert_string_equal(app.workdir, "/w");
	assert_string_equal(app.user, "3");
	assert_string_equal(app.name, "app:1");
	expect_text(app.info, "\"Architecture\":\"amd64\"");
	application_free(&app);
}

static void assert_no_app(const char *path, const char *arch, const char *tag, const char *text)
{
	struct error error = {};
	struct application app;

	assert_int_equal(application_init(&app), 0);
	assert_true(application_read_image(&app, path, arch, tag, &error) < 0);
	expect_text(error.text, text);
	application_free(&app);
}

static void test_oci_layout(void **state)
{
	char layer_hash[65], config_hash[65], manifest_hash[65], data[4096], manifest[1000];
	char index[1000], path[ROOT_PATH_SIZE], other[1000], other_hash[65];
	struct temp_dir dir;
	size_t size;

	fake_root_create(&dir);
	size = make_layer(data, sizeof(data));
	hash_of(data, size, layer_hash);
	write_blob(&dir, layer_hash, data, size);
	hash_of(config, strlen(config), config_hash);
	write_blob(&dir, config_hash, config, strlen(config));
	snprintf(manifest, sizeof(manifest), "{\"config\":{\"digest\":\"sha256:%s\"},\"layers\":["
		 "{\"digest\":\"sha256:%s\"}]}", config_hash, layer_hash);
	hash_of(manifest, strlen(manifest), manifest_hash);
	write_blob(&dir, manifest_hash, manifest, strlen(manifest));
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\",\"annotations\":"
		 "{\"org.opencontainers.image.ref.name\":\"app:1\"}},{\"digest\":\"sha256:%s\","
		 "\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}}]}", manifest_hash,
		 config_hash);
	fake_root_put(&dir, "/oci/index.json", index);
	fake_root_path(&dir, "/oci", path);
	assert_app(path, NULL);
	assert_app(path, "1");
	assert_app(path, "app:1");
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\",\"annotations\":"
		 "{\"org.opencontainers.image.ref.name\":\"app:1\"}},{\"digest\":\"sha256:%s\","
		 "\"annotations\":{\"org.opencontainers.image.ref.name\":\"app:latest\"}}]}",
		 manifest_hash, manifest_hash);
	fake_root_put(&dir, "/oci/index.json", index);
	assert_app(path, NULL);		/* one image with two names */
	assert_no_app(path, "amd64", "2",
		      "no image of the name 2; there are: app:1, app:latest");
	assert_no_app(path, "arm64", NULL, "no image for linux/arm64, only for linux/amd64");

	/* Two images: the choice would be ambiguous. */
	snprintf(other, sizeof(other), "{\"config\":{\"digest\":\"sha256:%s\"},\"layers\":[]}",
		 config_hash);
	hash_of(other, strlen(other), other_hash);
	write_blob(&dir, other_hash, other, strlen(other));
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\"},"
		 "{\"digest\":\"sha256:%s\"}]}", manifest_hash, other_hash);
	fake_root_put(&dir, "/oci/index.json", index);
	assert_no_app(path, "amd64", NULL, "several images for linux/amd64: choose one");
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\",\"annotations\":"
		 "{\"org.opencontainers.image.ref.name\":\"app:1\"}},{\"digest\":\"sha256:%s\","
		 "\"annotations\":{\"org.opencontainers.image.ref.name\":\"app:2\"}}]}",
		 manifest_hash, other_hash);
	fake_root_put(&dir, "/oci/index.json", index);
	assert_no_app(path, "amd64", NULL, "choose one with --tag: app:1, app:2");
	assert_app(path, "1");
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\"}]}",
		 manifest_hash);
	fake_root_put(&dir, "/oci/index.json", index);

	write_blob(&dir, layer_hash, data, size - 1);
	assert_no_app(path, "amd64", NULL, "its contents have the hash");
	fake_root_put(&dir, "/oci/index.json", "{\"manifests\":[{\"digest\":\"sha256:../../../x\"}]}");
	assert_no_app(path, "amd64", NULL, "not 64 lower-case hexadecimal digits");
	fake_root_put(&dir, "/oci/index.json", "{");
	assert_no_app(path, "amd64", NULL, "index.json: line 1");
	fake_root_put(&dir, "/oci/index.json", "[1]");
	assert_no_app(path, "amd64", NULL, "there is no image");
	fake_root_path(&dir, "/none/", path);
	assert_no_app(path, "amd64", NULL, "neither index.json nor manifest.json");
	fake_root_remove(&dir);
}

#define BLOB_SIZE	(16 * MIB)

/* Open an image with @count equal layers. Return: how long that took. */
static clock_t time_to_open(struct temp_dir *dir, const char *layer_hash, size_t count, int result)
{
	char config_hash[65], hash[65], path[ROOT_PATH_SIZE], index[200], *manifest;
	struct tree_limits limits = { .size = TREE_SIZE_MAX, .names = TREE_NAMES_MAX };
	struct error error = {};
	struct store store;
	clock_t start;
	size_t size;
	FILE *out = open_memstream(&manifest, &size);

	hash_of(config, strlen(config), config_hash);
	fprintf(out, "{\"config\":{\"digest\":\"sha256:%s\"},\"layers\":[", config_hash);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s{\"digest\":\"sha256:%s\"}", i ? "," : "", layer_hash);
	fprintf(out, "]}");
	fclose(out);
	hash_of(manifest, size, hash);
	write_blob(dir, hash, manifest, size);
	free(manifest);
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\"}]}", hash);
	fake_root_put(dir, "/oci/index.json", index);
	start = clock();
	assert_int_equal(store_open(&store, fake_root_path(dir, "/oci", path), "amd64", NULL,
				    &limits, &error), result);
	if (!result)
		assert_int_equal(store.nr_layers, count);
	store_close(&store);
	return clock() - start;
}

static void test_repeated_layers(void **state)
{
	char config_hash[65], hash[65];
	uint8_t *blob = calloc(1, BLOB_SIZE);
	struct temp_dir dir;
	clock_t once;

	fake_root_create(&dir);
	hash_of(config, strlen(config), config_hash);
	write_blob(&dir, config_hash, config, strlen(config));
	hash_of(blob, BLOB_SIZE, hash);
	write_blob(&dir, hash, blob, BLOB_SIZE);
	once = time_to_open(&dir, hash, 1, 0);
	assert_in_range(time_to_open(&dir, hash, 1024, 0), 0, 10 * once);
	(void)time_to_open(&dir, hash, 1025, -E2BIG);
	free(blob);
	fake_root_remove(&dir);
}

/* Valid and invalid configurations; the image has no layers. */
static void test_configurations(void **state)
{
	static const struct {
		const char *config;
		const char *command;	/* NULL: refused with @text */
		const char *text;
	} cases[] = {
		{ "\"Entrypoint\":[\"a\",\"b\"],\"Cmd\":[\"c\"]", "a b c", NULL },
		{ "\"Entrypoint\":null,\"Cmd\":[\"c\",\"\"]", "c ", NULL },
		{ "\"Entrypoint\":\"/bin/a b\",\"Cmd\":\"c\"", "/bin/a b c", NULL },
		{ "\"Entrypoint\":[]", "", NULL },
		{ "\"Entrypoint\":{}", NULL, "Entrypoint of the image is not a list" },
		{ "\"Cmd\":[\"a\",1]", NULL, "Cmd of the image: item 2 is not text" },
		{ "\"Env\":7", NULL, "Env of the image is not a list" },
		{ "},\"architecture\":\"\\u001b[31mevil\",\"x\":{", NULL,
		  "the image is for linux/\\x1b[31mevil, the kernel for linux/amd64" },
	};
	struct error error = {};
	char text[200], path[ROOT_PATH_SIZE];
	struct application app;
	struct temp_dir dir;

	fake_root_create(&dir);
	fake_root_path(&dir, "/save", path);
	fake_root_put(&dir, "/save/manifest.json", "[{\"Config\":\"c\",\"Layers\":[]}]");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "{\"config\":{%s}}", cases[i].config);
		fake_root_put(&dir, "/save/c", text);
		if (!cases[i].command) {
			assert_no_app(path, "amd64", NULL, cases[i].text);
			continue;
		}
		assert_int_equal(application_init(&app), 0);
		assert_int_equal(application_read_image(&app, path, "amd64", NULL, &error), 0);
		*text = 0;
		for (size_t n = 0; n < app.command.count; n++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 n ? " " : "", app.command.list[n]);
		assert_string_equal(text, cases[i].command);
		application_free(&app);
	}
	fake_root_remove(&dir);
}

static void test_docker_archive(void **state)
{
	static const char manifest[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"app:1\"],"
		"\"Layers\":[\"l/layer.tar\"]}]";
	static const char two[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"app:1\"],"
		"\"Layers\":[\"l/layer.tar\"]},{\"Config\":\"c.json\",\"RepoTags\":[\"b:1\"]}]";
	static const char escape[] = "[{\"Config\":\"../../../../etc/passwd\",\"Layers\":[]}]";
	static const struct entry layer_entries[] = { REG("run", "#!"), {} };
	__cleanup_fd int layer_fd = write_tar(layer_entries, ARCHIVE_FILTER_NONE);
	struct entry entries[] = { REG("c.json", config), REG("manifest.json", manifest),
				   SYM("l/layer.tar", "../other/layer.tar"), {} };
	__cleanup_fd int fd = -1;
	struct temp_dir dir;
	char path[ROOT_PATH_SIZE], data[20000];
	ssize_t size;

	fake_root_create(&dir);
	/* As a directory first: the layer holds zeros, and write_tar() takes text. */
	fake_root_put(&dir, "/save/c.json", config);
	fake_root_put(&dir, "/save/manifest.json", manifest);
	size = pread(layer_fd, data, sizeof(data), 0);
	fake_root_write(&dir, "/save/other/layer.tar", data, size);
	fake_root_mkdir(&dir, "/save/l");
	fake_root_path(&dir, "/save/l/layer.tar", path);
	assert_int_equal(symlink("../other/layer.tar", path), 0);
	fake_root_path(&dir, "/save", path);
	assert_app(path, NULL);
	assert_app(path, "app:1");
	assert_no_app(path, "amd64", "pp:1", "no image of the name pp:1; there are: app:1");
	fake_root_put(&dir, "/save/manifest.json", two);
	assert_no_app(path, "amd64", NULL, "there are several images: choose one with --tag");
	assert_no_app(path, "amd64", "1", "there are several images: choose one with --tag");
	assert_app(path, "app:1");
	fake_root_put(&dir, "/save/manifest.json", escape);
	assert_no_app(path, "amd64", NULL, "\"../../../../etc/passwd\" is missing");

	/* As an archive that lacks the layer. */
	fd = write_tar(entries, ARCHIVE_FILTER_NONE);
	size = pread(fd, data, sizeof(data), 0);
	fake_root_write(&dir, "/save.tar", data, size);
	fake_root_path(&dir, "/save.tar", path);
	assert_no_app(path, "amd64", NULL, "\"l/layer.tar\" is missing");
	fake_root_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oci_layout),
		cmocka_unit_test(test_repeated_layers),
		cmocka_unit_test(test_configurations),
		cmocka_unit_test(test_docker_archive),
	};

	return cmocka_run_group_tests_name("pack_image", tests, NULL, NULL);
}

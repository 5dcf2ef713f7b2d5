#include "chat/cli/known.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chat/cli/client.h"
#include "index/base/hash.h"

#define BLOCK ((size_t)128 * 1024)

static void size_key(int64_t n_bytes, char key[24])
{
	snprintf(key, 24, "%" PRId64, n_bytes);
}

int known_load(struct cli *cli, const char *collection, struct known *out, struct err *e)
{
	json_t *row;
	size_t i;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = client_list(cli, client_path(cli, "/v1/documents?collection=%s", collection),
		"documents", &out->rows, e);
	out->by_hash = json_object();
	out->sizes = json_object();
	json_array_foreach(out->rows, i, row)
	{
		const char *hash = json_string_value(json_object_get(row, "sha256"));
		char key[24];

		/* What came inside of another document goes with that one. */
		if (json_is_string(json_object_get(row, "parentId"))) {
			continue;
		}
		size_key(json_integer_value(json_object_get(row, "bytes")), key);
		if (hash) {
			json_object_set(out->by_hash, hash, row);
			json_object_set_new(out->sizes, key, json_true());
		}
	}
	return rc;
}

void known_finish(struct known *k)
{
	json_decref(k->sizes);
	json_decref(k->by_hash);
	json_decref(k->rows);
}

static int hash_file(const char *path, char sha256[HASH_HEX_SIZE], struct err *e)
{
	static uint8_t block[BLOCK];
	char blake2b[HASH_HEX_SIZE];
	struct hash_stream h;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int rc = 0;

	if (fd < 0) {
		return err_sys(e, ERR_INVALID, errno, "cannot read %s", path);
	}
	hash_stream_init(&h);
	while ((n = read(fd, block, sizeof(block))) > 0) {
		hash_stream_add(&h, block, (size_t)n);
	}
	if (n < 0) {
		rc = err_sys(e, ERR_INVALID, errno, "cannot read %s", path);
	}
	hash_stream_finish(&h, blake2b, sha256);
	close(fd);
	return rc;
}

int known_lookup(
	const struct known *k, const char *path, int64_t n_bytes, const json_t **row, struct err *e)
{
	char hash[HASH_HEX_SIZE];
	char key[24];
	int rc;

	*row = NULL;
	size_key(n_bytes, key);
	if (!json_object_get(k->sizes, key)) {
		return 0;
	}
	rc = hash_file(path, hash, e);
	if (rc == 0) {
		*row = json_object_get(k->by_hash, hash);
	}
	return rc;
}

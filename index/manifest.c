#include "index/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/store.h"

#define MAGIC "carrel-backup 1"
#define LINE_MAX_BYTES 256

static int damaged(struct err *e, const char *why)
{
	return err_set(e, ERR_CORRUPT, "backup_damaged", "the backup is damaged: %s", why);
}

int manifest_digest(const char *path, char digest[HASH_HEX_SIZE], int64_t *n_bytes, struct err *e)
{
	char part[65536], sha256[HASH_HEX_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;
	struct hash_stream h;
	ssize_t n;

	*n_bytes = 0;
	if (fd < 0) {
		return err_sys(
			e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "cannot read %s", path);
	}
	hash_stream_init(&h);
	while ((n = read(fd, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR)) {
		hash_stream_add(&h, part, n > 0 ? (size_t)n : 0);
		*n_bytes += n > 0 ? n : 0;
	}
	if (n < 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot read %s", path);
	}
	close(fd);
	hash_stream_finish(&h, digest, sha256);
	return rc;
}

static int open_file(struct manifest *m, const char *folder, bool make, struct err *e)
{
	char path[PATH_MAX];
	int fd;

	memset(m, 0, sizeof(*m));
	hash_stream_init(&m->hash);
	if ((size_t)snprintf(path, sizeof(path), "%s/" MANIFEST_NAME, folder) >= sizeof(path)) {
		return err_set(e, ERR_INVALID, "bad_folder", "the folder's name is too long");
	}
	fd = open(path, O_CLOEXEC | (make ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY), 0600);
	if (fd < 0 && errno == ENOENT) {
		return err_set(e, ERR_NOT_FOUND, "no_backup",
			access(folder, F_OK) == 0 ? "%s is no backup: it has no file " MANIFEST_NAME
						  : "there is no folder %s",
			folder);
	}
	if (fd < 0) {
		return err_sys(e, ERR_IO, errno, "cannot open %s", path);
	}
	m->file = fdopen(fd, make ? "w" : "r");
	ASSERT(m->file != NULL);
	return 0;
}

void manifest_close(struct manifest *m)
{
	if (m->file) {
		fclose(m->file);
		m->file = NULL;
	}
}

/* ── writing ── */

/* An error of writing is found at the end. */
__attribute__((format(printf, 2, 3))) static void add_line(struct manifest *m, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ASSERT(n > 0 && (size_t)n < sizeof(line));
	hash_stream_add(&m->hash, line, (size_t)n);
	fwrite(line, 1, (size_t)n, m->file);
	m->n_lines++;
}

int manifest_create(struct manifest *m, const char *folder, struct err *e)
{
	int rc = open_file(m, folder, true, e);
	char made[32];

	if (rc == 0) {
		clock_rfc3339(clock_wall_ms(), made, sizeof(made));
		add_line(m, MAGIC "\n");
		add_line(m, "schema %d\n", store_schema_version());
		add_line(m, "made %s\n", made);
	}
	return rc;
}

void manifest_blob(struct manifest *m, const char *hash, int64_t n_bytes)
{
	add_line(m, "blob %s %lld\n", hash, (long long)n_bytes);
}

void manifest_file(struct manifest *m, const char *name, const char *digest, int64_t n_bytes)
{
	add_line(m, "file %s %lld %s\n", digest, (long long)n_bytes, name);
}

int manifest_end(struct manifest *m, int64_t n_missing, struct err *e)
{
	char digest[HASH_HEX_SIZE], sha256[HASH_HEX_SIZE];
	bool failed;

	add_line(m, "missing %lld\n", (long long)n_missing);
	hash_stream_finish(&m->hash, digest, sha256);
	fprintf(m->file, "end %s %lld\n", digest, (long long)m->n_lines);
	errno = 0;
	failed = fflush(m->file) != 0 || ferror(m->file);
	if (failed) {
		err_sys(e, ERR_IO, errno ? errno : EIO, "cannot write the file " MANIFEST_NAME);
	}
	manifest_close(m);
	return failed ? (e && e->code ? e->code : ERR_IO) : 0;
}

/* ── reading ── */

/* A line without its end; what was read goes into the hash unless it is the last. */
static int take_line(struct manifest *m, char line[LINE_MAX_BYTES], struct err *e)
{
	size_t n;

	if (!fgets(line, LINE_MAX_BYTES, m->file)) {
		return damaged(e, "its list of files is cut off");
	}
	n = strlen(line);
	if (n == 0 || line[n - 1] != '\n') {
		return damaged(e, "its list of files cannot be read");
	}
	if (strncmp(line, "end ", 4) != 0) {
		hash_stream_add(&m->hash, line, n);
		m->n_lines++;
	}
	line[n - 1] = '\0';
	return 0;
}

int manifest_open(struct manifest *m, const char *folder, struct err *e)
{
	char line[LINE_MAX_BYTES];
	int rc = open_file(m, folder, false, e);
	long schema;

	if (rc != 0) {
		return rc;
	}
	rc = take_line(m, line, e);
	if (rc == 0 && strcmp(line, MAGIC) != 0) {
		rc = strncmp(line, "carrel-backup ", 14) == 0
			     ? err_set(e, ERR_CONFIG, "newer_backup",
				       "the backup was made by a newer Carrel: restore it with "
				       "that one")
			     : err_set(e, ERR_NOT_FOUND, "no_backup", "%s is no backup", folder);
	}
	rc = rc ? rc : take_line(m, line, e);
	if (rc == 0) {
		schema = strncmp(line, "schema ", 7) == 0 ? strtol(line + 7, NULL, 10) : 0;
		if (schema < 1) {
			rc = damaged(e, "its list of files cannot be read");
		} else if (schema > store_schema_version()) {
			rc = err_set(e, ERR_CONFIG, "newer_backup",
				"the backup was made by a newer Carrel (schema %ld, this one has "
				"%d): restore it with that one",
				schema, store_schema_version());
		}
	}
	rc = rc ? rc : take_line(m, line, e);
	if (rc != 0) {
		manifest_close(m);
	}
	return rc;
}

/* "<digest> <n_bytes>" and what stands behind. */
static bool read_fields(const char *at, struct manifest_entry *out, const char **rest)
{
	uint8_t hash[HASH_BYTES];
	char *end;

	if (strlen(at) < HASH_HEX_SIZE || at[HASH_HEX_SIZE - 1] != ' ') {
		return false;
	}
	memcpy(out->digest, at, HASH_HEX_SIZE - 1);
	out->digest[HASH_HEX_SIZE - 1] = '\0';
	at += HASH_HEX_SIZE;
	errno = 0;
	out->n_bytes = strtoll(at, &end, 10);
	*rest = end;
	return errno == 0 && end != at && out->n_bytes >= 0 && *at >= '0' && *at <= '9' &&
	       hash_from_hex(out->digest, hash) == 0;
}

static int read_entry(
	struct manifest *m, const char *line, struct manifest_entry *out, struct err *e)
{
	const char *rest = "";
	bool right = strlen(line) > 5 && read_fields(line + 5, out, &rest);

	if (strncmp(line, "blob ", 5) == 0) {
		out->kind = MANIFEST_BLOB;
		right = right && *rest == '\0' && strcmp(out->digest, m->last_blob) > 0;
		memcpy(m->last_blob, out->digest, HASH_HEX_SIZE);
	} else {
		out->kind = MANIFEST_FILE;
		right = right && strncmp(line, "file ", 5) == 0 && *rest == ' ' &&
			(strcmp(rest + 1, "carrel.db") == 0 || strcmp(rest + 1, "carrel.ini") == 0);
		snprintf(out->name, sizeof(out->name), "%s", right ? rest + 1 : "");
	}
	return right ? 0 : damaged(e, "its list of files cannot be read");
}

static int read_end(struct manifest *m, const char *line, struct err *e)
{
	char digest[HASH_HEX_SIZE], sha256[HASH_HEX_SIZE], want[LINE_MAX_BYTES];

	hash_stream_finish(&m->hash, digest, sha256);
	snprintf(want, sizeof(want), "end %s %lld", digest, (long long)m->n_lines);
	return strcmp(line, want) == 0 && fgetc(m->file) == EOF
		       ? 0
		       : damaged(e, "its list of files has changed");
}

int manifest_next(struct manifest *m, struct manifest_entry *out, struct err *e)
{
	char line[LINE_MAX_BYTES];
	int rc = take_line(m, line, e);

	memset(out, 0, sizeof(*out));
	if (rc == 0 && strncmp(line, "missing ", 8) == 0) {
		m->n_missing = strtoll(line + 8, NULL, 10);
		rc = take_line(m, line, e);
		return rc ? rc : read_end(m, line, e);
	}
	return rc ? rc : read_entry(m, line, out, e);
}

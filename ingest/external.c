#include "ingest/external.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/arena.h"
#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/base/log.h"
#include "ingest/external_private.h"

#define OFFICE "soffice --headless --norestore --convert-to {to} --outdir {dir} {file}"
#define WORDS_MAX 64
#define EXTENSION_MAX 10
#define FOLDER_LOOK_MS 250
#define FOLDER_FILES_MAX 5000
#define FOLDER_DEPTH_MAX 32
#define HOME_MB 128	   /* what a program may keep for itself beside the document */
#define DISK_LEFT 16	   /* what stays free of a disk: a part of what may be written */
#define MEMORY_MIN_MB 4096 /* of addresses, which office programs take by the gigabyte */
#define MEMORY_PER_LIMIT 4
#define COPY_BYTES 65536

/* ── what is asked ── */

/* The program's absolute path, or NULL; in the arena. */
static const char *find_program(struct arena *a, const char *word)
{
	static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/bin"};

	if (strchr(word, '/')) {
		char *path = realpath(word, NULL);
		const char *out = path && access(path, X_OK) == 0 ? arena_str(a, path) : NULL;

		free(path);
		return out;
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		const char *path = arena_printf(a, "%s/%s", folders[i], word);

		if (access(path, X_OK) == 0) {
			return path;
		}
	}
	return NULL;
}

/* Words are parted by blanks; '…' and "…" hold blanks. -1: a quote does not end, or too many. */
static int split_words(struct arena *a, const char *s, const char **words)
{
	int n = 0;

	while (*(s += strspn(s, " \t"))) {
		struct buf word = BUF_INIT;
		char quote = '\0';

		for (; *s && (quote || (*s != ' ' && *s != '\t')); s++) {
			if (quote ? *s == quote : (*s == '\'' || *s == '"')) {
				quote = quote ? '\0' : *s;
			} else {
				buf_char(&word, *s);
			}
		}
		if (quote || n == WORDS_MAX) {
			buf_finish(&word);
			return -1;
		}
		words[n++] = arena_strn(a, word.data ? word.data : "", word.len);
		buf_finish(&word);
	}
	return n;
}

static bool command_off(const struct settings *set)
{
	return strcmp(set->external_command, "off") == 0;
}

bool external_uses_office(const struct settings *set)
{
	struct arena a;
	bool there;

	if (*set->external_command || *set->external_url) {
		return false;
	}
	arena_init(&a);
	there = find_program(&a, "soffice") != NULL;
	arena_finish(&a);
	return there;
}

bool external_available(const struct settings *set)
{
	return *set->external_url || (*set->external_command && !command_off(set)) ||
	       external_uses_office(set);
}

const char *external_extension(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash ? slash : name, '.');

	return dot ? dot + 1 : "";
}

/* ── the folder ── */

struct conversion {
	const struct settings *set;
	const struct external_request *request;
	struct arena arena;
	const char *folder; /* absolute */
	const char *file;   /* in it: the document, under a name of ours */
	int64_t bytes_max;  /* of what comes of it */
	int64_t until_ms, looked_ms;
	int64_t free_before; /* on its disk */
	bool too_much;	     /* was written */
};

/* The extension alone is the uploader's, and of it only what no program takes for anything else. */
static const char *safe_name(struct conversion *c)
{
	const char *extension = external_extension(c->request->name);
	size_t n = strlen(extension);

	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)extension[i]) || (unsigned char)extension[i] >= 0x80) {
			n = 0;
		}
	}
	return n == 0 || n > EXTENSION_MAX ? "document"
					   : arena_printf(&c->arena, "document.%s", extension);
}

static int make_folder(struct conversion *c, struct err *e)
{
	static const char *const names[] = {"in", "out", "home"};
	char *path;
	int rc = fs_mkdirs(c->request->folder, e);

	for (size_t i = 0; i < 3 && rc == 0; i++) {
		rc = fs_mkdirs(arena_printf(&c->arena, "%s/%s", c->request->folder, names[i]), e);
	}
	if (rc < 0) {
		return rc;
	}
	path = realpath(c->request->folder, NULL);
	if (!path) {
		return err_sys(e, ERR_INTERNAL, errno, "no folder for the external command");
	}
	c->folder = arena_str(&c->arena, path);
	free(path);
	c->free_before = fs_free_bytes(c->folder);
	c->file = arena_printf(&c->arena, "%s/in/%s", c->folder, safe_name(c));
	return 0;
}

static int copy_bytes(int from, int to, int64_t n_max, struct err *e)
{
	char block[COPY_BYTES];
	int64_t at = 0;
	ssize_t n;

	while ((n = pread(from, block, sizeof(block), (off_t)at)) > 0) {
		int rc = at + n > n_max ? ERR_TOO_LARGE : fs_write_all(to, block, (size_t)n, e);

		if (rc < 0) {
			return rc;
		}
		at += n;
	}
	return n < 0 ? err_sys(e, ERR_INTERNAL, errno, "a file cannot be copied") : 0;
}

static int write_document(struct conversion *c, struct err *e)
{
	int fd = open(c->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	int rc = fd < 0 ? err_sys(e, ERR_INTERNAL, errno, "no file for the external command")
			: copy_bytes(c->request->memfd, fd, INT64_MAX, e);

	if (fd >= 0) {
		close(fd);
	}
	return rc;
}

struct amount {
	int64_t n_bytes;
	int n_files;
};

/* Links are not followed; folders inside of each other beyond FOLDER_DEPTH_MAX are too much. */
static void add_up(int folder, int depth, struct amount *sum)
{
	DIR *d = fdopendir(folder);
	struct dirent *entry;
	struct stat st;

	if (!d) {
		close(folder);
		return;
	}
	while (sum->n_files <= FOLDER_FILES_MAX && (entry = readdir(d)) != NULL) {
		int fd = -1;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			continue;
		}
		sum->n_files += depth < FOLDER_DEPTH_MAX ? 1 : FOLDER_FILES_MAX;
		sum->n_bytes += (int64_t)st.st_blocks * 512;
		if (S_ISDIR(st.st_mode)) {
			fd = openat(dirfd(d), entry->d_name,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		}
		if (fd >= 0) {
			add_up(fd, depth + 1, sum);
		}
	}
	closedir(d);
}

/* What was written into files without a name is seen in the disk's free space alone, where others
 * write, too: it counts when little is left and more went. */
static bool fills_the_disk(const struct conversion *c, int64_t written_max)
{
	int64_t left = fs_free_bytes(c->folder);

	return left >= 0 && left < written_max / DISK_LEFT && c->free_before - left > left;
}

/* A limit on each file is no limit on them all. */
static bool on_look(void *arg)
{
	struct conversion *c = arg;
	struct amount sum = {0, 0};
	int64_t now_ms = clock_mono_ms(), max = 2 * c->bytes_max + ((int64_t)HOME_MB << 20);
	int fd;

	if (now_ms - c->looked_ms < FOLDER_LOOK_MS) {
		return !c->too_much;
	}
	c->looked_ms = now_ms;
	fd = open(c->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		add_up(fd, 0, &sum);
	}
	c->too_much = sum.n_files > FOLDER_FILES_MAX || sum.n_bytes > max || fills_the_disk(c, max);
	return !c->too_much;
}

/* ── what came of it ── */

static int no_result(const char *why, struct err *e)
{
	return err_replace(e, ERR_UNPROCESSABLE, "external_failed",
		"the external command could not convert the document (%s): save it in a newer "
		"format and upload that",
		why);
}

/* The one file in out, opened; of several the one of the kind that was asked for. */
static int open_result(struct conversion *c, int *fd, struct err *e)
{
	DIR *d = opendir(arena_printf(&c->arena, "%s/out", c->folder));
	const char *found = NULL;
	struct dirent *entry;
	struct stat st;

	while (d && (entry = readdir(d)) != NULL) {
		bool wanted = strcasecmp(external_extension(entry->d_name), c->request->to) == 0;

		if (entry->d_name[0] != '.' && (!found || wanted)) {
			found = arena_str(&c->arena, entry->d_name);
		}
	}
	*fd = d && found ? openat(dirfd(d), found, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
			 : -1;
	if (d) {
		closedir(d);
	}
	if (*fd < 0) {
		return no_result("it wrote nothing, as it does for a file with a password", e);
	}
	/* A second name would be somebody else's file. */
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_size > 0 &&
		st.st_size <= c->bytes_max) {
		return 0;
	}
	close(*fd);
	*fd = -1;
	return no_result(
		st.st_size > c->bytes_max ? "it wrote too much" : "it wrote no document", e);
}

int external_seal(int fd, struct err *e)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0
		       ? 0
		       : err_sys(e, ERR_INTERNAL, errno, "a document cannot be sealed");
}

static int take_result(struct conversion *c, int *out, struct err *e)
{
	int fd, rc = open_result(c, &fd, e);

	if (rc < 0) {
		return rc;
	}
	*out = memfd_create("external", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	rc = *out < 0 ? err_sys(e, ERR_INTERNAL, errno, "no memory for a document")
		      : copy_bytes(fd, *out, c->bytes_max, e);
	close(fd);
	if (rc == 0) {
		rc = external_seal(*out, e);
	}
	if (rc < 0 && *out >= 0) {
		close(*out);
		*out = -1;
	}
	return rc;
}

/* ── the command ── */

static const char *replaced(struct conversion *c, const char *word)
{
	const struct {
		const char *mark, *value;
	} marks[] = {{"{file}", c->file}, {"{dir}", arena_printf(&c->arena, "%s/out", c->folder)},
		{"{to}", c->request->to}};
	struct buf out = BUF_INIT;
	const char *done;

	while (*word) {
		size_t n = 0;

		for (size_t i = 0; i < 3 && n == 0; i++) {
			if (strncmp(word, marks[i].mark, strlen(marks[i].mark)) == 0) {
				n = strlen(marks[i].mark);
				buf_str(&out, marks[i].value);
			}
		}
		if (n == 0) {
			buf_char(&out, *word);
			n = 1;
		}
		word += n;
	}
	done = arena_strn(&c->arena, out.data ? out.data : "", out.len);
	buf_finish(&out);
	return done;
}

/* A data folder below what every command may read would be read, too. */
static bool lies_open(const char *folder, const char *program)
{
	const char *slash = strncmp(program, "/opt/", 5) == 0 ? strchr(program + 5, '/') : NULL;

	return strncmp(folder, "/usr/", 5) == 0 || strncmp(folder, "/bin/", 5) == 0 ||
	       strncmp(folder, "/lib", 4) == 0 || strncmp(folder, "/sbin/", 6) == 0 ||
	       (slash && strncmp(folder, program, (size_t)(slash - program) + 1) == 0);
}

static int find_command(struct conversion *c, const char **words, int *n, struct err *e)
{
	const char *setting = *c->set->external_command ? c->set->external_command : OFFICE;
	const char *program;

	*n = split_words(&c->arena, setting, words);
	if (*n <= 0) {
		return err_set(e, ERR_UNPROCESSABLE, "external_unavailable",
			"external-command does not read as a command: quotes come in pairs");
	}
	program = find_program(&c->arena, words[0]);
	if (!program) {
		return err_set(e, ERR_UNPROCESSABLE, "external_unavailable",
			"the external command %.200s is not there: install it, or set "
			"external-command",
			words[0]);
	}
	if (lies_open(c->folder, program)) {
		return err_set(e, ERR_UNPROCESSABLE, "external_unavailable",
			"the data folder lies where external commands may read: move it, for "
			"example to /srv/carrel");
	}
	words[0] = program;
	for (int i = 1; i < *n; i++) {
		words[i] = replaced(c, words[i]);
	}
	return 0;
}

static int run_words(
	struct conversion *c, struct zygote *z, const char *const *words, int n, struct err *e)
{
	const int64_t memory_mb = c->set->ingest_memory_mb * MEMORY_PER_LIMIT;
	int64_t left_s = (c->until_ms - clock_mono_ms() + 999) / 1000;
	char said[200];
	struct convert_request q = {.memfd = c->request->memfd,
		.folder = c->folder,
		.words = words,
		.n_words = n,
		.wall_s = left_s > 1 ? (int)left_s : 1,
		.cpu_s = (int)c->set->external_timeout_s,
		.memory_mb = (int)(memory_mb > MEMORY_MIN_MB ? memory_mb : MEMORY_MIN_MB),
		.file_mb = (int)(c->bytes_max >> 20) + 1,
		.cancel = c->request->cancel,
		.goes_on = on_look,
		.arg = c};
	int rc = zygote_convert(z, &q, said, sizeof(said), e);

	if (*said && rc < 0) {
		log_info("external.said", LT("text", said));
	}
	return rc < 0 && c->too_much ? no_result("it wrote too much", e) : rc;
}

/* LibreOffice's first start with a new profile makes that and starts again; it then stumbles over
 * its own socket in /tmp, which it may not remove. So the profile is made first, by itself. */
static int prepare_office(
	struct conversion *c, struct zygote *z, const char *program, struct err *e)
{
	const char *words[] = {program, "--headless", "--norestore", "--terminate_after_init"};
	const char *slash = strrchr(program, '/');
	struct err why = ERR_INIT;
	int rc;

	if (strcmp(slash + 1, "soffice") != 0 && strcmp(slash + 1, "libreoffice") != 0) {
		return 0;
	}
	rc = run_words(c, z, words, 4, &why);
	if (rc < 0 && !(rc == ERR_UNPROCESSABLE && strcmp(why.reason, "external_failed") == 0)) {
		return err_set(e, rc, why.reason, "%s", why.message);
	}
	return 0;
}

static int run_command(struct conversion *c, struct zygote *z, struct err *e)
{
	const char *words[WORDS_MAX];
	int n, rc = find_command(c, words, &n, e);

	if (rc == 0) {
		rc = prepare_office(c, z, words[0], e);
	}
	return rc == 0 ? run_words(c, z, words, n, e) : rc;
}

static int convert_by_command(struct conversion *c, struct zygote *z, int *out, struct err *e)
{
	int rc = make_folder(c, e);

	if (rc == 0) {
		rc = write_document(c, e);
	}
	if (rc == 0) {
		rc = run_command(c, z, e);
	}
	if (rc == 0) {
		rc = take_result(c, out, e);
	}
	fs_remove_tree(c->request->folder);
	return rc;
}

int external_convert(struct zygote *z, const struct settings *set, const struct external_request *r,
	int *out, struct err *e)
{
	struct conversion c = {.set = set,
		.request = r,
		.bytes_max = set->ingest_inflated_mb << 20,
		.until_ms = clock_mono_ms() + set->external_timeout_s * 1000};
	int rc;

	*out = -1;
	if (!external_available(set)) {
		return err_set(e, ERR_UNPROCESSABLE, "external_unavailable",
			"nothing is there that converts this kind of file: install LibreOffice or "
			"set external-command");
	}
	if (*set->external_url && (!*set->external_command || command_off(set))) {
		return external_post(set, r, c.bytes_max, out, e);
	}
	arena_init(&c.arena);
	rc = convert_by_command(&c, z, out, e);
	arena_finish(&c.arena);
	return rc;
}

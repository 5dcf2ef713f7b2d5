#include "chat/cli/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64

static struct walk_file *add(struct walk *w, const char *path, const char *name)
{
	struct walk_file *f;

	if (w->n == w->capacity) {
		w->capacity = w->capacity ? w->capacity * 2 : 64;
		w->files = realloc(w->files, sizeof(*w->files) * (size_t)w->capacity);
		ASSERT(w->files != NULL);
	}
	f = &w->files[w->n++];
	*f = (struct walk_file){.path = path, .name = name};
	return f;
}

static void leave_out(struct walk *w, const char *path, const char *name, const char *reason,
	const char *why, bool failed)
{
	struct walk_file *f = add(w, path, name);

	f->reason = reason;
	f->why = why;
	f->failed = failed;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_itself(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static void add_folder(struct walk *w, const char *path, const char *name, int depth);

/* One entry of a folder, or what was given itself (depth 0, whose links are followed). */
static void add_entry(struct walk *w, const char *path, const char *name, int depth)
{
	struct stat st;

	if ((depth > 0 ? lstat(path, &st) : stat(path, &st)) != 0) {
		leave_out(w, path, name, "unreadable", arena_str(w->arena, strerror(errno)), true);
	} else if (S_ISLNK(st.st_mode)) {
		leave_out(w, path, name, "link", "a link, which is not followed", false);
	} else if (S_ISDIR(st.st_mode) && depth >= DEPTH_MAX) {
		leave_out(w, path, name, "too_deep", "folders are nested too deep", true);
	} else if (S_ISDIR(st.st_mode)) {
		add_folder(w, path, depth > 0 ? name : "", depth + 1);
	} else if (!S_ISREG(st.st_mode)) {
		leave_out(w, path, name, "no_file", "not a file with contents", false);
	} else if (access(path, R_OK) != 0) {
		leave_out(w, path, name, "unreadable", arena_str(w->arena, strerror(errno)), true);
	} else {
		add(w, path, name)->n_bytes = st.st_size;
	}
}

static void add_folder(struct walk *w, const char *path, const char *name, int depth)
{
	struct dirent **entries = NULL;
	size_t n_path = strlen(path);
	int n = scandir(path, &entries, not_itself, by_name);

	if (n < 0) {
		leave_out(w, path, *name ? name : path, "unreadable",
			arena_str(w->arena, strerror(errno)), true);
		return;
	}
	while (n_path > 1 && path[n_path - 1] == '/') {
		n_path--;
	}
	for (int i = 0; i < n; i++) {
		const char *last = entries[i]->d_name;
		char *its_path = arena_printf(w->arena, "%.*s/%s", (int)n_path, path, last);
		char *its_name = arena_printf(w->arena, "%s%s%s", name, *name ? "/" : "", last);

		if (last[0] == '.') {
			leave_out(w, its_path, its_name, "hidden",
				"hidden (its name begins with a dot)", false);
		} else {
			add_entry(w, its_path, its_name, depth);
		}
		free(entries[i]);
	}
	free(entries);
}

int walk_add(struct walk *w, const char *path, struct err *e)
{
	size_t n = strlen(path);
	size_t start;
	struct stat st;

	if (stat(path, &st) != 0) {
		return err_sys(e, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_INVALID,
			errno, "cannot read %s", path);
	}
	while (n > 1 && path[n - 1] == '/') {
		n--;
	}
	for (start = n; start > 0 && path[start - 1] != '/'; start--) {
	}
	add_entry(w, path, arena_strn(w->arena, path + start, n - start), 0);
	return 0;
}

void walk_finish(struct walk *w)
{
	free(w->files);
	w->files = NULL;
	w->n = w->capacity = 0;
}

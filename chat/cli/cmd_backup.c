/* backup: ordered from the server, or from one inside the command. restore: in the command alone,
 * since there is no data folder yet. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/cli/client.h"
#include "chat/cli/cmd.h"
#include "chat/cli/progress.h"
#include "chat/cli/term.h"
#include "chat/cli/text.h"
#include "index/backup.h"
#include "index/base/fs.h"

#define MB(bytes) ((bytes) >> 20)

/* Absolute, whatever the folder of the server is; what is not there yet keeps its last name. */
static int absolute(struct cli *cli, const char *folder, const char **out, struct err *e)
{
	char parent[PATH_MAX], real[PATH_MAX];
	const char *name;
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/') {
		n--;
	}
	folder = arena_strn(&cli->arena, folder, n);
	if (realpath(folder, real)) {
		*out = arena_str(&cli->arena, real);
		return 0;
	}
	fs_parent(folder, parent, sizeof(parent));
	name = strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		!realpath(parent, real)) {
		return err_set(e, ERR_INVALID, "bad_folder",
			"there is no folder %s in which to make %s", parent, *name ? name : folder);
	}
	*out = arena_printf(&cli->arena, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
	return 0;
}

static void say_done(struct cli *cli, const char *what, const json_t *done)
{
	const int64_t n = json_integer_value(json_object_get(done, "files"));
	struct buf size = BUF_INIT;

	text_bytes(&size, json_integer_value(json_object_get(done, "bytes")));
	cli_said(
		cli, done, "%s: %lld file%s, %s", what, (long long)n, n == 1 ? "" : "s", size.data);
	buf_finish(&size);
}

static int missing_files(int64_t n, const char *what, struct err *e)
{
	return n == 0 ? 0
		      : err_set(e, ERR_CORRUPT, "files_missing",
				"%lld stored file%s lost or damaged before and %s: `carrel "
				"check --deep` names %s",
				(long long)n, n == 1 ? " was" : "s were", what,
				n == 1 ? "it" : "them");
}

/* ── backup ── */

struct following {
	struct progress bar;
	json_t *last; /* "done" or "failed"; NULL: it has not come */
	bool failed;
};

static bool on_event(void *arg, int64_t id, const char *name, const json_t *data)
{
	struct following *f = arg;

	(void)id;
	if (strcmp(name, "progress") == 0) {
		const char *stage = json_string_value(json_object_get(data, "stage"));

		progress_show(&f->bar, MB(json_integer_value(json_object_get(data, "done"))),
			MB(json_integer_value(json_object_get(data, "total"))), stage);
		return false;
	}
	f->failed = strcmp(name, "done") != 0;
	f->last = json_incref((json_t *)data);
	return true;
}

static int follow(struct cli *cli, const char *folder, struct following *f, struct err *e)
{
	json_t *body = json_pack("{s:s}", "folder", folder);
	struct client_events ev = {
		.path = "/v1/backup", .body = body, .on_event = on_event, .arg = f};
	int rc;

	if (!body) {
		return err_set(e, ERR_INVALID, "bad_folder", "the folder's name is no UTF-8");
	}
	progress_start(&f->bar, "backup", "MB", cli->quiet || cli->json);
	rc = client_events(cli, &ev, e);
	progress_end(&f->bar);
	json_decref(body);
	if (rc == 0 && !f->last) {
		rc = err_set(e, ERR_UNAVAILABLE, "cut_off",
			"the server ended before it said that the backup is whole: it is if %s is "
			"there",
			folder);
	} else if (rc == 0 && f->failed) {
		rc = client_error(
			f->last, json_integer_value(json_object_get(f->last, "status")), e);
	}
	return rc;
}

int cmd_backup(struct cli *cli, struct err *e)
{
	struct following f = {.last = NULL};
	const char *folder;
	int rc;

	if (cli->server) {
		return err_set(e, ERR_INVALID, "bad_option",
			"a backup is made on the server's own machine, not with --server");
	}
	rc = absolute(cli, cli_word(cli, 0), &folder, e);
	rc = rc ? rc : follow(cli, folder, &f, e);
	if (rc == 0) {
		say_done(cli, "the backup is whole", f.last);
		rc = missing_files(
			json_integer_value(json_object_get(f.last, "missing")), "not in it", e);
	}
	json_decref(f.last);
	return rc;
}

/* ── restore ── */

static int on_step(void *arg, const char *stage, int64_t done, int64_t total, struct err *e)
{
	progress_show(arg, MB(done), MB(total), stage);
	return term_stopped ? err_set(e, ERR_CANCELLED, "interrupted", "interrupted") : 0;
}

int cmd_restore(struct cli *cli, struct err *e)
{
	struct backup_facts facts;
	struct progress bar;
	struct backup_order o = {.goes_on = on_step, .arg = &bar};
	json_t *done;
	int rc;

	if (cli->server) {
		return err_set(e, ERR_INVALID, "bad_option",
			"restore makes a data folder on this machine, not with --server");
	}
	rc = absolute(cli, cli->settings.data, &o.folder, e);
	if (rc != 0) {
		return rc;
	}
	progress_start(&bar, "restore", "MB", cli->quiet || cli->json);
	rc = backup_restore(cli_word(cli, 0), &o, &facts, e);
	progress_end(&bar);
	if (rc != 0) {
		return rc;
	}
	done = json_pack("{s:s,s:I,s:I,s:I}", "data", o.folder, "files", (json_int_t)facts.n_files,
		"bytes", (json_int_t)facts.n_bytes, "missing", (json_int_t)facts.n_missing);
	say_done(cli, "the data folder is whole", done);
	json_decref(done);
	return missing_files(facts.n_missing, "not in the backup", e);
}

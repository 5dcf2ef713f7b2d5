/* check: the data folder against itself, in-process with the folder's lock held. */
#include <stdio.h>
#include <string.h>

#include "chat/cli/cmd.h"
#include "chat/cli/progress.h"
#include "chat/cli/text.h"
#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/index.h"
#include "ingest/upload.h"

#define FINDINGS_SHOWN 20 /* of a stage; with --json all are told */

struct telling {
	struct cli *cli;
	struct progress bar;
	const char *stage; /* NULL: none yet */
	int64_t began_ms;
	int n_stages, n_findings; /* begun; of this stage */
};

/* "full text    ok, 12 s" */
static void end_stage(struct telling *t)
{
	struct buf line = BUF_INIT;

	if (!t->stage) {
		return;
	}
	buf_printf(&line, "%-12s ", t->stage);
	if (t->n_findings > FINDINGS_SHOWN) {
		buf_printf(&line, "%d more; ", t->n_findings - FINDINGS_SHOWN);
	}
	if (t->n_findings > 0) {
		buf_printf(&line, "%d finding%s", t->n_findings, t->n_findings == 1 ? "" : "s");
	} else {
		buf_str(&line, "ok");
	}
	buf_printf(&line, ", %.1f s", (double)(clock_mono_ms() - t->began_ms) / 1000);
	progress_say(&t->bar, line.data);
	buf_finish(&line);
}

static void say_finding(struct telling *t, const char *text)
{
	struct buf line = BUF_INIT;

	if (t->n_findings++ < FINDINGS_SHOWN) {
		buf_printf(&line, "%-12s ", t->stage);
		text_clean(&line, text, strlen(text), false);
		progress_say(&t->bar, line.data);
	}
	buf_finish(&line);
}

static void on_finding(void *arg, const char *stage, const char *text)
{
	struct telling *t = arg;

	if (t->cli->json) {
		json_t *line = json_pack("{s:s, s:s}", "stage", stage, "text", text);

		cli_json(line);
		json_decref(line);
		fflush(stdout);
	} else if (*text) {
		say_finding(t, text);
	} else {
		end_stage(t);
		t->stage = stage;
		t->began_ms = clock_mono_ms();
		t->n_findings = 0;
		t->bar.told_ms = 0; /* a stage may take minutes: it is shown at once */
		progress_show(&t->bar, t->n_stages++, INDEX_CHECK_STAGES, stage);
	}
}

static int check(struct cli *cli, struct index *ix, bool repair, int64_t *n_wrong, struct err *e)
{
	struct telling t = {.cli = cli};
	const struct index_checking how = {.repair = repair,
		.deep = args_has(&cli->args, "deep"),
		.say = on_finding,
		.arg = &t,
		.order = ingest_order_again};
	int rc;

	progress_start(&t.bar, "check", "stages", cli->quiet || cli->json);
	rc = index_check(ix, &how, n_wrong, e);
	if (rc == 0) {
		end_stage(&t);
	}
	progress_end(&t.bar);
	return rc;
}

int cmd_check(struct cli *cli, struct err *e)
{
	bool repair = args_has(&cli->args, "repair");
	struct index *ix = NULL;
	int64_t n_wrong = 0;
	json_t *result;
	int rc;

	if (cli->server) {
		return err_set(e, ERR_INVALID, "bad_option",
			"check works on a data folder, not with --server");
	}
	if (!fs_exists(arena_printf(&cli->arena, "%s/carrel.db", cli->settings.data))) {
		return err_set(e, ERR_CONFIG, "no_data",
			"there is nothing in the data folder %s to check", cli->settings.data);
	}
	rc = index_open(&cli->settings, &ix, e);
	if (rc == ERR_CONFLICT) {
		return err_replace(e, rc, "server_runs",
			"a server (or another command) works on %s: stop it, then check",
			cli->settings.data);
	}
	rc = rc ? rc : check(cli, ix, repair, &n_wrong, e);
	index_close(ix);
	if (rc != 0) {
		return rc;
	}
	result = json_pack("{s:I, s:b}", "wrong", (json_int_t)n_wrong, "repaired", repair);
	cli_said(cli, result, n_wrong ? "%lld wrong" : "all is well", (long long)n_wrong);
	json_decref(result);
	return n_wrong == 0 ? 0
			    : err_set(e, ERR_CORRUPT, "wrong", "%lld finding%s; %s",
				      (long long)n_wrong, n_wrong == 1 ? "" : "s",
				      repair ? "these could not be mended"
					     : "`carrel check --repair` mends derived data");
}

/* check: the data folder against itself, in-process with the folder's lock held. */
#include <stdio.h>
#include <string.h>

#include "chat/cli/cmd.h"
#include "chat/cli/text.h"
#include "index/base/fs.h"
#include "index/index.h"

static void on_finding(void *arg, const char *stage, const char *text)
{
	struct cli *cli = arg;

	if (cli->json) {
		json_t *line = json_pack("{s:s, s:s}", "stage", stage, "text", text);

		cli_json(line);
		json_decref(line);
		fflush(stdout);
	} else if (!cli->quiet) {
		struct buf clean = BUF_INIT;

		text_clean(&clean, text, strlen(text), false);
		fprintf(stderr, "%-10s %s\n", stage, clean.data ? clean.data : "");
		buf_finish(&clean);
	}
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
	rc = rc ? rc
		: index_check(
			  ix, repair, args_has(&cli->args, "deep"), on_finding, cli, &n_wrong, e);
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

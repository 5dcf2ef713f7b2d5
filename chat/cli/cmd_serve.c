/* serve, and what can be seen of the program itself: routes, settings. */
#include <signal.h>
#include <stdio.h>

#include "chat/app.h"
#include "chat/cli/cmd.h"
#include "chat/http/server.h"
#include "index/base/log.h"

static void on_ready(struct app *app, void *arg)
{
	struct cli *cli = arg;
	json_t *line;

	if (!cli->json) {
		app_announce(app);
		return;
	}
	line = json_pack("{s:s, s:s, s:s*}", "address", server_address(app->server), "data",
		cli->settings.data, "bootstrapToken", app->bootstrap[0] ? app->bootstrap : NULL);
	cli_json(line);
	json_decref(line);
	fflush(stdout);
}

int cmd_serve(struct cli *cli, struct err *e)
{
	struct zygote *zygote = NULL;
	struct serve_order order = {
		.settings = &cli->settings,
		.only_socket = args_has(&cli->args, "only-socket"),
		.handle_signals = true,
		.on_ready = on_ready,
		.arg = cli,
	};
	int rc;

	if (cli->server) {
		return err_set(
			e, ERR_INVALID, "bad_option", "serve is the server: it takes no --server");
	}
	log_level_set((enum log_level)log_level_parse(cli->settings.log_level));
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	rc = zygote_start(&cli->settings, &zygote, e);
	order.zygote = zygote;
	rc = rc ? rc : app_serve(&order, e);
	zygote_stop(zygote);
	return rc;
}

/* ── routes ── */

static const char *const access_names[] = {
	[ACCESS_PUBLIC] = "public",
	[ACCESS_USER] = "user",
	[ACCESS_ADMIN] = "admin",
	[ACCESS_OPERATOR] = "operator",
	[ACCESS_MACHINE] = "machine",
};
static const char *const body_names[] = {
	[BODY_NONE] = "none",
	[BODY_JSON] = "json",
	[BODY_STREAM] = "stream",
};

int cmd_routes(struct cli *cli, struct err *e)
{
	static const struct column columns[] = {
		{"METHOD", "method", AS_TEXT, STAYS},
		{"PATTERN", "pattern", AS_TEXT, STAYS},
		{"ACCESS", "access", AS_TEXT, STAYS},
		{"BODY", "body", AS_TEXT, STAYS},
		{"NEEDS", "needs", AS_TEXT, STAYS},
	};
	json_t *rows = json_array();

	(void)e;
	for (int i = 0; i < n_routes; i++) {
		json_array_append_new(
			rows, json_pack("{s:s, s:s, s:s, s:s, s:s}", "method", routes[i].method,
				      "pattern", routes[i].pattern, "access",
				      access_names[routes[i].access], "body",
				      body_names[routes[i].body], "needs", routes[i].needs));
	}
	cli_rows(cli, rows, columns, N_COLUMNS(columns));
	json_decref(rows);
	return 0;
}

/* ── settings ── */

struct settings_rows {
	const struct cli *cli;
	json_t *rows;
};

static void add_setting(
	void *arg, const char *name, const char *value, const char *def, const char *help)
{
	static const char *const sources[] = {"default", "ini", "environment", "flag"};
	struct settings_rows *r = arg;
	size_t i = json_array_size(r->rows);

	json_array_append_new(r->rows,
		json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name, "value", value, "source",
			sources[r->cli->settings.strength[i]], "default", def, "help", help));
}

int cmd_settings(struct cli *cli, struct err *e)
{
	static const struct column columns[] = {
		{"SETTING", "name", AS_TEXT, STAYS},
		{"VALUE", "value", AS_TEXT, SHRINKS},
		{"FROM", "source", AS_TEXT, STAYS},
		{"DEFAULT", "default", AS_TEXT, SHRINKS},
	};
	struct settings_rows r = {cli, json_array()};

	(void)e;
	settings_each(&cli->settings, add_setting, &r);
	cli_rows(cli, r.rows, columns, N_COLUMNS(columns));
	json_decref(r.rows);
	return 0;
}

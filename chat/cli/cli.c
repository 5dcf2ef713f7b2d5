#include "chat/cli/cli.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/app.h"
#include "chat/cli/client.h"
#include "chat/cli/help.h"
#include "chat/cli/term.h"
#include "chat/cli/text.h"
#include "index/base/log.h"

/* ── results ── */

void cli_json(const json_t *object)
{
	char *line = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	ASSERT(line != NULL);
	puts(line);
	free(line);
}

void cli_text(const char *text, size_t n_bytes)
{
	struct buf out = BUF_INIT;

	text_clean(&out, text, n_bytes, true);
	fwrite(out.data ? out.data : "", 1, out.len, stdout);
	buf_finish(&out);
}

void cli_said(struct cli *cli, const json_t *object, const char *fmt, ...)
{
	struct buf out = BUF_INIT;
	va_list ap;

	if (cli->json) {
		cli_json(object);
		return;
	}
	va_start(ap, fmt);
	buf_vprintf(&out, fmt, ap);
	va_end(ap);
	cli_text(out.data, out.len);
	putchar('\n');
	buf_finish(&out);
}

void cli_object(struct cli *cli, const json_t *object, const struct column *columns, int n)
{
	size_t widest = 0;

	if (cli->json) {
		cli_json(object);
		return;
	}
	for (int i = 0; i < n; i++) {
		widest = strlen(columns[i].title) > widest ? strlen(columns[i].title) : widest;
	}
	for (int i = 0; i < n; i++) {
		struct buf value = BUF_INIT;

		table_value(&value, object, &columns[i]);
		if (value.len > 0) {
			printf("%-*s  %s\n", (int)widest, columns[i].title, value.data);
		}
		buf_finish(&value);
	}
}

void cli_rows(struct cli *cli, const json_t *rows, const struct column *columns, int n)
{
	struct buf out = BUF_INIT;
	const json_t *row;
	size_t i;

	if (cli->json) {
		json_array_foreach(rows, i, row)
		{
			cli_json(row);
		}
		return;
	}
	if (json_array_size(rows) == 0) {
		if (!cli->quiet) {
			fputs("none\n", stderr);
		}
		return;
	}
	table_render(&out, columns, n, rows,
		term_is(STDOUT_FILENO) || getenv("COLUMNS") ? term_columns(STDOUT_FILENO) : 0,
		term_colour(STDOUT_FILENO));
	fwrite(out.data, 1, out.len, stdout);
	buf_finish(&out);
}

int cli_flush(struct err *e)
{
	if (term_stopped) {
		return err_set(e, ERR_CANCELLED, "interrupted", "interrupted");
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (errno == EPIPE) {
			return err_set(e, ERR_CANCELLED, "reader_gone", "nobody reads the output");
		}
		return err_sys(e, ERR_IO, errno, "the output cannot be written");
	}
	return 0;
}

const char *cli_sentence(struct cli *cli, int i)
{
	const char *all = i < cli->args.n_words ? cli->args.words[i] : "";

	while (++i < cli->args.n_words) {
		all = arena_printf(&cli->arena, "%s %s", all, cli->args.words[i]);
	}
	return all;
}

/* ── from words to a command ── */

/* Whether the command's name is the first words of argv; *n_used of them. */
static bool names(const struct command *c, int argc, const char *const *argv, int *n_used)
{
	const char *name = c->name;

	for (int i = 0; i < argc; i++) {
		size_t n = strcspn(name, " ");

		if (strlen(argv[i]) != n || memcmp(argv[i], name, n) != 0) {
			return false;
		}
		name += n;
		if (*name == '\0') {
			*n_used = i + 1;
			return true;
		}
		name++;
	}
	return false;
}

/* The longest name wins: "jobs show" before "jobs". */
static const struct command *lookup(int argc, const char *const *argv, int *n_used)
{
	const struct command *best = NULL;

	*n_used = 0;
	for (int i = 0; i < n_commands; i++) {
		int used;

		if (names(&commands[i], argc, argv, &used) && used > *n_used) {
			best = &commands[i];
			*n_used = used;
		}
	}
	return best;
}

/* The words that may name the command and where they stand: the first two of argv, with nothing but
 * everybody's options before and between them (`carrel --data D doc list`). */
static int bare_words(int argc, const char *const *argv, const char *words[2], int places[2])
{
	int n = 0;

	for (int i = 0; i < argc && n < 2 && strcmp(argv[i], "--") != 0; i++) {
		bool known = settings_known(argv[i] + 2);

		if (argv[i][0] != '-' || argv[i][1] == '\0') {
			places[n] = i;
			words[n++] = argv[i];
			continue;
		}
		for (const struct option *o = everybodys_options; o->name; o++) {
			known |= o->value && strcmp(o->name, argv[i] + 2) == 0;
		}
		i += known;
		if (!known && n > 0 && strchr(argv[i], '=') == NULL) {
			break;
		}
	}
	return n;
}

static int check_words(const struct cli *cli, struct err *e)
{
	const struct command *c = cli->command;

	if (cli->args.n_words < c->min_words) {
		return err_set(e, ERR_INVALID, "usage", "usage: carrel %s %s", c->name, c->words);
	}
	if (c->max_words >= 0 && cli->args.n_words > c->max_words) {
		return err_set(e, ERR_INVALID, "usage",
			"\"%s\" is one word too many; usage: carrel %s %s",
			cli->args.words[c->max_words], c->name, c->words);
	}
	return 0;
}

/* The value of an option, else of a variable; the variable leaves the environment, since it is no
 * setting (and a token is nothing for children). */
static const char *option_or_variable(struct cli *cli, const char *option, const char *variable)
{
	const char *given = cli_option(cli, option);
	const char *value = given ? given : arena_str(&cli->arena, getenv(variable));

	unsetenv(variable);
	return value && *value ? value : NULL;
}

static void look_for_level(
	void *arg, const char *name, const char *value, const char *def, const char *help)
{
	bool *given = arg;

	(void)help;
	*given |= strcmp(name, "log-level") == 0 && strcmp(value, def) != 0;
}

static bool log_level_is_given(const struct cli *cli)
{
	bool given = false;

	settings_each(&cli->settings, look_for_level, &given);
	return given;
}

static int load(struct cli *cli, struct err *e)
{
	int level;
	int rc;

	cli->json = args_has(&cli->args, "json");
	cli->quiet = args_has(&cli->args, "quiet");
	cli->server = option_or_variable(cli, "server", "CARREL_SERVER");
	cli->token = option_or_variable(cli, "token", "CARREL_TOKEN");
	cli->as = option_or_variable(cli, "as", "CARREL_AS");
	cli->workspace = option_or_variable(cli, "workspace", "CARREL_WORKSPACE");
	log_level_set(LOG_WARN);
	rc = settings_load(&cli->settings, e);
	level = log_level_parse(cli->settings.log_level);
	/* What a server inside the command logs is not for people, unless they asked for it. */
	log_level_set(log_level_is_given(cli) ? (enum log_level)level : LOG_ERROR);
	return rc;
}

/* Whether a switch stands among the options. */
static bool asks_for(int argc, const char *const *argv, const char *option)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], option) == 0) {
			return true;
		}
	}
	return false;
}

/* Finds the command and reads its options; `group` is the first word, for help. */
static int understand(
	struct cli *cli, int argc, const char *const *argv, const char **group, struct err *e)
{
	const char **rest = arena_array(&cli->arena, const char *, (size_t)argc + 1);
	const char *words[2];
	int places[2] = {-1, -1};
	int n_words = bare_words(argc, argv, words, places);
	int n_used;
	int n_rest = 0;

	cli->command = lookup(n_words, words, &n_used);
	cli->help |= asks_for(argc, argv, "--help") || asks_for(argc, argv, "-h");
	cli->json = asks_for(argc, argv, "--json");
	*group = n_words > 0 ? words[0] : NULL;
	if (cli->help) {
		return 0;
	}
	if (!cli->command) {
		return help_unknown(n_words, words, e);
	}
	for (int i = 0; i < argc; i++) {
		if ((n_used < 1 || i != places[0]) && (n_used < 2 || i != places[1])) {
			rest[n_rest++] = argv[i];
		}
	}
	cli->args.lists[0] = cli->command->options;
	cli->args.lists[1] = everybodys_options;
	return args_parse(&cli->args, &cli->settings, &cli->arena, n_rest, rest, e);
}

static int run(struct cli *cli, int argc, const char *const *argv, struct err *e)
{
	const char *group = NULL;
	int rc;

	if (argc > 0 && strcmp(argv[0], "help") == 0) {
		cli->help = true;
		argv++;
		argc--;
	}
	if (argc > 0 && strcmp(argv[0], "--version") == 0) {
		puts("carrel " CARREL_VERSION);
		return cli_flush(e);
	}
	if (argc == 0 && !cli->help) {
		help_short(stderr);
		return ERR_INVALID;
	}
	rc = understand(cli, argc, argv, &group, e);
	if (rc == 0 && cli->help) {
		rc = help_print(cli->command, group, e);
		return rc ? rc : cli_flush(e);
	}
	rc = rc ? rc : load(cli, e);
	rc = rc ? rc : check_words(cli, e);
	rc = rc ? rc : cli->command->run(cli, e);
	return rc ? rc : cli_flush(e);
}

static void tell(const struct cli *cli, const struct err *e)
{
	struct buf text = BUF_INIT;

	if (cli->json) {
		json_t *line = json_pack("{s:{s:s, s:s, s:s}}", "error", "type", err_type(e->code),
			"code", e->reason, "message", e->message);
		char *dump = line ? json_dumps(line, JSON_COMPACT) : NULL;

		fprintf(stderr, "%s\n", dump ? dump : "{}");
		free(dump);
		json_decref(line);
		return;
	}
	text_clean(&text, e->message, strlen(e->message), false);
	fprintf(stderr, "carrel: %s\n", text.data ? text.data : err_type(e->code));
	buf_finish(&text);
}

int cli_main(int argc, const char *const *argv)
{
	struct cli cli = {0};
	struct err e = ERR_INIT;
	int status;
	int rc;

	setlocale(LC_CTYPE, "C.UTF-8");
	settings_init(&cli.settings);
	arena_init(&cli.arena);
	term_catch_signals();
	rc = run(&cli, argc - 1, argv + 1, &e);
	client_close(&cli);
	status = term_stopped ? 128 + term_stopped : err_exit(rc);
	if (strcmp(e.reason, "reader_gone") == 0) {
		status = 0;
	} else if (rc != 0 && e.code != 0) {
		tell(&cli, &e);
	}
	arena_finish(&cli.arena);
	settings_finish(&cli.settings);
	return status;
}

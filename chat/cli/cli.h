/*
 * The command line. Every command that concerns data is a client of the HTTP API
 * (chat/cli/client.h); one table (chat/cli/commands.c) feeds dispatch, help and suggestions.
 * Results go to stdout, progress and errors to stderr; with
 * --json every result is one object a line, and so is an error.
 * Exit status: 0, or that of the error (index/base/err.h); 130 after SIGINT, 143 after SIGTERM.
 * Thread: main.
 */
#ifndef CHAT_CLI_CLI_H
#define CHAT_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "chat/cli/args.h"
#include "chat/cli/table.h"
#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/base/settings.h"

struct client;

struct cli {
	const struct command *command;
	struct settings settings;
	struct args args;
	struct arena arena; /* of this command */
	const char *server; /* --server or CARREL_SERVER; NULL: the data folder's */
	const char *token, *as, *workspace;
	bool json, quiet;
	bool help;
	struct client *client; /* opened by the first call */
};

struct command {
	const char *name;	      /* "doc list" */
	const char *words;	      /* "DOCUMENT…", "" */
	const char *summary;	      /* one line */
	const char *details;	      /* further paragraphs for --help, or NULL */
	const struct option *options; /* NULL: none of its own */
	int min_words, max_words;     /* -1: any number */
	bool makes_data;	      /* may begin an empty data folder when no server runs */
	int (*run)(struct cli *cli, struct err *e);
};
extern const struct command commands[];
extern const int n_commands;
extern const struct option everybodys_options[];

/* The whole program; its exit status. */
int cli_main(int argc, const char *const *argv);

/* ── what commands use ── */

/* Word i of the command; the table says how many there are. */
static inline const char *cli_word(const struct cli *cli, int i)
{
	ASSERT(i < cli->args.n_words);
	return cli->args.words[i];
}
static inline const char *cli_option(const struct cli *cli, const char *name)
{
	return args_value(&cli->args, name);
}

/* Words from i on, joined by a space. */
const char *cli_sentence(struct cli *cli, int i);

/* One object: a line of JSON, or `columns` one under the other. */
void cli_object(struct cli *cli, const json_t *object, const struct column *columns, int n);
/* Rows: a line of JSON each, or a table as wide as the terminal. */
void cli_rows(struct cli *cli, const json_t *rows, const struct column *columns, int n);
/* --json: the object; else the text and a newline. */
void cli_said(struct cli *cli, const json_t *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Cleaned text to stdout. */
void cli_text(const char *text, size_t n_bytes);
void cli_json(const json_t *object); /* one line */
/* ERR_CANCELLED when the reader of stdout went away or somebody asked to stop; ERR_IO when it
 * cannot be written. */
MUST_CHECK int cli_flush(struct err *e);

#define N_COLUMNS(array) ((int)(sizeof(array) / sizeof(array[0])))

#endif

/*
 * A client of the API, for commands: libcurl over DATA/carrel.sock when a server runs on the data
 * folder, over TCP with --server, else to a server that it starts inside this process for the
 * length of the command (chat/cli/inside.h). Blocks; a signal (term_stopped) ends a call with
 * ERR_CANCELLED within 0.2 s. The errors are the API's; besides, ERR_UNAVAILABLE: nobody there;
 * ERR_TIMEOUT: no answer in time. Thread: main.
 */
#ifndef CHAT_CLI_CLIENT_H
#define CHAT_CLI_CLIENT_H

#include <stdio.h>

#include "chat/cli/cli.h"

void client_close(struct cli *cli);
/* Whether the server is this process: then nothing goes on after the command. */
bool client_is_inside(const struct cli *cli);

/* "/v1/documents/%s?name=%s" with each %s percent-encoded; in the command's arena. %d: an int. */
char *client_path(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One call. Steals `body` (NULL: none). *out (may be NULL): a new reference, NULL for an empty
 * answer. */
MUST_CHECK int client_call(struct cli *cli, const char *method, const char *path, json_t *body,
	json_t **out, struct err *e);
static inline MUST_CHECK int client_read(
	struct cli *cli, const char *path, json_t **out, struct err *e)
{
	return client_call(cli, "GET", path, NULL, out, e);
}
/* What an answer {"error": {type, code, message}} with this status says. */
int client_error(const json_t *answer, long status, struct err *e);
/* All pages of a list whose answer is {FIELD: […], "next": CURSOR or null}: *out is one array. path
 * has its query, if any, already; the cursor is added as after=. */
MUST_CHECK int client_list(
	struct cli *cli, const char *path, const char *field, json_t **out, struct err *e);

/* The body of a GET as it comes. */
MUST_CHECK int client_download(struct cli *cli, const char *path, FILE *to, struct err *e);

/* multipart/form-data: fields (an object of text), then the file, read as it is sent. */
struct client_upload {
	const char *path;
	const json_t *fields;
	const char *file;
	const char *name;
	void (*progress)(void *arg, int64_t sent, int64_t total);
	void *arg;
};
MUST_CHECK int client_upload(
	struct cli *cli, const struct client_upload *u, json_t **out, struct err *e);

/* Server-sent events until the stream ends or on_event returns true (it has what it wanted). A lost
 * connection is taken up again after the last id, 5 times in a row at most; but not with a body (a
 * POST), which would ask for another answer. */
struct client_events {
	const char *path;
	const json_t *body; /* NULL: a GET */
	bool (*on_event)(void *arg, int64_t id, const char *name, const json_t *data);
	void *arg;
};
MUST_CHECK int client_events(struct cli *cli, const struct client_events *ev, struct err *e);

#endif

#include "chat/cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "chat/cli/events.h"
#include "chat/cli/inside.h"
#include "chat/cli/term.h"
#include "index/base/clock.h"
#include "index/base/fs.h"

#define CONNECT_MS 5000L
#define ANSWER_S 180L /* a call that is no stream */
#define SILENCE_S 75L /* a stream has a heartbeat every 15 s */
#define POLL_MS 200
#define STARTING_MS 8000 /* a server that holds the lock is given this long to listen */
#define REPLY_MAX (256 * 1024 * 1024)
#define RESUMES_MAX 5

struct client {
	CURLM *multi;
	struct inside *inside;
	char *socket;		    /* path; NULL: TCP */
	char *base;		    /* "http://localhost" */
	struct curl_slist *headers; /* who asks */
};

/* One transfer. */
struct call {
	struct client *client;
	CURL *easy;
	struct curl_slist *headers;
	struct buf reply;      /* JSON, or what an error says */
	FILE *to;	       /* a download */
	struct events *events; /* a stream */
	struct err *e;
	int64_t heard_ms; /* of a stream: when something came last, a heartbeat too */
	int rc;		  /* of what reads the reply */
	long status;
};

/* ── where the server is ── */

static bool answers(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;
	bool ok;

	if (strlen(path) >= sizeof(at.sun_path)) {
		return false;
	}
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return false;
	}
	ok = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(fd);
	return ok;
}

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

/* The server of the data folder: the one that runs, else one inside this process. Another process
 * that holds the lock without listening is starting or stopping: wait for either to be over. */
static int open_local(struct cli *cli, struct client *c, struct err *e)
{
	const char *data = cli->settings.data;
	const char *database = arena_printf(&cli->arena, "%s/carrel.db", data);
	int64_t until = clock_mono_ms() + STARTING_MS;
	int rc;

	if (strlen(c->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		return err_set(e, ERR_CONFIG, "path_too_long",
			"the path of the data folder %s is too long for a socket in it: take a "
			"shorter one",
			data);
	}
	for (;;) {
		if (answers(c->socket)) {
			return 0;
		}
		if (!cli->command->makes_data && !fs_exists(database)) {
			return err_set(e, ERR_CONFIG, "no_data",
				"there is nothing in the data folder %s yet: run `carrel serve` or "
				"`carrel ingest`, "
				"or name another with --data",
				data);
		}
		err_clear(e);
		rc = inside_start(&cli->settings, &c->inside, e);
		if (rc != ERR_CONFLICT || clock_mono_ms() > until || term_stopped) {
			return rc;
		}
		pause_ms(POLL_MS);
	}
}

static void add_header(struct client *c, struct arena *a, const char *name, const char *value)
{
	if (value) {
		c->headers = curl_slist_append(c->headers, arena_printf(a, "%s: %s", name, value));
		ASSERT(c->headers != NULL);
	}
}

static int plain_header(const char *option, const char *value, struct err *e)
{
	for (const char *p = value; p && *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f) {
			return err_set(e, ERR_INVALID, "bad_option",
				"--%s has a control character in it", option);
		}
	}
	return 0;
}

static int open_remote(struct cli *cli, struct client *c, struct err *e)
{
	size_t n = strlen(cli->server);

	if (strncmp(cli->server, "http://", 7) != 0 && strncmp(cli->server, "https://", 8) != 0) {
		return err_set(e, ERR_INVALID, "bad_server",
			"--server must be an address with http:// or https://, not \"%s\"",
			cli->server);
	}
	if (cli->as || cli->workspace) {
		return err_set(e, ERR_INVALID, "bad_option",
			"--as and --workspace are for the machine's operator; with --server the "
			"token says who asks");
	}
	if (!cli->token) {
		return err_set(e, ERR_AUTH, "no_token",
			"--server wants a token as well: --token T or CARREL_TOKEN");
	}
	while (n > 0 && cli->server[n - 1] == '/') {
		n--;
	}
	c->base = arena_strn(&cli->arena, cli->server, n);
	add_header(c, &cli->arena, "Authorization",
		arena_printf(&cli->arena, "Bearer %s", cli->token));
	return 0;
}

/* ERR_CONFIG: no server runs and the data folder is empty (unless the command may make one). */
static int open_client(struct cli *cli, struct err *e)
{
	struct client *c;
	int rc = plain_header("as", cli->as, e);

	rc = rc ? rc : plain_header("workspace", cli->workspace, e);
	rc = rc ? rc : plain_header("token", cli->token, e);
	if (rc != 0 || cli->client) {
		return rc;
	}
	c = arena_new(&cli->arena, struct client);
	if (cli->server) {
		rc = open_remote(cli, c, e);
	} else {
		c->base = arena_str(&cli->arena, "http://localhost");
		c->socket = arena_printf(&cli->arena, "%s/carrel.sock", cli->settings.data);
		add_header(c, &cli->arena, "X-Carrel-As", cli->as);
		add_header(c, &cli->arena, "X-Carrel-Workspace", cli->workspace);
		rc = open_local(cli, c, e);
	}
	if (rc == 0) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		c->multi = curl_multi_init();
		ASSERT(c->multi != NULL);
		cli->client = c;
	} else {
		curl_slist_free_all(c->headers);
	}
	return rc;
}

void client_close(struct cli *cli)
{
	struct client *c = cli->client;

	if (c) {
		curl_multi_cleanup(c->multi);
		curl_slist_free_all(c->headers);
		inside_stop(c->inside);
		cli->client = NULL;
	}
}

bool client_is_inside(const struct cli *cli)
{
	return cli->client && cli->client->inside;
}

/* ── one call ── */

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct call *call = arg;
	size_t n_bytes = size * n;

	call->heard_ms = clock_mono_ms();
	if (call->status == 0) {
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->status);
	}
	if (call->status >= 400 || (!call->to && !call->events)) {
		buf_add(&call->reply, p, n_bytes);
	} else if (call->to) {
		return fwrite(p, 1, n_bytes, call->to);
	} else {
		call->rc = events_feed(call->events, p, n_bytes, call->e);
		return call->rc == 0 && !call->events->ended ? n_bytes : 0;
	}
	return call->reply.over ? 0 : n_bytes;
}

static void set_url(CURL *easy, const char *base, const char *path)
{
	struct buf url = BUF_INIT;

	buf_str(&url, base);
	buf_str(&url, path);
	curl_easy_setopt(easy, CURLOPT_URL, url.data);
	buf_finish(&url);
}

static int call_init(
	struct call *call, struct cli *cli, const char *method, const char *path, struct err *e)
{
	int rc = open_client(cli, e);
	struct client *c = cli->client;

	memset(call, 0, sizeof(*call));
	if (rc != 0) {
		return rc;
	}
	call->client = c;
	call->e = e;
	call->reply.limit = REPLY_MAX;
	call->easy = curl_easy_init();
	ASSERT(call->easy != NULL);
	for (struct curl_slist *h = c->headers; h; h = h->next) {
		call->headers = curl_slist_append(call->headers, h->data);
	}
	set_url(call->easy, c->base, path);
	if (c->socket) {
		curl_easy_setopt(call->easy, CURLOPT_UNIX_SOCKET_PATH, c->socket);
		curl_easy_setopt(call->easy, CURLOPT_PROXY, "");
	}
	curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	return 0;
}

static void call_finish(struct call *call)
{
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	buf_finish(&call->reply);
}

static void call_header(struct call *call, const char *line)
{
	call->headers = curl_slist_append(call->headers, line);
	ASSERT(call->headers != NULL);
}

/* text must live as long as the call. */
static void call_body(struct call *call, const char *text)
{
	call_header(call, "Content-Type: application/json");
	call_header(call, "Expect:");
	curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
	curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, text);
}

/* Curl's own limit of speed takes a stream of which only heartbeats come for one that stands. */
static bool fell_silent(const struct call *call)
{
	return call->events && clock_mono_ms() - call->heard_ms > SILENCE_S * 1000;
}

/* Runs the transfer to its end, or until a signal: curl's result. */
static CURLcode transfer(struct call *call)
{
	CURLM *multi = call->client->multi;
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	int running = 1;

	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	curl_multi_add_handle(multi, call->easy);
	call->heard_ms = clock_mono_ms();
	while (running && !term_stopped && !fell_silent(call)) {
		curl_multi_perform(multi, &running);
		if (running) {
			curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
		}
	}
	if (running && !term_stopped) {
		result = CURLE_OPERATION_TIMEDOUT;
	}
	if (!running) {
		int left;
		CURLMsg *message = curl_multi_info_read(multi, &left);

		result = message ? message->data.result : CURLE_OK;
	}
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->status);
	curl_multi_remove_handle(multi, call->easy);
	return result;
}

static int lost(const struct call *call, CURLcode result, struct err *e)
{
	const char *where = call->client->socket ? call->client->socket : call->client->base;

	if (term_stopped) {
		return err_set(e, ERR_CANCELLED, "interrupted", "interrupted");
	}
	if (call->rc != 0) {
		return call->rc;
	}
	switch (result) {
	case CURLE_WRITE_ERROR:
		return call->to ? err_sys(e, ERR_IO, errno, "the answer cannot be written")
				: err_set(e, ERR_UPSTREAM, "bad_reply",
					  "the server's answer is too long");
	case CURLE_READ_ERROR:
		return err_set(e, ERR_IO, "file_changed", "the file could not be read to its end");
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(e, ERR_TIMEOUT, "no_answer", "no answer from %s in time", where);
	default:
		return err_set(e, ERR_UNAVAILABLE, "unreachable", "cannot reach %s: %s", where,
			curl_easy_strerror(result));
	}
}

static int code_of(const char *type, long status)
{
#define X(name, value, word, http, exit)                                                           \
	if (strcmp(word, type) == 0 && (http) == status) {                                         \
		return name;                                                                       \
	}
	ERR_MAP(X)
#undef X
#define X(name, value, word, http, exit)                                                           \
	if ((http) == status) {                                                                    \
		return name;                                                                       \
	}
	ERR_MAP(X)
#undef X
	return status >= 500 ? ERR_INTERNAL : ERR_INVALID;
}

int client_error(const json_t *answer, long status, struct err *e)
{
	const json_t *error = json_object_get(answer, "error");
	const char *type = json_string_value(json_object_get(error, "type"));
	const char *reason = json_string_value(json_object_get(error, "code"));
	const char *message = json_string_value(json_object_get(error, "message"));

	return message ? err_set(e, code_of(type ? type : "", status), reason, "%s", message)
		       : err_set(e, code_of("", status), "http_status",
				 "the server answered with status %ld; is this a Carrel?", status);
}

/* What a status of 400 or more says. */
static int refused(const struct call *call, struct err *e)
{
	json_t *reply =
		json_loadb(call->reply.data ? call->reply.data : "", call->reply.len, 0, NULL);
	int rc = client_error(reply, call->status, e);

	json_decref(reply);
	return rc;
}

static int take_json(const struct call *call, json_t **out, struct err *e)
{
	json_error_t why;

	if (!out) {
		return 0;
	}
	*out = NULL;
	if (call->reply.len == 0) {
		return 0;
	}
	*out = json_loadb(call->reply.data, call->reply.len, 0, &why);
	return *out ? 0
		    : err_set(e, ERR_UPSTREAM, "bad_reply", "the server's answer is no JSON: %s",
			      why.text);
}

static int finish_json(struct call *call, json_t **out, struct err *e)
{
	CURLcode result = transfer(call);
	int rc;

	if (result != CURLE_OK && call->status < 400) {
		rc = lost(call, result, e);
	} else {
		rc = call->status >= 400 ? refused(call, e) : take_json(call, out, e);
	}
	call_finish(call);
	return rc;
}

int client_call(struct cli *cli, const char *method, const char *path, json_t *body, json_t **out,
	struct err *e)
{
	struct call call;
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int rc;

	json_decref(body);
	rc = call_init(&call, cli, method, path, e);
	if (rc != 0) {
		free(text);
		return rc;
	}
	curl_easy_setopt(call.easy, CURLOPT_TIMEOUT, ANSWER_S);
	if (text) {
		call_body(&call, text);
	} else if (strcmp(method, "GET") != 0) {
		call_header(&call, "Content-Length: 0");
	}
	rc = finish_json(&call, out, e);
	free(text);
	return rc;
}

int client_download(struct cli *cli, const char *path, FILE *to, struct err *e)
{
	struct call call;
	CURLcode result;
	int rc = call_init(&call, cli, "GET", path, e);

	if (rc != 0) {
		return rc;
	}
	call.to = to;
	curl_easy_setopt(call.easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(call.easy, CURLOPT_LOW_SPEED_TIME, SILENCE_S);
	result = transfer(&call);
	if (call.status >= 400) {
		rc = refused(&call, e);
	} else if (result != CURLE_OK) {
		rc = lost(&call, result, e);
	}
	call_finish(&call);
	return rc;
}

/* ── upload ── */

static int on_progress(
	void *arg, curl_off_t down_total, curl_off_t down, curl_off_t total, curl_off_t sent)
{
	const struct client_upload *u = arg;

	(void)down_total;
	(void)down;
	if (u->progress && total > 0) {
		u->progress(u->arg, sent, total);
	}
	return 0;
}

int client_upload(struct cli *cli, const struct client_upload *u, json_t **out, struct err *e)
{
	struct call call;
	curl_mime *form;
	curl_mimepart *part;
	const char *field;
	json_t *value;
	int rc = call_init(&call, cli, "POST", u->path, e);

	if (rc != 0) {
		return rc;
	}
	form = curl_mime_init(call.easy);
	json_object_foreach((json_t *)u->fields, field, value)
	{
		part = curl_mime_addpart(form);
		curl_mime_name(part, field);
		curl_mime_data(part, json_string_value(value), json_string_length(value));
	}
	part = curl_mime_addpart(form);
	curl_mime_name(part, "file");
	if (curl_mime_filedata(part, u->file) != CURLE_OK) {
		rc = err_sys(e, ERR_INVALID, errno, "cannot read %s", u->file);
		curl_mime_free(form);
		call_finish(&call);
		return rc;
	}
	curl_mime_filename(part, u->name);
	curl_mime_type(part, "application/octet-stream");
	curl_easy_setopt(call.easy, CURLOPT_MIMEPOST, form);
	curl_easy_setopt(call.easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(call.easy, CURLOPT_LOW_SPEED_TIME, ANSWER_S);
	curl_easy_setopt(call.easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(call.easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(call.easy, CURLOPT_XFERINFODATA, u);
	rc = finish_json(&call, out, e);
	curl_mime_free(form);
	return rc;
}

/* ── streams ── */

struct stream_reader {
	const struct client_events *order;
	int64_t n_events;
};

static bool on_raw_event(void *arg, int64_t id, const char *name, const char *data, size_t n_bytes)
{
	struct stream_reader *r = arg;
	json_t *json = json_loadb(data, n_bytes, JSON_DECODE_ANY, NULL);
	bool enough = r->order->on_event(r->order->arg, id, name, json);

	r->n_events++;
	json_decref(json);
	return enough;
}

/* One connection's worth: 0 when the stream came to its end, ERR_UNAVAILABLE when it was cut. */
static int read_stream(
	struct cli *cli, const struct client_events *ev, struct events *events, struct err *e)
{
	char *text = ev->body ? json_dumps(ev->body, JSON_COMPACT) : NULL;
	struct call call;
	CURLcode result;
	int rc = call_init(&call, cli, text ? "POST" : "GET", ev->path, e);

	if (rc != 0) {
		free(text);
		return rc;
	}
	events_restart(events);
	call.events = events;
	call_header(&call, "Accept: text/event-stream");
	if (text) {
		call_body(&call, text);
	} else if (events->last_id > 0) {
		call_header(&call, arena_printf(&cli->arena, "Last-Event-ID: %lld",
					   (long long)events->last_id));
	}
	result = transfer(&call);
	if (call.status >= 400) {
		rc = refused(&call, e);
	} else if (result != CURLE_OK && !events->ended) {
		rc = lost(&call, result, e);
	}
	call_finish(&call);
	free(text);
	return rc;
}

int client_events(struct cli *cli, const struct client_events *ev, struct err *e)
{
	struct stream_reader reader = {ev, 0};
	struct events events;
	int cuts = 0;
	bool again;
	int rc;

	events_init(&events, on_raw_event, &reader);
	do {
		int64_t before = reader.n_events;

		err_clear(e);
		rc = read_stream(cli, ev, &events, e);
		cuts = reader.n_events > before ? 0 : cuts + 1;
		again = (rc == 0 || rc == ERR_UNAVAILABLE) && !events.ended && !ev->body &&
			!term_stopped && cuts < RESUMES_MAX;
		pause_ms(again ? POLL_MS * cuts : 0);
	} while (again);
	events_finish(&events);
	return rc;
}

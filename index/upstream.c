/*
 * A slot is one request from its first try to its end:
 *
 *   FREE -post-> DUE -start-> FLYING -answer-> ENDED -told-> FREE
 *                 ^-- again, later --'
 */
#include "index/upstream.h"

#include <ctype.h>
#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/base/utf8.h"

#define ANSWER_MAX (64u << 20)
#define CONNECT_MS 5000
#define POLL_MS 50
#define BACKOFF_MS 250
#define BACKOFF_MAX_MS 8000
#define RETRY_AFTER_MAX_S                                                                          \
	60 /* who wants to be left alone for longer is: the caller's job waits                     \
	    */

enum slot_state { FREE, DUE, FLYING, ENDED };

struct slot {
	struct upstream *of;
	enum slot_state state;
	CURL *easy;
	char *body;
	size_t n_bytes;
	void *tag;
	int tries;
	int64_t due_ms, pause_ms;
	int64_t timeout_ms; /* of the present try */
	struct buf answer;
	struct upstream_reply reply;
};

struct upstream {
	char *what, *prefix, *setting, *url, *key, *model;
	int64_t timeout_ms;
	bool (*is_final)(long status, const char *body, size_t n_bytes);
	CURLM *multi;
	struct curl_slist *headers;
	struct slot slots[UPSTREAM_AT_ONCE_MAX];
	struct upstream_limits limits;
	int at_once;	     /* now; less than the limit while the server is short of breath */
	int64_t rest_ms;     /* no request begins before */
	int64_t deadline_ms; /* 0: none */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void on_curl(void)
{
	ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

/* ── life ── */

static bool printable(const char *s)
{
	for (; *s; s++) {
		if (iscntrl((unsigned char)*s)) {
			return false;
		}
	}
	return true;
}

static int require_address(const struct upstream_config *c, struct err *e)
{
	char reason[48];

	snprintf(reason, sizeof(reason), "%s_url", c->prefix);
	if (!*c->url) {
		return err_set(e, ERR_CONFIG, reason, "%s is not set", c->setting);
	}
	if (strncasecmp(c->url, "http://", 7) != 0 && strncasecmp(c->url, "https://", 8) != 0) {
		return err_set(e, ERR_CONFIG, reason, "%s must begin with http:// or https://",
			c->setting);
	}
	if (!printable(c->url) || !printable(c->key)) {
		return err_set(e, ERR_CONFIG, reason,
			"%s and its key must not hold control characters", c->setting);
	}
	return 0;
}

static char *copy(const char *s)
{
	char *p = strdup(s);

	ASSERT(p != NULL);
	return p;
}

int upstream_open(const struct upstream_config *config, struct upstream **out, struct err *e)
{
	int rc = require_address(config, e);
	size_t n = strlen(config->url);
	struct upstream *u;

	*out = NULL;
	if (rc) {
		return rc;
	}
	pthread_once(&curl_once, on_curl);
	u = calloc(1, sizeof(*u));
	ASSERT(u != NULL);
	u->what = copy(config->what);
	u->prefix = copy(config->prefix);
	u->setting = copy(config->setting);
	u->key = copy(config->key);
	u->model = copy(config->model);
	u->timeout_ms = config->timeout_ms;
	u->is_final = config->is_final;
	while (n > 0 && config->url[n - 1] == '/') {
		n--;
	}
	ASSERT(asprintf(&u->url, "%.*s%s", (int)n, config->url, config->path) > 0);
	u->headers = curl_slist_append(NULL, "Content-Type: application/json");
	u->headers = curl_slist_append(u->headers, "Expect:");
	if (*u->key) {
		char *line;

		ASSERT(asprintf(&line, "Authorization: Bearer %s", u->key) > 0);
		u->headers = curl_slist_append(u->headers, line);
		free(line);
	}
	u->multi = curl_multi_init();
	ASSERT(u->multi && u->headers);
	*out = u;
	return 0;
}

void upstream_close(struct upstream *u)
{
	if (!u) {
		return;
	}
	upstream_end(u);
	for (int i = 0; i < UPSTREAM_AT_ONCE_MAX; i++) {
		if (u->slots[i].easy) {
			curl_easy_cleanup(u->slots[i].easy);
		}
		buf_finish(&u->slots[i].answer);
	}
	curl_multi_cleanup(u->multi);
	curl_slist_free_all(u->headers);
	free(u->what);
	free(u->prefix);
	free(u->setting);
	free(u->url);
	free(u->key);
	free(u->model);
	free(u);
}

void upstream_begin(struct upstream *u, const struct upstream_limits *limits)
{
	u->limits = *limits;
	ASSERT(limits->tries >= 1 && limits->at_once >= 1 &&
		limits->at_once <= UPSTREAM_AT_ONCE_MAX);
	u->at_once = limits->at_once;
	u->rest_ms = 0;
	u->deadline_ms = limits->total_ms ? clock_mono_ms() + limits->total_ms : 0;
}

static void empty_slot(struct slot *s)
{
	if (s->state == FLYING) {
		curl_multi_remove_handle(s->of->multi, s->easy);
	}
	free(s->body);
	s->body = NULL;
	s->state = FREE;
}

void upstream_end(struct upstream *u)
{
	for (int i = 0; i < UPSTREAM_AT_ONCE_MAX; i++) {
		empty_slot(&u->slots[i]);
	}
}

/* ── what is wrong ── */

static const char *message_of(json_t *root)
{
	json_t *error = json_object_get(root, "error");
	const char *text = json_string_value(json_object_get(error, "message"));

	text = text ? text : json_string_value(error);
	text = text ? text : json_string_value(json_object_get(root, "message"));
	return text ? text : json_string_value(json_object_get(root, "detail"));
}

/* The message of an error answer ({"error":{"message":…}}, {"error":"…"}, {"message":…},
 * {"detail":…}), cleaned and cut to out[UPSTREAM_QUOTE_MAX + 1]; "" if it has none. */
static void quote(const char *body, size_t n_bytes, char *out)
{
	json_t *root = json_loadb(body, n_bytes, 0, NULL);
	const char *message = message_of(root);
	size_t n = message ? utf8_floor(message, strlen(message), UPSTREAM_QUOTE_MAX) : 0;

	for (size_t i = 0; i < n; i++) {
		out[i] = (unsigned char)message[i] < ' ' ? ' ' : message[i];
	}
	out[n] = 0;
	json_decref(root);
}

bool upstream_repeats(const char *body, size_t n_bytes, const char *model, const char *said)
{
	size_t n = strlen(said), n_model = strlen(model);
	enum { RUN = 16 };

	for (size_t i = 0; i + RUN <= n; i++) {
		if (memmem(body, n_bytes, said + i, RUN) &&
			!memmem(model, n_model, said + i, RUN)) {
			return true;
		}
	}
	return false;
}

static int fail(struct slot *s, int code, const char *word, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int fail(struct slot *s, int code, const char *word, const char *fmt, ...)
{
	char reason[48], message[sizeof(s->reply.why.message)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	snprintf(reason, sizeof(reason), "%s_%s", s->of->prefix, word);
	return err_replace(&s->reply.why, code, reason, "the %s %s", s->of->what, message);
}

/* Whether to try again. */
static bool judge_connection(struct slot *s, CURLcode result)
{
	if (s->answer.over) {
		fail(s, ERR_UPSTREAM, "answer", "sends an answer without end");
		return false;
	}
	if (result == CURLE_OPERATION_TIMEDOUT) {
		fail(s, ERR_TIMEOUT, "timeout", "did not answer within %lld ms",
			(long long)s->timeout_ms);
		return true;
	}
	fail(s, ERR_UPSTREAM, "connection", "cannot be reached: %s", curl_easy_strerror(result));
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

static bool judge_status(struct slot *s, long status)
{
	char said[UPSTREAM_QUOTE_MAX + 1];
	const char *colon;

	quote(s->reply.body, s->reply.n_bytes, said);
	if ((*s->of->key && strstr(said, s->of->key)) ||
		upstream_repeats(s->body, s->n_bytes, s->of->model, said)) {
		*said = 0;
	}
	colon = *said ? ": " : "";
	if (status == 429) {
		fail(s, ERR_LIMITED, "limited", "takes no more requests now%s%s", colon, said);
	} else {
		fail(s, ERR_UPSTREAM, status == 401 || status == 403 ? "key" : "refused",
			"answered with status %ld%s%s", status, colon, said);
	}
	if (s->of->is_final && s->of->is_final(status, s->reply.body, s->reply.n_bytes)) {
		return false;
	}
	return status == 429 || status == 408 || (status >= 500 && status != 501);
}

/* ── tries ── */

/* When the slot's next try may begin; false: there is none. */
static bool plan_again(struct slot *s, CURLcode result, long status)
{
	struct upstream *u = s->of;
	int64_t now = clock_mono_ms(), pause = s->pause_ms;
	curl_off_t after = 0;

	if (s->tries >= u->limits.tries) {
		return false;
	}
	if (result == CURLE_OK) {
		curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &after);
	}
	if (after > RETRY_AFTER_MAX_S) {
		return false;
	}
	pause = after > 0 ? (int64_t)after * 1000 : pause;
	if (u->deadline_ms && now + pause >= u->deadline_ms) {
		return false;
	}
	s->pause_ms = s->pause_ms * 2 < BACKOFF_MAX_MS ? s->pause_ms * 2 : BACKOFF_MAX_MS;
	s->due_ms = now + pause;
	if (status == 429 || status == 503) {
		u->rest_ms = s->due_ms > u->rest_ms ? s->due_ms : u->rest_ms;
		u->at_once = u->at_once > 1 ? u->at_once / 2 : 1;
	}
	return true;
}

static void on_tried(struct slot *s, CURLcode result)
{
	long status = 0;
	bool again;

	curl_multi_remove_handle(s->of->multi, s->easy);
	s->reply.body = s->answer.data ? s->answer.data : "";
	s->reply.n_bytes = s->answer.len;
	err_clear(&s->reply.why);
	if (result == CURLE_OK) {
		curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
		again = status != 200 && judge_status(s, status);
	} else {
		again = judge_connection(s, result);
	}
	s->reply.status = status;
	s->reply.tag = s->tag;
	s->state = again && plan_again(s, result, status) ? DUE : ENDED;
}

static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;

	buf_add(&s->answer, p, size * n);
	return s->answer.over ? 0 : size * n;
}

static void set_options(struct slot *s)
{
	struct upstream *u = s->of;
	long timeout = (long)s->timeout_ms;

	curl_easy_setopt(s->easy, CURLOPT_URL, u->url);
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, u->headers);
	curl_easy_setopt(s->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(s->easy, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
	curl_easy_setopt(s->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->easy, CURLOPT_QUICK_EXIT, 1L); /* no wait for a name's look-up */
	curl_easy_setopt(s->easy, CURLOPT_USERAGENT, "carrel");
	curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(
		s->easy, CURLOPT_CONNECTTIMEOUT_MS, timeout < CONNECT_MS ? timeout : CONNECT_MS);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->n_bytes);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, s->body);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
}

static void start(struct slot *s, int64_t now)
{
	struct upstream *u = s->of;

	s->timeout_ms = u->timeout_ms;
	if (u->deadline_ms && u->deadline_ms - now < s->timeout_ms) {
		s->timeout_ms = u->deadline_ms > now ? u->deadline_ms - now : 1;
	}
	if (!s->easy) {
		s->easy = curl_easy_init();
		ASSERT(s->easy != NULL);
		s->answer.limit = ANSWER_MAX;
	}
	buf_clear(&s->answer);
	s->answer.over = false;
	set_options(s);
	s->tries++;
	s->state = FLYING;
	ASSERT(curl_multi_add_handle(u->multi, s->easy) == CURLM_OK);
}

static int count(const struct upstream *u, enum slot_state state)
{
	int n = 0;

	for (int i = 0; i < UPSTREAM_AT_ONCE_MAX; i++) {
		n += u->slots[i].state == state;
	}
	return n;
}

/* Starts what is due; how long to sleep at most. */
static int start_due(struct upstream *u)
{
	int64_t now = clock_mono_ms(), wait = POLL_MS;
	int n = count(u, FLYING);

	for (int i = 0; i < UPSTREAM_AT_ONCE_MAX; i++) {
		struct slot *s = &u->slots[i];
		int64_t due = s->due_ms > u->rest_ms ? s->due_ms : u->rest_ms;

		if (s->state != DUE || n >= u->at_once) {
			continue;
		}
		if (due <= now) {
			start(s, now);
			n++;
		} else if (due - now < wait) {
			wait = due - now;
		}
	}
	return (int)wait;
}

static void collect(struct upstream *u)
{
	CURLMsg *message;
	int n_left;

	while ((message = curl_multi_info_read(u->multi, &n_left))) {
		char *private = NULL;

		if (message->msg == CURLMSG_DONE) {
			CURLcode result = message->data.result;

			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
			on_tried((struct slot *)(void *)private, result);
		}
	}
}

/* ── posting and waiting ── */

static bool is_told(const struct slot *s)
{
	return s->state == FREE || (s->state == ENDED && !s->body);
}

bool upstream_has_room(const struct upstream *u)
{
	int n = 0;

	for (int i = 0; i < UPSTREAM_AT_ONCE_MAX; i++) {
		n += !is_told(&u->slots[i]);
	}
	return n < u->at_once;
}

void upstream_post(struct upstream *u, char *body, size_t n_bytes, void *tag)
{
	struct slot *s = NULL;

	for (int i = 0; i < UPSTREAM_AT_ONCE_MAX && !s; i++) {
		if (is_told(&u->slots[i])) {
			s = &u->slots[i];
		}
	}
	ASSERT(s != NULL);
	empty_slot(s);
	s->of = u;
	s->body = body;
	s->n_bytes = n_bytes;
	s->tag = tag;
	s->tries = 0;
	s->due_ms = 0;
	s->pause_ms = BACKOFF_MS;
	s->state = DUE;
}

static bool cancelled(const struct upstream *u)
{
	return u->limits.cancel && atomic_load(u->limits.cancel);
}

int upstream_wait(struct upstream *u, struct upstream_reply *out, struct err *e)
{
	int running;

	for (int i = 0; i < UPSTREAM_AT_ONCE_MAX; i++) {
		if (u->slots[i].state == ENDED && !u->slots[i].body) {
			u->slots[i].state = FREE; /* told before */
		}
	}
	for (;;) {
		int wait;

		for (int i = 0; i < UPSTREAM_AT_ONCE_MAX; i++) {
			struct slot *s = &u->slots[i];

			if (s->state == ENDED && s->body) {
				*out = s->reply;
				free(s->body);
				s->body = NULL;
				return 1;
			}
		}
		if (count(u, DUE) + count(u, FLYING) == 0) {
			return 0;
		}
		if (cancelled(u)) {
			return err_replace(e, ERR_CANCELLED, "cancelled",
				"the request to the %s was cancelled", u->what);
		}
		wait = start_due(u);
		if (curl_multi_perform(u->multi, &running) != CURLM_OK) {
			return err_set(e, ERR_INTERNAL, "curl", "libcurl failed");
		}
		collect(u);
		if (count(u, ENDED) == 0) {
			(void)curl_multi_poll(u->multi, NULL, 0, wait, NULL);
		}
	}
}

/*
 * The openai embedder: any OpenAI-compatible /embeddings, asked in batches on the calling thread.
 *
 *   texts -> pieces, up to 64 or 100 kB a request
 *   request -> 200: vectors | too long: the batch in halves, one text in two | 429, 5xx, no
 * connection: again after a while | anything else: an error vector of a text = the mean of its
 * pieces' vectors by their length, normalised
 */
#include <ctype.h>
#include <curl/curl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "index/base/arena.h"
#include "index/base/clock.h"
#include "index/base/utf8.h"
#include "index/embed_kind.h"
#include "index/embed_wire.h"
#include "index/vector_kernel.h"

#define BATCH_TEXTS 64
#define BATCH_BYTES 100000
#define ANSWER_MAX (64u << 20)
#define CONNECT_MS 5000
#define POLL_MS 50
#define PIECE_MIN 64 /* bytes: a server that refuses less is not asked again */
#define TRIES_DOCUMENT 5
#define TRIES_QUERY 2 /* a person waits */
#define BACKOFF_MS 250
#define BACKOFF_MAX_MS 8000
#define RETRY_AFTER_MAX_S 30
#define MESSAGE_SIZE 200

struct client {
	const struct settings *set;
	const struct embed_job *job;
	const char *model;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	char *url;
	struct buf answer;
	int tries;
};

struct piece {
	int text; /* of job->texts */
	const char *p;
	size_t len;
};

/* ── set-up ── */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void on_curl(void)
{
	ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static bool printable(const char *s)
{
	for (; *s; s++) {
		if (iscntrl((unsigned char)*s)) {
			return false;
		}
	}
	return true;
}

static int require_settings(const struct settings *set, struct err *e)
{
	if (!*set->embed_url) {
		return err_set(e, ERR_CONFIG, "embed_url",
			"set embed-url and embed-model for the openai embedder");
	}
	if (strncasecmp(set->embed_url, "http://", 7) != 0 &&
		strncasecmp(set->embed_url, "https://", 8) != 0) {
		return err_set(e, ERR_CONFIG, "embed_url",
			"embed-url must begin with http:// or https://");
	}
	if (!printable(set->embed_url) || !printable(set->embed_key)) {
		return err_set(e, ERR_CONFIG, "embed_url",
			"embed-url and embed-key must not hold control characters");
	}
	return 0;
}

static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct client *c = arg;

	buf_add(&c->answer, p, size * n);
	return c->answer.over ? 0 : size * n;
}

static void set_options(struct client *c)
{
	long timeout = (long)c->set->embed_timeout_ms;

	curl_easy_setopt(c->easy, CURLOPT_URL, c->url);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "carrel");
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(
		c->easy, CURLOPT_CONNECTTIMEOUT_MS, timeout < CONNECT_MS ? timeout : CONNECT_MS);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
}

static int client_init(struct client *c, const struct settings *set, const char *model,
	const struct embed_job *job, struct err *e)
{
	int rc = require_settings(set, e);
	size_t len = strlen(set->embed_url);

	memset(c, 0, sizeof(*c));
	if (rc) {
		return rc;
	}
	pthread_once(&curl_once, on_curl);
	c->set = set;
	c->job = job;
	c->model = model;
	c->tries = job->kind == EMBED_QUERY ? TRIES_QUERY : TRIES_DOCUMENT;
	c->answer.limit = ANSWER_MAX;
	while (len > 0 && set->embed_url[len - 1] == '/') {
		len--;
	}
	ASSERT(asprintf(&c->url, "%.*s/embeddings", (int)len, set->embed_url) > 0);
	c->headers = curl_slist_append(NULL, "Content-Type: application/json");
	c->headers = curl_slist_append(c->headers, "Expect:");
	if (*set->embed_key) {
		char *line;

		ASSERT(asprintf(&line, "Authorization: Bearer %s", set->embed_key) > 0);
		c->headers = curl_slist_append(c->headers, line);
		free(line);
	}
	c->multi = curl_multi_init();
	c->easy = curl_easy_init();
	ASSERT(c->multi && c->easy && c->headers);
	set_options(c);
	return 0;
}

static void client_finish(struct client *c)
{
	if (c->easy) {
		curl_easy_cleanup(c->easy);
	}
	if (c->multi) {
		curl_multi_cleanup(c->multi);
	}
	curl_slist_free_all(c->headers);
	buf_finish(&c->answer);
	free(c->url);
}

/* ── one request ── */

static int cancelled(struct err *e)
{
	return err_replace(e, ERR_CANCELLED, "cancelled", "embedding was cancelled");
}

/* On the multi interface, since the easy one looks at a progress function only once a second. */
static int post(struct client *c, const struct buf *body, CURLcode *result, struct err *e)
{
	int running = 1, n_left, rc = 0;
	CURLMsg *message;

	buf_clear(&c->answer);
	c->answer.over = false;
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, body->data);
	ASSERT(curl_multi_add_handle(c->multi, c->easy) == CURLM_OK);
	*result = CURLE_OK;
	while (running && rc == 0) {
		if (curl_multi_perform(c->multi, &running) != CURLM_OK) {
			rc = err_set(e, ERR_INTERNAL, "curl", "libcurl failed");
		} else if (running && embed_cancelled(c->job->cancel)) {
			rc = cancelled(e);
		} else if (running) {
			(void)curl_multi_poll(c->multi, NULL, 0, POLL_MS, NULL);
		}
	}
	while ((message = curl_multi_info_read(c->multi, &n_left))) {
		if (message->msg == CURLMSG_DONE) {
			*result = message->data.result;
		}
	}
	curl_multi_remove_handle(c->multi, c->easy);
	return rc;
}

static int wait_ms(struct client *c, int64_t ms, struct err *e)
{
	int64_t until = clock_mono_ms() + ms, now;

	while ((now = clock_mono_ms()) < until) {
		if (embed_cancelled(c->job->cancel)) {
			return cancelled(e);
		}
		usleep((useconds_t)(until - now < POLL_MS ? until - now : POLL_MS) * 1000);
	}
	return 0;
}

enum outcome { ANSWERED, TOO_LONG, AGAIN, REFUSED };

static enum outcome judge_connection(struct client *c, CURLcode result, struct err *e)
{
	if (c->answer.over) {
		err_replace(e, ERR_UPSTREAM, "embed_answer",
			"the embedding server's answer has no end");
		return REFUSED;
	}
	if (result == CURLE_OPERATION_TIMEDOUT) {
		err_replace(e, ERR_TIMEOUT, "embed_timeout",
			"the embedding server did not answer within %lld ms",
			(long long)c->set->embed_timeout_ms);
		return REFUSED;
	}
	err_replace(e, ERR_UPSTREAM, "embed_connection",
		"the embedding server cannot be reached: %s", curl_easy_strerror(result));
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return AGAIN;
	default:
		return REFUSED;
	}
}

static enum outcome judge(struct client *c, CURLcode result, struct err *e)
{
	char text[MESSAGE_SIZE];
	long status = 0;

	if (result != CURLE_OK) {
		return judge_connection(c, result, e);
	}
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200) {
		return ANSWERED;
	}
	if (wire_refusal(status, c->answer.data ? c->answer.data : "", c->answer.len, text,
		    sizeof(text))) {
		err_replace(e, ERR_UPSTREAM, "embed_too_long",
			"the embedding server finds a text too long: %s", text);
		return TOO_LONG;
	}
	if (status == 429) {
		err_replace(e, ERR_LIMITED, "embed_limited",
			"the embedding server takes no more requests now: %s", text);
		return AGAIN;
	}
	err_replace(e, ERR_UPSTREAM, status == 401 || status == 403 ? "embed_key" : "embed_refused",
		"the embedding server answered with status %ld: %s", status, text);
	return status >= 500 ? AGAIN : REFUSED;
}

/* 0 with the answer in c->answer, or an error; *too_long tells that it is about the length. */
static int request(struct client *c, const struct buf *body, bool *too_long, struct err *e)
{
	int64_t pause = BACKOFF_MS;
	struct err why = ERR_INIT;

	*too_long = false;
	for (int i = 0; i < c->tries; i++) {
		curl_off_t after = 0;
		CURLcode result;
		enum outcome o;
		int rc = post(c, body, &result, e);

		if (rc) {
			return rc;
		}
		o = judge(c, result, &why);
		if (o == ANSWERED) {
			return 0;
		}
		*too_long = o == TOO_LONG;
		if (o == AGAIN && result == CURLE_OK) {
			curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after);
		}
		if (o != AGAIN || i + 1 == c->tries || after > RETRY_AFTER_MAX_S) {
			break;
		}
		rc = wait_ms(c, after > 0 ? (int64_t)after * 1000 : pause, e);
		if (rc) {
			return rc;
		}
		pause = pause * 2 < BACKOFF_MAX_MS ? pause * 2 : BACKOFF_MAX_MS;
	}
	return err_set(e, why.code, why.reason, "%s", why.message);
}

/* ── pieces ── */

static int send_pieces(
	struct client *c, const struct piece *pieces, int n, int dimension, struct err *e);

static int take_answer(
	struct client *c, const struct piece *pieces, int n, int dimension, struct err *e)
{
	float *vectors = calloc((size_t)n * (size_t)dimension, sizeof(*vectors));
	int rc;

	ASSERT(vectors != NULL);
	rc = wire_answer(
		c->answer.data ? c->answer.data : "", c->answer.len, n, &dimension, vectors, e);
	for (int i = 0; rc == 0 && i < n; i++) {
		vector_kernel()->add_scaled(
			c->job->out + (size_t)pieces[i].text * (size_t)dimension,
			vectors + (size_t)i * (size_t)dimension, (float)pieces[i].len,
			(size_t)dimension);
	}
	free(vectors);
	return rc;
}

/* At the white space nearest to the middle, or between characters. */
static size_t split_at(const struct piece *piece)
{
	size_t middle = piece->len / 2;

	for (size_t d = 0; d < piece->len / 4; d++) {
		if (isspace((unsigned char)piece->p[middle + d])) {
			return middle + d;
		}
		if (isspace((unsigned char)piece->p[middle - d])) {
			return middle - d;
		}
	}
	return utf8_floor(piece->p, piece->len, middle);
}

static int send_smaller(
	struct client *c, const struct piece *pieces, int n, int dimension, struct err *e)
{
	struct piece halves[2];
	int rc;

	if (n > 1) {
		rc = send_pieces(c, pieces, n / 2, dimension, e);
		return rc ? rc : send_pieces(c, pieces + n / 2, n - n / 2, dimension, e);
	}
	halves[0] = pieces[0];
	halves[1] = pieces[0];
	halves[0].len = split_at(&pieces[0]);
	halves[1].p += halves[0].len;
	halves[1].len -= halves[0].len;
	rc = send_pieces(c, &halves[0], 1, dimension, e);
	return rc ? rc : send_pieces(c, &halves[1], 1, dimension, e);
}

static int send_pieces(
	struct client *c, const struct piece *pieces, int n, int dimension, struct err *e)
{
	const char *texts[BATCH_TEXTS];
	size_t lengths[BATCH_TEXTS];
	struct buf body = BUF_INIT;
	struct err why = ERR_INIT;
	bool too_long = false;
	int rc;

	for (int i = 0; i < n; i++) {
		texts[i] = pieces[i].p;
		lengths[i] = pieces[i].len;
	}
	rc = wire_request(c->model, texts, lengths, n, &body, e);
	if (rc == 0) {
		rc = request(c, &body, &too_long, &why);
		if (rc == 0) {
			rc = take_answer(c, pieces, n, dimension, e);
		} else if (too_long && (n > 1 || pieces[0].len >= PIECE_MIN)) {
			rc = send_smaller(c, pieces, n, dimension, e);
		} else {
			rc = err_set(e, why.code, why.reason, "%s", why.message);
		}
	}
	buf_finish(&body);
	return rc;
}

static bool blank(const char *s)
{
	return !s || s[strspn(s, " \t\r\n")] == 0;
}

/* What of a text is sent: title, heading path and body, a line each. */
static struct piece compose(struct arena *a, const struct embed_text *t, int text)
{
	const char *parts[] = {t->title, t->heading, t->body};
	struct buf all = BUF_INIT;
	struct piece piece = {text, "", 0};

	for (size_t i = 0; i < 3; i++) {
		if (!blank(parts[i])) {
			buf_str(&all, all.len ? "\n" : "");
			buf_str(&all, parts[i]);
		}
	}
	if (all.len) {
		piece.p = arena_strn(a, all.data, all.len);
		piece.len = all.len;
	}
	buf_finish(&all);
	return piece;
}

/* The next batch of texts from *at on; *at after them. */
static int next_batch(struct arena *a, const struct embed_job *job, int *at, struct piece *pieces)
{
	size_t n_bytes = 0;
	int n = 0;

	while (*at < job->n && n < BATCH_TEXTS) {
		struct piece piece = compose(a, &job->texts[*at], *at);

		if (n > 0 && n_bytes + piece.len > BATCH_BYTES) {
			break;
		}
		n_bytes += piece.len;
		if (piece.len) {
			pieces[n++] = piece;
		}
		(*at)++;
	}
	return n;
}

/* ── the row ── */

static int embed_openai(struct embedder *em, const struct embed_job *job, struct err *e)
{
	int dimension = em->identity.dimension;
	struct client c;
	int rc = client_init(&c, em->settings, em->identity.model, job, e);

	for (int at = 0; rc == 0 && at < job->n;) {
		struct piece pieces[BATCH_TEXTS];
		struct arena a;
		int n;

		arena_init(&a);
		n = next_batch(&a, job, &at, pieces);
		if (embed_cancelled(job->cancel)) {
			rc = cancelled(e);
		} else if (n > 0) {
			rc = send_pieces(&c, pieces, n, dimension, e);
		}
		arena_finish(&a);
		if (rc == 0 && job->progress) {
			job->progress(job->arg, at, job->n);
		}
	}
	client_finish(&c);
	for (int i = 0; rc == 0 && i < job->n; i++) {
		(void)vector_normalise(job->out + (size_t)i * (size_t)dimension, (size_t)dimension);
	}
	return rc;
}

static int identify(const struct settings *set, struct embed_identity *out, struct err *e)
{
	const char *text = "dimension";
	size_t length = strlen(text);
	struct embed_job job = {.kind = EMBED_QUERY};
	struct buf body = BUF_INIT;
	struct client c;
	bool too_long;
	float *vector;
	int rc;

	if (!*set->embed_model || strlen(set->embed_model) >= sizeof(out->model)) {
		return err_set(e, ERR_CONFIG, "embed_model",
			"set embed-model, at most %zu bytes, for the openai embedder",
			sizeof(out->model) - 1);
	}
	snprintf(out->model, sizeof(out->model), "%s", set->embed_model);
	rc = client_init(&c, set, out->model, &job, e);
	vector = calloc(EMBED_DIMENSION_MAX, sizeof(*vector));
	ASSERT(vector != NULL);
	if (rc == 0) {
		rc = wire_request(out->model, &text, &length, 1, &body, e);
	}
	if (rc == 0) {
		rc = request(&c, &body, &too_long, e);
	}
	if (rc == 0) {
		rc = wire_answer(c.answer.data ? c.answer.data : "", c.answer.len, 1,
			&out->dimension, vector, e);
	}
	free(vector);
	buf_finish(&body);
	client_finish(&c);
	return rc;
}

static int open_openai(struct embedder *em, const void *model_data, size_t n_bytes, struct err *e)
{
	(void)model_data;
	if (n_bytes) {
		return err_set(e, ERR_CORRUPT, "model_data", "the openai embedder has no table");
	}
	return require_settings(em->settings, e);
}

static void close_openai(struct embedder *em)
{
	(void)em;
}

static double weight(const struct embedder *em, const struct settings *set, const char *language)
{
	(void)em;
	(void)language; /* a real model knows them all alike */
	return (double)set->fusion_weight_openai / 100;
}

const struct embedder_kind embedder_openai = {
	"openai", identify, open_openai, close_openai, embed_openai, weight};

#include "chat/probe.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>

#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/base/utf8.h"
#include "index/rerank.h"

#define TOTAL_MS 10000L
#define ANSWER_MAX ((size_t)1 << 20)
#define QUOTE_MAX 200 /* bytes of what the server says */
#define NAME_TOLD 80  /* bytes of a model's name */

struct endpoint {
	const char *url, *path, *key, *model;
	const char *url_name, *key_name, *model_name; /* the settings' names */
};

static void say(struct probe *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct probe *out, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(out->message, sizeof(out->message), fmt, ap);
	va_end(ap);
	/* cut between characters */
	n = strlen(out->message);
	out->message[n - utf8_incomplete_tail(out->message, n)] = '\0';
}

/* So many bytes of a model's name are told. */
static int told(const char *name)
{
	return (int)utf8_floor(name, strlen(name), NAME_TOLD);
}

/* ── the request ── */

static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct buf *answer = arg;

	if (answer->len + size * n > ANSWER_MAX) {
		return 0;
	}
	buf_add(answer, p, size * n);
	return size * n;
}

static char *address(const struct endpoint *at)
{
	struct buf url = BUF_INIT;
	size_t n = strlen(at->url);

	while (n > 0 && at->url[n - 1] == '/') {
		n--;
	}
	buf_add(&url, at->url, n);
	buf_str(&url, at->path);
	return buf_take(&url);
}

static struct curl_slist *headers_of(const struct endpoint *at)
{
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
	struct buf line = BUF_INIT;

	list = curl_slist_append(list, "Expect:");
	if (at->key[0] && !strpbrk(at->key, "\r\n")) {
		buf_printf(&line, "Authorization: Bearer %s", at->key);
		list = curl_slist_append(list, line.data);
		memset(line.data, 0, line.len);
	}
	buf_finish(&line);
	return list;
}

static CURLcode post(
	const struct endpoint *at, const json_t *body, struct buf *answer, long *status)
{
	struct curl_slist *headers = headers_of(at);
	char *text = json_dumps(body, JSON_COMPACT);
	char *url = address(at);
	CURL *easy = curl_easy_init();
	CURLcode code = easy ? CURLE_OK : CURLE_FAILED_INIT;

	if (easy) {
		curl_easy_setopt(easy, CURLOPT_URL, url);
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
		curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
		curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TOTAL_MS);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, text);
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
		curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
		code = curl_easy_perform(easy);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status);
		curl_easy_cleanup(easy);
	}
	curl_slist_free_all(headers);
	free(url);
	free(text);
	return code;
}

/* ── what went wrong ── */

static void tell_lost(struct probe *out, const struct endpoint *at, CURLcode code)
{
	switch (code) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		say(out, "%s is no address that can be asked: http://HOST:PORT/v1 is one.",
			at->url_name);
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		say(out,
			"The name of the server in %s is not known: check its spelling and the "
			"DNS.",
			at->url_name);
		break;
	case CURLE_COULDNT_CONNECT:
		say(out, "Nothing answers at %s: is the server running, and is the port right?",
			at->url_name);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		say(out, "No answer within %ld seconds.", TOTAL_MS / 1000);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
		say(out, "No secure connection: %s.", curl_easy_strerror(code));
		break;
	case CURLE_WRITE_ERROR:
		say(out, "The server sent more than any answer can be long.");
		break;
	default:
		say(out, "The connection failed: %s.", curl_easy_strerror(code));
	}
}

/* What an OpenAI-compatible server says of its error, without the key; "" if it says nothing. */
static void quote(const struct buf *answer, const struct endpoint *at, char out[QUOTE_MAX + 8])
{
	json_t *o = answer->len ? json_loadb(answer->data, answer->len, 0, NULL) : NULL;
	const json_t *error = json_object_get(o, "error");
	const char *text = json_string_value(
		json_is_string(error) ? error : json_object_get(error, "message"));
	size_t n = 0;

	if (text && !(at->key[0] && strstr(text, at->key))) {
		char *clean = utf8_clean_name(text, strlen(text), QUOTE_MAX);

		n = strlen(clean);
		memcpy(out, clean, n);
		free(clean);
	}
	out[n] = '\0';
	json_decref(o);
}

static void tell_status(
	struct probe *out, const struct endpoint *at, long status, const struct buf *answer)
{
	char why[QUOTE_MAX + 8];

	quote(answer, at, why);
	if (status == 401 || status == 403) {
		say(out, "The server refuses the key (%ld): %s is %s.", status, at->key_name,
			at->key[0] ? "wrong, or may not do this" : "not set");
	} else if (status == 404 && why[0]) {
		say(out, "The server knows no such model or address (404): \"%s\"", why);
	} else if (status == 404) {
		say(out,
			"There is no %s at %s (404): most addresses end in /v1; or the model "
			"\"%.*s\" is not there.",
			at->path, at->url_name, told(at->model), at->model);
	} else if (status == 429) {
		say(out, "The server is busy or the quota is used up (429)%s%s%s",
			why[0] ? ": \"" : ".", why, why[0] ? "\"" : "");
	} else if (status >= 300 && status < 400) {
		say(out, "The server sends on to another address (%ld): put the final one in %s.",
			status, at->url_name);
	} else {
		say(out, "The server answers with an error (%ld)%s%s%s", status,
			why[0] ? ": \"" : ".", why, why[0] ? "\"" : "");
	}
}

/* The answer of a server that did as it was asked, else NULL and the reason. */
static json_t *asked(struct probe *out, const struct endpoint *at, json_t *body)
{
	struct buf answer = BUF_INIT;
	int64_t begun = clock_mono_ms();
	json_t *o = NULL;
	long status = 0;
	CURLcode code = post(at, body, &answer, &status);

	json_decref(body);
	out->ms = clock_mono_ms() - begun;
	if (code != CURLE_OK) {
		tell_lost(out, at, code);
	} else if (status != 200) {
		tell_status(out, at, status, &answer);
	} else {
		o = answer.len ? json_loadb(answer.data, answer.len, 0, NULL) : NULL;
		if (!json_is_object(o)) {
			say(out,
				"What answers at %s is no OpenAI-compatible API: its answer is not "
				"JSON.",
				at->url_name);
			json_decref(o);
			o = NULL;
		}
	}
	buf_finish(&answer);
	return o;
}

/* ── what is asked ── */

void probe_model(const struct settings *s, struct probe *out)
{
	const struct endpoint at = {s->model_url, "/chat/completions", s->model_key, s->model_name,
		"model-url", "model-key", "model-name"};
	json_t *o;

	*out = (struct probe){.ok = false};
	if (!at.url[0]) {
		say(out, "model-url is not set: answers are the sources' best sentences.");
		return;
	}
	o = asked(out, &at,
		json_pack("{s:s, s:[{s:s, s:s}], s:i, s:b}", "model", at.model, "messages", "role",
			"user", "content", "Say: ready", "max_tokens", 8, "stream", 0));
	if (!o) {
		return;
	}
	out->ok = json_is_object(
		json_object_get(json_array_get(json_object_get(o, "choices"), 0), "message"));
	if (out->ok) {
		say(out, "The model \"%.*s\" answers.", told(at.model), at.model);
	} else {
		say(out, "What answers at model-url is no OpenAI-compatible API: there are no "
			 "choices in its answer.");
	}
	json_decref(o);
}

void probe_embedder(const struct settings *s, struct probe *out)
{
	const struct endpoint at = {s->embed_url, "/embeddings", s->embed_key, s->embed_model,
		"embed-url", "embed-key", "embed-model"};
	size_t n;
	json_t *o;

	*out = (struct probe){.ok = false};
	if (strcmp(s->embedder, "builtin") == 0) {
		out->ok = true;
		say(out, "The built-in embedder needs no server.");
		return;
	}
	if (!at.url[0] || !at.model[0]) {
		say(out, "The embedder openai needs embed-url and embed-model.");
		return;
	}
	o = asked(out, &at, json_pack("{s:s, s:[s]}", "model", at.model, "input", "ready"));
	if (!o) {
		return;
	}
	n = json_array_size(
		json_object_get(json_array_get(json_object_get(o, "data"), 0), "embedding"));
	out->ok = n > 0;
	if (out->ok) {
		say(out, "The model \"%.*s\" answers with %zu numbers for a text.", told(at.model),
			at.model, n);
	} else {
		say(out, "What answers at embed-url is no OpenAI-compatible API: there is no "
			 "embedding in its answer.");
	}
	json_decref(o);
}

/* By the client that searches use: what it says of a failure is what a search would say. */
void probe_reranker(const struct settings *s, struct probe *out)
{
	static const char *const texts[] = {"The door is locked at night.", "Pandas eat bamboo."};
	const struct rerank_request r = {"What do pandas eat?", texts, 2, NULL};
	int64_t begun = clock_mono_ms();
	struct settings bounded;
	struct err e = ERR_INIT;
	double scores[2];

	*out = (struct probe){.ok = false};
	if (!rerank_configured(s)) {
		say(out, "rerank-url is not set: passages stay in their fused order.");
		return;
	}
	settings_copy(&bounded, s);
	if (bounded.rerank_timeout_ms > TOTAL_MS) {
		bounded.rerank_timeout_ms = TOTAL_MS;
	}
	if (rerank_run(&bounded, &r, scores, &e) != 0) {
		say(out, "%c%s.", toupper((unsigned char)e.message[0]), e.message + 1);
	} else if (scores[1] > scores[0]) {
		out->ok = true;
		say(out, "The reranker answers: what fits the question comes first.");
	} else {
		say(out, "The reranker answers, but puts a text that does not fit the question "
			 "before one that does: is it the right model?");
	}
	out->ms = clock_mono_ms() - begun;
	settings_finish(&bounded);
}

bool probe_same_server(const char *url_a, const char *url_b)
{
	const char *a = strstr(url_a, "://");
	const char *b = strstr(url_b, "://");
	size_t n_a, n_b;

	if (!a || !b) {
		return false;
	}
	n_a = (size_t)(a - url_a) + 3 + strcspn(a + 3, "/?#");
	n_b = (size_t)(b - url_b) + 3 + strcspn(b + 3, "/?#");
	return n_a == n_b && strncasecmp(url_a, url_b, n_a) == 0;
}

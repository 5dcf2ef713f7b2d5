#include "chat/model_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "chat/model_sse.h"
#include "index/base/clock.h"
#include "index/upstream.h"

#define CONNECT_MS 10000
/* Of one read: a stream comes in small packets, and a thousand of them are to be cheap. */
#define READ_BYTES 2048
#define RETRY_AFTER_TOLD_MAX_S 86400

/* ── what is asked ── */

static void make_body(struct model_request *r, json_t *messages, int answer_tokens)
{
	json_t *o = json_pack("{s:s, s:O, s:b, s:i}", "model", r->settings->model_name, "messages",
		messages, "stream", 1, "max_tokens", answer_tokens);
	static const char options[] = ",\"stream_options\":{\"include_usage\":true}}";
	char *text = json_dumps(o, JSON_COMPACT);

	ASSERT(text != NULL);
	json_decref(o);
	r->n_plain = strlen(text) - 1;
	r->body = realloc(text, r->n_plain + sizeof(options));
	ASSERT(r->body != NULL);
	memcpy(r->body + r->n_plain, options, sizeof(options));
}

static void make_headers(struct model_request *r)
{
	const char *key = r->settings->model_key;

	r->headers = curl_slist_append(NULL, "Content-Type: application/json");
	r->headers = curl_slist_append(r->headers, "Accept: text/event-stream");
	r->headers = curl_slist_append(r->headers, "Expect:");
	if (key[0] && !strpbrk(key, "\r\n")) {
		struct buf line = BUF_INIT;

		buf_printf(&line, "Authorization: Bearer %s", key);
		r->headers = curl_slist_append(r->headers, line.data);
		memset(line.data, 0, line.len);
		buf_finish(&line);
	}
}

void model_request_init(
	struct model_request *r, const struct settings *set, json_t *messages, int answer_tokens)
{
	*r = (struct model_request){.settings = set};
	make_body(r, messages, answer_tokens);
	make_headers(r);
}

void model_request_finish(struct model_request *r)
{
	curl_slist_free_all(r->headers);
	free(r->body);
}

void model_request_drop_usage(struct model_request *r)
{
	memcpy(r->body + r->n_plain, "}", 2);
}

static void set_url(CURL *easy, const struct settings *set)
{
	size_t n = strlen(set->model_url);
	struct buf url = BUF_INIT;

	while (n > 0 && set->model_url[n - 1] == '/') {
		n--;
	}
	buf_add(&url, set->model_url, n);
	buf_str(&url, "/chat/completions");
	curl_easy_setopt(easy, CURLOPT_URL, url.data);
	buf_finish(&url);
}

CURL *model_request_easy(struct model_request *r, int64_t total_ms)
{
	CURL *easy = curl_easy_init();

	ASSERT(easy != NULL);
	set_url(easy, r->settings);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)READ_BYTES);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* a look-up of the name that hangs is left to its thread, not waited for on the loop */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
	/* else the time to the first event is the limit: curl's default is longer */
	if (r->settings->model_first_ms > CONNECT_MS) {
		curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	}
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)total_ms);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(r->body));
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
	return easy;
}

/* ── what is answered ── */

bool model_retry_after(const char *line, size_t n, int64_t *ms)
{
	static const char name[] = "retry-after:";
	const size_t n_name = sizeof(name) - 1;
	char value[64];
	char *rest;
	int64_t seconds;

	if (n <= n_name || strncasecmp(line, name, n_name) != 0) {
		return false;
	}
	n = n - n_name < sizeof(value) ? n - n_name : sizeof(value) - 1;
	memcpy(value, line + n_name, n);
	value[n] = '\0';
	seconds = strtol(value, &rest, 10);
	if (rest == value || *rest == ',') { /* an HTTP date */
		time_t at = curl_getdate(value, NULL);

		seconds = at < 0 ? 0 : at - clock_wall_ms() / 1000;
	}
	seconds = seconds > RETRY_AFTER_TOLD_MAX_S ? RETRY_AFTER_TOLD_MAX_S : seconds;
	*ms = seconds < 0 ? 0 : seconds * 1000;
	return true;
}

void model_request_guard(const struct model_request *r, struct err *e)
{
	const struct settings *set = r->settings;

	if (e->code == ERR_UPSTREAM &&
		((set->model_key[0] && strstr(e->message, set->model_key)) ||
			upstream_repeats(r->body, strlen(r->body), set->model_name, e->message))) {
		err_replace(e, e->code, e->reason,
			"the model's server answered with an error that repeats what it was sent");
	}
}

void model_status_words(long status, const struct buf *body, char *out, size_t n_out)
{
	struct model_sse p;
	struct err e = ERR_INIT;
	bool told;

	model_sse_init(&p);
	if (body->len > 0 && model_sse_feed(&p, body->data, body->len, &e) == 0) {
		(void)!model_sse_end(&p, &e);
	}
	model_sse_finish(&p);
	told = strcmp(e.reason, "model_error") == 0;
	snprintf(out, n_out, "the model's server answered with status %ld%s%s", status,
		told ? ": " : "", told ? e.message : "");
}

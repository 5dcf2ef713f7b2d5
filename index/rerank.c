#include "index/rerank.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/utf8.h"
#include "index/upstream.h"

#define TRIES 2		   /* a person waits */
#define TEXT_BYTES_MIN 200 /* a server that refuses less is not asked again */

struct round {
	const struct settings *set;
	const struct rerank_request *request;
	size_t text_bytes; /* of each text at most */
	bool tei;	   /* {"query","texts"} */
};

bool rerank_configured(const struct settings *set)
{
	return *set->rerank_url != '\0';
}

/* Plain text as well: text-embeddings-inference says so in no JSON. */
static bool holds(const char *body, size_t n_bytes, const char *word)
{
	return memmem(body, n_bytes, word, strlen(word)) != NULL;
}

static bool says_too_long(long status, const char *body, size_t n_bytes)
{
	static const char *const words[] = {"too large", "too long", "context size",
		"context length", "maximum context", "must have less than", "larger than the max"};

	if (status == 413) {
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (status >= 400 && holds(body, n_bytes, words[i])) {
			return true;
		}
	}
	return false;
}

static bool wants_texts(long status, const char *body, size_t n_bytes)
{
	return (status == 400 || status == 422) && holds(body, n_bytes, "texts");
}

static bool is_final(long status, const char *body, size_t n_bytes)
{
	return says_too_long(status, body, n_bytes) || wants_texts(status, body, n_bytes);
}

static int compose(const struct round *r, struct buf *out, struct err *e)
{
	json_t *texts = json_array(), *root = json_object();
	char *body;
	bool good = json_object_set_new(root, "query", json_string(r->request->query)) == 0;

	for (int i = 0; i < r->request->n_texts; i++) {
		const char *text = r->request->texts[i];
		size_t n = utf8_floor(text, strlen(text), r->text_bytes);

		good &= json_array_append_new(texts, json_stringn(text, n)) == 0;
	}
	json_object_set_new(root, r->tei ? "texts" : "documents", texts);
	if (!r->tei) {
		json_object_set_new(root, "top_n", json_integer(r->request->n_texts));
		if (*r->set->rerank_model) {
			json_object_set_new(root, "model", json_string(r->set->rerank_model));
		}
	}
	body = good ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (!body) {
		return err_set(e, ERR_INVALID, "not_utf8", "a text to rerank is not UTF-8");
	}
	buf_str(out, body);
	free(body);
	return 0;
}

static int bad_answer(struct err *e, const char *what)
{
	return err_set(e, ERR_UPSTREAM, "rerank_answer", "the rerank server's answer %s", what);
}

/* NULL, or what is wrong. A text's score stands in *score; NAN before: not seen yet. */
static const char *read_result(json_t *item, int n, double *scores)
{
	json_t *index = json_object_get(item, "index");
	json_t *score = json_object_get(item, "relevance_score");
	json_int_t at = json_is_integer(index) ? json_integer_value(index) : -1;

	score = score ? score : json_object_get(item, "score");
	if (at < 0 || at >= n || !isnan(scores[at])) {
		return "repeats or invents an index";
	}
	if (!json_is_number(score) || !isfinite(json_number_value(score))) {
		return "lacks a score";
	}
	scores[at] = json_number_value(score);
	return NULL;
}

static void to_unit(double *scores, int n)
{
	bool logits = false;

	for (int i = 0; i < n; i++) {
		logits |= scores[i] < 0 || scores[i] > 1;
	}
	for (int i = 0; i < n; i++) {
		if (isnan(scores[i])) {
			scores[i] = 0;
		} else if (logits) {
			scores[i] = 1 / (1 + exp(-scores[i]));
		}
	}
}

static int read_answer(const struct upstream_reply *reply, int n, double *scores, struct err *e)
{
	json_t *root = json_loadb(reply->body, reply->n_bytes, 0, NULL);
	json_t *results = json_is_array(root) ? root : json_object_get(root, "results");
	const char *wrong = NULL;

	for (int i = 0; i < n; i++) {
		scores[i] = NAN;
	}
	/* Hugging Face's inference endpoints and some proxies say data for results. */
	results = results ? results : json_object_get(root, "data");
	if (!root) {
		wrong = "is not JSON";
	} else if (!json_is_array(results)) {
		wrong = json_object_get(root, "error") ? "is an error" : "has no results";
	} else if (json_array_size(results) == 0 || json_array_size(results) > (size_t)n) {
		wrong = "has another number of results than was asked for";
	}
	for (size_t i = 0; !wrong && i < json_array_size(results); i++) {
		wrong = read_result(json_array_get(results, i), n, scores);
	}
	json_decref(root);
	if (wrong) {
		return bad_answer(e, wrong);
	}
	to_unit(scores, n);
	return 0;
}

static size_t longest(const struct rerank_request *r)
{
	size_t most = 0;

	for (int i = 0; i < r->n_texts; i++) {
		size_t n = strlen(r->texts[i]);

		most = n > most ? n : most;
	}
	return most;
}

/* Whether it is worth asking again in another way. */
static bool adapt(struct round *r, const struct upstream_reply *reply)
{
	if (!r->tei && wants_texts(reply->status, reply->body, reply->n_bytes)) {
		r->tei = true;
		return true;
	}
	if (says_too_long(reply->status, reply->body, reply->n_bytes) &&
		r->text_bytes / 2 >= TEXT_BYTES_MIN) {
		r->text_bytes /= 2;
		return true;
	}
	return false;
}

static int ask(struct upstream *u, struct round *r, double *scores, struct err *e)
{
	struct upstream_reply reply;
	int rc;

	do {
		struct buf body = BUF_INIT;
		size_t n_bytes;

		rc = compose(r, &body, e);
		if (rc) {
			buf_finish(&body);
			return rc;
		}
		n_bytes = body.len;
		upstream_post(u, buf_take(&body), n_bytes, NULL);
		rc = upstream_wait(u, &reply, e);
		if (rc < 0) {
			return rc;
		}
		ASSERT(rc == 1);
	} while (reply.status != 200 && adapt(r, &reply));
	if (reply.status == 200) {
		return read_answer(&reply, r->request->n_texts, scores, e);
	}
	return err_set(e, reply.why.code, reply.why.reason, "%s", reply.why.message);
}

int rerank_run(const struct settings *set, const struct rerank_request *request, double *scores,
	struct err *e)
{
	const struct upstream_config config = {.what = "rerank server",
		.prefix = "rerank",
		.setting = "rerank-url",
		.url = set->rerank_url,
		.path = "/rerank",
		.key = set->rerank_key,
		.model = set->rerank_model,
		.timeout_ms = set->rerank_timeout_ms,
		.is_final = is_final};
	struct round r = {.set = set, .request = request, .text_bytes = longest(request)};
	struct upstream *u;
	int rc;

	ASSERT(request->n_texts >= 1 && request->n_texts <= RERANK_TEXTS_MAX);
	rc = upstream_open(&config, &u, e);
	if (rc) {
		return rc;
	}
	upstream_begin(u, &(struct upstream_limits){.tries = TRIES,
				  .at_once = 1,
				  .total_ms = set->rerank_timeout_ms,
				  .cancel = request->cancel});
	rc = ask(u, &r, scores, e);
	upstream_close(u);
	return rc;
}

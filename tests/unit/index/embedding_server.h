/* A server of embeddings of a few lines on loopback: good, bad, slow and broken answers. */
#ifndef TESTS_UNIT_INDEX_EMBEDDING_SERVER_H
#define TESTS_UNIT_INDEX_EMBEDDING_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/embed.h"
#include "tests/unit/index/answering.h"

#define UNUSED __attribute__((unused))

#define DIM 4
#define LONG_TEXT 200 /* the server's window, bytes */

/* Answers what `scripted` says, one a request, then computes real embeddings. */
struct server {
	struct answering net;
	const char *scripted[16]; /* "stall": no answer until the client leaves */
	size_t scripted_len[16];  /* 0: strlen */
	int n_scripted;
	bool base64; /* if asked for so; else floats always */
	bool reversed;
	bool only_plain;    /* refuses any encoding_format */
	bool silent;	    /* its 400 says nothing */
	size_t texts_max;   /* in a request; 0: any */
	int slow_ms;	    /* before each answer */
	const char *called; /* its model's name; NULL: says none */
	pthread_mutex_t lock;
	char last_head[4096];
	char first_text[64];
	atomic_int n_texts_most, format; /* of the last request: 'b', 'f' or 0 */
};

struct fixture {
	struct settings set;
	struct server server;
	struct embed_identity id;
	struct embedder *em;
	struct buf files[6];
};

static struct err e;

/* A vector that depends on the text: its length and how often 'a', 'b' and 'c' stand in it. */
static UNUSED void vector_of(const char *text, double *v)
{
	memset(v, 0, DIM * sizeof(*v));
	for (; *text; text++) {
		v[0] += .01;
		if (*text >= 'a' && *text <= 'c') {
			v[*text - 'a' + 1] += 1;
		}
	}
}

static UNUSED const char *const too_long_body =
	"{\"error\":{\"code\":400,\"message\":\"input (602 tokens) is larger than the max context "
	"size "
	"(512 tokens). skipping\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":602,"
	"\"n_ctx\":512}}";

static UNUSED json_t *embedding_of(bool base64, const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char raw[DIM * 4 + 2] = {0};
	char out[64] = "";
	double v[DIM];
	json_t *array;

	vector_of(text, v);
	if (!base64) {
		array = json_array();
		for (int i = 0; i < DIM; i++) {
			json_array_append_new(array, json_real(v[i]));
		}
		return array;
	}
	for (int i = 0; i < DIM; i++) {
		float f = (float)v[i];

		memcpy(raw + 4 * i, &f, 4);
	}
	for (int i = 0, o = 0; i < DIM * 4; i += 3) {
		unsigned bits = (unsigned)raw[i] << 16 | (unsigned)raw[i + 1] << 8 | raw[i + 2];

		for (int k = 0; k < 4; k++) {
			out[o++] = i + k > DIM * 4 ? '=' : digits[bits >> (18 - 6 * k) & 63];
		}
	}
	return json_string(out);
}

static UNUSED void most(atomic_int *at, int n)
{
	int now = atomic_load(at);

	while (n > now && !atomic_compare_exchange_weak(at, &now, n)) {
	}
}

static UNUSED json_t *embeddings(struct server *s, json_t *input, bool base64, bool *refused)
{
	json_t *data = json_array();
	size_t n = json_array_size(input);

	for (size_t i = 0; i < n; i++) {
		size_t at = s->reversed ? n - 1 - i : i;
		const char *t = json_string_value(json_array_get(input, at));

		*refused |= !t || strlen(t) > LONG_TEXT;
		json_array_append_new(data,
			json_pack("{s:o, s:i, s:s}", "embedding", embedding_of(base64, t ? t : ""),
				"index", (int)at, "object", "embedding"));
	}
	return data;
}

static UNUSED void respond(struct server *s, const char *body, struct buf *out)
{
	json_t *root = json_loads(body, 0, NULL), *input = json_object_get(root, "input");
	const char *format = json_string_value(json_object_get(root, "encoding_format"));
	size_t n = json_array_size(input);
	bool refused = s->texts_max && n > s->texts_max;
	json_t *data = embeddings(
		s, input, s->base64 && format && strcmp(format, "base64") == 0, &refused);
	json_t *answer = json_pack("{s:s, s:O}", "object", "list", "data", data);
	char *text;

	if (s->called) {
		json_object_set_new(answer, "model", json_string(s->called));
	}
	text = json_dumps(answer, JSON_COMPACT);
	atomic_store(&s->format, format ? *format : 0);
	if (s->only_plain && format) {
		answering_json(
			out, "400 Bad Request", "{\"error\":\"unknown field encoding_format\"}");
	} else if (refused) {
		answering_json(out, "400 Bad Request", s->silent ? "" : too_long_body);
	} else {
		most(&s->n_texts_most, (int)n);
		answering_json(out, "200 OK", text);
	}
	free(text);
	json_decref(data);
	json_decref(answer);
	json_decref(root);
}

static UNUSED void answer(void *arg, int nth, const char *head, const char *body, struct buf *out)
{
	struct server *s = arg;
	json_t *root = json_loads(body, 0, NULL);

	pthread_mutex_lock(&s->lock);
	snprintf(s->last_head, sizeof(s->last_head), "%s", head);
	snprintf(s->first_text, sizeof(s->first_text), "%s",
		json_string_value(json_array_get(json_object_get(root, "input"), 0)));
	pthread_mutex_unlock(&s->lock);
	json_decref(root);
	if (nth < s->n_scripted) {
		buf_add(out, s->scripted[nth],
			s->scripted_len[nth] ? s->scripted_len[nth] : strlen(s->scripted[nth]));
	} else {
		(void)poll(NULL, 0, s->slow_ms);
		respond(s, body, out);
	}
}

static UNUSED void ok(int rc)
{
	if (rc) {
		fail_msg("%s: %s", err_name(rc), e.message);
	}
}

static UNUSED void open_embedder(struct fixture *f)
{
	embedder_drop(f->em);
	ok(embedder_open(&f->set, &f->id, NULL, 0, &f->em, &e));
}

static UNUSED int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char url[64];

	err_clear(&e);
	f->server.net.answer = answer;
	f->server.net.arg = &f->server;
	pthread_mutex_init(&f->server.lock, NULL);
	answering_start(&f->server.net);
	settings_init(&f->set);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1/", f->server.net.port);
	ok(settings_set(&f->set, "embed-url", url, "test", &e));
	ok(settings_set(&f->set, "embed-model", "test-model", "test", &e));
	ok(settings_set(&f->set, "embed-key", "sekret", "test", &e));
	f->id = (struct embed_identity){"openai", "test-model", DIM, "", "", ""};
	open_embedder(f);
	*state = f;
	return 0;
}

static UNUSED int teardown(void **state)
{
	struct fixture *f = *state;

	embedder_drop(f->em);
	answering_end(&f->server.net);
	for (int i = 0; i < 6; i++) {
		buf_finish(&f->files[i]);
	}
	settings_finish(&f->set);
	free(f);
	return 0;
}

static UNUSED int n_requests(struct fixture *f)
{
	return atomic_load(&f->server.net.n_requests);
}

static UNUSED int ask(struct fixture *f, enum embed_kind kind, const char *body, float *out)
{
	struct embed_text text = {.body = body};

	return embed(f->em, kind, &text, 1, out, NULL, NULL, NULL, &e);
}

static UNUSED void expect(const char *text, const float *v)
{
	double want[DIM], length = 0;

	vector_of(text, want);
	for (int i = 0; i < DIM; i++) {
		length += want[i] * want[i];
	}
	for (int i = 0; i < DIM; i++) {
		assert_float_equal(v[i], want[i] / sqrt(length), 1e-5);
	}
}

/* A test with a server of its own. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

/* The openai embedder against a server of a few lines on loopback: good, bad, slow and broken
 * answers. */
#include <sched.h>
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
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/embed.h"
#include "index/embed_cache.h"
#include "index/embed_prefix.h"
#include "index/embed_wire.h"
#include "tests/unit/index/answering.h"

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
static void vector_of(const char *text, double *v)
{
	memset(v, 0, DIM * sizeof(*v));
	for (; *text; text++) {
		v[0] += .01;
		if (*text >= 'a' && *text <= 'c') {
			v[*text - 'a' + 1] += 1;
		}
	}
}

static const char *const too_long_body =
	"{\"error\":{\"code\":400,\"message\":\"input (602 tokens) is larger than the max context "
	"size "
	"(512 tokens). skipping\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":602,"
	"\"n_ctx\":512}}";

static json_t *embedding_of(bool base64, const char *text)
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

static void most(atomic_int *at, int n)
{
	int now = atomic_load(at);

	while (n > now && !atomic_compare_exchange_weak(at, &now, n)) {
	}
}

static json_t *embeddings(struct server *s, json_t *input, bool base64, bool *refused)
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

static void respond(struct server *s, const char *body, struct buf *out)
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

static void answer(void *arg, int nth, const char *head, const char *body, struct buf *out)
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

static void ok(int rc)
{
	if (rc) {
		fail_msg("%s: %s", err_name(rc), e.message);
	}
}

static void open_embedder(struct fixture *f)
{
	embedder_drop(f->em);
	ok(embedder_open(&f->set, &f->id, NULL, 0, &f->em, &e));
}

static int setup(void **state)
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

static int teardown(void **state)
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

static int n_requests(struct fixture *f)
{
	return atomic_load(&f->server.net.n_requests);
}

static int ask(struct fixture *f, enum embed_kind kind, const char *body, float *out)
{
	struct embed_text text = {.body = body};

	return embed(f->em, kind, &text, 1, out, NULL, NULL, NULL, &e);
}

static void expect(const char *text, const float *v)
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

static void on_progress(void *arg, int done, int n)
{
	int *calls = arg;

	assert_true(done > 0 && done <= n);
	calls[0]++;
	calls[1] = done;
}

static void check_many(struct fixture *f)
{
	enum { N = 150 };
	struct embed_text texts[N];
	float out[N * DIM];
	char bodies[N][16];
	int calls[2] = {0, 0};

	for (int i = 0; i < N; i++) {
		memset(bodies[i], "abc"[i % 3], (size_t)i % 15 + 1);
		bodies[i][i % 15 + 1] = 0;
		texts[i] = (struct embed_text){.body = bodies[i]};
	}
	texts[70].body = " \n";
	ok(embed(f->em, EMBED_DOCUMENT, texts, N, out, NULL, on_progress, calls, &e));
	assert_int_equal(n_requests(f), 3);
	assert_int_equal(calls[0], 3);
	assert_int_equal(calls[1], N);
	for (int i = 0; i < N; i++) {
		if (i != 70) {
			expect(bodies[i], out + i * DIM);
		}
	}
	assert_true(out[70 * DIM] == 0 && out[70 * DIM + 1] == 0);
	assert_non_null(strstr(f->server.last_head, "POST /v1/embeddings HTTP/1.1\r\n"));
	assert_non_null(strstr(f->server.last_head, "Authorization: Bearer sekret\r\n"));
}

static void test_batches(void **state)
{
	struct fixture *f = *state;

	f->server.reversed = true;
	check_many(f);
}

static void test_base64_in_small_packets(void **state)
{
	struct fixture *f = *state;

	f->server.base64 = true;
	f->server.net.packet = 7;
	check_many(f);
}

static void test_document_is_title_heading_body(void **state)
{
	struct fixture *f = *state;
	struct embed_text text = {"aa", "b > bb", "ccc", "en"};
	float out[DIM];

	ok(embed(f->em, EMBED_DOCUMENT, &text, 1, out, NULL, NULL, NULL, &e));
	expect("aa\nb > bb\nccc", out);
}

static void test_too_long_is_split(void **state)
{
	struct fixture *f = *state;
	struct embed_text texts[3] = {{.body = "aaa"}, {.body = NULL}, {.body = "cab"}};
	char body[1001];
	float out[3 * DIM];

	for (int i = 0; i < 1000; i++) {
		body[i] = i % 20 == 0 ? ' ' : 'b';
	}
	body[1000] = 0;
	texts[1].body = body;
	ok(embed(f->em, EMBED_DOCUMENT, texts, 3, out, NULL, NULL, NULL, &e));
	expect("aaa", out);
	expect("cab", out + 2 * DIM);
	assert_float_equal(out[DIM + 2], 1, .001); /* nearly only 'b' */
}

static void test_refused_however_short(void **state)
{
	struct fixture *f = *state;
	char answer[600];
	float out[DIM];

	snprintf(answer, sizeof(answer),
		"HTTP/1.1 400 Bad Request\r\nContent-Length: %zu\r\n\r\n%s", strlen(too_long_body),
		too_long_body);
	for (int i = 0; i < 16; i++) {
		f->server.scripted[i] = answer;
	}
	f->server.n_scripted = 16;
	assert_int_equal(ask(f, EMBED_QUERY, "short", out), ERR_UPSTREAM);
	assert_string_equal(e.reason, "embed_too_long");
	assert_int_equal(n_requests(f), 1);
}

static void test_again_after_trouble(void **state)
{
	struct fixture *f = *state;
	float out[DIM];

	f->server.scripted[0] = "HTTP/1.1 503 Loading\r\nContent-Length: 0\r\n\r\n";
	f->server.scripted[1] = ""; /* the connection ends without an answer */
	f->server.scripted[2] = "HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
	f->server.scripted[3] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":";
	f->server.n_scripted = 4;
	ok(ask(f, EMBED_DOCUMENT, "abcc", out));
	expect("abcc", out);
	assert_true(n_requests(f) >= 5);
}

static void test_gives_up(void **state)
{
	struct fixture *f = *state;
	int64_t begun = clock_mono_ms();
	float out[DIM];

	f->server.scripted[0] =
		"HTTP/1.1 429 Slow\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n";
	f->server.scripted[1] = "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n";
	f->server.scripted[2] = f->server.scripted[1];
	f->server.n_scripted = 3;
	assert_int_equal(ask(f, EMBED_DOCUMENT, "a", out), ERR_LIMITED);
	assert_true(clock_mono_ms() - begun < 20000);
	err_clear(&e);
	assert_int_equal(ask(f, EMBED_QUERY, "a", out), ERR_UPSTREAM);
	assert_int_equal(n_requests(f), 3);
}

static void test_nobody_listens(void **state)
{
	struct fixture *f = *state;
	float out[DIM];

	ok(settings_set(&f->set, "embed-url", "http://127.0.0.1:1/v1", "test", &e));
	open_embedder(f);
	assert_int_equal(ask(f, EMBED_QUERY, "a", out), ERR_UPSTREAM);
	assert_string_equal(e.reason, "embed_connection");
}

static void test_not_retried(void **state)
{
	static const struct {
		const char *answer, *reason;
	} cases[] = {
		{"HTTP/1.1 302 Found\r\nLocation: /v1/other\r\nContent-Length: 0\r\n\r\n",
			"embed_refused"},
		{"HTTP/1.1 401 No\r\nContent-Length: 33\r\n\r\n{\"error\":{\"message\":\"Invalid "
		 "key\"}}",
			"embed_key"},
		{"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "embed_refused"},
	};
	struct fixture *f = *state;
	float out[DIM];

	f->server.n_scripted = 3;
	for (int i = 0; i < 3; i++) {
		f->server.scripted[i] = cases[i].answer;
	}
	for (int i = 0; i < 3; i++) {
		err_clear(&e);
		assert_int_equal(ask(f, EMBED_DOCUMENT, "a", out), ERR_UPSTREAM);
		assert_string_equal(e.reason, cases[i].reason);
		assert_int_equal(n_requests(f), i + 1);
	}
}

static void *cancel_soon(void *arg)
{
	struct fixture *f = ((void **)arg)[0];

	while (n_requests(f) == 0) {
		sched_yield();
	}
	atomic_store((atomic_bool *)((void **)arg)[1], true);
	return NULL;
}

static void test_cancel_and_timeout(void **state)
{
	struct fixture *f = *state;
	struct embed_text text = {.body = "a"};
	atomic_bool cancel = false;
	void *arg[] = {f, &cancel};
	pthread_t thread;
	int64_t begun;
	float out[DIM];

	f->server.scripted[0] = f->server.scripted[1] = "stall";
	f->server.n_scripted = 2;
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, arg), 0);
	begun = clock_mono_ms();
	assert_int_equal(embed(f->em, EMBED_DOCUMENT, &text, 1, out, &cancel, NULL, NULL, &e),
		ERR_CANCELLED);
	assert_true(clock_mono_ms() - begun < 10000);
	pthread_join(thread, NULL);
	err_clear(&e);
	assert_int_equal(embed(f->em, EMBED_DOCUMENT, &text, 1, out, &cancel, NULL, NULL, &e),
		ERR_CANCELLED); /* before it began */
	err_clear(&e);
	ok(settings_set(&f->set, "embed-timeout-ms", "150", "test", &e));
	open_embedder(f);
	begun = clock_mono_ms();
	assert_int_equal(ask(f, EMBED_QUERY, "a", out), ERR_TIMEOUT); /* all tries together */
	assert_true(clock_mono_ms() - begun < 10000);
	err_clear(&e);
	ok(ask(f, EMBED_DOCUMENT, "abc", out));
}

static int read_one(const char *body, float *out)
{
	struct wire_vectors v = {.n = 1, .dimension = DIM, .out = out};

	return wire_answer(body, strlen(body), &v, &e);
}

static void test_bad_answers(void **state)
{
	static const char *const bodies[] = {
		"",
		"<html>",
		"{}",
		"[]",
		"{\"error\":{\"message\":\"x\"}}",
		"{\"data\":[]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3,4,5]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3,\"4\"]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3,null]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3,1e999]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3,NaN]}]}",
		"{\"data\":[{\"index\":1,\"embedding\":[1,2,3,4]}]}",
		"{\"data\":[{\"index\":-1,\"embedding\":[1,2,3,4]}]}",
		"{\"data\":[{\"index\":0}]}",
		"{\"data\":[null]}",
		"{\"data\":[{\"embedding\":\"AAAAAAAAAAAAAAAA\"}]}",
		"{\"data\":[{\"embedding\":\"AADAfwAAAAAAAAAAAAAAAA==\"}]}", /* NaN */
		"{\"data\":[{\"embedding\":\"AACAfwAAAAAAAAAAAAAAAA==\"}]}", /* infinity */
		"{\"data\":[{\"embedding\":\"!\"}]}",
		"{\"data\":[{\"embedding\":[0,0,0,0]}]}",
		"{\"data\":[{\"embedding\":[1,2,3,4]},{\"embedding\":[1,2,3,4]}]}",
		"{\"data\":[{\"embedding\":\"AADAfwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
	};
	float out[DIM];

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		err_clear(&e);
		if (read_one(bodies[i], out) != ERR_UPSTREAM) {
			fail_msg("accepted: %s", bodies[i]);
		}
	}
	err_clear(&e);
	ok(read_one("{\"data\":[{\"embedding\":[0,0,3,4]}]}", out));
	assert_float_equal(out[3], .8, 1e-6);
}

static void test_two_with_the_same_index(void **state)
{
	const char *body = "{\"data\":[{\"index\":1,\"embedding\":[1,2,3,4]},"
			   "{\"index\":1,\"embedding\":[1,2,3,4]}]}";
	float out[2 * DIM];
	struct wire_vectors v = {.n = 2, .dimension = DIM, .out = out};

	(void)state;
	assert_int_equal(wire_answer(body, strlen(body), &v, &e), ERR_UPSTREAM);
}

static void test_identify_and_settings(void **state)
{
	struct fixture *f = *state;
	struct embed_identity id;
	struct embedder *em;

	ok(embed_identify(&f->set, "openai", &id, &e));
	assert_int_equal(id.dimension, DIM);
	assert_string_equal(id.model, "test-model");
	assert_string_equal(id.embedder, "openai");
	assert_int_equal(embed_identify(&f->set, "nonesuch", &id, &e), ERR_CONFIG);
	err_clear(&e);
	assert_int_equal(embedder_open(&f->set, &f->id, "x", 1, &em, &e), ERR_CORRUPT);
	err_clear(&e);
	ok(settings_set(&f->set, "embed-model", "", "test", &e));
	assert_int_equal(embed_identify(&f->set, "openai", &id, &e), ERR_CONFIG);
	err_clear(&e);
	ok(settings_set(&f->set, "embed-model", "m", "test", &e));
	free(f->set.embed_url); /* settings_set would refuse it as well */
	f->set.embed_url = strdup("file:///etc/passwd");
	assert_int_equal(embed_identify(&f->set, "openai", &id, &e), ERR_CONFIG);
	err_clear(&e);
	ok(settings_set(&f->set, "embed-url", "", "test", &e));
	assert_int_equal(embedder_open(&f->set, &f->id, NULL, 0, &em, &e), ERR_CONFIG);
}

static void test_many_at_once(void **state)
{
	enum { N = 40 };
	struct fixture *f = *state;
	struct embed_text texts[N];
	float out[N * DIM];

	ok(settings_set(&f->set, "embed-batch", "2", "test", &e));
	ok(settings_set(&f->set, "embed-at-once", "3", "test", &e));
	f->server.slow_ms = 5;
	for (int i = 0; i < N; i++) {
		texts[i] = (struct embed_text){.body = i % 2 ? "ab" : "cc a"};
	}
	ok(embed(f->em, EMBED_DOCUMENT, texts, N, out, NULL, NULL, NULL, &e));
	assert_int_equal(n_requests(f), N / 2);
	assert_int_equal(atomic_load(&f->server.net.most_open), 3);
	for (int i = 0; i < N; i++) {
		expect(texts[i].body, out + i * DIM);
	}
}

/* A server that takes few texts at a time: found out once, not again for each batch. */
static void test_batches_adapt(void **state)
{
	enum { N = 128 };
	struct fixture *f = *state;
	struct embed_text texts[N];
	float out[N * DIM];
	int asked;

	ok(settings_set(&f->set, "embed-at-once", "1", "test", &e));
	f->server.texts_max = 8;
	for (int i = 0; i < N; i++) {
		texts[i] = (struct embed_text){.body = i % 2 ? "ab" : "cc a"};
	}
	ok(embed(f->em, EMBED_DOCUMENT, texts, N, out, NULL, NULL, NULL, &e));
	asked = n_requests(f);
	assert_true(asked <= 7 + 8 + N / 8); /* one batch of 64 cut down, then eights */
	assert_int_equal(atomic_load(&f->server.n_texts_most), 8);
	ok(embed(f->em, EMBED_DOCUMENT, texts, N, out, NULL, NULL, NULL, &e));
	assert_int_equal(n_requests(f) - asked, N / 8);
	for (int i = 0; i < N; i++) {
		expect(texts[i].body, out + i * DIM);
	}
}

static void test_tokens_bound_a_batch(void **state)
{
	struct fixture *f = *state;
	char body[190];
	struct embed_text texts[6];
	float out[6 * DIM];

	memset(body, 'a', sizeof(body));
	for (size_t i = 4; i < sizeof(body); i += 5) {
		body[i] = ' ';
	}
	body[sizeof(body) - 1] = 0; /* 38 words */
	for (int i = 0; i < 6; i++) {
		texts[i] = (struct embed_text){.body = body};
	}
	ok(settings_set(&f->set, "embed-batch-tokens", "100", "test", &e));
	ok(embed(f->em, EMBED_DOCUMENT, texts, 6, out, NULL, NULL, NULL, &e));
	assert_int_equal(n_requests(f), 3);
	assert_int_equal(atomic_load(&f->server.n_texts_most), 2);
}

/* A 400 that does not say why: long texts are cut all the same, a short one is refused at once. */
static void test_silent_refusal(void **state)
{
	struct fixture *f = *state;
	struct embed_text texts[2] = {{.body = "aaa"}, {.body = NULL}};
	char body[1201];
	float out[2 * DIM];

	f->server.silent = true;
	for (int i = 0; i < 1200; i++) {
		body[i] = i % 20 == 0 ? ' ' : 'b';
	}
	body[1200] = 0;
	texts[1].body = body;
	ok(settings_set(&f->set, "embed-at-once", "1", "test", &e));
	/* 1200 -> 600 is refused: below what may be long, so it fails, with few requests */
	assert_int_equal(
		embed(f->em, EMBED_DOCUMENT, texts, 2, out, NULL, NULL, NULL, &e), ERR_UPSTREAM);
	assert_string_equal(e.reason, "embed_refused");
	assert_true(n_requests(f) <= 5);
}

static void test_format_falls_back(void **state)
{
	struct fixture *f = *state;
	float out[DIM];

	f->server.base64 = true;
	ok(ask(f, EMBED_DOCUMENT, "abc", out));
	assert_int_equal(atomic_load(&f->server.format), 'b');
	f->server.only_plain = true;
	ok(ask(f, EMBED_DOCUMENT, "abbc", out));
	expect("abbc", out);
	assert_int_equal(n_requests(f), 4); /* base64 twice, float, none */
	ok(ask(f, EMBED_DOCUMENT, "c", out));
	assert_int_equal(n_requests(f), 5); /* it is known now */
	assert_int_equal(atomic_load(&f->server.format), 0);
}

static void test_another_model_answers(void **state)
{
	struct fixture *f = *state;
	float out[DIM];

	f->server.called = "one";
	ok(embed_identify(&f->set, "openai", &f->id, &e));
	assert_string_equal(f->id.answers_as, "one");
	open_embedder(f);
	ok(ask(f, EMBED_DOCUMENT, "abc", out));
	f->server.called = "two";
	assert_int_equal(ask(f, EMBED_DOCUMENT, "abc", out), ERR_UPSTREAM);
	assert_string_equal(e.reason, "embed_model_changed");
	assert_non_null(strstr(e.message, "carrel reindex --embedder openai"));
}

static void test_prefixes(void **state)
{
	static const struct {
		const char *model, *query, *document;
	} cases[] = {
		{"intfloat/multilingual-e5-base", "query: ", "passage: "},
		{"multilingual-e5-large-instruct",
			"Instruct: Given a web search query, retrieve relevant passages that "
			"answer the query\nQuery: ",
			""},
		{"nomic-embed-text-v1.5", "search_query: ", "search_document: "},
		{"BAAI/bge-small-en-v1.5",
			"Represent this sentence for searching relevant passages: ", ""},
		{"bge-m3", "", ""},
		{"thenlper/gte-large", "", ""},
		{"Snowflake/snowflake-arctic-embed-m-v2.0", "query: ", ""},
		{"text-embedding-3-small", "", ""},
	};
	struct fixture *f = *state;
	struct embed_text text = {.title = "t", .body = "abc"};
	struct embed_identity id = {.embedder = "openai"};
	float out[DIM];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(id.model, sizeof(id.model), "%s", cases[i].model);
		ok(embed_prefixes(&f->set, &id, &e));
		assert_string_equal(id.query_prefix, cases[i].query);
		assert_string_equal(id.document_prefix, cases[i].document);
	}
	ok(settings_set(&f->set, "embed-query-prefix", "\"ask\\n\"", "test", &e));
	ok(settings_set(&f->set, "embed-document-prefix", "", "test", &e));
	ok(embed_identify(&f->set, "openai", &f->id, &e));
	assert_string_equal(f->id.query_prefix, "ask\n");
	assert_string_equal(f->id.document_prefix, "");
	snprintf(f->id.document_prefix, EMBED_PREFIX_MAX, "doc: ");
	open_embedder(f);
	ok(ask(f, EMBED_QUERY, "abc", out));
	assert_string_equal(f->server.first_text, "ask\nabc");
	ok(embed(f->em, EMBED_DOCUMENT, &text, 1, out, NULL, NULL, NULL, &e));
	assert_string_equal(f->server.first_text, "doc: t\nabc");
}

static void test_questions_are_kept(void **state)
{
	struct fixture *f = *state;
	struct embed_text texts[3] = {{.body = "abc"}, {.body = "b"}, {.body = " "}};
	float out[3 * DIM];

	ok(ask(f, EMBED_QUERY, "abc", out));
	ok(embed(f->em, EMBED_QUERY, texts, 3, out, NULL, NULL, NULL, &e));
	assert_int_equal(n_requests(f), 2); /* only "b" was new */
	assert_string_equal(f->server.first_text, "b");
	expect("abc", out);
	expect("b", out + DIM);
	assert_true(out[2 * DIM] == 0);
	ok(ask(f, EMBED_DOCUMENT, "abc", out)); /* documents are not */
	assert_int_equal(n_requests(f), 3);
	ok(settings_set(&f->set, "embed-cache-kb", "0", "test", &e));
	open_embedder(f);
	ok(ask(f, EMBED_QUERY, "abc", out));
	ok(ask(f, EMBED_QUERY, "abc", out));
	assert_int_equal(n_requests(f), 5);
}

static void test_cache_is_bounded(void **state)
{
	struct embed_cache *c = embed_cache_create(2000, DIM);
	float v[DIM] = {1, 2, 3, 4}, out[DIM];
	char text[32];
	int n = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "question %d", i);
		v[0] = (float)i;
		embed_cache_put(c, text, strlen(text), v);
		assert_true(embed_cache_lookup(c, "question 0", 10, out)); /* in use: it stays */
		assert_float_equal(out[0], 0, 0);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "question %d", i);
		if (embed_cache_lookup(c, text, strlen(text), out)) {
			assert_float_equal(out[0], i, 0);
			n++;
		}
	}
	assert_in_range(n, 10, 40);
	assert_true(embed_cache_lookup(c, "question 999", 12, out));
	assert_false(embed_cache_lookup(c, "question 99", 11, out));
	embed_cache_destroy(c);
}

/* A real server's bytes, where they are at hand. */
static void test_real_bytes(void **state)
{
	static const struct {
		const char *file;
		int n; /* 0: an error */
	} cases[] = {{"40_emb_float", 2}, {"41_emb_base64", 1}, {"42_emb_default", 1},
		{"46_err_emb_empty_array", 0}, {"47_err_emb_too_long", 0},
		{"53_emb_600_tokens", 0}};
	struct fixture *f = *state;
	struct embed_text texts[2] = {{.body = "hello world"}, {.body = "the cat sat"}};
	float *out = calloc(2 * 384, sizeof(float));

	if (access("../shared/wire", R_OK) != 0) {
		free(out);
		skip();
	}
	f->server.net.packet = 100;
	f->server.n_scripted = 6;
	for (int i = 0; i < 6; i++) {
		char path[200];

		snprintf(path, sizeof(path), "../shared/wire/%s.http", cases[i].file);
		ok(fs_read(path, 1 << 20, &f->files[i], &e));
		f->server.scripted[i] = f->files[i].data;
		f->server.scripted_len[i] = f->files[i].len;
	}
	f->id.dimension = 384;
	open_embedder(f);
	for (int i = 0; i < 6; i++) {
		int rc;

		err_clear(&e);
		rc = embed(f->em, EMBED_DOCUMENT, texts, cases[i].n ? cases[i].n : 1, out, NULL,
			NULL, NULL, &e);
		assert_int_equal(rc, cases[i].n ? 0 : ERR_UPSTREAM);
		if (cases[i].n) {
			assert_float_equal(out[0], .0353218, 1e-3);
		} else {
			assert_string_equal(e.reason, i == 3 ? "embed_refused" : "embed_too_long");
		}
	}
	free(out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_batches),
		TEST(test_base64_in_small_packets),
		TEST(test_document_is_title_heading_body),
		TEST(test_too_long_is_split),
		TEST(test_refused_however_short),
		TEST(test_again_after_trouble),
		TEST(test_gives_up),
		TEST(test_nobody_listens),
		TEST(test_not_retried),
		TEST(test_cancel_and_timeout),
		TEST(test_bad_answers),
		TEST(test_two_with_the_same_index),
		TEST(test_identify_and_settings),
		TEST(test_many_at_once),
		TEST(test_batches_adapt),
		TEST(test_tokens_bound_a_batch),
		TEST(test_silent_refusal),
		TEST(test_format_falls_back),
		TEST(test_another_model_answers),
		TEST(test_prefixes),
		TEST(test_questions_are_kept),
		TEST(test_cache_is_bounded),
		TEST(test_real_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

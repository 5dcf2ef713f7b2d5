/* The openai embedder against a server of a few lines on loopback: good, bad, slow and broken
 * answers. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/embed.h"
#include "index/embed_wire.h"

#define DIM 4
#define LONG_TEXT 200 /* the server's window, bytes */

/* Answers what `scripted` says, one a request, then computes real embeddings. */
struct server {
	int fd;
	int port;
	pthread_t thread;
	const char *scripted[16]; /* "stall": no answer until the client leaves */
	size_t scripted_len[16];  /* 0: strlen */
	int n_scripted;
	atomic_int n_requests;
	int packet; /* bytes a send, 0: all at once */
	bool base64;
	bool reversed;
	char last_head[4096];
};

struct fixture {
	struct settings set;
	struct server server;
	struct embed_identity id;
	struct embedder *em;
	struct buf files[6];
};

static struct err e;

static void send_all(const struct server *s, int fd, const char *p, size_t n)
{
	while (n > 0) {
		size_t part = s->packet && (size_t)s->packet < n ? (size_t)s->packet : n;

		if (send(fd, p, part, MSG_NOSIGNAL) < 0) {
			return;
		}
		p += part;
		n -= part;
	}
}

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

static json_t *embedding_of(const struct server *s, const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char raw[DIM * 4 + 2] = {0};
	char out[64] = "";
	double v[DIM];
	json_t *array;

	vector_of(text, v);
	if (!s->base64) {
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

static void respond(const struct server *s, int fd, const char *body)
{
	json_t *root = json_loads(body, 0, NULL), *input = json_object_get(root, "input");
	json_t *data = json_array(), *answer;
	size_t n = json_array_size(input);
	bool too_long = false;
	char head[128], *text;

	for (size_t i = 0; i < n; i++) {
		size_t at = s->reversed ? n - 1 - i : i;
		const char *t = json_string_value(json_array_get(input, at));

		too_long |= !t || strlen(t) > LONG_TEXT;
		json_array_append_new(
			data, json_pack("{s:o, s:i, s:s}", "embedding", embedding_of(s, t ? t : ""),
				      "index", (int)at, "object", "embedding"));
	}
	answer = json_pack("{s:s, s:o}", "object", "list", "data", data);
	text = too_long ? strdup(too_long_body) : json_dumps(answer, JSON_COMPACT);
	snprintf(head, sizeof(head),
		"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		too_long ? "400 Bad Request" : "200 OK", strlen(text));
	send_all(s, fd, head, strlen(head));
	send_all(s, fd, text, strlen(text));
	free(text);
	json_decref(answer);
	json_decref(root);
}

/* Reads one request; its body is in `in` from *at on. */
static bool read_request(struct server *s, int fd, struct buf *in, size_t *at)
{
	char *end = NULL, *length;
	size_t want = 0;

	while (!end || in->len < want) {
		char part[4096];
		ssize_t got = recv(fd, part, sizeof(part), 0);

		if (got <= 0) {
			return false;
		}
		buf_add(in, part, (size_t)got);
		end = strstr(in->data, "\r\n\r\n");
		length = strcasestr(in->data, "Content-Length:");
		if (end && length) {
			*at = (size_t)(end - in->data) + 4;
			want = *at + strtoul(length + 15, NULL, 10);
		}
	}
	snprintf(s->last_head, sizeof(s->last_head), "%.*s", (int)*at, in->data);
	return true;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct buf in = BUF_INIT;
		size_t at = 0;

		if (read_request(s, fd, &in, &at)) {
			int n = atomic_fetch_add(&s->n_requests, 1);
			const char *script = n < s->n_scripted ? s->scripted[n] : NULL;
			char c;

			if (script && strcmp(script, "stall") == 0) {
				while (recv(fd, &c, 1, 0) > 0) {
				}
			} else if (script) {
				send_all(s, fd, script,
					s->scripted_len[n] ? s->scripted_len[n] : strlen(script));
			} else {
				respond(s, fd, in.data + at);
			}
		}
		buf_finish(&in);
		shutdown(fd, SHUT_RDWR);
		close(fd);
	}
	return NULL;
}

static void ok(int rc)
{
	if (rc) {
		fail_msg("%s: %s", err_name(rc), e.message);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t size = sizeof(a);
	char url[64];

	err_clear(&e);
	unsetenv("http_proxy");
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f->server.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(f->server.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(f->server.fd, 16), 0);
	assert_int_equal(getsockname(f->server.fd, (struct sockaddr *)&a, &size), 0);
	f->server.port = ntohs(a.sin_port);
	settings_init(&f->set);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1/", f->server.port);
	ok(settings_set(&f->set, "embed-url", url, "test", &e));
	ok(settings_set(&f->set, "embed-model", "test-model", "test", &e));
	ok(settings_set(&f->set, "embed-key", "sekret", "test", &e));
	f->id = (struct embed_identity){"openai", "test-model", DIM};
	ok(embedder_open(&f->set, &f->id, NULL, 0, &f->em, &e));
	*state = f;
	return 0;
}

static void start(struct fixture *f)
{
	assert_int_equal(pthread_create(&f->server.thread, NULL, serve, &f->server), 0);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	shutdown(f->server.fd, SHUT_RDWR);
	if (f->server.thread) {
		pthread_join(f->server.thread, NULL);
	}
	close(f->server.fd);
	embedder_drop(f->em);
	for (int i = 0; i < 6; i++) {
		buf_finish(&f->files[i]);
	}
	settings_finish(&f->set);
	free(f);
	return 0;
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
	assert_int_equal(atomic_load(&f->server.n_requests), 3);
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
	start(f);
	check_many(f);
}

static void test_base64_in_small_packets(void **state)
{
	struct fixture *f = *state;

	f->server.base64 = true;
	f->server.packet = 7;
	start(f);
	check_many(f);
}

static void test_document_is_title_heading_body(void **state)
{
	struct fixture *f = *state;
	struct embed_text text = {"aa", "b > bb", "ccc", "en"};
	float out[DIM];

	start(f);
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
	start(f);
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
	start(f);
	assert_int_equal(ask(f, EMBED_QUERY, "short", out), ERR_UPSTREAM);
	assert_string_equal(e.reason, "embed_too_long");
	assert_int_equal(atomic_load(&f->server.n_requests), 1);
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
	start(f);
	ok(ask(f, EMBED_DOCUMENT, "abcc", out));
	expect("abcc", out);
	assert_true(atomic_load(&f->server.n_requests) >= 5);
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
	start(f);
	assert_int_equal(ask(f, EMBED_DOCUMENT, "a", out), ERR_LIMITED);
	assert_true(clock_mono_ms() - begun < 2000);
	err_clear(&e);
	assert_int_equal(ask(f, EMBED_QUERY, "a", out), ERR_UPSTREAM);
	assert_int_equal(atomic_load(&f->server.n_requests), 3);
}

static void test_nobody_listens(void **state)
{
	struct fixture *f = *state;
	float out[DIM];

	shutdown(f->server.fd, SHUT_RDWR);
	close(f->server.fd);
	f->server.fd = -1;
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
	start(f);
	for (int i = 0; i < 3; i++) {
		err_clear(&e);
		assert_int_equal(ask(f, EMBED_DOCUMENT, "a", out), ERR_UPSTREAM);
		assert_string_equal(e.reason, cases[i].reason);
		assert_int_equal(atomic_load(&f->server.n_requests), i + 1);
	}
}

static void *cancel_soon(void *arg)
{
	struct fixture *f = ((void **)arg)[0];

	while (atomic_load(&f->server.n_requests) == 0) {
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
	start(f);
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, arg), 0);
	begun = clock_mono_ms();
	assert_int_equal(embed(f->em, EMBED_DOCUMENT, &text, 1, out, &cancel, NULL, NULL, &e),
		ERR_CANCELLED);
	assert_true(clock_mono_ms() - begun < 1000);
	pthread_join(thread, NULL);
	err_clear(&e);
	assert_int_equal(embed(f->em, EMBED_DOCUMENT, &text, 1, out, &cancel, NULL, NULL, &e),
		ERR_CANCELLED); /* before it began */
	err_clear(&e);
	ok(settings_set(&f->set, "embed-timeout-ms", "150", "test", &e));
	assert_int_equal(ask(f, EMBED_QUERY, "a", out), ERR_TIMEOUT);
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
		"{\"data\":[{\"embedding\":\"AADAfwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
	};
	float out[DIM];
	int dimension;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		err_clear(&e);
		dimension = DIM;
		if (wire_answer(bodies[i], strlen(bodies[i]), 1, &dimension, out, &e) !=
			ERR_UPSTREAM) {
			fail_msg("accepted: %s", bodies[i]);
		}
	}
	err_clear(&e);
	dimension = DIM;
	ok(wire_answer("{\"data\":[{\"embedding\":[0,0,3,4]}]}", 34, 1, &dimension, out, &e));
	assert_float_equal(out[3], .8, 1e-6);
}

static void test_two_with_the_same_index(void **state)
{
	const char *body = "{\"data\":[{\"index\":1,\"embedding\":[1,2,3,4]},"
			   "{\"index\":1,\"embedding\":[1,2,3,4]}]}";
	float out[2 * DIM];
	int dimension = DIM;

	(void)state;
	assert_int_equal(wire_answer(body, strlen(body), 2, &dimension, out, &e), ERR_UPSTREAM);
}

static void test_identify_and_settings(void **state)
{
	struct fixture *f = *state;
	struct embed_identity id;
	struct embedder *em;

	start(f);
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
	f->server.packet = 100;
	f->server.n_scripted = 6;
	for (int i = 0; i < 6; i++) {
		char path[200];

		snprintf(path, sizeof(path), "../shared/wire/%s.http", cases[i].file);
		ok(fs_read(path, 1 << 20, &f->files[i], &e));
		f->server.scripted[i] = f->files[i].data;
		f->server.scripted_len[i] = f->files[i].len;
	}
	start(f);
	embedder_drop(f->em);
	f->id.dimension = 384;
	ok(embedder_open(&f->set, &f->id, NULL, 0, &f->em, &e));
	for (int i = 0; i < 6; i++) {
		int rc;

		err_clear(&e);
		rc = embed(f->em, EMBED_QUERY, texts, cases[i].n ? cases[i].n : 1, out, NULL, NULL,
			NULL, &e);
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
		TEST(test_real_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

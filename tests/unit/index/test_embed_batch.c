/* Texts in batches: their order, what is too long or too much for the server. */
#include "tests/unit/index/embedding_server.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_batches),
		TEST(test_base64_in_small_packets),
		TEST(test_too_long_is_split),
		TEST(test_refused_however_short),
		TEST(test_many_at_once),
		TEST(test_batches_adapt),
		TEST(test_tokens_bound_a_batch),
		TEST(test_silent_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

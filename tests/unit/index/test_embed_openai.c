/* The openai embedder: trouble and refusals, cancelling, settings, prefixes, kept questions. */
#include "tests/unit/index/embedding_server.h"

#include <sched.h>

#include "index/base/clock.h"
#include "index/embed_prefix.h"

static void test_document_is_title_heading_body(void **state)
{
	struct fixture *f = *state;
	struct embed_text text = {"aa", "b > bb", "ccc", "en"};
	float out[DIM];

	ok(embed(f->em, EMBED_DOCUMENT, &text, 1, out, NULL, NULL, NULL, &e));
	expect("aa\nb > bb\nccc", out);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_document_is_title_heading_body),
		TEST(test_again_after_trouble),
		TEST(test_gives_up),
		TEST(test_nobody_listens),
		TEST(test_not_retried),
		TEST(test_cancel_and_timeout),
		TEST(test_identify_and_settings),
		TEST(test_format_falls_back),
		TEST(test_another_model_answers),
		TEST(test_prefixes),
		TEST(test_questions_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

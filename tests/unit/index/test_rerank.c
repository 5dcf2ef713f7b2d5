/* The rerank client against a server of a few lines on loopback: every form of answer, and every
 * way to fail. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>

#include "tests/unit/index/answering.h"
#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/rerank.h"

#define N 3

struct fixture {
	struct answering server;
	struct settings set;
	const char *const *says; /* one a request, the last one for all after it */
	int n_says;
	struct buf bodies; /* of all requests, a line each */
	char head[4096];
};

static const char *const texts[N] = {"hi", "it is a bear",
	"the giant panda is a bear species of which this sentence says a good deal more than is "
	"needed, and goes on doing so, on and on, until it is long enough to be cut in half at "
	"least once by a client whose server finds it too long, and then once more: it goes on "
	"and on, with nothing in it that anybody would want to know, but it has to be longer than "
	"four hundred bytes to be of use here, which it is by now"};
static struct err e;

static void answer(void *arg, int nth, const char *head, const char *body, struct buf *out)
{
	struct fixture *f = arg;

	snprintf(f->head, sizeof(f->head), "%s", head);
	buf_printf(&f->bodies, "%s\n", body);
	buf_str(out, f->says[nth < f->n_says ? nth : f->n_says - 1]);
}

static char *reply(const char *status, const char *json)
{
	struct buf out = BUF_INIT;

	answering_json(&out, status, json);
	return buf_take(&out);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char url[64];

	err_clear(&e);
	settings_init(&f->set);
	f->server.answer = answer;
	f->server.arg = f;
	answering_start(&f->server);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1/", f->server.port);
	assert_int_equal(settings_set(&f->set, "rerank-url", url, "test", &e), 0);
	assert_int_equal(settings_set(&f->set, "rerank-key", "sekret", "test", &e), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	answering_end(&f->server);
	buf_finish(&f->bodies);
	settings_finish(&f->set);
	free(f);
	return 0;
}

static int run(struct fixture *f, double *scores)
{
	const struct rerank_request r = {"what is a panda", texts, N, NULL};

	return rerank_run(&f->set, &r, scores, &e);
}

/* One round against one answer. */
static int run_against(struct fixture *f, const char *status, const char *json, double *scores)
{
	char *says = reply(status, json);
	int rc;

	f->says = (const char *const[]){says};
	f->n_says = 1;
	err_clear(&e);
	rc = run(f, scores);
	free(says);
	return rc;
}

static void test_logits_in_any_order(void **state)
{
	struct fixture *f = *state;
	double s[N];
	json_t *sent;

	assert_int_equal(settings_set(&f->set, "rerank-model", "rr", "test", &e), 0);
	assert_int_equal(
		run_against(f, "200 OK",
			"{\"model\":\"rr\",\"results\":[{\"index\":2,\"relevance_score\":3.0},"
			"{\"index\":0,\"relevance_score\":-7.03},{\"index\":1,\"relevance_score\":"
			"0}]}",
			s),
		0);
	assert_float_equal(s[0], 1 / (1 + exp(7.03)), 1e-9);
	assert_float_equal(s[1], .5, 1e-9);
	assert_float_equal(s[2], 1 / (1 + exp(-3.)), 1e-9);
	sent = json_loads(f->bodies.data, JSON_DISABLE_EOF_CHECK, NULL);
	assert_string_equal(json_string_value(json_object_get(sent, "model")), "rr");
	assert_string_equal(json_string_value(json_object_get(sent, "query")), "what is a panda");
	assert_int_equal(json_integer_value(json_object_get(sent, "top_n")), N);
	for (size_t i = 0; i < N; i++) {
		assert_string_equal(
			json_string_value(json_array_get(json_object_get(sent, "documents"), i)),
			texts[i]);
	}
	json_decref(sent);
	assert_non_null(strstr(f->head, "POST /v1/rerank HTTP/1.1\r\n"));
	assert_non_null(strstr(f->head, "Authorization: Bearer sekret\r\n"));
}

static void test_unit_scores_and_one_left_out(void **state)
{
	struct fixture *f = *state;
	double s[N];

	assert_int_equal(run_against(f, "200 OK",
				 "{\"results\":[{\"index\":2,\"relevance_score\":0.9},"
				 "{\"index\":0,\"relevance_score\":0.25}]}",
				 s),
		0);
	assert_float_equal(s[0], .25, 1e-12);
	assert_float_equal(s[1], 0, 1e-12);
	assert_float_equal(s[2], .9, 1e-12);
	assert_null(strstr(f->bodies.data, "\"model\"")); /* none is set */
}

static void test_tei(void **state)
{
	struct fixture *f = *state;
	const char *plain = "HTTP/1.1 422 x\r\nContent-Length: 36\r\n\r\nFailed: missing field "
			    "`texts` at line";
	char *good = reply("200 OK", "[{\"index\":1,\"score\":-2},{\"index\":0,\"score\":-1},{"
				     "\"index\":2,\"score\":-3}]");
	const char *const says[] = {plain, good};
	double s[N];

	f->says = says;
	f->n_says = 2;
	assert_int_equal(run(f, s), 0);
	assert_true(s[0] > s[1] && s[1] > s[2]);
	assert_int_equal(atomic_load(&f->server.n_requests), 2);
	assert_non_null(strstr(f->bodies.data, "\"texts\":["));
	free(good);
}

static void test_too_long_is_cut(void **state)
{
	struct fixture *f = *state;
	char *bad = reply("500 x", "{\"error\":{\"code\":500,\"message\":\"input (1505 tokens) is "
				   "too large to process\"}}");
	char *good = reply("200 OK", "{\"results\":[{\"index\":2,\"relevance_score\":0.9}]}");
	const char *const says[] = {bad, good};
	double s[N];

	f->says = says;
	f->n_says = 2;
	assert_int_equal(run(f, s), 0);
	assert_int_equal(atomic_load(&f->server.n_requests), 2);
	/* the second time without the end of the long one */
	assert_non_null(strstr(f->bodies.data, "by now"));
	assert_null(strstr(strchr(f->bodies.data, '\n'), "by now"));
	assert_non_null(strstr(strchr(f->bodies.data, '\n'), "giant panda"));
	f->says = (const char *const[]){bad};
	f->n_says = 1;
	assert_int_equal(run(f, s), ERR_UPSTREAM); /* an end, if it never is short enough */
	free(bad);
	free(good);
}

static void test_failures(void **state)
{
	static const struct {
		const char *status, *json, *reason;
		int code;
	} cases[] = {
		{"200 OK", "", "rerank_answer", ERR_UPSTREAM},
		{"200 OK", "<html>", "rerank_answer", ERR_UPSTREAM},
		{"200 OK", "{}", "rerank_answer", ERR_UPSTREAM},
		{"200 OK", "{\"error\":\"x\"}", "rerank_answer", ERR_UPSTREAM},
		{"200 OK", "{\"results\":[]}", "rerank_answer", ERR_UPSTREAM},
		{"200 OK", "{\"results\":[{\"index\":3,\"relevance_score\":1}]}", "rerank_answer",
			ERR_UPSTREAM},
		{"200 OK", "{\"results\":[{\"index\":-1,\"relevance_score\":1}]}", "rerank_answer",
			ERR_UPSTREAM},
		{"200 OK", "{\"results\":[{\"index\":0}]}", "rerank_answer", ERR_UPSTREAM},
		{"200 OK", "{\"results\":[{\"index\":0,\"relevance_score\":\"1\"}]}",
			"rerank_answer", ERR_UPSTREAM},
		{"200 OK", "{\"results\":[{\"index\":0,\"relevance_score\":1e999}]}",
			"rerank_answer", ERR_UPSTREAM},
		{"200 OK",
			"{\"results\":[{\"index\":0,\"relevance_score\":1},{\"index\":0,"
			"\"relevance_"
			"score\":1}]}",
			"rerank_answer", ERR_UPSTREAM},
		{"501 x", "{\"error\":{\"message\":\"This server does not support reranking.\"}}",
			"rerank_refused", ERR_UPSTREAM},
		{"404 x", "", "rerank_refused", ERR_UPSTREAM},
		{"302 x", "", "rerank_refused", ERR_UPSTREAM},
		{"401 x", "{\"error\":{\"message\":\"bad key sekret\"}}", "rerank_key",
			ERR_UPSTREAM},
		{"400 x",
			"{\"error\":{\"message\":\"cannot read 'giant panda is a bear species'\"}}",
			"rerank_refused", ERR_UPSTREAM},
		{"429 x", "{\"error\":{\"message\":\"slow down\"}}", "rerank_limited", ERR_LIMITED},
	};
	struct fixture *f = *state;
	double s[N];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run_against(f, cases[i].status, cases[i].json, s), cases[i].code);
		assert_string_equal(e.reason, cases[i].reason);
		assert_null(strstr(e.message, "sekret"));
		assert_null(strstr(e.message, "panda"));
	}
	assert_non_null(strstr(e.message, "slow down"));
}

static void test_again_and_timeout(void **state)
{
	struct fixture *f = *state;
	char *good = reply("200 OK", "{\"results\":[{\"index\":2,\"relevance_score\":0.9}]}");
	const char *const says[] = {"", good, "stall"};
	int64_t begun;
	double s[N];

	f->says = says;
	f->n_says = 3;
	assert_int_equal(run(f, s), 0);
	assert_int_equal(settings_set(&f->set, "rerank-timeout-ms", "150", "test", &e), 0);
	begun = clock_mono_ms();
	assert_int_equal(run(f, s), ERR_TIMEOUT);
	assert_true(clock_mono_ms() - begun < 4000); /* of all tries together */
	err_clear(&e);
	assert_int_equal(settings_set(&f->set, "rerank-url", "", "test", &e), 0);
	assert_false(rerank_configured(&f->set));
	assert_int_equal(run(f, s), ERR_CONFIG);
	free(good);
}

struct leaving {
	struct fixture *f;
	atomic_bool cancel;
};

static void *on_asked(void *arg)
{
	struct leaving *l = arg;

	while (atomic_load(&l->f->server.n_requests) == 0) {
		sched_yield();
	}
	atomic_store(&l->cancel, true);
	return NULL;
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct leaving l = {f, false};
	const struct rerank_request r = {"q", texts, N, &l.cancel};
	pthread_t thread;
	double s[N];

	f->says = (const char *const[]){"stall"};
	f->n_says = 1;
	assert_int_equal(pthread_create(&thread, NULL, on_asked, &l), 0);
	assert_int_equal(rerank_run(&f->set, &r, s, &e), ERR_CANCELLED);
	pthread_join(thread, NULL);
}

/* A real server's bytes, where they are at hand. */
static void test_real_bytes(void **state)
{
	static const struct {
		const char *file;
		int code;
	} cases[] = {{"60_rerank_v1_rerank", 0}, {"61_rerank_topn", 0}, {"62_rerank_texts_tei", 0},
		{"60_rerank_v2_rerank", ERR_UPSTREAM}, {"63_err_rerank_empty", ERR_UPSTREAM},
		{"65_err_rerank_on_emb", ERR_UPSTREAM}, {"66_err_rerank_long", ERR_UPSTREAM}};
	struct fixture *f = *state;
	double s[N];

	if (access("../shared/wire", R_OK) != 0) {
		skip();
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf bytes = BUF_INIT;
		char path[200];

		snprintf(path, sizeof(path), "../shared/wire/%s.http", cases[i].file);
		assert_int_equal(fs_read(path, 1 << 20, &bytes, &e), 0);
		f->says = (const char *const[]){bytes.data};
		f->n_says = 1;
		err_clear(&e);
		assert_int_equal(run(f, s), cases[i].code);
		if (cases[i].code == 0) {
			assert_true(s[0] > s[1] && s[0] > 0 && s[0] < .01);
		}
		buf_finish(&bytes);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_logits_in_any_order),
		TEST(test_unit_scores_and_one_left_out),
		TEST(test_tei),
		TEST(test_too_long_is_cut),
		TEST(test_failures),
		TEST(test_again_and_timeout),
		TEST(test_cancel),
		TEST(test_real_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

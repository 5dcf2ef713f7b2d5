/* Test sets and files of questions, good and bad. */
#include "retrieve/eval_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "index/base/fs.h"
#include "retrieve/eval_lines.h"
#include "retrieve/eval_questions.h"

#define CORPUS                                                                                     \
	"{\"_id\": \"a\", \"title\": \"T\", \"text\": \"one\"}\n{\"_id\": 2, \"text\": "           \
	"\"two\"}\r\n\n"
#define QUERIES                                                                                    \
	"{\"_id\": \"q1\", \"text\": \"one?\"}\n{\"_id\": \"q2\", \"text\": \"?\", "               \
	"\"answerable\": false}\n"
#define QRELS "query-id\tcorpus-id\tscore\nq1\ta\t1\nq1\t2\t0\n"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/carrel-set-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	fs_remove_tree(dir);
	return 0;
}

static const char *put(const char *name, const char *text)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (!text) {
		remove(path);
		return path;
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return path;
}

static void put_all(const char *corpus, const char *queries, const char *qrels)
{
	put("corpus.jsonl", corpus);
	put("queries.jsonl", queries);
	put("qrels.tsv", qrels);
}

static int count_document(void *arg, const struct eval_document *d, struct err *e)
{
	(void)e;
	assert_true(strcmp(d->text, "one") == 0 || strcmp(d->text, "two") == 0);
	++*(int *)arg;
	return 0;
}

static void test_reads_a_set(void **state)
{
	struct eval_set *s;
	struct err e = ERR_INIT;
	int n = 0;

	(void)state;
	put_all(CORPUS, "\xef\xbb\xbf" QUERIES, QRELS);
	if (eval_set_open(dir, &s, &e)) {
		fail_msg("%s", e.message);
	}
	assert_int_equal(s->n_documents, 2);
	assert_int_equal(s->n_queries, 2);
	assert_int_equal(s->n_relevant, 1);
	assert_int_equal(s->queries[0].n_judged, 2);
	assert_int_equal(s->queries[0].n_relevant, 1);
	assert_true(s->queries[1].unanswerable);
	assert_int_equal(eval_set_document(s, "2"), 1);
	assert_int_equal(eval_set_document(s, "3"), -1);
	assert_int_equal(eval_set_each(s, count_document, &n, &e), 0);
	assert_int_equal(n, 2);
	eval_set_close(s);
	/* BEIR's own place of the judgements. */
	put("qrels.tsv", NULL);
	snprintf(dir + strlen(dir), 8, "/qrels");
	assert_int_equal(mkdir(dir, 0700), 0);
	put("test.tsv", QRELS);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(eval_set_open(dir, &s, &e), 0);
	eval_set_close(s);
}

static void test_says_what_is_wrong(void **state)
{
	const struct {
		const char *corpus, *queries, *qrels;
		int code;
		const char *says;
	} bad[] = {
		{NULL, QUERIES, QRELS, ERR_NOT_FOUND, "corpus.jsonl"},
		{CORPUS, NULL, QRELS, ERR_NOT_FOUND, "queries.jsonl"},
		{CORPUS, QUERIES, NULL, ERR_NOT_FOUND, "qrels.tsv"},
		{CORPUS "{\"_id\": \"x\"", QUERIES, QRELS, ERR_INVALID, "line 4: not JSON"},
		{CORPUS "[1]", QUERIES, QRELS, ERR_INVALID, "line 4: not a JSON object"},
		{CORPUS "{\"text\": \"x\"}", QUERIES, QRELS, ERR_INVALID, "no \"_id\""},
		{CORPUS "{\"_id\": \"a\"}", QUERIES, QRELS, ERR_INVALID, "\"a\" was there before"},
		{CORPUS "{\"_id\": \"b\", \"text\": 7}", QUERIES, QRELS, ERR_INVALID,
			"\"text\" is no text"},
		{CORPUS "\xff", QUERIES, QRELS, ERR_INVALID, "line 4: not UTF-8"},
		{"", QUERIES, "", ERR_INVALID, "no documents"},
		{CORPUS, "{\"_id\": \"q\", \"text\": \" \"}", "", ERR_INVALID, "no \"text\""},
		{CORPUS, QUERIES QUERIES, QRELS, ERR_INVALID, "line 3: the _id \"q1\" was there"},
		{CORPUS, QUERIES, QRELS "q9\ta\t1\n", ERR_INVALID,
			"line 4: the query \"q9\" is not in queries.jsonl"},
		{CORPUS, QUERIES, QRELS "q1\tz\t1\n", ERR_INVALID,
			"line 4: the document \"z\" is not in corpus.jsonl"},
		{CORPUS, QUERIES, QRELS "q1\ta\tgood\n", ERR_INVALID, "line 4: the grade \"good\""},
		{CORPUS, QUERIES, QRELS "q1 a 1\n", ERR_INVALID, "line 4: a judgement is"},
		{CORPUS, QUERIES, QRELS "q1\ta\t1\n", ERR_INVALID, "line 4: this pair"},
		{CORPUS, QUERIES, QRELS "q2\ta\t1\n", ERR_INVALID, "\"q2\" is not answerable"},
		{CORPUS, "{\"_id\": \"q1\", \"text\": \"x\"}", "", ERR_INVALID, "no query has a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct eval_set *s = NULL;
		struct err e = ERR_INIT;

		put_all(bad[i].corpus, bad[i].queries, bad[i].qrels);
		if (eval_set_open(dir, &s, &e) != bad[i].code || s ||
			!strstr(e.message, bad[i].says)) {
			fail_msg("row %zu: %d %s", i, e.code, e.message);
		}
	}
}

static void test_a_line_without_end(void **state)
{
	struct lines l;
	struct err e = ERR_INIT;
	const char *path = put("long", "");
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	for (size_t n = 0; n <= EVAL_LINE_MAX; n += 1024) {
		char block[1024];

		memset(block, 'x', sizeof(block));
		assert_int_equal(fwrite(block, sizeof(block), 1, f), 1);
	}
	assert_int_equal(fclose(f), 0);
	assert_int_equal(lines_open(&l, path, &e), 0);
	assert_int_equal(lines_next(&l, &e), ERR_INVALID);
	assert_non_null(strstr(e.message, "line 1: longer than 16 MiB"));
	lines_close(&l);
}

static void test_reads_questions(void **state)
{
	struct arena a;
	struct asked *q;
	struct err e = ERR_INIT;
	int n;

	(void)state;
	arena_init(&a);
	assert_int_equal(
		eval_questions_read(
			put("q.jsonl",
				"{\"id\": \"1\", \"question\": \"A?\", \"document\": "
				"\"x/y.pdf\", \"page\": 3}\n"
				"{\"question\": \"B?\", \"document\": null}\n"
				"{\"question\": \"C?\", \"expected\": [{\"document\": \"u\"}, "
				"{\"document\": \"v\", \"page\": 2}]}\n"),
			&a, &q, &n, &e),
		0);
	assert_int_equal(n, 3);
	assert_string_equal(q[0].id, "1");
	assert_string_equal(q[0].expected[0].document, "x/y.pdf");
	assert_int_equal(q[0].expected[0].page, 3);
	assert_int_equal(q[1].n, 0);
	assert_string_equal(q[1].id, "B?");
	assert_int_equal(q[2].n, 2);
	assert_int_equal(q[2].expected[1].page, 2);
	assert_int_equal(eval_questions_read(put("q.csv", "Question,Document,Page\n"
							  "\"A, \"\"so\"\"?\",x.pdf,3\n"
							  "\"A, \"\"so\"\"?\",y.pdf\nB?,,\n"),
				 &a, &q, &n, &e),
		0);
	assert_int_equal(n, 2);
	assert_string_equal(q[0].question, "A, \"so\"?");
	assert_int_equal(q[0].n, 2);
	assert_int_equal(q[0].expected[0].page, 3);
	assert_int_equal(q[0].expected[1].page, 0);
	assert_int_equal(q[1].n, 0);
	assert_int_equal(
		eval_questions_read(put("q.tsv", "\"A\", B?\tx.pdf\t1\n"), &a, &q, &n, &e), 0);
	assert_string_equal(q[0].question, "\"A\", B?");
	arena_finish(&a);
}

static void test_says_what_is_wrong_with_questions(void **state)
{
	const struct {
		const char *name, *text, *says;
	} bad[] = {
		{"q.jsonl", "", "has no questions"},
		{"q.jsonl", "{\"question\": \"A\"}", "line 1: it has no \"document\""},
		{"q.jsonl", "{\"document\": \"a\"}", "line 1: it has no question"},
		{"q.jsonl", "{\"question\": \"A\", \"document\": \"a\", \"page\": 0}",
			"\"page\" is"},
		{"q.jsonl", "{\"question\": \"A\", \"document\": 3}", "\"document\" is the name"},
		{"q.jsonl", "{\"question\": \"A\", \"expected\": \"a\"}", "\"expected\" is a list"},
		{"q.jsonl",
			"{\"question\": \"A\", \"document\": \"a\"}\n{\"question\": \"A\", "
			"\"document\": \"b\"}",
			"line 2: the question \"A\" was there before"},
		{"q.csv", "A,a,first\n", "line 1: the page \"first\""},
		{"q.csv", "\"A,a,1\n", "line 1: a quote is not closed"},
		{"q.tsv", "A\ta\t1\tmore\n", "line 1: more columns"},
		{"q.csv", "A,a,1\nB,b,2\nA,c,3\n", "line 3: the question \"A\" was there before"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct asked *q;
		struct arena a;
		struct err e = ERR_INIT;
		int n;

		arena_init(&a);
		if (eval_questions_read(put(bad[i].name, bad[i].text), &a, &q, &n, &e) !=
				ERR_INVALID ||
			!strstr(e.message, bad[i].says)) {
			fail_msg("row %zu: %d %s", i, e.code, e.message);
		}
		arena_finish(&a);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_a_set),
		TEST(test_says_what_is_wrong),
		TEST(test_a_line_without_end),
		TEST(test_reads_questions),
		TEST(test_says_what_is_wrong_with_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

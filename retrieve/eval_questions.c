#include "retrieve/eval_questions.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "index/base/array.h"
#include "retrieve/eval_lines.h"
#include "retrieve/search.h"

#define EXPECTED_MAX 1000 /* of one question */

struct reading {
	struct arena *arena;
	struct lines lines;
	struct asked *items;
	int n, cap;
};

static int begin_question(struct reading *r, const char *id, const char *question, struct err *e)
{
	if (strspn(question, " \t\r\n") == strlen(question)) {
		return lines_fault(&r->lines, e, "it has no question");
	}
	if (strlen(question) > SEARCH_QUERY_MAX) {
		return lines_fault(
			&r->lines, e, "a question has %d bytes at most", SEARCH_QUERY_MAX);
	}
	for (int i = 0; i < r->n; i++) {
		if (strcmp(r->items[i].id, id) == 0) {
			return lines_fault(
				&r->lines, e, "the question \"%.60s\" was there before", id);
		}
	}
	r->items = array_grow(r->items, r->n, &r->cap, sizeof(*r->items));
	r->items[r->n++] = (struct asked){
		.id = arena_str(r->arena, id), .question = arena_str(r->arena, question)};
	return 0;
}

/* To the last question. */
static int expect(struct reading *r, const char *document, int64_t page, struct err *e)
{
	struct asked *q = &r->items[r->n - 1];

	if (page < 0 || page > 1000000) {
		return lines_fault(&r->lines, e, "a page is a whole number from 1 on");
	}
	if (q->n == EXPECTED_MAX) {
		return lines_fault(&r->lines, e, "more than %d documents", EXPECTED_MAX);
	}
	if ((q->n & (q->n - 1)) == 0) { /* a power of two: time to double */
		struct expected *more =
			arena_array(r->arena, struct expected, (size_t)q->n * 2 + 1);

		if (q->n > 0) {
			memcpy(more, q->expected, (size_t)q->n * sizeof(*more));
		}
		q->expected = more;
	}
	q->expected[q->n++] = (struct expected){arena_str(r->arena, document), (int)page};
	return 0;
}

/* ── JSONL ── */

static int page_field(struct reading *r, const json_t *row, int64_t *out, struct err *e)
{
	const json_t *page = json_object_get(row, "page");

	*out = json_integer_value(page);
	if (page && !json_is_null(page) && (!json_is_integer(page) || *out < 1)) {
		return lines_fault(&r->lines, e, "\"page\" is a whole number from 1 on");
	}
	return 0;
}

static int take_expected(struct reading *r, const json_t *row, struct err *e)
{
	const char *document = json_string_value(json_object_get(row, "document"));
	int64_t page;
	int rc = page_field(r, row, &page, e);

	if (rc) {
		return rc;
	}
	if (!document || !*document) {
		return lines_fault(&r->lines, e, "\"document\" is the name of a document");
	}
	return expect(r, document, page, e);
}

static int take_row(struct reading *r, const json_t *row, struct err *e)
{
	const char *question = json_string_value(json_object_get(row, "question"));
	const char *id = json_string_value(json_object_get(row, "id"));
	const json_t *list = json_object_get(row, "expected"), *one;
	const json_t *document = json_object_get(row, "document");
	size_t i;
	int rc = begin_question(r,
		id && *id  ? id
		: question ? question
			   : "",
		question ? question : "", e);

	if (rc) {
		return rc;
	}
	if (list && !json_is_array(list)) {
		return lines_fault(&r->lines, e, "\"expected\" is a list");
	}
	if (!list && !document) {
		return lines_fault(&r->lines, e,
			"it has no \"document\" (null: nothing in the documents answers it)");
	}
	json_array_foreach(list, i, one)
	{
		rc = rc ? rc : take_expected(r, one, e);
	}
	return rc || !document || json_is_null(document) ? rc : take_expected(r, row, e);
}

static int read_json(struct reading *r, struct err *e)
{
	json_t *row;
	int rc;

	while ((rc = lines_next_json(&r->lines, &row, e)) > 0) {
		rc = take_row(r, row, e);
		json_decref(row);
		if (rc) {
			break;
		}
	}
	return rc;
}

/* ── TSV and CSV ── */

enum { QUESTION, DOCUMENT, PAGE, N_FIELDS };

/* Cuts the next field off *rest, in place; NULL: none is left. A quoted one has its quotes taken
 * off; *bad: they do not close. */
static char *next_field(char **rest, char separator, bool *bad)
{
	char *from = *rest, *to = from, *s = from;
	bool quoted = separator == ',' && from && *from == '"';

	if (!from) {
		return NULL;
	}
	s += quoted;
	while (*s && (quoted || *s != separator)) {
		if (quoted && *s == '"') {
			s++;
			if (*s != '"') {
				quoted = false;
				continue;
			}
		}
		*to++ = *s++;
	}
	*bad |= quoted;
	*rest = *s ? s + 1 : NULL;
	*to = '\0';
	return from;
}

static int take_fields(struct reading *r, char *const field[N_FIELDS], struct err *e)
{
	const char *document = field[DOCUMENT] ? field[DOCUMENT] : "";
	const char *page = field[PAGE] ? field[PAGE] : "";
	char *end = NULL;
	long n = *page ? strtol(page, &end, 10) : 0;
	int rc = 0;

	if (end && (*end != '\0' || n < 1)) {
		return lines_fault(
			&r->lines, e, "the page \"%.40s\" is no whole number from 1 on", page);
	}
	if (r->n == 0 || strcmp(r->items[r->n - 1].question, field[QUESTION]) != 0) {
		rc = begin_question(r, field[QUESTION], field[QUESTION], e);
	}
	return rc || !*document ? rc : expect(r, document, n, e);
}

static int read_columns(struct reading *r, char separator, struct err *e)
{
	bool first = true;
	int rc;

	while ((rc = lines_next(&r->lines, e)) > 0) {
		char *rest = r->lines.line.data, *field[N_FIELDS];
		bool bad = false;

		for (int i = 0; i < N_FIELDS; i++) {
			field[i] = next_field(&rest, separator, &bad);
		}
		if (bad || rest) {
			return lines_fault(&r->lines, e, "%s",
				bad ? "a quote is not closed"
				    : "more columns than question, document and page");
		}
		if (!first || strcasecmp(field[QUESTION], "question") != 0) {
			rc = take_fields(r, field, e);
		}
		if (rc < 0) {
			return rc;
		}
		first = false;
	}
	return rc;
}

/* ── the file ── */

static bool ends_with(const char *path, const char *ending)
{
	size_t n = strlen(path), k = strlen(ending);

	return n >= k && strcasecmp(path + n - k, ending) == 0;
}

int eval_questions_read(
	const char *path, struct arena *a, struct asked **out, int *n, struct err *e)
{
	struct reading r = {.arena = a};
	int rc = lines_open(&r.lines, path, e);

	if (rc == 0) {
		rc = ends_with(path, ".csv")   ? read_columns(&r, ',', e)
		     : ends_with(path, ".tsv") ? read_columns(&r, '\t', e)
					       : read_json(&r, e);
	}
	lines_close(&r.lines);
	*n = r.n;
	*out = r.n ? arena_copy(a, r.items, (size_t)r.n * sizeof(*r.items)) : NULL;
	free(r.items);
	if (rc == 0 && r.n == 0) {
		return err_set(e, ERR_INVALID, "empty_set", "%s has no questions", path);
	}
	return rc;
}

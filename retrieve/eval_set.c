#include "retrieve/eval_set.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/fs.h"
#include "index/base/hash.h"
#include "retrieve/eval_lines.h"
#include "retrieve/search.h"

/* ── ids ── */

/* Open addressing over ids that live in the set's arena; their number is their order. */
struct id_map {
	const char **ids; /* [n] */
	int n, cap;
	int *cells; /* [n_cells] index + 1; 0: free */
	size_t n_cells;
};

static size_t cell_of(const struct id_map *m, const char *id)
{
	size_t i = hash64(id, strlen(id)) & (m->n_cells - 1);

	while (m->cells[i] && strcmp(m->ids[m->cells[i] - 1], id) != 0) {
		i = (i + 1) & (m->n_cells - 1);
	}
	return i;
}

static void grow(struct id_map *m)
{
	free(m->cells);
	m->n_cells = m->n_cells ? m->n_cells * 2 : 1024;
	m->cells = calloc(m->n_cells, sizeof(*m->cells));
	ASSERT(m->cells != NULL);
	for (int i = 0; i < m->n; i++) {
		m->cells[cell_of(m, m->ids[i])] = i + 1;
	}
}

static int map_lookup(const struct id_map *m, const char *id)
{
	return m->n_cells ? m->cells[cell_of(m, id)] - 1 : -1;
}

/* false: it is there already. */
static bool map_add(struct id_map *m, const char *id)
{
	if ((size_t)m->n * 2 >= m->n_cells) {
		grow(m);
	}
	if (m->cells[cell_of(m, id)]) {
		return false;
	}
	m->ids = array_grow(m->ids, m->n, &m->cap, sizeof(*m->ids));
	m->ids[m->n++] = id;
	m->cells[cell_of(m, id)] = m->n;
	return true;
}

static void map_finish(struct id_map *m)
{
	free(m->ids);
	free(m->cells);
}

/* ── fields ── */

/* Some sets number their documents: 7 is "7". In the arena. */
static int id_field(
	struct lines *l, const json_t *row, struct arena *a, const char **out, struct err *e)
{
	const json_t *id = json_object_get(row, "_id");

	*out = json_is_integer(id) ? arena_printf(a, "%lld", (long long)json_integer_value(id))
				   : arena_str(a, json_string_value(id));
	if (!*out || !**out) {
		return lines_fault(l, e, "it has no \"_id\"");
	}
	return 0;
}

static int text_field(
	struct lines *l, const json_t *row, const char *name, const char **out, struct err *e)
{
	const json_t *text = json_object_get(row, name);

	*out = json_string_value(text);
	if (!*out && text && !json_is_null(text)) {
		return lines_fault(l, e, "\"%s\" is no text", name);
	}
	*out = *out ? *out : "";
	return 0;
}

/* ── corpus.jsonl ── */

typedef int (*document_fn)(
	void *arg, struct lines *l, const struct eval_document *d, struct err *e);

static int each_document(const char *folder, document_fn fn, void *arg, struct err *e)
{
	struct arena a;
	struct lines l;
	json_t *row;
	int rc;

	arena_init(&a);
	rc = lines_open(&l, arena_printf(&a, "%s/corpus.jsonl", folder), e);
	while (rc >= 0 && (rc = lines_next_json(&l, &row, e)) > 0) {
		struct eval_document d;
		struct arena line;

		arena_init(&line);
		rc = id_field(&l, row, &line, &d.id, e);
		rc = rc ? rc : text_field(&l, row, "title", &d.title, e);
		rc = rc ? rc : text_field(&l, row, "text", &d.text, e);
		rc = rc ? rc : fn(arg, &l, &d, e);
		arena_finish(&line);
		json_decref(row);
		if (rc) {
			break;
		}
	}
	lines_close(&l);
	arena_finish(&a);
	return rc;
}

static int note_document(void *arg, struct lines *l, const struct eval_document *d, struct err *e)
{
	struct eval_set *s = arg;

	if (s->documents->n == INT_MAX / 4) {
		return lines_fault(l, e, "too many documents");
	}
	return map_add(s->documents, arena_str(&s->arena, d->id))
		       ? 0
		       : lines_fault(l, e, "the _id \"%.60s\" was there before", d->id);
}

struct each {
	int (*fn)(void *arg, const struct eval_document *d, struct err *e);
	void *arg;
};

static int pass_on(void *arg, struct lines *l, const struct eval_document *d, struct err *e)
{
	const struct each *x = arg;

	(void)l;
	return x->fn(x->arg, d, e);
}

int eval_set_each(const struct eval_set *s,
	int (*fn)(void *arg, const struct eval_document *d, struct err *e), void *arg,
	struct err *e)
{
	return each_document(s->folder, pass_on, &(struct each){fn, arg}, e);
}

/* ── queries.jsonl ── */

struct reading {
	struct eval_set *set;
	struct id_map queries;
	int cap;
};

static int note_query(struct reading *r, struct lines *l, const json_t *row, struct err *e)
{
	struct eval_set *s = r->set;
	const json_t *answerable = json_object_get(row, "answerable");
	struct eval_query q = {.unanswerable = json_is_false(answerable)};
	const char *text = "";
	int rc = id_field(l, row, &s->arena, &q.id, e);

	rc = rc ? rc : text_field(l, row, "text", &text, e);
	if (rc) {
		return rc;
	}
	if (answerable && !json_is_boolean(answerable)) {
		return lines_fault(l, e, "\"answerable\" is true or false");
	}
	if (strspn(text, " \t\r\n") == strlen(text)) {
		return lines_fault(l, e, "it has no \"text\"");
	}
	if (strlen(text) > SEARCH_QUERY_MAX) {
		return lines_fault(l, e, "a query has %d bytes at most", SEARCH_QUERY_MAX);
	}
	q.text = arena_str(&s->arena, text);
	if (!map_add(&r->queries, q.id)) {
		return lines_fault(l, e, "the _id \"%.60s\" was there before", q.id);
	}
	s->queries = array_grow(s->queries, s->n_queries, &r->cap, sizeof(*s->queries));
	s->queries[s->n_queries++] = q;
	return 0;
}

static int read_queries(struct reading *r, struct err *e)
{
	struct lines l;
	json_t *row;
	int rc =
		lines_open(&l, arena_printf(&r->set->arena, "%s/queries.jsonl", r->set->folder), e);

	while (rc >= 0 && (rc = lines_next_json(&l, &row, e)) > 0) {
		rc = note_query(r, &l, row, e);
		json_decref(row);
		if (rc) {
			break;
		}
	}
	lines_close(&l);
	return rc;
}

/* ── qrels.tsv ── */

static int note_judgement(struct reading *r, struct lines *l, char *const field[3], struct err *e)
{
	struct eval_set *s = r->set;
	const int query = map_lookup(&r->queries, field[0]);
	const int document = map_lookup(s->documents, field[1]);
	struct eval_query *q;
	char *end;
	long grade;

	errno = 0;
	grade = strtol(field[2], &end, 10);
	if (end == field[2] || end[strspn(end, " ")] != '\0' || errno || labs(grade) > 1000) {
		/* A first line that is no judgement names the columns. */
		return l->n == 1 ? 0
				 : lines_fault(l, e, "the grade \"%.40s\" is no whole number",
					   field[2]);
	}
	if (query < 0) {
		return lines_fault(l, e, "the query \"%.60s\" is not in queries.jsonl", field[0]);
	}
	if (document < 0) {
		return lines_fault(l, e, "the document \"%.60s\" is not in corpus.jsonl", field[1]);
	}
	q = &s->queries[query];
	for (int i = 0; i < q->n_judged; i++) {
		if (q->judged[i].document == document) {
			return lines_fault(
				l, e, "this pair of query and document was there before");
		}
	}
	/* A power of two: time to double. */
	if ((q->n_judged & (q->n_judged - 1)) == 0) {
		struct eval_judgement *more =
			arena_array(&s->arena, struct eval_judgement, (size_t)q->n_judged * 2 + 1);

		if (q->n_judged > 0) {
			memcpy(more, q->judged, (size_t)q->n_judged * sizeof(*more));
		}
		q->judged = more;
	}
	q->judged[q->n_judged++] = (struct eval_judgement){document, (int)grade};
	q->n_relevant += grade > 0;
	return 0;
}

static int read_judgements(struct reading *r, struct err *e)
{
	struct arena *a = &r->set->arena;
	const char *path = arena_printf(a, "%s/qrels.tsv", r->set->folder);
	const char *beir = arena_printf(a, "%s/qrels/test.tsv", r->set->folder);
	struct lines l;
	int rc = lines_open(&l, !fs_exists(path) && fs_exists(beir) ? beir : path, e);

	while (rc >= 0 && (rc = lines_next(&l, e)) > 0) {
		char *rest = l.line.data, *field[3];

		for (int i = 0; i < 3; i++) {
			field[i] = strsep(&rest, "\t");
		}
		rc = !field[2] || rest ? lines_fault(&l, e,
						 "a judgement is query, document and grade with "
						 "tabs between them")
				       : note_judgement(r, &l, field, e);
		if (rc) {
			break;
		}
	}
	lines_close(&l);
	return rc;
}

/* ── life ── */

static int require_some(struct eval_set *s, struct err *e)
{
	int n_unanswerable = 0;

	for (int i = 0; i < s->n_queries; i++) {
		const struct eval_query *q = &s->queries[i];

		s->n_relevant += q->n_relevant > 0;
		n_unanswerable += q->unanswerable;
		if (q->unanswerable && q->n_relevant > 0) {
			return err_set(e, ERR_INVALID, "bad_set",
				"%s: the query \"%.60s\" is not answerable and yet has documents "
				"that answer it",
				s->folder, q->id);
		}
	}
	if (s->n_documents == 0 || s->n_relevant + n_unanswerable == 0) {
		return err_set(e, ERR_INVALID, "empty_set", "%s: %s", s->folder,
			s->n_documents == 0 ? "corpus.jsonl has no documents"
					    : "no query has a relevant document in qrels.tsv");
	}
	return 0;
}

int eval_set_open(const char *folder, struct eval_set **out, struct err *e)
{
	struct eval_set *s = calloc(1, sizeof(*s));
	struct reading r = {.set = s};
	int rc;

	ASSERT(s != NULL);
	arena_init(&s->arena);
	s->folder = arena_str(&s->arena, folder);
	s->documents = calloc(1, sizeof(*s->documents));
	ASSERT(s->documents != NULL);
	*out = NULL;
	rc = read_queries(&r, e);
	rc = rc ? rc : each_document(folder, note_document, s, e);
	s->n_documents = s->documents->n;
	rc = rc ? rc : read_judgements(&r, e);
	rc = rc ? rc : require_some(s, e);
	map_finish(&r.queries);
	if (rc) {
		eval_set_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void eval_set_close(struct eval_set *s)
{
	if (!s) {
		return;
	}
	map_finish(s->documents);
	free(s->documents);
	free(s->queries);
	arena_finish(&s->arena);
	free(s);
}

int eval_set_document(const struct eval_set *s, const char *id)
{
	return map_lookup(s->documents, id);
}

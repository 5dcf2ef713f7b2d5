/*
 * Full text at size: fts_search against FTS5's own ranking over the same table, and against Xapian
 * over the same terms.
 *
 *   lexical build DIR CORPUS         a workspace with these texts in DIR
 *   lexical build-xapian DIR CORPUS  the same in DIR/xapian
 *   lexical measure DIR QUESTIONS [allowed share [alone]]   alone: without the other two
 *   lexical compare DIR CORPUS QUESTIONS                    builds what is not there, measures
 *
 * CORPUS: a file of {"title", "text"} a line, or made:N, N chunks of tests/scale/generate.h.
 * QUESTIONS: a file of {"text"} a line, or made:N:Q, the first Q questions of that corpus.
 *
 * Times are processor time of the one thread that searches: other work on the machine does not
 * count.
 */
#include <jansson.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "index/acl.h"
#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/base/log.h"
#include "index/catalog.h"
#include "index/fts_cache.h"
#include "index/fts_private.h"
#include "index/fts_terms.h"
#include "index/sql_functions.h"
#include "index/store_private.h"
#include "tests/scale/generate.h"
#include "tests/scale/xapian.h"

#define BATCH 2000
#define LIMIT 200
#define WHOLE 50 /* of them are exactly the best */

static struct err err;

static void need(int rc)
{
	if (rc < 0) {
		fprintf(stderr, "lexical: %s: %s\n", err.reason, err.message);
		exit(1);
	}
}

/* ── texts, made or read ── */

struct source {
	FILE *in; /* NULL: made */
	char *line;
	size_t size;
	json_t *json;
	struct made_corpus *made;
	struct made_text document;
	int64_t d, question, n_questions;
	int chunk;
	struct made_question asked;
};

struct text {
	const char *title, *heading, *body; /* until the next one is read */
};

static struct source source_open(const char *path)
{
	struct source s = {0};
	struct corpus_spec spec = {.seed = 1};
	char *end;

	if (strncmp(path, "made:", 5) != 0) {
		s.in = fopen(path, "r");
		if (!s.in) {
			perror(path);
			exit(1);
		}
		return s;
	}
	spec.n_chunks = strtoll(path + 5, &end, 10);
	s.n_questions = *end == ':' ? strtoll(end + 1, NULL, 10) : 0;
	s.made = made_create(&spec);
	made_init(&s.document);
	return s;
}

static void source_close(struct source *s)
{
	json_decref(s->json);
	free(s->line);
	if (s->in) {
		fclose(s->in);
	} else {
		made_finish(&s->document);
		made_destroy(s->made);
	}
}

static const char *member(const json_t *line, const char *name)
{
	const char *text = json_string_value(json_object_get(line, name));

	return text ? text : "";
}

static bool read_line(struct source *s, struct text *out)
{
	json_error_t why;

	if (getline(&s->line, &s->size, s->in) < 0) {
		return false;
	}
	json_decref(s->json);
	s->json = json_loads(s->line, 0, &why);
	if (!s->json) {
		fprintf(stderr, "lexical: %s\n", why.text);
		exit(1);
	}
	*out = (struct text){member(s->json, "title"), "", member(s->json, "text")};
	return true;
}

static bool next_text(struct source *s, struct text *out)
{
	if (s->in) {
		return read_line(s, out);
	}
	if (s->chunk == s->document.n_chunks) {
		if (s->d == made_documents(s->made)) {
			return false;
		}
		made_document(s->made, s->d++, &s->document);
		s->chunk = 0;
	}
	*out = (struct text){
		s->document.title, s->document.heading[s->chunk], s->document.body[s->chunk]};
	s->chunk++;
	return true;
}

static bool next_question(struct source *s, struct text *out)
{
	if (s->in) {
		return read_line(s, out);
	}
	if (s->question == s->n_questions) {
		return false;
	}
	made_question(s->made, s->question++, &s->asked);
	*out = (struct text){"", "", s->asked.text};
	return true;
}

/* ── building ── */

struct building {
	struct source source;
	int64_t workspace_n;
	int64_t row;
	bool more;
};

static int make_workspace(struct db *db, void *arg, struct err *e)
{
	struct id id;
	int rc = workspace_create(db, "scale", &id, e);

	*(int64_t *)arg = 1;
	return rc;
}

static int add_batch(struct db *db, void *arg, struct err *e)
{
	struct building *b = arg;
	struct text t;
	int rc = 0;

	for (int i = 0; rc == 0 && i < BATCH && (b->more = next_text(&b->source, &t)); i++) {
		struct fts_row row = {b->row++, "en", t.title, t.heading, t.body};

		rc = fts_insert(db, b->workspace_n, &row, e);
	}
	return rc;
}

static int build(const char *dir, const char *path)
{
	struct building b = {.source = source_open(path), .more = true};
	struct store *store;
	int64_t start = clock_mono_ms();

	need(store_open(dir, &store, &err));
	need(store_write(store, make_workspace, &b.workspace_n, &err));
	while (b.more) {
		need(store_write(store, add_batch, &b, &err));
		if (b.row % 50000 == 0) {
			fprintf(stderr, "\r%lld rows, %.0f s", (long long)b.row,
				(double)(clock_mono_ms() - start) / 1000);
		}
	}
	fprintf(stderr, "\r%lld rows, %.0f s\n", (long long)b.row,
		(double)(clock_mono_ms() - start) / 1000);
	store_close(store);
	source_close(&b.source);
	return 0;
}

static void add_terms(struct xapian *x, struct arena *a, const char *text, unsigned weight)
{
	struct terms terms;

	analyse(a, text, strlen(text), "en", &terms);
	for (int i = 0; i < terms.n; i++) {
		xapian_term(x, terms.items[i].text, weight);
	}
}

/* A build that was broken off is begun again. */
static void mark_complete(const char *folder)
{
	char *path;
	FILE *f;

	if (asprintf(&path, "%s/complete", folder) < 0 || !(f = fopen(path, "w"))) {
		exit(1);
	}
	fclose(f);
	free(path);
}

static int build_xapian(const char *dir, const char *path)
{
	struct source source = source_open(path);
	char *to;
	struct xapian *x;
	struct text t;
	unsigned row = 0;

	if (asprintf(&to, "%s/xapian", dir) < 0 || !(x = xapian_create(to))) {
		return 1;
	}
	while (next_text(&source, &t)) {
		struct arena a;

		arena_init(&a);
		add_terms(x, &a, t.title, 2);
		add_terms(x, &a, t.heading, 2);
		add_terms(x, &a, t.body, 1);
		if (xapian_add(x, row++)) {
			return 1;
		}
		arena_finish(&a);
	}
	xapian_close(x);
	source_close(&source);
	mark_complete(to);
	free(to);
	return 0;
}

/* ── measuring ── */

enum way { FIRST, OURS, PLAIN, XAPIAN, N_WAYS };
static const char *const way_name[] = {
	"fts_search, 1st time", "fts_search", "FTS5 ORDER BY rank", "Xapian"};

struct measuring {
	struct db *db;
	sqlite3_stmt *plain, *whole;
	struct xapian *xapian;
	struct allowed allowed;
	double *ms[N_WAYS];
	int n;
	int n_inexact;		 /* questions whose best 50 differ from the whole OR's */
	int64_t n_in_200, n_200; /* of the whole OR's best 200, found */
};

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void write_or(const struct query_terms *terms, struct buf *match)
{
	for (int i = 0; i < terms->n; i++) {
		buf_printf(match, "%s\"%s\"%s", i ? " OR " : "", terms->items[i].text,
			terms->items[i].prefix ? " *" : "");
	}
}

/* The best rows of the whole OR by the same score, which FTS5 computes of every row. */
static void check(struct measuring *m, struct arena *a, struct query_terms *terms,
	const struct fts_hit *hits, int n)
{
	double idf[FTS_TERMS_MAX];
	struct scoring scoring = {0, 0, idf, 0};
	struct fts_reading r;
	struct buf match = BUF_INIT;
	int i = 0, found = 0, at = 0;
	bool exact = true;

	need(fts_reading_open(m->db, a, 1, &r, &err));
	need(fts_weigh_terms(&r, terms, idf, &err));
	scoring.n = terms->n;
	write_or(terms, &match);
	sqlite3_bind_text(m->whole, 1, match.data, (int)match.len, SQLITE_TRANSIENT);
	sqlite3_bind_pointer(m->whole, 2, &m->allowed.slots, BITMAP_POINTER, NULL);
	sqlite3_bind_int(m->whole, 3, LIMIT);
	sqlite3_bind_pointer(m->whole, 4, &scoring, SCORING_POINTER, NULL);
	for (; sqlite3_step(m->whole) == SQLITE_ROW; i++) {
		double score = sqlite3_column_double(m->whole, 1);

		/* Rows of one score may stand in either order: sums differ in their last digits. */
		if (i < WHOLE && (i >= n || fabs(hits[i].score - score) > 1e-9)) {
			exact = false;
		}
		while (at < n && hits[at].score > score + 1e-9) {
			at++;
		}
		if (at < n && fabs(hits[at].score - score) <= 1e-9) {
			found++;
			at++;
		}
	}
	sqlite3_reset(m->whole);
	buf_finish(&match);
	m->n_inexact += !exact || n > i;
	m->n_200 += i;
	m->n_in_200 += found;
}

static int plain_search(struct measuring *m, const struct query_terms *terms, int64_t *rows)
{
	struct buf match = BUF_INIT;
	int n = 0;

	write_or(terms, &match);
	sqlite3_bind_text(m->plain, 1, match.data, (int)match.len, SQLITE_TRANSIENT);
	sqlite3_bind_int(m->plain, 2, LIMIT);
	while (sqlite3_step(m->plain) == SQLITE_ROW) {
		rows[n++] = sqlite3_column_int64(m->plain, 0);
	}
	sqlite3_reset(m->plain);
	buf_finish(&match);
	return n;
}

static void ask(struct measuring *m, const char *text, bool others)
{
	struct fts_query q = {.workspace_n = 1,
		.text = text,
		.language = "en",
		.allowed = &m->allowed,
		.limit = LIMIT};
	struct fts_hit *hits;
	struct query_terms terms;
	const char *list[FTS_TERMS_MAX];
	unsigned rows[LIMIT];
	double scores[LIMIT];
	int64_t plain[LIMIT];
	struct arena a;
	double start;
	int n;

	arena_init(&a);
	for (int i = FIRST; i <= OURS; i++) {
		start = cpu_ms();
		need(fts_search(m->db, &a, &q, &hits, &n, &err));
		m->ms[i][m->n] = cpu_ms() - start;
	}
	if (others) {
		need(fts_terms(m->db, &a, &q, &terms, &err));
		start = cpu_ms();
		plain_search(m, &terms, plain);
		m->ms[PLAIN][m->n] = cpu_ms() - start;
		for (int i = 0; i < terms.n; i++) {
			list[i] = terms.items[i].text;
		}
		start = cpu_ms();
		if (m->xapian) {
			xapian_search(m->xapian, list, terms.n, LIMIT, rows, scores);
		}
		m->ms[XAPIAN][m->n] = cpu_ms() - start;
		q.words_alone = true;
		need(fts_search(m->db, &a, &q, &hits, &n, &err));
		check(m, &a, &terms, hits, n);
	}
	m->n++;
	arena_finish(&a);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(struct measuring *m)
{
	printf("%-20s %9s %9s %9s %9s %9s\n", "processor ms", "mean", "p50", "p95", "p99", "max");
	for (int w = 0; w < N_WAYS; w++) {
		double sum = 0, *v = m->ms[w];

		for (int i = 0; i < m->n; i++) {
			sum += v[i];
		}
		qsort(v, (size_t)m->n, sizeof(*v), by_value);
		printf("%-20s %9.2f %9.2f %9.2f %9.2f %9.2f\n", way_name[w], sum / m->n,
			v[m->n / 2], v[m->n * 95 / 100], v[m->n * 99 / 100], v[m->n - 1]);
	}
	printf("questions whose best %d are not those of the whole OR: %d of %d; of its best %d "
	       "found: %.1f %%\n",
		WHOLE, m->n_inexact, m->n, LIMIT,
		m->n_200 ? 100. * (double)m->n_in_200 / (double)m->n_200 : 0);
}

static int measure(const char *dir, const char *path, double share, bool others)
{
	struct source source = source_open(path);
	struct measuring m = {0};
	struct store *store;
	struct text t;
	char *to;
	uint64_t seed = 1;

	need(store_open(dir, &store, &err));
	m.db = store_reader(store, &err);
	if (asprintf(&to, "%s/xapian", dir) < 0) {
		return 1;
	}
	m.xapian = others ? xapian_open(to) : NULL;
	free(to);
	sqlite3_prepare_v2(m.db->c,
		"SELECT rowid FROM fts_1 WHERE fts_1 MATCH ?1 ORDER BY rank LIMIT ?2", -1, &m.plain,
		NULL);
	sqlite3_prepare_v2(m.db->c,
		"SELECT rowid, carrel_score(fts_1, ?4) AS score FROM fts_1 WHERE fts_1 MATCH ?1 "
		"AND carrel_allowed(rowid, ?2) ORDER BY score DESC, rowid LIMIT ?3",
		-1, &m.whole, NULL);
	store_attach(store, PART_FULL_TEXT, fts_cache_create());
	bitmap_init(&m.allowed.slots);
	for (uint64_t i = 0; i < 1 << 20; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		if ((double)(seed >> 11) * 0x1p-53 < share) {
			bitmap_set(&m.allowed.slots, i);
		}
	}
	m.allowed.n_live = 1 << 20;
	m.allowed.n_allowed = bitmap_count(&m.allowed.slots);
	for (int w = 0; w < N_WAYS; w++) {
		m.ms[w] = calloc(100000, sizeof(double));
	}
	while (next_question(&source, &t)) {
		ask(&m, t.body, others);
	}
	report(&m);
	sqlite3_finalize(m.plain);
	sqlite3_finalize(m.whole);
	fts_cache_destroy(db_part(m.db, PART_FULL_TEXT));
	xapian_close(m.xapian);
	store_reader_drop(m.db);
	store_close(store);
	source_close(&source);
	return 0;
}

static bool exists(const char *dir, const char *name)
{
	char *path;
	bool there;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		exit(1);
	}
	there = access(path, F_OK) == 0;
	free(path);
	return there;
}

/* All of it, with what is built already used again. */
static int compare(const char *dir, const char *corpus, const char *questions)
{
	int rc = 0;

	if (!exists(dir, "carrel.db")) {
		rc = build(dir, corpus);
	}
	if (rc == 0 && !exists(dir, "xapian/complete")) {
		rc = build_xapian(dir, corpus);
	}
	return rc ? rc : measure(dir, questions, 1, true);
}

int main(int argc, char **argv)
{
	log_level_set(LOG_ERROR);
	fts_register();
	if (argc == 4 && strcmp(argv[1], "build") == 0) {
		return build(argv[2], argv[3]);
	}
	if (argc == 4 && strcmp(argv[1], "build-xapian") == 0) {
		return build_xapian(argv[2], argv[3]);
	}
	if (argc == 5 && strcmp(argv[1], "compare") == 0) {
		return compare(argv[2], argv[3], argv[4]);
	}
	if (argc >= 4 && strcmp(argv[1], "measure") == 0) {
		return measure(argv[2], argv[3], argc > 4 ? strtod(argv[4], NULL) : 1, argc <= 5);
	}
	return 2;
}

#include "chat/replay.h"

#include <math.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/chunks.h"
#include "index/place.h"
#include "retrieve/search.h"

#define QUESTIONS_MAX 100 /* the latest, each once; two searches each */
#define TOP 10
/* Below so little in common a person should look. Measured with 400 documents of two test sets and
 * the built-in embedder serving: vectors drawn at random leave .30 and .31 of the first ten, hashed
 * words .60 and .77. The words of a question count beside any vectors, so none leaves nothing. */
#define OVERLAP_LEAST .4
#define JUDGED_LEAST 10 /* fewer questions say nothing about the rest */

enum replay_query {
	Q_QUESTIONS,
	Q_FORGET_QUESTIONS,
	Q_FORGET,
	Q_ADD,
	Q_ADD_QUESTION,
	Q_REPLAY,
	Q_OWN,
};

static const char *const statements[] = {
	[Q_QUESTIONS] = "SELECT s.run_id, s.query, r.user_id, max(r.created_ms) AS at"
			" FROM run r JOIN run_search s ON s.run_id = r.id"
			" WHERE r.workspace_id = ?1 GROUP BY r.user_id, s.query"
			" ORDER BY at DESC LIMIT ?2",
	/* The number of a space that is gone may be given to one of another workspace. */
	[Q_FORGET_QUESTIONS] = "DELETE FROM replay_question WHERE space_n IN (SELECT space_n"
			       " FROM replay WHERE workspace_id = ?1 OR space_n = ?2)",
	[Q_FORGET] = "DELETE FROM replay WHERE workspace_id = ?1 OR space_n = ?2",
	[Q_ADD] = "INSERT INTO replay(space_n, workspace_id, n_questions, n_first, overlap,"
		  " n_failed, doubtful, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[Q_ADD_QUESTION] = "INSERT INTO replay_question(space_n, run_id, overlap, before_chunk,"
			   " after_chunk) VALUES (?1, ?2, ?3, ?4, ?5)",
	[Q_REPLAY] = "SELECT space_n, n_questions, n_first, overlap, n_failed, doubtful, at_ms"
		     " FROM replay WHERE workspace_id = ?1",
	[Q_OWN] = "SELECT s.query, q.overlap, q.before_chunk, q.after_chunk"
		  " FROM replay_question q JOIN run r ON r.id = q.run_id"
		  " JOIN run_search s ON s.run_id = r.id"
		  " WHERE q.space_n = ?1 AND r.user_id = ?2 AND r.workspace_id = ?3"
		  " ORDER BY q.overlap, q.run_id",
};
SQL_TABLE(table, "chat/replay", statements);

struct question {
	struct id run, user;
	char *words;
	bool asked; /* by somebody who may still ask, and found by both spaces' search */
	double overlap;
	struct id before, after; /* the chunks found first; empty: nothing */
};

struct replay {
	struct app *app;
	struct ingest *in;
	struct arena arena;
	struct question *questions;
	int n;
	int n_asked, n_first, n_failed;
	double overlap; /* a sum, then the mean */
	char doubtful[120];
};

static int load_questions(struct replay *r, struct err *e)
{
	struct db *db = store_reader(r->in->index->store, e);
	struct stmt *q;
	int rc = 0;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	r->questions = arena_array(&r->arena, struct question, QUESTIONS_MAX);
	q = db_stmt(db, &table, Q_QUESTIONS);
	stmt_id(q, 1, &r->in->job->workspace);
	stmt_int(q, 2, QUESTIONS_MAX);
	while (r->n < QUESTIONS_MAX && (rc = stmt_step(q, e)) > 0) {
		r->questions[r->n++] = (struct question){.run = col_id(q, 0),
			.words = arena_str(&r->arena, col_text(q, 1)),
			.user = col_id(q, 2)};
	}
	stmt_reset(q);
	store_reader_drop(db);
	return rc < 0 ? rc : 0;
}

/* ── one question ── */

static bool shares_a_chunk(const struct passage *a, const struct passage *b)
{
	for (int i = 0; i < a->n_chunks; i++) {
		for (int k = 0; k < b->n_chunks; k++) {
			if (id_equal(&a->chunks[i], &b->chunks[k])) {
				return true;
			}
		}
	}
	return false;
}

/* The share of the longer list that stands in both. */
static double overlap_of(const struct search_result *a, const struct search_result *b)
{
	int n = a->n_passages > b->n_passages ? a->n_passages : b->n_passages, both = 0;

	for (int i = 0; i < a->n_passages; i++) {
		bool found = false;

		for (int k = 0; k < b->n_passages && !found; k++) {
			found = shares_a_chunk(&a->passages[i], &b->passages[k]);
		}
		both += found;
	}
	return n ? (double)both / n : 1;
}

static struct id first_of(const struct search_result *r)
{
	return r->n_passages ? r->passages[0].chunk : (struct id){""};
}

static void compare(struct replay *r, struct question *q, const struct search_result *before,
	const struct search_result *after)
{
	bool same_first = before->n_passages == 0
				  ? after->n_passages == 0
				  : after->n_passages > 0 && shares_a_chunk(&before->passages[0],
								     &after->passages[0]);

	q->asked = true;
	q->overlap = overlap_of(before, after);
	q->before = first_of(before);
	q->after = first_of(after);
	r->n_asked++;
	r->n_first += !same_first;
	r->n_failed += after->vector_error != NULL;
	r->overlap += q->overlap;
}

/* A question that can be searched no more, or whose asker is gone, is left out. */
static int ask(struct replay *r, struct db *db, struct question *q, struct err *e)
{
	struct search_result before, after;
	struct search_request request = {
		.query = q->words, .limit = TOP, .settings = r->app->settings};
	struct err why = ERR_INIT;
	struct asker who;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = acl_asker(db, &a, &q->user, &who, &why);
	if (rc == 0) {
		request.who = &who;
		rc = search_run(r->in->index, db, &request, &a, &before, &why);
	}
	if (rc == 0) {
		request.space_n = r->in->space_n;
		rc = search_run(r->in->index, db, &request, &a, &after, &why);
	}
	if (rc == 0) {
		compare(r, q, &before, &after);
	}
	arena_finish(&a);
	return rc == ERR_INVALID || rc == ERR_AUTH || rc == 0
		       ? 0
		       : err_set(e, rc, why.reason, "%s", why.message);
}

static int ask_all(struct replay *r, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < r->n; i++) {
		struct db *db = store_reader(r->in->index->store, e);

		if (!db) {
			return ERR_UNAVAILABLE;
		}
		atomic_store(&r->in->done, i);
		atomic_store(&r->in->total, r->n);
		rc = ask(r, db, &r->questions[i], e);
		store_reader_drop(db);
		if (rc == 0 && atomic_load(&r->in->cancel)) {
			rc = err_set(e, ERR_CANCELLED, "cancelled", "the job was cancelled");
		}
	}
	r->overlap = r->n_asked ? r->overlap / r->n_asked : 1;
	return rc;
}

/* ── what is kept of it ── */

static void judge(struct replay *r)
{
	if (r->n_failed) {
		snprintf(r->doubtful, sizeof(r->doubtful),
			"%d of %d questions could not be searched in the new vectors", r->n_failed,
			r->n_asked);
	} else if (r->n_asked >= JUDGED_LEAST && r->overlap < OVERLAP_LEAST) {
		snprintf(r->doubtful, sizeof(r->doubtful),
			"only %.0f %% of the first %d passages stay the same", r->overlap * 100,
			TOP);
	}
}

static int forget(struct db *db, enum replay_query which, const struct replay *r, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, (int)which);

	stmt_id(q, 1, &r->in->job->workspace);
	stmt_int(q, 2, r->in->space_n);
	return stmt_run(q, e);
}

static int add_question(struct db *db, int64_t space_n, const struct question *x, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ADD_QUESTION);

	stmt_int(q, 1, space_n);
	stmt_id(q, 2, &x->run);
	stmt_real(q, 3, x->overlap);
	stmt_text(q, 4, x->before.s);
	stmt_text(q, 5, x->after.s);
	return stmt_run(q, e);
}

static int tx_store(struct db *db, void *arg, struct err *e)
{
	const struct replay *r = arg;
	const struct id *workspace = &r->in->job->workspace;
	struct stmt *q;
	int rc = forget(db, Q_FORGET_QUESTIONS, r, e);

	rc = rc ? rc : forget(db, Q_FORGET, r, e);
	if (rc) {
		return rc;
	}
	q = db_stmt(db, &table, Q_ADD);
	stmt_int(q, 1, r->in->space_n);
	stmt_id(q, 2, workspace);
	stmt_int(q, 3, r->n_asked);
	stmt_int(q, 4, r->n_first);
	stmt_real(q, 5, r->overlap);
	stmt_int(q, 6, r->n_failed);
	if (*r->doubtful) {
		stmt_text(q, 7, r->doubtful);
	} else {
		stmt_null(q, 7);
	}
	stmt_int(q, 8, clock_wall_ms());
	rc = stmt_run(q, e);
	for (int i = 0; rc == 0 && i < r->n; i++) {
		if (r->questions[i].asked) {
			rc = add_question(db, r->in->space_n, &r->questions[i], e);
		}
	}
	return rc;
}

int replay_run(void *arg, struct ingest *in, bool *doubtful, struct err *e)
{
	struct replay r = {.app = arg, .in = in};
	int rc;

	arena_init(&r.arena);
	rc = load_questions(&r, e);
	rc = rc ? rc : ask_all(&r, e);
	if (rc == 0) {
		judge(&r);
		rc = store_write(in->index->store, tx_store, &r, e);
	}
	*doubtful = *r.doubtful != '\0';
	arena_finish(&r.arena);
	return rc;
}

/* ── shown ── */

/* null: nothing, or what may not be read (now). */
static json_t *found_json(
	struct db *db, struct arena *a, const struct asker *who, const char *chunk_id)
{
	struct id id = id_parse("chk", chunk_id);
	struct chunk c;

	if (id_empty(&id) || chunk_open(db, a, who, &id, &c, NULL) != 0) {
		return json_null();
	}
	return json_pack("{s:s, s:s, s:s, s:i}", "documentId", c.document.s, "documentName",
		c.document_name, "heading", c.heading, "page", c.page_first);
}

struct own {
	const char *question, *before, *after;
	double overlap;
};

static int own_questions(struct db *db, struct arena *a, const struct asker *who, int64_t space_n,
	json_t **out, struct err *e)
{
	struct own *rows = arena_array(a, struct own, QUESTIONS_MAX);
	struct stmt *q = db_stmt(db, &table, Q_OWN);
	json_t *list = json_array();
	int n = 0, rc = 0;

	stmt_int(q, 1, space_n);
	stmt_id(q, 2, &who->user);
	stmt_id(q, 3, &who->workspace);
	while (n < QUESTIONS_MAX && (rc = stmt_step(q, e)) > 0) {
		rows[n++] = (struct own){arena_str(a, col_text(q, 0)), arena_str(a, col_text(q, 2)),
			arena_str(a, col_text(q, 3)), col_real(q, 1)};
	}
	stmt_reset(q);
	for (int i = 0; rc >= 0 && i < n; i++) {
		json_array_append_new(
			list, json_pack("{s:s, s:f, s:b, s:o, s:o}", "question", rows[i].question,
				      "overlap", round(rows[i].overlap * 100) / 100, "firstChanged",
				      strcmp(rows[i].before, rows[i].after) != 0, "before",
				      found_json(db, a, who, rows[i].before), "after",
				      found_json(db, a, who, rows[i].after)));
	}
	*out = list;
	return rc < 0 ? rc : 0;
}

int replay_json(struct db *db, struct arena *a, const struct asker *who, bool details, json_t **out,
	struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_REPLAY);
	json_t *own = NULL;
	int64_t space_n;
	int rc;

	*out = json_null();
	stmt_id(q, 1, &who->workspace);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		stmt_reset(q);
		return rc;
	}
	space_n = col_int(q, 0);
	*out = json_pack("{s:I, s:I, s:I, s:f, s:I, s:s?, s:I}", "space", (json_int_t)space_n,
		"questions", (json_int_t)col_int(q, 1), "firstChanged", (json_int_t)col_int(q, 2),
		"overlap", round(col_real(q, 3) * 100) / 100, "failed", (json_int_t)col_int(q, 4),
		"doubtful", col_text(q, 5), "atMs", (json_int_t)col_int(q, 6));
	stmt_reset(q);
	if (details) {
		rc = own_questions(db, a, who, space_n, &own, e);
		json_object_set_new(*out, "own", own);
	}
	return rc < 0 ? rc : 0;
}

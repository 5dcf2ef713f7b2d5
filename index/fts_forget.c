/*
 * Words that were deleted leave the files (index/fts.h's fts_forget).
 *
 * FTS5 marks what is deleted and drops it when the segment that holds it is merged with the marks
 * and with all that is older; 'optimize' does that in one statement, which at a million rows holds
 * the only writer for a minute and doubles the write-ahead log. So: 'merge' with a negative number
 * puts all segments under one merge, positive ones go on with it a few pages at a time, and others
 * write in between. It is over when none of the segments that were there at the beginning is left.
 * A segment's number may be given to a new one meanwhile: that costs another merge, no more.
 *
 * Each time all segments move to the level behind the last one, and what is merged one further, in
 * FTS5's 'optimize' as well; SQLite 3.40 takes an index of more than 2,000 levels for damaged, and
 * only newer ones keep to 64. So empty levels are taken out of the index's record. What level a
 * segment is at stands nowhere else, and counts only in comparison; a level that is being merged is
 * not empty, nor is the next, which it is merged into. To build the index anew would hold the only
 * writer for a minute.
 */
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#include "index/base/log.h"
#include "index/fts_private.h"
#include "index/store_private.h"

/* Of 4 KB that one transaction writes: 10 to 20 ms of CPU at a million rows, as long as the writer
 * lets others wait anyway. */
#define STEP_PAGES 64
#define WAIT_MS 100 /* between questions whether to go on */
#define LEVELS_MAX 64
/* Some stay empty below the large segment: 4 segments of a level are merged into the next, so that
 * as many fit there as anybody writes before it is merged again. */
#define LEVELS_KEPT 32

struct forgetting_words {
	int64_t workspace_n;
	int64_t *left; /* segments that were there at the beginning */
	int n_left;
	bool begun, done;
};

static bool is_left(const struct postings_index *x, int64_t id)
{
	for (int i = 0; i < x->n_segments; i++) {
		if (postings_segment(x, i) == id) {
			return true;
		}
	}
	return false;
}

static void note_segments(struct forgetting_words *f, const struct postings_index *x)
{
	free(f->left);
	f->left = calloc((size_t)x->n_segments + 1, sizeof(*f->left));
	ASSERT(f->left != NULL);
	f->n_left = x->n_segments;
	for (int i = 0; i < x->n_segments; i++) {
		f->left[i] = postings_segment(x, i);
	}
}

static void drop_merged(struct forgetting_words *f, const struct postings_index *x)
{
	int n = 0;

	for (int i = 0; i < f->n_left; i++) {
		if (is_left(x, f->left[i])) {
			f->left[n++] = f->left[i];
		}
	}
	f->n_left = n;
}

static int merge(struct db *db, const struct forgetting_words *f, int *n_changed, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, f->workspace_n, FTS_MERGE, e ? e : &own);
	int before = sqlite3_total_changes(db->c), rc;

	if (!q) {
		return err_code(e ? e : &own);
	}
	stmt_int(q, 1, f->begun ? STEP_PAGES : -STEP_PAGES);
	rc = stmt_run(q, e);
	*n_changed = sqlite3_total_changes(db->c) - before;
	return rc;
}

/* FTS5 keeps the record that it read last until somebody else commits, or it has something to roll
 * back. */
static int make_read_again(struct db *db, struct forgetting_words *f, struct err *e)
{
	int n_changed, rc = db_exec(db, "SAVEPOINT levels", e);

	if (rc == 0) {
		rc = merge(db, f, &n_changed, e);
	}
	if (rc == 0) {
		rc = db_exec(db, "ROLLBACK TO levels", e);
	}
	return rc ? rc : db_exec(db, "RELEASE levels", e);
}

static int drop_levels(struct db *db, struct forgetting_words *f, struct err *e)
{
	struct buf record = BUF_INIT;
	int rc = make_read_again(db, f, e);

	if (rc == 0) {
		rc = postings_without_levels(db, f->workspace_n, LEVELS_KEPT, &record, e);
	}
	if (rc == 0) {
		rc = postings_structure_set(db, f->workspace_n, &record, e);
	}
	buf_finish(&record);
	return rc;
}

static int step_tx(struct db *db, void *arg, struct err *e)
{
	struct forgetting_words *f = arg;
	struct postings_index x;
	struct arena a;
	int rc, n_changed = 0;

	arena_init(&a);
	rc = postings_segments(db, &a, f->workspace_n, &x, e);
	if (rc == 0 && !f->begun) {
		note_segments(f, &x);
	}
	f->done = rc == 0 && x.n_segments <= 1; /* there is nothing that could hold a mark */
	if (rc == 0 && !f->begun && x.n_levels > LEVELS_MAX) {
		rc = drop_levels(db, f, e);
	}
	if (rc == 0 && !f->done) {
		rc = merge(db, f, &n_changed, e);
		f->begun = true;
		rc = rc ? rc : postings_segments(db, &a, f->workspace_n, &x, e);
	}
	if (rc == 0 && !f->done) {
		drop_merged(f, &x);
		f->done = f->n_left == 0 || x.n_segments <= 1;
		/* Less than two changes: FTS5 has nothing more to merge by itself. */
		f->begun = n_changed >= 2;
	}
	arena_finish(&a);
	return rc;
}

static int merge_all(struct store *s, int64_t workspace_n, int (*goes_on)(void *arg, struct err *e),
	void *arg, struct err *e)
{
	struct forgetting_words f = {.workspace_n = workspace_n};
	int rc = 0;

	while (rc == 0 && !f.done) {
		rc = goes_on ? goes_on(arg, e) : 0;
		if (rc == 0) {
			rc = store_write_freeing(s, step_tx, &f, e);
		}
	}
	free(f.left);
	return rc;
}

int fts_forget(struct store *s, int64_t workspace_n, int (*goes_on)(void *arg, struct err *e),
	void *arg, struct err *e)
{
	struct fts_memory *m = fts_cache_lookup(store_part(s, PART_FULL_TEXT), workspace_n);
	int64_t turn = fts_memory_merge_turn(m);
	int rc = 0;

	while (rc == 0) {
		int64_t covers;

		switch (fts_memory_merge_begin(m, turn, WAIT_MS, &covers)) {
		case FTS_MERGE_DONE:
			return 0;
		case FTS_MERGE_YOURS:
			rc = merge_all(s, workspace_n, goes_on, arg, e);
			fts_memory_merge_end(m, rc == 0 ? covers : 0);
			return rc;
		case FTS_MERGE_RUNS:
			rc = goes_on ? goes_on(arg, e) : 0;
			break;
		}
	}
	return rc;
}

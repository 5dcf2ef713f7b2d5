#include "index/acl_runs.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"

enum {
	Q_ADD,
	Q_BEFORE,
	Q_REMOVE,
	Q_ALL,
	Q_DERIVE,
	Q_CLEAR,
	Q_FILL,
};

#define LIVE                                                                                       \
	"chunk c JOIN document d ON d.id = c.document_id "                                         \
	"WHERE c.live = 1 AND d.deleted_ms IS NULL AND d.acl_set_n IS NOT NULL"

static const char *const sql[] = {
	[Q_ADD] = "INSERT INTO acl_run(workspace_n, slot_from, slot_to, set_n) "
		  "VALUES (?1, ?2, ?3, ?4)",
	/* Backwards: the first that ends before the stretch is the last to look at. */
	[Q_BEFORE] = "SELECT slot_from, slot_to, set_n FROM acl_run "
		     "WHERE workspace_n = ?1 AND slot_from < ?2 ORDER BY slot_from DESC",
	[Q_REMOVE] = "DELETE FROM acl_run WHERE workspace_n = ?1 AND slot_from = ?2",
	[Q_ALL] = "SELECT workspace_n, set_n, slot_from, slot_to FROM acl_run "
		  "ORDER BY workspace_n, slot_from",
	[Q_DERIVE] = "SELECT c.workspace_n, d.acl_set_n, c.slot, c.slot + 1 FROM " LIVE,
	[Q_CLEAR] = "DELETE FROM acl_run",
	/* As in index/migrate/0010: slot less its number among those of its set is the same along a
	 * run. */
	[Q_FILL] = "INSERT INTO acl_run(workspace_n, slot_from, slot_to, set_n) "
		   "SELECT workspace_n, min(slot), max(slot) + 1, set_n FROM "
		   "(SELECT c.workspace_n, c.slot, d.acl_set_n AS set_n, c.slot - row_number() "
		   "OVER (PARTITION BY c.workspace_n, d.acl_set_n ORDER BY c.slot) AS run "
		   "FROM " LIVE ") GROUP BY workspace_n, set_n, run",
};
SQL_TABLE(table, "index/acl_runs", sql);

static int add(struct db *db, const struct acl_run *run, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ADD);

	stmt_int(q, 1, run->workspace_n);
	stmt_int(q, 2, run->from);
	stmt_int(q, 3, run->to);
	stmt_int(q, 4, run->set_n);
	return stmt_run(q, e);
}

/* Those that share slots with `gone`, as struct acl_run. */
static int find_overlapping(
	struct db *db, const struct acl_run *gone, struct buf *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_BEFORE);
	int rc;

	stmt_int(q, 1, gone->workspace_n);
	stmt_int(q, 2, gone->to);
	while ((rc = stmt_step(q, e)) == 1) {
		struct acl_run run = {
			gone->workspace_n, col_int(q, 2), col_int(q, 0), col_int(q, 1)};

		if (run.to <= gone->from) {
			stmt_reset(q);
			return 0;
		}
		buf_add(out, &run, sizeof(run));
	}
	return rc;
}

static int cut(struct db *db, const struct acl_run *run, const struct acl_run *gone, struct err *e)
{
	struct acl_run before = *run, after = *run;
	struct stmt *q = db_stmt(db, &table, Q_REMOVE);
	int rc;

	before.to = gone->from;
	after.from = gone->to;
	stmt_int(q, 1, run->workspace_n);
	stmt_int(q, 2, run->from);
	rc = stmt_run(q, e);
	if (rc == 0 && before.from < before.to) {
		rc = add(db, &before, e);
	}
	if (rc == 0 && after.from < after.to) {
		rc = add(db, &after, e);
	}
	return rc;
}

static int move_run(struct db *db, const struct acl_run *run, struct err *e)
{
	struct buf found = BUF_INIT;
	int rc = find_overlapping(db, run, &found, e);

	for (size_t at = 0; rc == 0 && at < found.len; at += sizeof(struct acl_run)) {
		struct acl_run old;

		memcpy(&old, found.data + at, sizeof(old));
		rc = cut(db, &old, run, e);
	}
	buf_finish(&found);
	return rc == 0 && run->set_n ? add(db, run, e) : rc;
}

static int by_slot(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int acl_runs_move(struct db *db, int64_t workspace_n, int64_t set_n, const int64_t *slots, int n,
	struct err *e)
{
	int64_t *sorted = malloc((size_t)(n + 1) * sizeof(*sorted));
	int rc = 0;

	ASSERT(sorted != NULL);
	if (n > 0) { /* else slots may be NULL */
		memcpy(sorted, slots, (size_t)n * sizeof(*slots));
	}
	qsort(sorted, (size_t)n, sizeof(*sorted), by_slot);
	for (int i = 0, end; rc == 0 && i < n; i = end) {
		for (end = i + 1; end < n && sorted[end] <= sorted[end - 1] + 1; end++) {
		}
		rc = move_run(db,
			&(struct acl_run){workspace_n, set_n, sorted[i], sorted[end - 1] + 1}, e);
	}
	free(sorted);
	return rc;
}

int acl_runs_each(struct db *db, bool derive, void (*tell)(void *arg, const struct acl_run *run),
	void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, derive ? Q_DERIVE : Q_ALL);
	int rc;

	while ((rc = stmt_step(q, e)) == 1) {
		struct acl_run run = {col_int(q, 0), col_int(q, 1), col_int(q, 2), col_int(q, 3)};

		tell(arg, &run);
	}
	return rc;
}

int acl_runs_renew(struct db *db, struct err *e)
{
	int rc = stmt_run(db_stmt(db, &table, Q_CLEAR), e);

	return rc ? rc : stmt_run(db_stmt(db, &table, Q_FILL), e);
}

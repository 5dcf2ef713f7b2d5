/*
 * `carrel check`: rows that contradict each other, each kind a rule of one table. What a statement
 * finds is mended by a function of the module that owns the tables, or by a job that is ordered
 * anew, or else it is told what a person can do.
 */
#include <stdlib.h>
#include <string.h>

#include "index/catalog.h"
#include "index/check_private.h"
#include "index/chunks.h"

enum {
	Q_PARTS_LEFT,
	Q_PARTS_READ,
	Q_LOST_CURRENT,
	Q_UNDER_WAY,
	Q_LOST_PURGE,
	Q_SLOTS,
	Q_UNREADABLE,
	Q_FOREIGN,
	Q_DELETED,
	Q_OLD,
	Q_WITHOUT_CHUNKS,
	Q_CITED,
	Q_ANSWERED,
};

#define NO_JOB(version)                                                                            \
	" AND NOT EXISTS (SELECT 1 FROM job j WHERE j.document_id = d.id AND j.version_id "        \
	"= " version " AND j.state IN ('queued', 'running'))"
/* Who may do what to x, and what not to y. */
#define ENTRIES_BUT(x, y)                                                                          \
	"EXISTS (SELECT principal, right FROM acl_entry WHERE object_id = " x ".id EXCEPT"         \
	" SELECT principal, right FROM acl_entry WHERE object_id = " y ".id)"

/* Each gives an id, and the version that a job needs or ''. */
static const char *const statements[] = {
	/* What came inside of another document is read by whom that one is, and goes with it. */
	[Q_PARTS_LEFT] = "SELECT d.id, '' FROM document d JOIN document p ON p.id = d.parent_id"
			 " WHERE d.deleted_ms IS NULL"
			 " AND (p.deleted_ms IS NOT NULL OR p.collection_id <> d.collection_id)",
	[Q_PARTS_READ] = "SELECT d.id, '' FROM document d JOIN document p ON p.id = d.parent_id"
			 " WHERE d.deleted_ms IS NULL AND p.deleted_ms IS NULL"
			 " AND p.collection_id = d.collection_id AND (p.own_acl <> d.own_acl "
			 "OR " ENTRIES_BUT("d", "p") " OR " ENTRIES_BUT("p", "d") ")",
	[Q_LOST_CURRENT] =
		"SELECT d.id, '' FROM document d WHERE d.current_version_id IS NOT NULL"
		" AND d.deleted_ms IS NULL AND NOT EXISTS (SELECT 1 FROM document_version v"
		" WHERE v.id = d.current_version_id AND v.document_id = d.id)",
	[Q_UNDER_WAY] =
		"SELECT d.id, v.id FROM document_version v JOIN document d ON d.id = v.document_id"
		" WHERE v.state IN ('queued', 'ingesting') AND d.deleted_ms IS NULL" NO_JOB("v.id"),
	[Q_LOST_PURGE] = "SELECT d.id, '' FROM document d WHERE d.deleted_ms IS NOT NULL"
			 " AND (EXISTS (SELECT 1 FROM document_version v WHERE v.document_id = d.id"
			 " AND v.state <> 'purged')"
			 " OR EXISTS (SELECT 1 FROM chunk c WHERE c.document_id = d.id))"
			 " AND NOT EXISTS (SELECT 1 FROM job j WHERE j.document_id = d.id"
			 " AND j.kind = 'purge' AND j.state IN ('queued', 'running'))",
	[Q_SLOTS] = "SELECT w.id, '' FROM workspace w WHERE w.next_slot <="
		    " (SELECT max(c.slot) FROM chunk c WHERE c.workspace_n = w.n)",
	[Q_UNREADABLE] = "SELECT DISTINCT document_id, '' FROM chunk"
			 " WHERE NOT carrel_readable(dictionary_n, text)",
	[Q_FOREIGN] = "SELECT DISTINCT c.document_id, '' FROM chunk c WHERE " CHUNK_IS_FOREIGN,
	[Q_DELETED] = "SELECT DISTINCT c.document_id, '' FROM chunk c"
		      " JOIN document d ON d.id = c.document_id"
		      " WHERE c.live = 1 AND d.deleted_ms IS NOT NULL",
	[Q_OLD] = "SELECT DISTINCT c.document_id, '' FROM chunk c"
		  " JOIN document d ON d.id = c.document_id"
		  " LEFT JOIN document_version v ON v.id = d.current_version_id"
		  " WHERE c.live = 1 AND d.deleted_ms IS NULL"
		  " AND (v.id IS NOT c.version_id OR v.generation <> c.generation)",
	[Q_WITHOUT_CHUNKS] =
		"SELECT d.id, v.id FROM document d JOIN document_version v"
		" ON v.id = d.current_version_id WHERE d.deleted_ms IS NULL"
		" AND v.state = 'indexed' AND NOT EXISTS"
		" (SELECT 1 FROM chunk c WHERE c.version_id = v.id AND c.live = 1)" NO_JOB("v.id"),
	[Q_CITED] = "SELECT c.run_id, '' FROM citation c WHERE c.quote IS NOT NULL"
		    " AND NOT EXISTS (SELECT 1 FROM chunk k WHERE k.id = c.chunk_id)",
	[Q_ANSWERED] = "SELECT t.conversation_id, '' FROM turn t WHERE t.run_id IS NOT NULL"
		       " AND NOT EXISTS (SELECT 1 FROM run r WHERE r.id = t.run_id"
		       " AND r.conversation_id = t.conversation_id AND r.turn_seq = t.seq)",
};
SQL_TABLE(table, "index/check_rows", statements);

/* ── what mends ── */

static int follow(struct db *db, void *arg, struct err *e)
{
	struct document part;
	struct ancestry above;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = document_lookup(db, &a, arg, &part, e);
	if (rc == 0) {
		rc = document_ancestry(db, &part.id, &above, e);
	}
	if (rc == 0) {
		rc = acl_follow(db, &part.id, &above.outermost, e);
	}
	arena_finish(&a);
	return rc;
}

static int retire(struct db *db, void *arg, struct err *e)
{
	return chunks_retire_document(db, arg, e);
}

static int drop_unreadable(struct db *db, void *arg, struct err *e)
{
	return chunks_drop_unreadable(db, arg, e);
}

static int drop_foreign(struct db *db, void *arg, struct err *e)
{
	return chunks_drop_foreign(db, arg, e);
}

static int pass_slots(struct db *db, void *arg, struct err *e)
{
	return workspace_pass_slots(db, arg, e);
}

/* ── the rules ── */

struct rule {
	int which;
	const char *text;   /* after the id */
	tx_fn mend;	    /* arg: the id; NULL: nothing does */
	const char *order;  /* the kind of job that mends it; NULL: none does */
	const char *advice; /* NULL: that of what can be mended */
};

struct broken {
	struct id id, version;
};

static int list_broken(struct check *c, int which, struct broken **rows, int *n, struct err *e)
{
	struct db *db = store_reader(c->ix->store, e);
	struct stmt *q;
	int rc, cap = 0;

	*n = 0;
	*rows = NULL;
	if (!db) {
		return ERR_UNAVAILABLE;
	}
	q = db_stmt(db, &table, which);
	while ((rc = stmt_step(q, e)) == 1) {
		if (*n == cap) {
			cap = 2 * cap + 16;
			*rows = realloc(*rows, (size_t)cap * sizeof(**rows));
			ASSERT(*rows != NULL);
		}
		(*rows)[(*n)++] = (struct broken){col_id(q, 0), col_id(q, 1)};
	}
	store_reader_drop(db);
	return rc;
}

static int mend(struct check *c, const struct rule *r, struct broken *row, struct err *e)
{
	if (!c->how->repair) {
		return 0;
	}
	if (r->mend) {
		int rc = store_write(c->ix->store, r->mend, &row->id, e);

		return rc < 0 ? rc : 1;
	}
	if (r->order && c->how->order) {
		int rc = c->how->order(c->ix, r->order, &row->id, &row->version, e);

		return rc < 0 ? rc : 1;
	}
	return 0;
}

static int apply(struct check *c, const struct rule *rules, size_t n_rules, struct err *e)
{
	int rc = 0;

	for (size_t k = 0; rc >= 0 && k < n_rules; k++) {
		const struct rule *r = &rules[k];
		struct broken *rows;
		int n;

		rc = list_broken(c, r->which, &rows, &n, e);
		for (int i = 0; rc >= 0 && i < n; i++) {
			rc = mend(c, r, &rows[i], e);
			if (rc >= 0) {
				check_found(c, rc > 0, "%s %s%s%s", rows[i].id.s, r->text,
					rc > 0 ? "" : ": ",
					rc > 0	    ? ""
					: r->advice ? r->advice
						    : "run `carrel check --repair`");
			}
		}
		free(rows);
	}
	return rc < 0 ? rc : 0;
}

#define RULES(list) list, sizeof(list) / sizeof(list[0])

/* Mended before sets and bitmaps are compared, since it changes them. */
int check_parts(struct check *c, struct err *e)
{
	static const struct rule rules[] = {
		{Q_PARTS_LEFT, "is left of a document that was deleted", NULL, NULL,
			"delete it too"},
		{Q_PARTS_READ, "came inside of a document that others may read", follow, NULL,
			NULL},
	};

	return apply(c, RULES(rules), e);
}

int check_versions(struct check *c, struct err *e)
{
	static const struct rule rules[] = {
		{Q_LOST_CURRENT, "has lost its current version", NULL, NULL, "upload it again"},
		{Q_UNDER_WAY, "waits for a job that is not there", NULL, "ingest", NULL},
		{Q_LOST_PURGE, "was deleted, and no job removes its text", NULL, "purge", NULL},
		{Q_SLOTS, "would give the place of a chunk away again", pass_slots, NULL, NULL},
	};

	return apply(c, RULES(rules), e);
}

/* Dictionaries that texts could not be read with. */
static int forget_dictionaries(struct check *c, struct err *e)
{
	struct db *db = store_reader(c->ix->store, e);
	struct workspace *rows = NULL;
	int n = 0, rc = db ? workspace_list(db, &c->arena, &rows, &n, e) : ERR_UNAVAILABLE;

	store_reader_drop(db);
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = chunks_forget(c->ix->store, rows[i].n, NULL, NULL, e);
	}
	return rc;
}

/* They are given up here, and found to be missing by check_chunks. */
int check_texts(struct check *c, struct err *e)
{
	static const struct rule rules[] = {
		{Q_UNREADABLE, "has a text in the index that cannot be read", drop_unreadable, NULL,
			NULL},
	};
	int rc = apply(c, RULES(rules), e);

	return rc == 0 && c->how->repair ? forget_dictionaries(c, e) : rc;
}

static const struct rule stray_rules[] = {
	{Q_FOREIGN, "has a chunk of another document or version", drop_foreign, NULL, NULL},
};

int check_strays(struct check *c, struct err *e)
{
	return apply(c, RULES(stray_rules), e);
}

int check_chunks(struct check *c, struct err *e)
{
	static const struct rule rules[] = {
		{Q_DELETED, "is deleted, yet it is in the indexes", retire, NULL, NULL},
		{Q_OLD, "is searched by an old version, yet it has a newer one", retire, NULL,
			NULL},
		{Q_WITHOUT_CHUNKS, "is indexed without a chunk", NULL, "reindex",
			"run `carrel reindex --all`"},
	};
	int rc = check_strays(c, e);

	return rc ? rc : apply(c, RULES(rules), e);
}

int check_answers(struct check *c, struct err *e)
{
	static const struct rule rules[] = {
		{Q_CITED, "cites a chunk that is not there", NULL, NULL,
			"its place cannot be opened; ask again"},
		{Q_ANSWERED, "has a question whose answer is not there", NULL, NULL, "ask again"},
	};

	return apply(c, RULES(rules), e);
}

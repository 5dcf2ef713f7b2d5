/*
 * Whether sets, runs and bitmaps are what the entries and the chunks say, and making them so:
 * acl_check of index/acl.h.
 */
#include <string.h>

#include "index/acl_index_private.h"
#include "index/acl_runs.h"
#include "index/base/buf.h"

enum { Q_DOCUMENTS, Q_SET_SPOIL };

static const char *const sql[] = {
	/* A document whose set is not what its entries say. */
	[Q_DOCUMENTS] =
		"SELECT d.id FROM document d WHERE d.deleted_ms IS NULL AND (d.acl_set_n IS NULL "
		"OR EXISTS (SELECT principal FROM acl_set_reader WHERE set_n = d.acl_set_n "
		"EXCEPT SELECT principal FROM acl_entry WHERE object_id = "
		"CASE d.own_acl WHEN 1 THEN d.id ELSE d.collection_id END) "
		"OR EXISTS (SELECT principal FROM acl_entry WHERE object_id = "
		"CASE d.own_acl WHEN 1 THEN d.id ELSE d.collection_id END "
		"EXCEPT SELECT principal FROM acl_set_reader WHERE set_n = d.acl_set_n) "
		"OR NOT EXISTS (SELECT 1 FROM acl_set s WHERE s.n = d.acl_set_n "
		"AND s.collection_id = d.collection_id AND s.workspace_id = d.workspace_id))",
	/* Rids a set of its digest, so that interning makes a true one. */
	[Q_SET_SPOIL] = "UPDATE acl_set SET digest = 'damaged ' || n "
			"WHERE n = (SELECT acl_set_n FROM document WHERE id = ?1)",
};
SQL_TABLE(table, "index/acl_check", sql);

struct mend {
	bool repair;
	int64_t n_wrong;
};

static int tx_check_documents(struct db *db, void *arg, struct err *e)
{
	struct mend *m = arg;
	struct stmt *q = db_stmt(db, &table, Q_DOCUMENTS);
	struct buf ids = BUF_INIT;
	int rc;

	while ((rc = stmt_step(q, e)) == 1) {
		struct id id = col_id(q, 0);

		buf_add(&ids, &id, sizeof(id));
		m->n_wrong++;
	}
	for (size_t at = 0; rc == 0 && m->repair && at < ids.len; at += sizeof(struct id)) {
		struct id id;

		memcpy(&id, ids.data + at, sizeof(id));
		q = db_stmt(db, &table, Q_SET_SPOIL);
		stmt_id(q, 1, &id);
		rc = stmt_run(q, e);
		if (rc == 0) {
			rc = acl_intern(db, &id, e);
		}
	}
	buf_finish(&ids);
	return rc;
}

static int64_t bits_that_differ(const struct bitmap *a, const struct bitmap *b)
{
	size_t n = a->n_words > b->n_words ? a->n_words : b->n_words;
	int64_t found = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t x = i < a->n_words ? a->words[i] : 0;
		uint64_t y = i < b->n_words ? b->words[i] : 0;

		found += __builtin_popcountll(x ^ y);
	}
	return found;
}

/* Of `fresh` against x, whose lock is held. */
static int64_t sets_that_differ(struct acl_index *x, struct acl_index *fresh)
{
	struct bitmap none = {NULL, 0};
	int64_t found = 0;

	for (int pass = 0; pass < 2; pass++) {
		struct acl_index *a = pass ? x : fresh, *b = pass ? fresh : x;

		for (int i = 0; i < a->n_spaces; i++) {
			struct acl_space *s = &a->spaces[i];

			for (int k = 0; k < s->n_sets; k++) {
				struct acl_set *other = acl_set_lookup(
					acl_space_of(b, s->workspace_n), s->sets[k].n);

				if (pass == 0 || !other) {
					found += bits_that_differ(
						&s->sets[k].slots, other ? &other->slots : &none);
				}
			}
		}
	}
	return found;
}

static int tx_nothing(struct db *db, void *arg, struct err *e)
{
	(void)db, (void)arg, (void)e;
	return 0;
}

/* On the writer thread, so that no commit comes between. Changes of its own group are seen already
 * and applied once more after the commit, which alters nothing. */
static int tx_reload(struct db *db, void *arg, struct err *e)
{
	struct acl_index *x = arg, *fresh;
	int rc = acl_runs_renew(db, e);

	if (rc == 0) {
		rc = acl_index_load(db, false, &fresh, e);
	}
	if (rc == 0) {
		pthread_mutex_lock(&x->lock);
		acl_index_take_over(x, fresh);
		pthread_mutex_unlock(&x->lock);
		acl_index_close(fresh);
	}
	return rc;
}

/* Slots that the runs have in another set than they belong to. */
static int count_runs(struct store *s, int64_t *n_differ, struct err *e)
{
	struct acl_index *runs = NULL, *derived = NULL;
	struct db *db = store_reader(s, e);
	int rc;

	*n_differ = 0;
	if (!db) {
		return e ? e->code : ERR_UNAVAILABLE;
	}
	rc = acl_index_load(db, false, &runs, e);
	if (rc == 0) {
		rc = acl_index_load(db, true, &derived, e);
	}
	store_reader_drop(db);
	if (rc == 0) {
		*n_differ = sets_that_differ(runs, derived);
	}
	acl_index_close(runs);
	acl_index_close(derived);
	return rc;
}

/* A snapshot may be ahead of the memory by a commit in flight: what stays after several is a
 * finding. */
static int count_bits(struct acl_index *x, struct store *s, int64_t *n_differ, struct err *e)
{
	int rc = 0;

	*n_differ = 0;
	for (int i = 0; i < 5; i++) {
		struct acl_index *fresh;

		rc = store_write(s, tx_nothing, NULL, e);
		if (rc == 0) {
			rc = acl_index_snapshot(s, true, &fresh, e);
		}
		if (rc != 0) {
			break;
		}
		pthread_mutex_lock(&x->lock);
		*n_differ = sets_that_differ(x, fresh);
		pthread_mutex_unlock(&x->lock);
		acl_index_close(fresh);
		if (*n_differ == 0) {
			break;
		}
	}
	return rc;
}

int acl_check(struct acl_index *x, struct store *s, bool repair, int64_t *n_wrong, struct err *e)
{
	struct mend m = {.repair = repair};
	int64_t n_differ = 0, n_runs = 0;
	int rc = store_write(s, tx_check_documents, &m, e);

	if (rc == 0) {
		rc = count_bits(x, s, &n_differ, e);
	}
	if (rc == 0) {
		rc = count_runs(s, &n_runs, e);
	}
	if (rc == 0 && repair && n_differ + n_runs) {
		rc = store_write(s, tx_reload, x, e);
	}
	*n_wrong = m.n_wrong + (n_differ > n_runs ? n_differ : n_runs); /* mostly the same slots */
	return rc;
}

/* Reading chunks: index/chunks.h's second half. */
#include <string.h>

#include "index/chunks.h"

enum { Q_LOAD, Q_LOAD_TEXT, Q_OPEN, Q_NEIGHBOURS, Q_SCAN, Q_SLOTS, Q_COUNT, Q_TEXT_END };

/* Column 0 is the holder of the document's permissions. */
#define COLUMNS                                                                                    \
	"CASE d.own_acl WHEN 1 THEN d.id ELSE d.collection_id END, c.id, c.slot, c.document_id, "  \
	"c.version_id, d.collection_id, d.name, c.generation, c.seq, c.live, c.language, "         \
	"c.title, "                                                                                \
	"c.heading, c.page_first, c.page_last, c.byte_start, c.byte_end, c.n_tokens, c.place, "    \
	"nullif(v.paging, 'none'), "
#define TEXT_COLUMNS "c.boxes, carrel_text(c.dictionary_n, c.text)"
#define FROM                                                                                       \
	" FROM chunk c JOIN document d ON d.id = c.document_id "                                   \
	"JOIN document_version v ON v.id = c.version_id "                                          \
	"JOIN collection k ON k.id = d.collection_id "
#define THERE "d.deleted_ms IS NULL AND k.deleted_ms IS NULL"

static const char *const sql[] = {
	[Q_LOAD] = "SELECT " COLUMNS "NULL, ''" FROM "WHERE c.workspace_n = ?1 AND c.slot = ?2 "
		   "AND c.live = 1 AND d.workspace_id = ?3 AND " THERE,
	[Q_LOAD_TEXT] =
		"SELECT " COLUMNS TEXT_COLUMNS FROM "WHERE c.workspace_n = ?1 AND c.slot = ?2 "
		"AND c.live = 1 AND d.workspace_id = ?3 AND " THERE,
	[Q_OPEN] = "SELECT " COLUMNS TEXT_COLUMNS FROM
		   "WHERE c.id = ?1 AND d.workspace_id = ?2 AND " THERE,
	[Q_NEIGHBOURS] = "SELECT slot FROM chunk WHERE version_id = ?1 AND generation = ?2 "
			 "AND seq BETWEEN ?3 AND ?4 AND live = 1 ORDER BY seq LIMIT ?5",
	[Q_SCAN] =
		"SELECT " COLUMNS TEXT_COLUMNS FROM
		"WHERE c.workspace_n = ?1 AND c.slot >= ?2 AND c.live = 1 AND d.deleted_ms IS NULL "
		"ORDER BY c.slot LIMIT ?3",
	[Q_SLOTS] = "SELECT slot FROM chunk WHERE workspace_n = ?1 AND live = 1 ORDER BY slot",
	[Q_TEXT_END] = "SELECT max(byte_end) FROM chunk WHERE version_id = ?1",
	[Q_COUNT] = "SELECT count(*) FROM chunk WHERE workspace_n = ?1 AND live = 1",
};
SQL_TABLE(table, "index/chunks_read", sql);

static int read_chunk(struct stmt *q, struct arena *a, struct chunk *out, struct err *e)
{
	const void *boxes;
	size_t n_bytes;

	memset(out, 0, sizeof(*out));
	out->id = col_id(q, 1);
	out->slot = col_int(q, 2);
	out->document = col_id(q, 3);
	out->version = col_id(q, 4);
	out->collection = col_id(q, 5);
	out->document_name = arena_str(a, col_text(q, 6));
	out->generation = col_int(q, 7);
	out->seq = (int)col_int(q, 8);
	out->live = col_int(q, 9);
	out->language = arena_str(a, col_text(q, 10));
	out->title = arena_str(a, col_text(q, 11));
	out->heading = arena_str(a, col_text(q, 12));
	out->page_first = (int)col_int(q, 13);
	out->page_last = (int)col_int(q, 14);
	out->byte_start = col_int(q, 15);
	out->byte_end = col_int(q, 16);
	out->n_tokens = (int)col_int(q, 17);
	out->place = arena_str(a, col_text(q, 18));
	out->unit = arena_str(a, col_text(q, 19));
	out->text = arena_str(a, col_text(q, 21));
	if (col_null(q, 20)) {
		return 0;
	}
	boxes = col_blob(q, 20, &n_bytes);
	return boxes_unpack(boxes, n_bytes, a, &out->boxes, &out->n_boxes, e);
}

/* ── by slot, for an asker ── */

/* The candidates of a query come from few collections: each holder's entries are read once. */
#define N_HOLDERS 64

struct holders {
	struct id id[N_HOLDERS];
	bool reads[N_HOLDERS];
	int n;
};

static int may_read(struct db *db, const struct asker *who, struct holders *h,
	const struct id *holder, bool *out, struct err *e)
{
	enum right right;
	int rc;

	for (int i = 0; i < h->n; i++) {
		if (id_equal(&h->id[i], holder)) {
			*out = h->reads[i];
			return 0;
		}
	}
	rc = acl_holder_right(db, who, holder, &right, e);
	*out = rc == 0 && right >= RIGHT_READ;
	if (rc == 0 && h->n < N_HOLDERS) {
		h->id[h->n] = *holder;
		h->reads[h->n++] = *out;
	}
	return rc;
}

int chunks_load(struct db *db, struct arena *a, const struct asker *who, const int64_t *slots,
	int n, bool with_text, struct chunk *out, struct err *e)
{
	struct holders holders = {.n = 0};
	int rc = 0;

	for (int i = 0; i < n && rc == 0; i++) {
		struct stmt *q = db_stmt(db, &table, with_text ? Q_LOAD_TEXT : Q_LOAD);
		bool reads = false;

		memset(&out[i], 0, sizeof(out[i]));
		out[i].slot = -1;
		stmt_int(q, 1, who->workspace_n);
		stmt_int(q, 2, slots[i]);
		stmt_id(q, 3, &who->workspace);
		rc = stmt_step(q, e);
		if (rc == 1) {
			struct id holder = col_id(q, 0);

			rc = may_read(db, who, &holders, &holder, &reads, e);
		}
		if (rc == 0 && reads) {
			rc = read_chunk(q, a, &out[i], e);
		}
		stmt_reset(q);
	}
	return rc;
}

/* ── one ── */

int chunk_open(struct db *db, struct arena *a, const struct asker *who, const struct id *id,
	struct chunk *out, struct err *e)
{
	struct stmt *q;
	int rc;

	if (strncmp(id->s, "chk_", 4) != 0) {
		return err_absent(e);
	}
	rc = acl_may(db, who, id, RIGHT_READ, e);
	if (rc != 0) {
		return rc;
	}
	q = db_stmt(db, &table, Q_OPEN);
	stmt_id(q, 1, id);
	stmt_id(q, 2, &who->workspace);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc : err_absent(e);
	}
	rc = read_chunk(q, a, out, e);
	stmt_reset(q);
	return rc;
}

int chunks_neighbours(struct db *db, const struct chunk *c, int before, int after, int64_t *slots,
	int max, int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_NEIGHBOURS);
	int rc;

	*n = 0;
	stmt_id(q, 1, &c->version);
	stmt_int(q, 2, c->generation);
	stmt_int(q, 3, (int64_t)c->seq - before);
	stmt_int(q, 4, (int64_t)c->seq + after);
	stmt_int(q, 5, max);
	while ((rc = stmt_step(q, e)) == 1) {
		ASSERT(*n < max);
		slots[(*n)++] = col_int(q, 0);
	}
	return rc;
}

/* ── all ── */

int chunks_scan(struct db *db, struct arena *a, int64_t workspace_n, int64_t slot, int max,
	struct chunk *out, int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SCAN);
	int rc;

	*n = 0;
	stmt_int(q, 1, workspace_n);
	stmt_int(q, 2, slot);
	stmt_int(q, 3, max);
	while ((rc = stmt_step(q, e)) == 1) {
		ASSERT(*n < max);
		rc = read_chunk(q, a, &out[*n], e);
		if (rc != 0) {
			stmt_reset(q);
			break;
		}
		(*n)++;
	}
	return rc;
}

int64_t chunks_live_count(struct db *db, int64_t workspace_n)
{
	struct stmt *q = db_stmt(db, &table, Q_COUNT);
	int64_t n = 0;

	stmt_int(q, 1, workspace_n);
	if (stmt_step(q, NULL) == 1) {
		n = col_int(q, 0);
		stmt_reset(q);
	}
	return n;
}

int64_t chunks_live_about(struct db *db, int64_t workspace_n)
{
	int64_t n = acl_index_live(db, workspace_n);

	return n >= 0 ? n : chunks_live_count(db, workspace_n);
}

int chunks_sample(
	struct db *db, int64_t workspace_n, int most, int64_t *slots, int *n, struct err *e)
{
	int64_t n_live = chunks_live_count(db, workspace_n), i = 0;
	struct stmt *q = db_stmt(db, &table, Q_SLOTS);
	int rc;

	*n = 0;
	stmt_int(q, 1, workspace_n);
	while ((rc = stmt_step(q, e)) > 0) {
		/* The k-th of `most` is the first at or past k * n_live / most. */
		if (*n < most && (n_live <= most || i * most >= *n * n_live)) {
			slots[(*n)++] = col_int(q, 0);
		}
		i++;
	}
	return rc;
}

int64_t chunks_text_end(struct db *db, const struct id *version)
{
	struct stmt *q = db_stmt(db, &table, Q_TEXT_END);
	int64_t end = 0;

	stmt_id(q, 1, version);
	if (stmt_step(q, NULL) == 1) {
		end = col_null(q, 0) ? 0 : col_int(q, 0);
		stmt_reset(q);
	}
	return end;
}

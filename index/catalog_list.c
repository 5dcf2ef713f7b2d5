/*
 * Lists of documents, of index/catalog.h. A page goes on after the place of the last row in the
 * order (value, id), never at an offset, so that what comes or goes meanwhile moves nothing; what
 * the asker may not read is left out before rows are counted.
 */
#include <string.h>

#include "index/catalog.h"
#include "index/catalog_rows.h"

/* Of long names that begin alike, ids decide. Bounds the mark. */
#define KEY_NAME "substr(carrel_fold(d.name), 1, 160)"
#define KEY_CREATED "d.created_ms"
#define KEY_PAGES "coalesce(v.n_pages, 0)"
#define KEY_BYTES "v.n_bytes"
#define KEY_STATE "v.state"

/* ?1: workspace, ?2: collection, ?3: id and ?7: value of the mark, ?6: limit, ?8: words, ?9:
 * states, ?10: 1: attachments, 0: what is none, ?11: the document that they came inside of */
#define LISTED(key, after, direction)                                                              \
	"SELECT " DOCUMENT_COLUMNS ", " VERSION_COLUMNS ", " key DOCUMENT_FROM                     \
	"JOIN document_version v ON v.document_id = d.id AND v.seq = "                             \
	"(SELECT max(x.seq) FROM document_version x WHERE x.document_id = d.id) "                  \
	"WHERE d.workspace_id = ?1 AND (?2 IS NULL OR d.collection_id = ?2) "                      \
	"AND (?11 IS NULL OR d.parent_id = ?11) "                                                  \
	"AND d.deleted_ms IS NULL AND (" CONVERSATION_OF " IS NOT NULL) = ?10 "                    \
	"AND (?9 IS NULL OR instr(',' || ?9 || ',', ',' || v.state || ',')) "                      \
	"AND (?3 IS NULL OR (" key ", d.id) " after " (?7, ?3)) "                                  \
	"AND (?8 IS NULL OR instr(carrel_fold(d.name), carrel_fold(?8)) "                          \
	"OR instr(carrel_fold(coalesce(v.title, '')), carrel_fold(?8))) "                          \
	"AND " READABLE "ORDER BY " key " " direction ", d.id " direction " LIMIT ?6"
#define BOTH_WAYS(sort, key)                                                                       \
	[2 * (sort)] = LISTED(key, ">", "ASC"), [2 * (sort) + 1] = LISTED(key, "<", "DESC")

static const char *const sql[] = {
	BOTH_WAYS(SORT_NAME, KEY_NAME),
	BOTH_WAYS(SORT_CREATED, KEY_CREATED),
	BOTH_WAYS(SORT_PAGES, KEY_PAGES),
	BOTH_WAYS(SORT_BYTES, KEY_BYTES),
	BOTH_WAYS(SORT_STATE, KEY_STATE),
};
SQL_TABLE(table, "index/catalog_list", sql);

struct listed {
	struct document document;
	struct version latest;
	struct document_mark mark;
};

static void read_listed(struct stmt *q, struct arena *a, void *row)
{
	const int key = N_DOCUMENT_COLUMNS + N_VERSION_COLUMNS;
	struct listed *l = row;

	row_document(q, a, &l->document);
	row_version_from(q, a, N_DOCUMENT_COLUMNS, &l->latest);
	l->mark.text = arena_str(a, col_text(q, key));
	l->mark.number = col_int(q, key);
	l->mark.id = l->document.id;
}

static bool sorted_by_text(enum document_sort sort)
{
	return sort == SORT_NAME || sort == SORT_STATE;
}

static struct stmt *bound(
	struct db *db, const struct asker *who, const struct document_query *query)
{
	struct stmt *q = db_stmt(db, &table, 2 * (int)query->sort + query->descending);

	stmt_id(q, 1, &who->workspace);
	stmt_id(q, 2, &query->collection);
	if (query->after) {
		stmt_id(q, 3, &query->after->id);
		if (sorted_by_text(query->sort)) {
			stmt_text(q, 7, query->after->text);
		} else {
			stmt_int(q, 7, query->after->number);
		}
	}
	stmt_text(q, 4, who->principals_json);
	stmt_int(q, 5, who->reads_all);
	stmt_int(q, 6, (int64_t)query->limit + 1);
	stmt_text(q, 8, query->q && query->q[0] ? query->q : NULL);
	stmt_text(q, 9, query->states);
	stmt_int(q, 10, query->attached);
	stmt_id(q, 11, &query->parent);
	return q;
}

int document_list(struct db *db, struct arena *a, const struct asker *who,
	const struct document_query *query, struct document_page *out, struct err *e)
{
	struct rows rows = {.arena = a, .size = sizeof(struct listed), .read = read_listed};
	int rc = rows_all(bound(db, who, query), &rows, e);
	const struct listed *found = rows.items;

	memset(out, 0, sizeof(*out));
	out->more = rows.n > query->limit;
	out->n = out->more ? query->limit : rows.n;
	out->rows = arena_array(a, struct document, (size_t)out->n + 1);
	out->latest = arena_array(a, struct version, (size_t)out->n + 1);
	for (int i = 0; i < out->n; i++) {
		out->rows[i] = found[i].document;
		out->latest[i] = found[i].latest;
	}
	if (out->n > 0) {
		out->last = found[out->n - 1].mark;
	}
	return rc;
}

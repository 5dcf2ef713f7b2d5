#include "index/catalog_rows.h"

#include <string.h>

#include "index/catalog.h"

int rows_all(struct stmt *q, struct rows *r, struct err *e)
{
	int capacity = 8, rc;

	r->n = 0;
	r->items = arena_calloc(r->arena, (size_t)capacity, r->size);
	while ((rc = stmt_step(q, e)) == 1) {
		if (r->n == capacity) {
			void *more = arena_calloc(r->arena, (size_t)capacity * 2, r->size);

			memcpy(more, r->items, (size_t)r->n * r->size);
			r->items = more;
			capacity *= 2;
		}
		r->read(q, r->arena, (char *)r->items + (size_t)r->n * r->size);
		r->n++;
	}
	return rc;
}

int row_one(struct stmt *q, struct arena *a, row_read_fn read, void *out, struct err *e)
{
	int rc = stmt_step(q, e);

	if (rc <= 0) {
		return rc < 0 ? rc : err_absent(e);
	}
	read(q, a, out);
	stmt_reset(q);
	return 0;
}

int row_change(struct db *db, struct stmt *q, struct err *e)
{
	int rc = stmt_run(q, e);

	return rc ? rc : db_changes(db) > 0 ? 0 : err_absent(e);
}

void row_id(struct stmt *q, struct arena *a, void *row)
{
	(void)a;
	*(struct id *)row = col_id(q, 0);
}

void row_document(struct stmt *q, struct arena *a, void *row)
{
	struct document *d = row;

	d->id = col_id(q, 0);
	d->workspace = col_id(q, 1);
	d->workspace_n = col_int(q, 2);
	d->collection = col_id(q, 3);
	d->name = arena_str(a, col_text(q, 4));
	d->current_version = col_id(q, 5);
	d->own_acl = col_int(q, 6);
	d->acl_set_n = col_int(q, 7);
	d->created_by = arena_str(a, col_text(q, 8));
	d->created_ms = col_int(q, 9);
	d->conversation = col_id(q, 10);
	d->parent = col_id(q, 11);
}

void row_version_from(struct stmt *q, struct arena *a, int first, void *row)
{
	struct version *v = row;

	v->id = col_id(q, first);
	v->document = col_id(q, first + 1);
	v->seq = col_int(q, first + 2);
	v->blob_hash = arena_str(a, col_text(q, first + 3));
	v->sha256 = arena_str(a, col_text(q, first + 4));
	v->n_bytes = col_int(q, first + 5);
	v->media_type = arena_str(a, col_text(q, first + 6));
	v->state = arena_str(a, col_text(q, first + 7));
	v->reason = arena_str(a, col_text(q, first + 8));
	v->message = arena_str(a, col_text(q, first + 9));
	v->title = arena_str(a, col_text(q, first + 10));
	v->language = arena_str(a, col_text(q, first + 11));
	v->n_pages = col_int(q, first + 12);
	v->text_hash = arena_str(a, col_text(q, first + 13));
	v->generation = col_int(q, first + 14);
	v->created_ms = col_int(q, first + 15);
	v->published_ms = col_int(q, first + 16);
	v->paging = arena_str(a, col_text(q, first + 17));
	v->n_hidden = col_int(q, first + 18);
	v->n_poor = col_int(q, first + 19);
	v->view_hash = arena_str(a, col_text(q, first + 20));
}

void row_version(struct stmt *q, struct arena *a, void *row)
{
	row_version_from(q, a, 0, row);
}

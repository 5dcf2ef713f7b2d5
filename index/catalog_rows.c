#include "index/catalog_rows.h"

#include <string.h>

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

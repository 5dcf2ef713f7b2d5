/* How the modules of the catalogue turn a statement's rows into structs in an arena. Thread: the
 * db's. */
#ifndef INDEX_CATALOG_ROWS_H
#define INDEX_CATALOG_ROWS_H

#include <stddef.h>

#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/store.h"

typedef void (*row_read_fn)(struct stmt *q, struct arena *a, void *row);

struct rows {
	struct arena *arena;
	size_t size; /* of an item */
	row_read_fn read;
	void *items; /* [n] OUT; never NULL after rows_all */
	int n;	     /* OUT */
};

MUST_CHECK int rows_all(struct stmt *q, struct rows *r, struct err *e);
/* The one row of a bound statement; without one, err_absent. */
MUST_CHECK int row_one(struct stmt *q, struct arena *a, row_read_fn read, void *out, struct err *e);
/* Runs a bound change; err_absent if it met no row. */
MUST_CHECK int row_change(struct db *db, struct stmt *q, struct err *e);
void row_id(struct stmt *q, struct arena *a, void *row); /* of one id */

#endif

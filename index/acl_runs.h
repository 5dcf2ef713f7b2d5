/*
 * Which ACL set the live chunks of each stretch of slots belong to: what the bitmaps of
 * index/acl.h are made of at start. All of it follows from chunk and document, but lies there in
 * rows all over the database: a million chunks are 100 MB to read and here 2.
 *
 * A run is changed in the transaction that changes what it follows from (index/acl_index.c's
 * acl_index_move, the one caller); runs of a workspace never overlap.
 *
 * Alone writes acl_run.
 */
#ifndef INDEX_ACL_RUNS_H
#define INDEX_ACL_RUNS_H

#include <stdint.h>

#include "index/base/err.h"
#include "index/store.h"

struct acl_run {
	int64_t workspace_n;
	int64_t set_n;
	int64_t from, to; /* slots [from, to) */
};

/* tx. The slots, in any order, leave the runs that they are in and join set_n; 0: none. */
MUST_CHECK int acl_runs_move(struct db *db, int64_t workspace_n, int64_t set_n,
	const int64_t *slots, int n, struct err *e);

/* Tells all runs, or, `derive`, what they should be: read from chunks and documents, a run for
 * every slot. */
MUST_CHECK int acl_runs_each(struct db *db, bool derive,
	void (*tell)(void *arg, const struct acl_run *run), void *arg, struct err *e);

/* tx. Throws all away and derives them anew. */
MUST_CHECK int acl_runs_renew(struct db *db, struct err *e);

#endif

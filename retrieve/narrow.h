/*
 * The conditions of a query (retrieve/query.h) as one bitmap: what the asker may read, and of that
 * what meets them all. Both searches take it as their filter, so a phrase that has to stand in a
 * passage stands in each, by whatever way it was found. Nothing here widens what may be read.
 *
 * Of each condition that is wanted it is told whether anything that the asker may read meets it: a
 * collection that is not there, one that is empty and one that is hidden look the same.
 */
#ifndef RETRIEVE_NARROW_H
#define RETRIEVE_NARROW_H

#include "index/acl.h"
#include "retrieve/query.h"

struct narrowing {
	const struct asker *who;
	const struct query *query;
	const char *language; /* of the question */
	/* A phrase that stands nowhere is no condition, only words: for questions of a
	 * conversation, where a quotation may be the asker's own. */
	bool lenient;
};

struct condition {
	const char *written; /* as typed */
	bool unmatched;	     /* nothing that the asker may read meets it */
	bool ignored;	     /* and it was searched for as words instead */
};

/* *allowed is dropped and replaced by the narrower one. out [query->n_conditions], in the arena. */
MUST_CHECK int narrow(struct db *db, struct arena *a, const struct narrowing *n,
	struct allowed **allowed, struct condition **out, struct err *e);

#endif

/*
 * What the files of `carrel check` share: index/check.c (the stages, and what whole modules check
 * of themselves), index/check_rows.c (rows that contradict each other), index/check_files.c (blobs
 * and stage files). Nobody else includes this.
 */
#ifndef INDEX_CHECK_PRIVATE_H
#define INDEX_CHECK_PRIVATE_H

#include "index/index.h"

struct check {
	struct index *ix;
	const struct index_checking *how;
	const char *stage;
	int64_t n_wrong; /* left after repairs */
	struct arena arena;
};

/* Tells a finding; one that is not mended counts. */
__attribute__((format(printf, 3, 4))) void check_found(
	struct check *c, bool mended, const char *fmt, ...);
/* Tells what is no finding: the next start of a server puts it right by itself. */
__attribute__((format(printf, 2, 3))) void check_note(struct check *c, const char *fmt, ...);

MUST_CHECK int check_parts(struct check *c, struct err *e);
MUST_CHECK int check_versions(struct check *c, struct err *e);
MUST_CHECK int check_texts(struct check *c, struct err *e);
MUST_CHECK int check_chunks(struct check *c, struct err *e);
MUST_CHECK int check_answers(struct check *c, struct err *e);
/* Chunks of what is not there, of which the database itself complains. */
MUST_CHECK int check_strays(struct check *c, struct err *e);

MUST_CHECK int check_blobs(struct check *c, struct err *e);
MUST_CHECK int check_stage(struct check *c, struct err *e);

#endif

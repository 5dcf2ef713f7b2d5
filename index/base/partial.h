/*
 * A folder that is there whole or not at all: it is made under the name FOLDER.partial and gets its
 * own once everything in it is durable. A mark in it, which whoever works there has locked, tells
 * what a killed process left (and the next one removes) from somebody's own folder. Blocks.
 */
#ifndef INDEX_BASE_PARTIAL_H
#define INDEX_BASE_PARTIAL_H

#include <limits.h>
#include <stdint.h>

#include "index/base/err.h"

struct partial {
	char folder[PATH_MAX - 128]; /* what it becomes */
	char path[PATH_MAX - 128];   /* where it is made */
	int mark_fd;
};

/* Makes FOLDER.partial, mode 0700, in a folder that is there. ERR_CONFLICT "folder_in_use": FOLDER
 * is there and not empty, or somebody works on it, or FOLDER.partial is none of ours. */
MUST_CHECK int partial_begin(struct partial *p, const char *folder, struct err *e);
/* Whether FOLDER is absent or empty: 0, or ERR_CONFLICT as above. Makes nothing. */
MUST_CHECK int partial_allowed(const char *folder, struct err *e);
/* Whether so many bytes fit there, and some are left for what else the disk is for: 0, or
 * ERR_NO_SPACE with what is needed and what is free. */
MUST_CHECK int partial_room(const struct partial *p, int64_t n_bytes, struct err *e);
/* 0: durable, under its own name. */
MUST_CHECK int partial_finish(struct partial *p, struct err *e);
void partial_abort(struct partial *p); /* fine after either, and after a failed begin */

#endif

/*
 * The files below paths given by a person: folders with all that is in them, by name; what is left
 * out is told with a reason. Links inside folders are not followed. Thread: one; blocks.
 */
#ifndef CHAT_CLI_WALK_H
#define CHAT_CLI_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/arena.h"
#include "index/base/err.h"

struct walk_file {
	const char *path;
	const char *name; /* below the folder that was given: "policies/travel.pdf"; else the last
			     part of path */
	int64_t n_bytes;
	const char *reason; /* NULL: to be read; else why it is left out: "hidden", "link", … */
	const char *why;    /* the same for people */
	bool failed;	    /* left out although it was wanted: it cannot be read */
};

struct walk {
	struct arena *arena;
	struct walk_file *files;
	int n, capacity;
};

/* Adds what is at path; ERR_NOT_FOUND when there is nothing. */
MUST_CHECK int walk_add(struct walk *w, const char *path, struct err *e);
void walk_finish(struct walk *w); /* the list; strings are the arena's */

#endif

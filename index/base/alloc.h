/*
 * What a failed allocation comes to. malloc and its kin are defined here for the whole process, its
 * libraries included: they are those of the C library, and while a reserve is kept, one that fails
 * is served from it, the first time and the next times. So a single failure goes unnoticed by who
 * asked; who begins new work asks alloc_is_short() first and refuses it, so that what is under way
 * can end. An allocation that the reserve cannot serve waits for others to end, and fails after
 * ALLOC_WAIT_MS: a size of our own then ends the process (ASSERT).
 *
 * The reserve is untouched pages but for its small pieces (about 2 MB). No process that reads
 * foreign bytes keeps one: there, a failure is the document's.
 * Thread: any, but for alloc_reserve and alloc_release.
 */
#ifndef INDEX_BASE_ALLOC_H
#define INDEX_BASE_ALLOC_H

#include <stdbool.h>

#define ALLOC_WAIT_MS 10000

/* The calling thread is the one whose waiting would hold up all others (the loop): the last quarter
 * is left to it. */
void alloc_reserve(void);
void alloc_release(void); /* the reserve is let go; failures fail again */

/* Pieces of the reserve are out, and it cannot be filled up again now: begin nothing. */
bool alloc_is_short(void);

#endif

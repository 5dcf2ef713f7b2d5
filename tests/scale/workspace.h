/*
 * A made corpus (tests/scale/generate.h) as a data folder, published through index/ as the pipeline
 * does, only without reading files: a collection a topic, five groups with one member each, a table
 * of word vectors trained on the first chunks, vectors of all, segments sealed. Kept under
 * build/scale/ and used again by the next run with the same parameters.
 */
#ifndef TESTS_SCALE_WORKSPACE_H
#define TESTS_SCALE_WORKSPACE_H

#include <stdatomic.h>

#include "index/index.h"
#include "tests/scale/generate.h"

struct scale_times {
	double publish_s, train_s, seal_s, total_s;
	/* The writer's CPU time a chunk, microseconds, of the first tenth and of the last. */
	double first_us, last_us;
	bool built; /* false: it was there already */
};

struct scale {
	struct made_corpus *corpus;
	struct settings settings;
	struct index *index;
	char folder[512];
	struct id workspace;
	int64_t workspace_n;
	struct id users[N_READERS];
	struct scale_times times;
};

/* Builds it if it is not there. Dies with a message on any error. */
void scale_open(struct scale *s, const struct corpus_spec *spec, const char *under);
void scale_close(struct scale *s);
/* The member of a group; in the arena. */
void scale_asker(
	struct scale *s, struct db *db, struct arena *a, enum made_readers who, struct asker *out);
/* ── changes (tests/scale/changes.c): texts of the corpus again under other names; deleted, they
 * leave no more than dead rows ── */

/* Publishes documents, one a transaction, until *stop or `most` of them, then deletes them. Returns
 * the writer's CPU time a chunk, commits and checkpoints included, microseconds; *n_chunks of them.
 */
double scale_add(struct scale *s, const atomic_bool *stop, int64_t most, int64_t *n_chunks);
/* Purges as the job does (ingest/step_purge.c), and how long another writer has to wait meanwhile.
 */
#define SCALE_ALONE 3
struct scale_purges {
	int n;			     /* deleted, then purged one after the other by one worker */
	double *delete_ms;	     /* [n] each */
	double alone_s[SCALE_ALONE]; /* one that was deleted since the last was purged */
	double all_s;		     /* all n */
	double wait_alone_ms,
		wait_all_ms; /* the longest that a transaction took which does nothing */
};
void scale_delete(struct scale *s, int n, struct scale_purges *out);

/* Ends the process unless rc is 0 or more. */
void scale_check(int rc, const struct err *e, const char *what);

#endif

/*
 * Jobs: work in the background, durable in the job table. A worker leases a job, renews the lease
 * while it works, records each finished step, and ends it. A lease that ran out (the process died)
 * makes the job ready again at its recorded step. A failing job is retried with doubling back-off;
 * after three tries it is quarantined. What trying again cannot mend (ERR_UNPROCESSABLE) fails at
 * once. That its process died is not the job's failure, unless that happens again and again in one
 * step. Fairness: the next job is the oldest of the user with the fewest running ones, and among
 * those of the user who has waited longest for a turn.
 *
 * An 'ingest' job takes its version's state along (queued, ingesting, failed, cancelled) in the
 * same transaction; the other kinds leave what is published alone.
 *
 * Alone writes job. Thread: any; functions marked tx in a write transaction.
 */
#ifndef INGEST_JOB_H
#define INGEST_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/base/id.h"
#include "index/store.h"

/* Whether a space that was filled takes over from the one that serves. */
enum job_swap {
	SWAP_ALWAYS,
	SWAP_CHECKED, /* unless recent questions say that a person should look first */
	SWAP_NEVER    /* it waits until it is ordered to */
};

struct job {
	struct id id;
	struct id workspace;
	char *kind; /* "ingest", "reindex", "purge", "reembed" */
	struct id document, version;
	int64_t space_n;
	enum job_swap swap; /* reembed */
	bool keep;
	char *state;
	int step;
	int tries, interrupted;
	int64_t not_before_ms, lease_until_ms, cancel_ms;
	int64_t done_units, total_units;
	char *reason, *message;
	char *created_by;
	int64_t created_ms, started_ms, finished_ms;
};

#define JOB_TRIES_MAX 3
#define JOB_INTERRUPTED_MAX 8
#define JOB_LEASE_MS 30000

struct job_new {
	const char *kind;
	struct id workspace, document, version;
	int64_t space_n;
	enum job_swap swap;
	bool keep; /* reembed: the former space, as a way back */
	const char *created_by;
};
MUST_CHECK int job_create(
	struct db *db, const struct job_new *j, struct id *out, struct err *e); /* tx */
MUST_CHECK int job_lookup(
	struct db *db, struct arena *a, const struct id *id, struct job *out, struct err *e);
/* Of a workspace (empty: all), newest first, id < before if not empty; state NULL: any. */
MUST_CHECK int job_list(struct db *db, struct arena *a, const struct id *workspace,
	const char *state, const struct id *before, int limit, struct job **out, int *n,
	struct err *e);
/* The latest job of a version, or ERR_NOT_FOUND. */
MUST_CHECK int job_of_version(
	struct db *db, struct arena *a, const struct id *version, struct job *out, struct err *e);

/* Of these versions of documents, the latest job each, unless it is done; in no order. */
MUST_CHECK int job_of_versions(struct db *db, struct arena *a, const struct id *documents,
	const struct id *versions, int n_versions, struct job **out, int *n, struct err *e);

/* tx. Takes the next ready job for `owner`, +1 tries. ERR_NOT_FOUND: none is ready; *next_ms is
 * when one may be (0: none waits). */
MUST_CHECK int job_lease(struct db *db, struct arena *a, const char *owner, struct job *out,
	int64_t *next_ms, struct err *e);
/* The same, but for users of whom nothing runs: for a worker that is kept free of them. */
MUST_CHECK int job_lease_idle(struct db *db, struct arena *a, const char *owner, struct job *out,
	int64_t *next_ms, struct err *e);
/* tx. This purge, for whoever cannot wait for its turn. ERR_NOT_FOUND: its first step is done, or
 * it is gone; ERR_CONFLICT: somebody works on it. */
MUST_CHECK int job_lease_purge(struct db *db, struct arena *a, const char *owner,
	const struct id *id, struct job *out, struct err *e);
/* The purges whose first step is not done yet, oldest first. */
MUST_CHECK int job_open_purges(
	struct db *db, struct arena *a, struct id **out, int *n, struct err *e);
/* tx. Renews, with progress; ERR_CANCELLED when somebody asked to stop or the lease is lost. */
MUST_CHECK int job_renew(struct db *db, const struct id *id, const char *owner, int64_t done,
	int64_t total, struct err *e);
MUST_CHECK int job_step(struct db *db, const struct id *id, int step, struct err *e); /* tx */
/* tx. Names the vector space that a 'reembed' job fills, once it is there. */
MUST_CHECK int job_space(struct db *db, const struct id *id, int64_t space_n, struct err *e);
/* tx. Another decision for a 'reembed' job that is open. */
MUST_CHECK int job_order(
	struct db *db, const struct id *id, enum job_swap swap, bool keep, struct err *e);
/* The open 'reembed' jobs of a workspace, oldest first. */
MUST_CHECK int job_open_reembeds(struct db *db, struct arena *a, const struct id *workspace,
	struct job **out, int *n, struct err *e);
/* tx. why NULL: done. ERR_CANCELLED: cancelled. Else back to the queue with back-off, or failed, or
 * quarantined; *final says whether that was the end. A lost lease is ERR_CONFLICT. */
MUST_CHECK int job_end(struct db *db, const struct id *id, const char *owner, const struct err *why,
	int64_t retry_ms, bool *final, struct err *e);
/* tx. A queued one ends at once, a running one is told. Already ended: 0, nothing changes. A purge
 * is ERR_CONFLICT: what was deleted has to go, however often that must be tried. */
MUST_CHECK int job_cancel(struct db *db, const struct id *id, struct err *e);
MUST_CHECK int job_cancel_document(
	struct db *db, const struct id *document, struct err *e); /* tx */
/* tx. A failed, quarantined or cancelled one is queued again with fresh tries. ERR_CONFLICT else.
 */
MUST_CHECK int job_retry(struct db *db, const struct id *id, struct err *e);
/* tx. A graceful stop: back to the queue as if this try had not begun. */
MUST_CHECK int job_release(struct db *db, const struct id *id, const char *owner, struct err *e);
/* tx, at start: the leases of dead processes are let go; those that died JOB_INTERRUPTED_MAX times
 * in one step are quarantined. */
MUST_CHECK int job_release_all(struct db *db, struct err *e);

struct job_counts {
	int64_t queued, running, done, failed, quarantined, cancelled;
};
MUST_CHECK int job_count(
	struct db *db, const struct id *workspace, struct job_counts *out, struct err *e);

#endif

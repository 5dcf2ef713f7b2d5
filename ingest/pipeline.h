/*
 * How a document comes in: extract -> chunk -> embed -> publish. The table in pipeline.c is the
 * story; each step is a plain function that reads what the step before left in DATA/stage/<job>/
 * (ingest/stage.h) and leaves its own, so that a job goes on at its recorded step after a crash.
 * Thread: an ingest worker; blocks.
 */
#ifndef INGEST_PIPELINE_H
#define INGEST_PIPELINE_H

#include <stdatomic.h>

#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/index.h"
#include "ingest/job.h"
#include "ingest/zygote.h"

/* What a new space would change for people, told by who can search: index and retrieve are below.
 */
struct ingest;
struct ingest_compare {
	/* 0, with *doubtful: whether a person should look before the space serves. The space is
	 * filled and can be searched. */
	int (*run)(void *arg, struct ingest *in, bool *doubtful, struct err *e);
	void *arg;
};

/* One run of one job: everything a step may touch. */
struct ingest {
	struct index *index;
	struct zygote *zygote;
	const struct job *job;
	const char *owner;  /* of the lease */
	struct arena arena; /* of the present step, which leaves the next nothing here */
	atomic_bool cancel; /* set by the lease keeper; every long call watches it */
	atomic_int step;
	atomic_int done, total; /* progress of the present step */
	int64_t space_n; /* reembed: the space that is filled; 0: it has to be trained first */
	const struct ingest_compare *compare; /* NULL: nobody compares */
	/* Tests only (NULL else): told before a step, after its work, and when that is recorded. */
	void (*on_moment)(void *arg, const char *step, const char *moment);
	void *arg;
};

struct ingest_step {
	const char *name; /* shown as the job's stage: "extract", … */
	int (*run)(struct ingest *in, struct err *e);
	const char *leaves; /* its stage file; NULL: its work is in the database */
};

/* The steps of a kind of job, and how many; NULL: unknown kind. */
const struct ingest_step *pipeline_steps(const char *kind, int *n);
const char *pipeline_stage(const char *kind, int step); /* its name, "" past the end */

/* Runs the job from its recorded step to its end or first error. */
MUST_CHECK int pipeline_run(struct ingest *in, struct err *e);

#endif

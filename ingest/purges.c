#include "ingest/purges.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "ingest/job.h"
#include "ingest/step.h"

#define LOOK_MS 20 /* between two looks at a job that somebody works on */

struct purging {
	struct index *ix;
	char owner[64];
	struct arena arena; /* of one job */
	const struct id *id;
	struct job job;
	const struct err *why; /* the step failed; NULL: it is done */
};

static int lease_tx(struct db *db, void *arg, struct err *e)
{
	struct purging *p = arg;

	return job_lease_purge(db, &p->arena, p->owner, p->id, &p->job, e);
}

/* What is left of it is the ingest workers'. */
static int end_tx(struct db *db, void *arg, struct err *e)
{
	struct purging *p = arg;
	bool final;
	int rc;

	if (p->why) {
		return job_end(
			db, p->id, p->owner, p->why, p->ix->settings->ingest_retry_ms, &final, e);
	}
	rc = job_step(db, p->id, 1, e);
	return rc ? rc : job_release(db, p->id, p->owner, e);
}

static int purge(struct purging *p, struct err *e)
{
	struct ingest in = {.index = p->ix, .job = &p->job, .owner = p->owner};
	struct err why = ERR_INIT, ended = ERR_INIT;
	int rc;

	arena_init(&in.arena);
	rc = step_purge(&in, &why);
	arena_finish(&in.arena);
	p->why = rc ? &why : NULL;
	if (store_write(p->ix->store, end_tx, p, &ended) < 0 && rc == 0) {
		rc = err_set(&why, ended.code, ended.reason, "%s", ended.message);
	}
	p->why = NULL;
	return rc ? err_set(e, rc, why.reason, "a deleted document cannot be purged: %s",
			    why.message)
		  : 0;
}

static int finish_one(
	struct purging *p, int (*goes_on)(void *arg, struct err *e), void *arg, struct err *e)
{
	for (;;) {
		struct timespec t = {0, LOOK_MS * 1000000L};
		struct err why = ERR_INIT;
		int rc = goes_on(arg, e);

		if (rc < 0) {
			return rc;
		}
		rc = store_write_freeing(p->ix->store, lease_tx, p, &why);
		if (rc == 0) {
			return purge(p, e);
		}
		if (rc == ERR_NOT_FOUND) {
			return 0;
		}
		if (rc != ERR_CONFLICT) {
			return err_set(e, rc, why.reason, "%s", why.message);
		}
		nanosleep(&t, NULL);
	}
}

int purges_finish(
	struct index *ix, int (*goes_on)(void *arg, struct err *e), void *arg, struct err *e)
{
	struct purging p = {.ix = ix};
	struct db *db = store_reader(ix->store, e);
	struct arena a;
	struct id *ids = NULL;
	int n = 0, rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	arena_init(&a);
	snprintf(p.owner, sizeof(p.owner), "%ld:waited", (long)getpid());
	rc = job_open_purges(db, &a, &ids, &n, e);
	store_reader_drop(db);
	for (int i = 0; rc == 0 && i < n; i++) {
		arena_init(&p.arena);
		p.id = &ids[i];
		rc = finish_one(&p, goes_on, arg, e);
		arena_finish(&p.arena);
	}
	arena_finish(&a);
	return rc;
}

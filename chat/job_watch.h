/*
 * Followers of jobs: GET /v1/jobs/{id}/stream. All open streams together are looked after by one
 * timer that asks a worker five times a second how their jobs stand, and only while there is a
 * stream. Events: "progress" when something changed, "done" at the end (whatever the end was), both
 * with the job as in GET /v1/jobs/{id}. Thread: the loop, but for job_watch_stream and job_json
 * (workers).
 */
#ifndef CHAT_JOB_WATCH_H
#define CHAT_JOB_WATCH_H

#include <jansson.h>

#include "chat/app.h"
#include "chat/http/server.h"
#include "ingest/job.h"

struct job_watch;

struct job_watch *job_watch_create(struct app *app);
void job_watch_stop(struct job_watch *w); /* ends all streams; no new ones; closes its handle */
/* After the loop has run out of what job_watch_stop began. NULL is fine. */
void job_watch_destroy(struct job_watch *w);

/* Makes the stream of a job the answer of the call. */
void job_watch_stream(struct call *c, const struct job *j);

/* The job as the API shows it, fresher than the table where it runs. On a worker. */
json_t *job_json(struct app *app, struct db *db, struct arena *a, const struct job *j);
/* Of it what a list of documents shows beside each. */
json_t *job_brief(struct app *app, const struct job *j);

#endif

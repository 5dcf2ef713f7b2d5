/* What job.c and job_lease.c share: how a row is read. */
#ifndef INGEST_JOB_PRIVATE_H
#define INGEST_JOB_PRIVATE_H

#include "ingest/job.h"

#define JOB_COLUMNS                                                                                \
	"id, workspace_id, kind, document_id, version_id, space_n, state, step, tries, "           \
	"interrupted,"                                                                             \
	" not_before_ms, lease_until_ms, cancel_ms, done_units, total_units, reason, message,"     \
	" created_by, created_ms, started_ms, finished_ms, swap, keep"

/* Steps the statement. 1: there was a row, 0: none. */
MUST_CHECK int job_take_row(struct stmt *q, struct arena *a, struct job *out, struct err *e);

#endif

#include "ingest/pipeline.h"

#include <string.h>

#include "ingest/stage.h"
#include "ingest/step.h"

/* ── the story ── */

static const struct ingest_step coming_in[] = {
	{"extract", step_extract, "extract"}, /* the original's text, lines and blocks, as a blob */
	{"chunk", step_chunk, "chunks"},      /* passages along headings and sentences */
	{"embed", step_embed, "vectors"},     /* a vector each, in the space that serves now */
	{"publish", step_publish, NULL},      /* all of it in one transaction: now it is found */
};

static const struct ingest_step going_out[] = {
	{"purge", step_purge, NULL},	       /* chunks, full text, vectors, names, quotes */
	{"blobs", step_remove_blobs, NULL},    /* files that no other version names */
	{"checkpoint", step_checkpoint, NULL}, /* nothing of it is left in the log */
};

static const struct ingest_step embedding_anew[] = {
	{"train", step_train,
		NULL}, /* the builtin embedder learns from the chunks; others: nothing */
	{"fill", step_fill, NULL},	 /* a second space, while the first one serves */
	{"compare", step_compare, NULL}, /* recent questions, asked of both */
	{"swap", step_swap, NULL},	 /* from now on the second one serves, or waits */
};

#define STEPS(array) array, (int)(sizeof(array) / sizeof(array[0]))
static const struct {
	const char *kind;
	const struct ingest_step *steps;
	int n;
} kinds[] = {
	{"ingest", STEPS(coming_in)},
	{"reindex", STEPS(coming_in)}, /* the old chunks serve until the last step */
	{"purge", STEPS(going_out)},
	{"reembed", STEPS(embedding_anew)},
};

/* ── the run ── */

const struct ingest_step *pipeline_steps(const char *kind, int *n)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].kind, kind) == 0) {
			*n = kinds[i].n;
			return kinds[i].steps;
		}
	}
	*n = 0;
	return NULL;
}

const char *pipeline_stage(const char *kind, int step)
{
	int n;
	const struct ingest_step *steps = pipeline_steps(kind, &n);

	return steps && step >= 0 && step < n ? steps[step].name : "";
}

static void moment(struct ingest *in, const char *step, const char *what)
{
	if (in->on_moment) {
		in->on_moment(in->arg, step, what);
	}
}

/* The recorded step, or an earlier one whose stage file is lost. */
static int first_step(struct ingest *in, const struct ingest_step *steps, int n)
{
	for (int i = 0; i < in->job->step && i < n; i++) {
		struct buf content = BUF_INIT;
		int rc = 0;

		if (steps[i].leaves && in->job->step < n) {
			rc = stage_read(in->index, &in->job->id, steps[i].leaves, &content, NULL);
		}
		buf_finish(&content);
		if (rc < 0) {
			return i;
		}
	}
	return in->job->step;
}

struct finished {
	const struct id *job;
	int n_steps;
};

static int record(struct db *db, void *arg, struct err *e)
{
	const struct finished *f = arg;

	return job_step(db, f->job, f->n_steps, e);
}

static int run_step(struct ingest *in, const struct ingest_step *step, int i, struct err *e)
{
	struct finished f = {&in->job->id, i + 1};
	int rc = step_goes_on(in, e);

	if (rc < 0) {
		return rc;
	}
	atomic_store(&in->done, 0);
	atomic_store(&in->total, 0);
	atomic_store(&in->step, i);
	moment(in, step->name, "begin");
	rc = step->run(in, e);
	arena_finish(&in->arena);
	if (rc < 0) {
		return rc;
	}
	moment(in, step->name, "worked");
	rc = store_write(in->index->store, record, &f, e);
	moment(in, step->name, "recorded");
	return rc;
}

int pipeline_run(struct ingest *in, struct err *e)
{
	int n, rc = 0;
	const struct ingest_step *steps = pipeline_steps(in->job->kind, &n);

	if (!steps) {
		return err_set(e, ERR_UNPROCESSABLE, "unknown_job",
			"this program does not know jobs of the kind %s", in->job->kind);
	}
	in->space_n = in->job->space_n;
	for (int i = first_step(in, steps, n); rc == 0 && i < n; i++) {
		rc = run_step(in, &steps[i], i, e);
	}
	return rc;
}

int step_goes_on(struct ingest *in, struct err *e)
{
	return atomic_load(&in->cancel)
		       ? err_set(e, ERR_CANCELLED, "cancelled", "the job was cancelled")
		       : 0;
}

void step_progress(void *arg, int done, int n)
{
	struct ingest *in = arg;

	atomic_store(&in->done, done);
	atomic_store(&in->total, n);
}

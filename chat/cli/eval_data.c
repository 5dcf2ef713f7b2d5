#include "chat/cli/eval_data.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chat/cli/progress.h"
#include "chat/cli/term.h"
#include "index/base/fs.h"
#include "index/base/thread.h"
#include "index/catalog.h"
#include "ingest/pipeline.h"
#include "ingest/plain.h"

#define BATCH 256 /* documents in a transaction: each waits for the disk */
#define LOOK_MS 50

/* OpenMP's, from libgomp: FAISS is parallel by default, for each thread that calls it. */
extern void omp_set_num_threads(int n);

static int interrupted(struct err *e)
{
	return term_stopped ? err_set(e, ERR_CANCELLED, "interrupted", "interrupted") : 0;
}

/* ── an empty workspace ── */

static int make_collection(struct db *db, void *arg, struct err *e)
{
	const struct acl_entry everybody = {"workspace", RIGHT_READ};
	struct eval_data *d = arg;
	int rc = collection_create(db, &d->workspace, "eval", "operator", &d->collection, e);

	return rc ? rc : acl_replace(db, &d->workspace, &d->collection, &everybody, 1, e);
}

static int look_up(struct eval_data *d, struct err *e)
{
	struct db *db = store_reader(d->index->store, e);
	struct workspace w;
	int rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	rc = workspace_by_name(db, &d->arena, "default", &w, e);
	if (rc == 0) {
		d->workspace = w.id;
		rc = acl_operator(db, &d->arena, &w.id, &d->who, e);
	}
	store_reader_drop(db);
	return rc;
}

static int make_folder(struct eval_data *d, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(
		d->folder, sizeof(d->folder), "%s/carrel-eval-XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (n >= (int)sizeof(d->folder)) {
		d->folder[0] = '\0';
		return err_set(e, ERR_INVALID, "long_path", "the path in TMPDIR is too long");
	}
	if (!mkdtemp(d->folder)) {
		d->folder[0] = '\0';
		return err_set(e, ERR_IO, "no_folder", "cannot make a folder in %s",
			tmp && *tmp ? tmp : "/tmp");
	}
	return 0;
}

/* ── its documents ── */

struct filling {
	struct eval_data *data;
	const struct eval_set *set;
	struct progress bar;
	struct arena arena; /* of the batch */
	struct plain_text batch[BATCH];
	int n, n_done;
};

static int publish_batch(struct filling *f, struct err *e)
{
	int n_chunks;
	int rc = interrupted(e);

	if (rc == 0 && f->n > 0) {
		rc = plain_publish(f->data->index, &f->data->workspace, &f->data->collection,
			f->batch, f->n, &n_chunks, e);
		f->data->n_chunks += rc == 0 ? n_chunks : 0;
	}
	f->n_done += f->n;
	f->n = 0;
	arena_finish(&f->arena);
	progress_show(&f->bar, f->n_done, f->set->n_documents, NULL);
	return rc;
}

static int take_document(void *arg, const struct eval_document *d, struct err *e)
{
	struct filling *f = arg;

	f->batch[f->n++] = (struct plain_text){.name = arena_str(&f->arena, d->id),
		.title = arena_str(&f->arena, d->title),
		.text = arena_str(&f->arena, d->text)};
	return f->n == BATCH ? publish_batch(f, e) : 0;
}

static int fill(struct eval_data *d, const struct eval_set *set, bool quiet, struct err *e)
{
	struct filling f = {.data = d, .set = set};
	int rc;

	arena_init(&f.arena);
	progress_start(&f.bar, "documents", "documents", quiet);
	rc = eval_set_each(set, take_document, &f, e);
	rc = rc ? rc : publish_batch(&f, e);
	progress_end(&f.bar);
	arena_finish(&f.arena);
	return rc;
}

/* ── the trained table ── */

struct training {
	struct ingest in;
	const struct id *workspace;
	int rc;
	struct err err;
	atomic_bool ended;
};

static void *train_thread(void *arg)
{
	struct training *t = arg;

	omp_set_num_threads(1);
	t->rc = plain_train(&t->in, t->workspace, &t->err);
	atomic_store(&t->ended, true);
	return NULL;
}

/* In a thread of its own, so that a signal is seen and progress is shown meanwhile. */
static int train(struct eval_data *d, bool quiet, struct err *e)
{
	struct training t = {
		.in = {.index = d->index}, .workspace = &d->workspace, .err = ERR_INIT};
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
	struct progress bar;
	pthread_t thread;
	int rc = thread_start(&thread, train_thread, &t);

	if (rc != 0) {
		return err_sys(e, ERR_INTERNAL, rc, "no thread to train in");
	}
	progress_start(&bar, "embedder", "chunks", quiet);
	while (!atomic_load(&t.ended)) {
		if (term_stopped) {
			atomic_store(&t.in.cancel, true);
		}
		progress_show(&bar, atomic_load(&t.in.done), atomic_load(&t.in.total),
			pipeline_stage("reembed", atomic_load(&t.in.step)));
		nanosleep(&pause, NULL);
	}
	pthread_join(thread, NULL);
	progress_end(&bar);
	rc = interrupted(e);
	return rc || t.rc == 0 ? rc : err_set(e, t.rc, t.err.reason, "%s", t.err.message);
}

/* ── life ── */

int eval_data_open(struct eval_data *d, const struct settings *set, const struct eval_set *corpus,
	bool quiet, struct err *e)
{
	int rc;

	memset(d, 0, sizeof(*d));
	omp_set_num_threads(1);
	arena_init(&d->arena);
	settings_copy(&d->settings, set);
	rc = make_folder(d, e);
	rc = rc ? rc : settings_set(&d->settings, "data", d->folder, "carrel eval", e);
	rc = rc ? rc : index_open(&d->settings, &d->index, e);
	rc = rc ? rc : look_up(d, e);
	rc = rc ? rc : store_write(d->index->store, make_collection, d, e);
	rc = rc ? rc : fill(d, corpus, quiet, e);
	return rc ? rc : train(d, quiet, e);
}

void eval_data_close(struct eval_data *d)
{
	index_close(d->index);
	d->index = NULL;
	if (*d->folder) {
		fs_remove_tree(d->folder);
	}
	settings_finish(&d->settings);
	arena_finish(&d->arena);
}

/* The workers: jobs run, are cancelled within a second, interrupted and resumed; between them house
 * is kept. */
#include "tests/unit/ingest/house.h"
#include "tests/unit/ingest/pdf_bomb.h"

#include <time.h>

#include "index/base/clock.h"
#include "ingest/worker.h"

#define STAND_IN_MS 12000  /* LONG_MS of ingest/worker.c, and some */
#define PATIENCE_MS 120000 /* a limit for loaded machines and sanitizers */
#ifdef __SANITIZE_THREAD__
#define STOP_MS 20000
#else
#define STOP_MS 3000
#endif

static void nap(void)
{
	nanosleep(&(struct timespec){0, 5000000}, NULL);
}

static bool ended(const char *state)
{
	return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}

static const char *await_end(struct house *h, const struct id *job)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	struct job j;

	do {
		j = job_now(h, job);
		nap();
	} while (!ended(j.state) && clock_mono_ms() < until);
	return j.state;
}

static void await_running(struct house *h, struct worker *w, const struct id *job)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	struct job_progress p;

	while (!worker_progress(w, job, &p) && clock_mono_ms() < until) {
		assert_false(ended(job_now(h, job).state));
		nap();
	}
	assert_true(worker_progress(w, job, &p));
	assert_true(p.step >= 0 && p.step < 4);
}

static struct worker *hire(struct house *h, int n)
{
	struct worker *w;

	h->set.ingest_workers = n;
	fine(worker_create(h->ix, h->zygote, NULL, &w, &house_err));
	return w;
}

/* A PDF that takes seconds to read. */
static struct upload_receipt put_long(struct house *h, const char *name)
{
	enum { N = 800 };
	const char **pages = calloc(N, sizeof(*pages));
	struct upload_receipt r;
	struct buf pdf = BUF_INIT;

	for (int i = 0; i < N; i++) {
		struct buf text = BUF_INIT;

		for (int l = 0; l < 40; l++) {
			buf_printf(&text,
				"Line %d of page %d says something of the same length as others.\n",
				l, i);
		}
		pages[i] = arena_str(&h->arena, text.data);
		buf_finish(&text);
	}
	draw_pdf(&pdf, pages, N);
	fine(send(h, name, pdf.data, pdf.len, &r));
	buf_finish(&pdf);
	free(pages);
	return r;
}

static void jobs_are_run(void **state)
{
	struct house *h = *state;
	struct upload_receipt early = put(h, "early.txt", "The heron was here before.\n"), r[8];
	struct worker *w = hire(h, 2);

	for (int i = 0; i < 8; i++) {
		r[i] = put(h, arena_printf(&h->arena, "%d.txt", i),
			arena_printf(&h->arena, "The heron number %d stands in the lake.\n", i));
		worker_wake(w);
	}
	assert_string_equal(await_end(h, &early.job), "done");
	for (int i = 0; i < 8; i++) {
		assert_string_equal(await_end(h, &r[i].job), "done");
	}
	worker_destroy(w);
	assert_int_equal(finds(h, "heron", NULL), 9);
	assert_int_equal(check(h, false, NULL), 0);
}

static int cancel(struct db *db, void *arg, struct err *e)
{
	return job_cancel(db, arg, e);
}

static void a_running_job_is_cancelled_within_a_second(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = put_long(h, "long.pdf");
	struct worker *w = hire(h, 1);
	struct job_progress p;
	int64_t from_ms;

	await_running(h, w, &r.job);
	fine(store_write(h->ix->store, cancel, &r.job, &house_err));
	from_ms = clock_mono_ms(); /* nobody wakes the worker */
	assert_string_equal(await_end(h, &r.job), "cancelled");
	assert_true(clock_mono_ms() - from_ms < 1000);
	assert_string_equal(version_now(h, &r.version).state, "cancelled");
	while (worker_progress(w, &r.job, &p)) {
		nap();
	}
	worker_destroy(w);
	assert_int_equal(count_entries(path_in(h, "stage")), 0);
}

static void a_stopped_job_goes_on_at_the_next_start(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = put_long(h, "long.pdf");
	struct worker *w = hire(h, 1);
	int64_t from_ms;
	struct job j;

	await_running(h, w, &r.job);
	from_ms = clock_mono_ms();
	worker_destroy(w);
	assert_true(clock_mono_ms() - from_ms < STOP_MS);
	j = job_now(h, &r.job);
	assert_string_equal(j.state, "queued");
	assert_int_equal(j.tries, 0);
	w = hire(h, 1);
	assert_string_equal(await_end(h, &r.job), "done");
	worker_destroy(w);
	assert_string_equal(version_now(h, &r.version).state, "indexed");
}

static void what_fails_is_tried_again_then_quarantined(void **state)
{
	struct house *h = *state;
	struct worker *w;
	struct upload_receipt r;

	r = put(h, "a.txt", "The heron.\n");
	/* The original is gone: the disk's fault, perhaps mended later. */
	assert_int_equal(unlink(arena_printf(&h->arena, "%s/blobs/%.2s/%s", h->dir,
				 version_now(h, &r.version).blob_hash,
				 version_now(h, &r.version).blob_hash)),
		0);
	w = hire(h, 1);
	assert_string_equal(await_end(h, &r.job), "quarantined");
	worker_destroy(w);
	assert_int_equal(job_now(h, &r.job).tries, JOB_TRIES_MAX);
	assert_string_equal(version_now(h, &r.version).state, "failed");
	assert_non_null(version_now(h, &r.version).message);
}

static void leftovers_are_swept_at_the_start(void **state)
{
	struct house *h = *state;
	struct id gone = id_create("job");
	struct buf b = BUF_INIT;
	struct blob_info blob;
	struct worker *w;
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	buf_str(&b, "left");
	fine(stage_write(h->ix, &gone, "extract", &b, &house_err));
	fine(blob_put(h->ix->blobs, "nobody's", 8, &blob, &house_err));
	buf_finish(&b);
	w = hire(h, 1);
	while ((count_entries(path_in(h, "stage")) > 0 || blob_exists(h->ix->blobs, blob.hash)) &&
		clock_mono_ms() < until) {
		nap();
	}
	worker_destroy(w);
	assert_int_equal(count_entries(path_in(h, "stage")), 0);
	assert_false(blob_exists(h->ix->blobs, blob.hash));
}

static int serving_trained(struct house *h)
{
	struct space space;
	struct db *db;
	bool wants;

	fine(vectors_serving(h->ix->vectors, h->who.workspace_n, &space, &house_err));
	embedder_drop(space.embedder);
	db = reader(h);
	wants = vectors_wants_training(h->ix->vectors, db, h->who.workspace_n);
	store_reader_drop(db);
	return !wants && space.n > 1;
}

/* Three hundred chunks, and the builtin embedder is trained and swapped in by itself. */
static void the_embedder_is_trained_in_between(void **state)
{
	struct house *h = *state;
	struct buf text = BUF_INIT;
	struct upload_receipt r;
	struct worker *w;
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	int n = 0;

	for (int i = 0; i < 340; i++) {
		buf_printf(&text, "# Rule %d about %s\n\n", i, i % 2 ? "travel" : "holidays");
		for (int k = 0; k < 16; k++) {
			buf_printf(&text,
				"Rule number %d of part %d says what everyone in team %d has to "
				"do. ",
				i, k, (i * 7 + k) % 13);
		}
		buf_str(&text, "\n\n");
	}
	fine(send(h, "rules.md", text.data, text.len, &r));
	buf_finish(&text);
	w = hire(h, 1);
	assert_string_equal(await_end(h, &r.job), "done");
	while (!serving_trained(h) && clock_mono_ms() < until) {
		nap();
	}
	worker_destroy(w);
	assert_true(serving_trained(h));
	n = finds(h, "travel", NULL);
	assert_true(n > 0);
	assert_int_equal(check(h, false, NULL), 0);
}

/* ── nobody waits for somebody else's bad file ── */

/* A PDF on which a reader computes without end. */
static struct upload_receipt put_bomb(struct house *h, const char *name)
{
	struct upload_receipt r;
	struct buf pdf = BUF_INIT;

	pdf_bomb(&pdf, 20, 20);
	buf_str(&pdf, name); /* no two are the same */
	fine(send(h, name, pdf.data, pdf.len, &r));
	buf_finish(&pdf);
	return r;
}

static int set_user(struct db *db, void *arg, struct err *e)
{
	return db_exec(db, arg, e);
}

static void let_be_of(struct house *h, const struct id *job, const char *user)
{
	char *sql = arena_printf(
		&h->arena, "UPDATE job SET created_by = '%s' WHERE id = '%s'", user, job->s);

	fine(store_write(h->ix->store, set_user, sql, &house_err));
}

static void a_bad_file_delays_nobody(void **state)
{
	struct house *h = *state;
	struct upload_receipt bombs[4], mine, later;
	struct worker *w;
	int64_t from_ms;
	int n_running = 0;

	for (int i = 0; i < 4; i++) {
		bombs[i] = put_bomb(h, arena_printf(&h->arena, "%d.pdf", i));
		let_be_of(h, &bombs[i].job, "usr_bad");
	}
	w = hire(h, 1);
	await_running(h, w, &bombs[0].job);
	mine = put(h, "mine.txt", "The heron stands in the lake.\n");
	let_be_of(h, &mine.job, "usr_good");
	worker_wake(w);
	from_ms = clock_mono_ms();
	assert_string_equal(await_end(h, &mine.job), "done");
	assert_true(clock_mono_ms() - from_ms < STAND_IN_MS);
	/* The second bad file took a seat by now or does soon; one stays free of them. */
	await_running(h, w, &bombs[1].job);
	later = put(h, "later.txt", "The heron has left the lake.\n");
	let_be_of(h, &later.job, "usr_good");
	worker_wake(w);
	from_ms = clock_mono_ms();
	assert_string_equal(await_end(h, &later.job), "done");
	assert_true(clock_mono_ms() - from_ms < STAND_IN_MS);
	for (int i = 0; i < 4; i++) {
		n_running += strcmp(job_now(h, &bombs[i].job).state, "running") == 0;
	}
	assert_true(n_running <= 2);
	worker_destroy(w);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, house_setup, house_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(jobs_are_run),
		T(a_bad_file_delays_nobody),
		T(a_running_job_is_cancelled_within_a_second),
		T(a_stopped_job_goes_on_at_the_next_start),
		T(what_fails_is_tried_again_then_quarantined),
		T(leftovers_are_swept_at_the_start),
		T(the_embedder_is_trained_in_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

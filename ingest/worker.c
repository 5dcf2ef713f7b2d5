#include "ingest/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "index/base/alloc.h"
#include "index/base/clock.h"
#include "index/base/log.h"
#include "index/base/thread.h"
#include "ingest/house.h"
#include "ingest/job.h"
#include "ingest/pipeline.h"
#include "ingest/stage.h"

#define NICE 10
#define RENEW_MS 10000
#define LOOK_MS 250    /* how often the keeper asks for cancellations of running jobs */
#define SHORT_MS 200   /* how often an idle worker looks for memory */
#define IDLE_MS 5000   /* an idle worker looks for jobs though nobody woke it */
#define HOUSE_JOBS 200 /* jobs after which a busy worker keeps house */
#define LONG_MS 5000   /* a job that has run for so long leaves its place to others */
#define SPARE_SEATS 2
/* Before a disk that refused a job's end is asked again; doubles. */
#define REFUSED_MS 100
#define REFUSED_MAX_MS 1000

/* OpenMP's, from libgomp: FAISS is parallel by default, for each thread that calls it. */
extern void omp_set_num_threads(int n);

struct seat { /* one worker thread and the job it runs */
	struct worker *worker;
	int number;
	pthread_t thread;
	char owner[64];
	bool running; /* guarded by worker.lock, as all below */
	struct ingest *in;
	struct id job;
	int64_t began_ms, renewed_ms;
	bool asked; /* somebody cancelled the job, or its lease is lost */
};

struct worker {
	struct index *ix;
	struct zygote *zygote;
	const struct ingest_compare *compare;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a job was made, began or ended, or the end is near */
	bool stopping;
	bool cancelled; /* look for cancellations now */
	uint64_t wakes;
	int n_running;
	int n_leasing; /* seats that are about to run, if there is a job */
	struct house house;
	int n_since_house; /* jobs ended since */
	bool keeping_house;
	pthread_t keeper;
	bool has_keeper;
	int n_seats;
	struct seat *seats;
};

/* ── waiting ── */

static void wait_ms(struct worker *w, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&w->changed, &w->lock, &until);
}

static bool stopping(void *arg)
{
	struct worker *w = arg;
	bool yes;

	pthread_mutex_lock(&w->lock);
	yes = w->stopping;
	pthread_mutex_unlock(&w->lock);
	return yes;
}

/* ── one job ── */

struct leasing {
	struct seat *seat;
	bool last; /* of the free seats */
	struct arena *arena;
	struct job job;
	int64_t next_ms;
};

static int lease_tx(struct db *db, void *arg, struct err *e)
{
	struct leasing *l = arg;

	return (l->last ? job_lease_idle : job_lease)(
		db, l->arena, l->seat->owner, &l->job, &l->next_ms, e);
}

struct ending {
	const struct seat *seat;
	const struct job *job;
	const struct err *why; /* NULL: done */
	int64_t retry_ms;
	bool release;
	bool final;
};

static int end_tx(struct db *db, void *arg, struct err *e)
{
	struct ending *x = arg;

	if (x->release) {
		return job_release(db, &x->job->id, x->seat->owner, e);
	}
	return job_end(db, &x->job->id, x->seat->owner, x->why, x->retry_ms, &x->final, e);
}

static void sit_down(struct seat *s, struct ingest *in)
{
	pthread_mutex_lock(&s->worker->lock);
	s->in = in;
	s->job = in->job->id;
	s->asked = false;
	s->began_ms = s->renewed_ms = clock_mono_ms();
	s->running = true;
	s->worker->n_running++;
	s->worker->n_leasing--;
	if (s->worker->stopping) {
		atomic_store(&in->cancel, true);
	}
	pthread_cond_broadcast(&s->worker->changed);
	pthread_mutex_unlock(&s->worker->lock);
}

/* Whether the job was interrupted by our own end and is to go on at the next start. */
static bool stand_up(struct seat *s)
{
	bool interrupted;

	pthread_mutex_lock(&s->worker->lock);
	interrupted = s->worker->stopping && !s->asked;
	s->running = false;
	s->in = NULL;
	s->worker->n_running--;
	s->worker->n_since_house++;
	pthread_mutex_unlock(&s->worker->lock);
	return interrupted;
}

static void log_end(const struct ending *x, int64_t ms)
{
	if (x->release) {
		log_info("job.interrupted", LT("job", x->job->id.s), LT("kind", x->job->kind));
	} else if (!x->why) {
		log_info("job.done", LT("job", x->job->id.s), LT("kind", x->job->kind),
			LN("ms", ms));
	} else if (x->why->code == ERR_CANCELLED) {
		log_info("job.cancelled", LT("job", x->job->id.s), LT("kind", x->job->kind));
	} else {
		log_warn(x->final ? "job.failed" : "job.retry", LT("job", x->job->id.s),
			LT("kind", x->job->kind), LT("reason", x->why->reason),
			LT("message", x->why->message), LN("try", x->job->tries));
	}
}

/* A disk that does not take the job's end is asked again until it does or the worker stops: else
 * the job would be run once more when its lease has run out. */
static int end_job(struct worker *w, struct ending *x, struct err *e)
{
	int64_t ms = REFUSED_MS;

	for (;;) {
		int rc = store_write(w->ix->store, end_tx, x, e);

		if ((rc != ERR_NO_SPACE && rc != ERR_IO) || stopping(w)) {
			return rc;
		}
		log_warn("job.end", LT("job", x->job->id.s), LT("message", e->message));
		err_clear(e);
		pthread_mutex_lock(&w->lock);
		wait_ms(w, ms);
		pthread_mutex_unlock(&w->lock);
		ms = ms * 2 < REFUSED_MAX_MS ? ms * 2 : REFUSED_MAX_MS;
	}
}

static void run_job(struct seat *s, const struct job *job)
{
	struct worker *w = s->worker;
	struct ingest in = {.index = w->ix,
		.zygote = w->zygote,
		.job = job,
		.owner = s->owner,
		.compare = w->compare};
	struct err why = ERR_INIT, e = ERR_INIT;
	struct ending x = {
		.seat = s, .job = job, .final = true, .retry_ms = w->ix->settings->ingest_retry_ms};
	int64_t from_ms = clock_mono_ms();
	bool interrupted;
	int rc;

	arena_init(&in.arena);
	sit_down(s, &in);
	rc = pipeline_run(&in, &why);
	interrupted = stand_up(s);
	x.why = rc < 0 ? &why : NULL;
	x.release = rc == ERR_CANCELLED && interrupted;
	if (rc < 0 && !why.code) {
		err_set(&why, rc, "failed", "the job failed: %s", err_name(rc));
	}
	rc = end_job(w, &x, &e);
	if (rc < 0) {
		log_warn("job.end", LT("job", job->id.s), LT("message", e.message));
	} else if (x.final && !x.release) {
		stage_drop(w->ix, &job->id);
	}
	log_end(&x, clock_mono_ms() - from_ms);
	arena_finish(&in.arena);
}

/* ── between jobs ── */

static bool house_is_due(struct worker *w, bool idle)
{
	bool due;

	pthread_mutex_lock(&w->lock);
	due = !w->keeping_house && !w->stopping &&
	      (w->n_since_house >= HOUSE_JOBS ||
		      (idle && w->n_since_house > 0 && w->n_running == 0));
	if (due) {
		w->keeping_house = true;
		w->n_since_house = 0;
	}
	pthread_mutex_unlock(&w->lock);
	return due;
}

static void keep_house_if_due(struct worker *w, bool idle)
{
	if (house_is_due(w, idle)) {
		house_keep(&w->house);
		pthread_mutex_lock(&w->lock);
		w->keeping_house = false;
		pthread_mutex_unlock(&w->lock);
	}
}

/* ── the worker threads ── */

/* With the lock held. Running jobs that still count, and in how many ms the next of them will not;
 * the others. */
static void count_running(const struct worker *w, int *n_short, int *n_long, int64_t *next_ms)
{
	int64_t now_ms = clock_mono_ms();

	*n_short = *n_long = 0;
	*next_ms = IDLE_MS;
	for (int i = 0; i < w->n_seats; i++) {
		int64_t left_ms = w->seats[i].began_ms + LONG_MS - now_ms;

		if (!w->seats[i].running) {
			continue;
		}
		if (left_ms <= 0) {
			++*n_long;
			continue;
		}
		++*n_short;
		*next_ms = left_ms < *next_ms ? left_ms : *next_ms;
	}
}

/* Whether the seat may look for a job; *last: nothing will be free when it has one. It then has to
 * sit down or to say that there was none. false: *wait_ms_out is when to ask again. */
static bool may_lease(struct seat *s, bool *last, int64_t *wait_ms_out)
{
	struct worker *w = s->worker;
	const int n_wanted = (int)w->ix->settings->ingest_workers;
	int n_short, n_long;
	bool may;

	pthread_mutex_lock(&w->lock);
	count_running(w, &n_short, &n_long, wait_ms_out);
	may = n_short + w->n_leasing < n_wanted && (s->number < n_wanted || n_long > 0);
	*last = n_short + n_long + w->n_leasing + 1 == n_wanted + SPARE_SEATS;
	w->n_leasing += may;
	pthread_mutex_unlock(&w->lock);
	return may;
}

static void leased_none(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->n_leasing--;
	pthread_mutex_unlock(&w->lock);
}

/* true: there was one. *wait_ms_out: how long none will be ready. */
static bool take_and_run(struct seat *s, int64_t *wait_ms_out)
{
	struct leasing l = {.seat = s};
	struct err e = ERR_INIT;
	struct arena a;
	int rc;

	if (alloc_is_short()) {
		*wait_ms_out = SHORT_MS;
		return false;
	}
	if (!may_lease(s, &l.last, wait_ms_out)) {
		return false;
	}
	arena_init(&a);
	l.arena = &a;
	rc = store_write(s->worker->ix->store, lease_tx, &l, &e);
	if (rc == 0) {
		run_job(s, &l.job);
	} else {
		leased_none(s->worker);
	}
	if (rc < 0 && rc != ERR_NOT_FOUND) {
		log_warn("job.lease", LT("message", e.message));
	}
	arena_finish(&a);
	*wait_ms_out = IDLE_MS;
	if (rc == ERR_NOT_FOUND && l.next_ms > 0) {
		int64_t ms = l.next_ms - clock_wall_ms();

		*wait_ms_out = ms < 1 ? 1 : ms < IDLE_MS ? ms : IDLE_MS;
	}
	return rc == 0;
}

static void *work(void *arg)
{
	struct seat *s = arg;
	struct worker *w = s->worker;
	uint64_t seen;
	int64_t ms;

	/* Linux: of this thread only. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	omp_set_num_threads(1);
	if (s->number == 0) {
		house_keep_at_start(&w->house);
	}
	while (!stopping(w)) {
		pthread_mutex_lock(&w->lock);
		seen = w->wakes;
		pthread_mutex_unlock(&w->lock);
		if (take_and_run(s, &ms)) {
			keep_house_if_due(w, false);
			continue;
		}
		keep_house_if_due(w, true);
		pthread_mutex_lock(&w->lock);
		if (seen == w->wakes && !w->stopping) {
			wait_ms(w, ms);
		}
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

/* ── the keeper ── */

struct look {
	struct id job;
	char owner[64];
	int64_t done, total;
	bool renew;
	bool end; /* cancelled, or the lease is lost */
};

static int renew_tx(struct db *db, void *arg, struct err *e)
{
	struct look *l = arg;

	return job_renew(db, &l->job, l->owner, l->done, l->total, e);
}

static void look_at(struct worker *w, struct look *l)
{
	struct err e = ERR_INIT;
	struct db *db = store_reader(w->ix->store, &e);
	struct arena a;
	struct job j;

	if (!db) {
		return;
	}
	arena_init(&a);
	l->end = job_lookup(db, &a, &l->job, &j, &e) == 0 && j.cancel_ms > 0;
	store_reader_drop(db);
	arena_finish(&a);
	if (!l->end && l->renew) {
		l->end = store_write(w->ix->store, renew_tx, l, &e) == ERR_CANCELLED;
	}
}

/* With the lock held on entry and on return, but not meanwhile. */
static void look_at_seat(struct worker *w, struct seat *s)
{
	struct look l = {.job = s->job,
		.done = atomic_load(&s->in->done),
		.total = atomic_load(&s->in->total),
		.renew = clock_mono_ms() - s->renewed_ms >= RENEW_MS};

	snprintf(l.owner, sizeof(l.owner), "%s", s->owner);
	pthread_mutex_unlock(&w->lock);
	look_at(w, &l);
	pthread_mutex_lock(&w->lock);
	if (!s->running || !id_equal(&s->job, &l.job)) {
		return;
	}
	if (l.renew) {
		s->renewed_ms = clock_mono_ms();
	}
	if (l.end) {
		s->asked = true;
		atomic_store(&s->in->cancel, true);
	}
}

static void *keep(void *arg)
{
	struct worker *w = arg;
	int n_short, n_long, n_long_before = 0;
	int64_t next_ms;

	pthread_mutex_lock(&w->lock);
	while (!w->stopping) {
		if (w->n_running == 0) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		if (!w->cancelled) {
			wait_ms(w, LOOK_MS);
		}
		w->cancelled = false;
		count_running(w, &n_short, &n_long, &next_ms);
		if (n_long > n_long_before) {
			w->wakes++; /* somebody stands in */
			pthread_cond_broadcast(&w->changed);
		}
		n_long_before = n_long;
		for (int i = 0; i < w->n_seats && !w->stopping; i++) {
			if (w->seats[i].running) {
				look_at_seat(w, &w->seats[i]);
			}
		}
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ── life ── */

static int release_tx(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return job_release_all(db, e);
}

static struct worker *make_worker(
	struct index *ix, struct zygote *z, const struct ingest_compare *compare)
{
	struct worker *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	ASSERT(w != NULL);
	w->ix = ix;
	w->zygote = z;
	w->compare = compare;
	w->house = (struct house){ix, stopping, w};
	ASSERT(pthread_mutex_init(&w->lock, NULL) == 0);
	ASSERT(pthread_condattr_init(&attr) == 0);
	ASSERT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	ASSERT(pthread_cond_init(&w->changed, &attr) == 0);
	pthread_condattr_destroy(&attr);
	w->seats = calloc((size_t)ix->settings->ingest_workers + SPARE_SEATS, sizeof(*w->seats));
	ASSERT(w->seats != NULL);
	return w;
}

static int start_threads(struct worker *w, struct err *e)
{
	int64_t started_ms = clock_wall_ms();
	int rc = thread_start(&w->keeper, keep, w);

	w->has_keeper = rc == 0;
	for (int i = 0; rc == 0 && i < (int)w->ix->settings->ingest_workers + SPARE_SEATS; i++) {
		struct seat *s = &w->seats[i];

		s->worker = w;
		s->number = i;
		snprintf(s->owner, sizeof(s->owner), "%ld:%lld:%d", (long)getpid(),
			(long long)started_ms, i);
		rc = thread_start(&s->thread, work, s);
		pthread_mutex_lock(&w->lock);
		w->n_seats += rc == 0;
		pthread_mutex_unlock(&w->lock);
	}
	return rc == 0 ? 0
		       : err_sys(e, ERR_UNAVAILABLE, rc, "the ingest workers cannot be started");
}

int worker_create(struct index *ix, struct zygote *z, const struct ingest_compare *compare,
	struct worker **out, struct err *e)
{
	struct worker *w;
	int rc = store_write(ix->store, release_tx, NULL, e);

	*out = NULL;
	if (rc < 0) {
		return rc;
	}
	w = make_worker(ix, z, compare);
	rc = start_threads(w, e);
	if (rc < 0) {
		worker_destroy(w);
		return rc;
	}
	*out = w;
	return 0;
}

void worker_destroy(struct worker *w)
{
	if (!w) {
		return;
	}
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	for (int i = 0; i < w->n_seats; i++) {
		if (w->seats[i].running) {
			atomic_store(&w->seats[i].in->cancel, true);
		}
	}
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->n_seats; i++) {
		pthread_join(w->seats[i].thread, NULL);
	}
	if (w->has_keeper) {
		pthread_join(w->keeper, NULL);
	}
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w->seats);
	free(w);
}

void worker_wake(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->wakes++;
	w->cancelled = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

bool worker_progress(struct worker *w, const struct id *job, struct job_progress *out)
{
	bool found = false;

	pthread_mutex_lock(&w->lock);
	for (int i = 0; i < w->n_seats && !found; i++) {
		struct seat *s = &w->seats[i];

		found = s->running && id_equal(&s->job, job);
		if (found) {
			*out = (struct job_progress){atomic_load(&s->in->step),
				atomic_load(&s->in->done), atomic_load(&s->in->total)};
		}
	}
	pthread_mutex_unlock(&w->lock);
	return found;
}

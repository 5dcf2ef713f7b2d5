#include "tests/unit/index/world.h"

#include "index/base/clock.h"
#include "ingest/job.h"

/* ── short ways ── */

struct order {
	const char *owner;
	struct job_new make;
	struct id id;
	struct arena *arena;
	struct job job;
	int64_t next_ms;
	int rc; /* of the job function */
	int what;
	struct err why;
	bool final;
};

enum { MAKE, LEASE, RENEW, STEP, END, CANCEL, RETRY, RELEASE, RELEASE_ALL, CANCEL_DOCUMENT };

static int tx_order(struct db *db, void *arg, struct err *e)
{
	struct order *o = arg;

	switch (o->what) {
	case MAKE:
		return job_create(db, &o->make, &o->id, e);
	case LEASE:
		return job_lease(db, o->arena, o->owner, &o->job, &o->next_ms, e);
	case RENEW:
		return job_renew(db, &o->id, o->owner, 3, 9, e);
	case STEP:
		return job_step(db, &o->id, 2, e);
	case END:
		return job_end(
			db, &o->id, o->owner, o->why.code ? &o->why : NULL, 100, &o->final, e);
	case CANCEL:
		return job_cancel(db, &o->id, e);
	case RETRY:
		return job_retry(db, &o->id, e);
	case RELEASE:
		return job_release(db, &o->id, o->owner, e);
	case RELEASE_ALL:
		return job_release_all(db, e);
	case CANCEL_DOCUMENT:
		return job_cancel_document(db, &o->id, e);
	}
	return ERR_INTERNAL;
}

static int give(struct world *w, struct order *o)
{
	o->arena = &w->arena;
	err_clear(&world_err);
	return store_write(w->store, tx_order, o, &world_err);
}

static struct id make(struct world *w, const char *user)
{
	struct order o = {.what = MAKE,
		.make = {.kind = "reembed", .workspace = w->workspace, .created_by = user}};

	fine(give(w, &o));
	return o.id;
}

static int lease(struct world *w, const char *owner, struct job *out)
{
	struct order o = {.what = LEASE, .owner = owner};
	int rc = give(w, &o);

	*out = o.job;
	return rc;
}

static int on(struct world *w, int what, const struct id *id, const char *owner)
{
	struct order o = {.what = what, .id = *id, .owner = owner};

	return give(w, &o);
}

static int end(struct world *w, const struct id *id, const char *owner, int code, bool *final)
{
	struct order o = {.what = END, .id = *id, .owner = owner};
	int rc;

	if (code) {
		err_set(&o.why, code, "a_reason", "a sentence");
	}
	rc = give(w, &o);
	*final = o.final;
	return rc;
}

static struct job now(struct world *w, const struct id *id)
{
	struct db *db = reader(w);
	struct job j;

	fine(job_lookup(db, &w->arena, id, &j, &world_err));
	store_reader_drop(db);
	return j;
}

static void make_ready(struct world *w)
{
	exec_sql(w, "UPDATE job SET not_before_ms = 0");
}

/* ── life ── */

static void a_job_is_leased_once(void **state)
{
	struct world *w = *state;
	struct id id = make(w, "usr_a");
	struct job j, other;
	bool final;

	assert_string_equal(now(w, &id).state, "queued");
	fine(lease(w, "one", &j));
	assert_true(id_equal(&j.id, &id));
	assert_int_equal(j.tries, 1);
	assert_int_equal(lease(w, "two", &other), ERR_NOT_FOUND);
	assert_string_equal(now(w, &id).state, "running");
	assert_int_equal(end(w, &id, "two", 0, &final), ERR_CONFLICT);
	fine(end(w, &id, "one", 0, &final));
	assert_true(final);
	assert_string_equal(now(w, &id).state, "done");
	assert_true(now(w, &id).finished_ms > 0);
	assert_int_equal(end(w, &id, "one", 0, &final), ERR_CONFLICT);
}

static void a_lease_is_renewed_by_its_owner(void **state)
{
	struct world *w = *state;
	struct id id = make(w, "usr_a");
	struct job j;

	fine(lease(w, "one", &j));
	exec_sql(w, "UPDATE job SET lease_until_ms = %lld", (long long)clock_wall_ms() + 5);
	fine(on(w, RENEW, &id, "one"));
	j = now(w, &id);
	assert_true(j.lease_until_ms > clock_wall_ms() + JOB_LEASE_MS / 2);
	assert_int_equal(j.done_units, 3);
	assert_int_equal(j.total_units, 9);
	assert_int_equal(on(w, RENEW, &id, "two"), ERR_CANCELLED);
}

static void an_expired_lease_goes_on_at_its_step(void **state)
{
	struct world *w = *state;
	struct id id = make(w, "usr_a");
	struct job j;
	bool final;

	fine(lease(w, "dead", &j));
	fine(on(w, STEP, &id, "dead"));
	exec_sql(w, "UPDATE job SET lease_until_ms = 1");
	fine(lease(w, "two", &j));
	assert_true(id_equal(&j.id, &id));
	assert_int_equal(j.step, 2);
	assert_int_equal(j.tries, 1); /* a death is not the job's failure */
	assert_int_equal(j.interrupted, 1);
	assert_int_equal(end(w, &id, "dead", 0, &final), ERR_CONFLICT);
}

static void deaths_in_one_step_are_bounded(void **state)
{
	struct world *w = *state;
	struct id id = make(w, "usr_a");
	struct job j;

	for (int i = 0; i < JOB_INTERRUPTED_MAX; i++) {
		fine(lease(w, "one", &j));
		if (i == 2) {
			fine(on(w, STEP, &id, "one")); /* it came further: counted anew */
		}
		fine(on(w, RELEASE_ALL, &id, NULL));
	}
	for (int i = 0; i < 2; i++) { /* six since then, and two more */
		assert_string_equal(now(w, &id).state, "queued");
		fine(lease(w, "one", &j));
		fine(on(w, RELEASE_ALL, &id, NULL));
	}
	assert_string_equal(now(w, &id).state, "quarantined");
	assert_string_equal(now(w, &id).reason, "interrupted");
}

static void failures_wait_longer_then_are_quarantined(void **state)
{
	struct world *w = *state;
	struct id id = make(w, "usr_a");
	int64_t least[] = {100, 200};
	struct job j;
	bool final;

	for (int i = 0; i < 2; i++) {
		int64_t before_ms = clock_wall_ms();
		struct order o = {.what = LEASE, .owner = "one"};

		fine(lease(w, "one", &j));
		fine(end(w, &id, "one", ERR_UNAVAILABLE, &final));
		assert_false(final);
		j = now(w, &id);
		assert_string_equal(j.state, "queued");
		assert_string_equal(j.reason, "a_reason");
		assert_true(j.not_before_ms >= before_ms + least[i]);
		exec_sql(w, "UPDATE job SET not_before_ms = %lld", (long long)before_ms + 3600000);
		assert_int_equal(give(w, &o), ERR_NOT_FOUND);
		assert_int_equal(o.next_ms, before_ms + 3600000);
		make_ready(w);
	}
	fine(lease(w, "one", &j));
	fine(end(w, &id, "one", ERR_UNAVAILABLE, &final));
	assert_true(final);
	assert_string_equal(now(w, &id).state, "quarantined");
	fine(on(w, RETRY, &id, NULL));
	assert_string_equal(now(w, &id).state, "queued");
	assert_int_equal(now(w, &id).tries, 0);
	assert_null(now(w, &id).reason);
	assert_int_equal(on(w, RETRY, &id, NULL), ERR_CONFLICT);
}

static void what_cannot_be_mended_fails_at_once(void **state)
{
	struct world *w = *state;
	struct id id = make(w, "usr_a");
	struct job j;
	bool final;

	fine(lease(w, "one", &j));
	fine(end(w, &id, "one", ERR_UNPROCESSABLE, &final));
	assert_true(final);
	assert_string_equal(now(w, &id).state, "failed");
	assert_string_equal(now(w, &id).message, "a sentence");
}

static void a_graceful_stop_is_no_try(void **state)
{
	struct world *w = *state;
	struct id id = make(w, "usr_a");
	struct job j;

	fine(lease(w, "one", &j));
	fine(on(w, RELEASE, &id, "two")); /* not the owner: nothing */
	assert_string_equal(now(w, &id).state, "running");
	fine(on(w, RELEASE, &id, "one"));
	assert_string_equal(now(w, &id).state, "queued");
	assert_int_equal(now(w, &id).tries, 0);
	assert_int_equal(now(w, &id).interrupted, 0);
}

/* ── cancelling ── */

static void cancelling(void **state)
{
	struct world *w = *state;
	struct id one = make(w, "usr_a"), two = make(w, "usr_a"), none = id_create("job");
	struct job j;
	bool final;

	fine(lease(w, "one", &j));
	assert_true(id_equal(&j.id, &one));
	fine(on(w, CANCEL, &two, NULL));
	assert_string_equal(now(w, &two).state, "cancelled");
	fine(on(w, CANCEL, &one, NULL));
	assert_string_equal(now(w, &one).state, "running");
	assert_int_equal(on(w, RENEW, &one, "one"), ERR_CANCELLED);
	fine(end(w, &one, "one", ERR_IO, &final)); /* whatever it died of */
	assert_string_equal(now(w, &one).state, "cancelled");
	fine(on(w, CANCEL, &one, NULL)); /* ended: nothing changes */
	assert_int_equal(on(w, CANCEL, &none, NULL), ERR_NOT_FOUND);
	fine(on(w, RETRY, &one, NULL));
	assert_int_equal(now(w, &one).cancel_ms, 0);
}

static void a_cancelled_job_of_a_dead_process_ends(void **state)
{
	struct world *w = *state;
	struct id id = make(w, "usr_a");
	struct job j;

	fine(lease(w, "one", &j));
	fine(on(w, CANCEL, &id, NULL));
	fine(on(w, RELEASE_ALL, &id, NULL));
	assert_string_equal(now(w, &id).state, "cancelled");
}

static void a_purge_goes_on(void **state)
{
	struct world *w = *state;
	struct order o = {.what = MAKE,
		.make = {.kind = "purge",
			.workspace = w->workspace,
			.document = id_create("doc"),
			.created_by = "usr_a"}};
	struct job j;
	bool final;

	fine(give(w, &o));
	assert_int_equal(on(w, CANCEL, &o.id, NULL), ERR_CONFLICT);
	fine(on(w, CANCEL_DOCUMENT, &o.make.document, NULL));
	assert_string_equal(now(w, &o.id).state, "queued");
	for (int i = 0; i < 20; i++) {
		fine(lease(w, "one", &j));
		fine(end(w, &o.id, "one", ERR_UNPROCESSABLE, &final));
		assert_false(final);
		assert_true(now(w, &o.id).not_before_ms <= clock_wall_ms() + 3600000);
		make_ready(w);
	}
}

static void a_documents_jobs_are_cancelled(void **state)
{
	struct world *w = *state;
	struct id document = id_create("doc"), ids[3];
	struct job j;

	for (int i = 0; i < 3; i++) {
		struct order o = {.what = MAKE,
			.make = {.kind = "reindex",
				.workspace = w->workspace,
				.document = document,
				.created_by = "usr_a"}};

		fine(give(w, &o));
		ids[i] = o.id;
	}
	fine(lease(w, "one", &j));
	fine(on(w, CANCEL_DOCUMENT, &document, NULL));
	assert_string_equal(now(w, &ids[0]).state, "running");
	assert_true(now(w, &ids[0]).cancel_ms > 0);
	assert_string_equal(now(w, &ids[1]).state, "cancelled");
	assert_string_equal(now(w, &ids[2]).state, "cancelled");
}

/* ── its version ── */

static void the_version_goes_along(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct arrived in = arrive(w, &c, "d.txt", "bytes");
	struct order o = {.what = MAKE,
		.make = {.kind = "ingest",
			.workspace = w->workspace,
			.document = in.document,
			.version = in.version,
			.created_by = "operator"}};
	struct version v;
	struct job j;
	struct db *db;
	bool final;
	static const char *const expected[] = {"ingesting", "queued", "ingesting", "failed"};

	fine(give(w, &o));
	for (int i = 0; i < 4; i++) {
		if (i % 2 == 0) {
			make_ready(w);
			fine(lease(w, "one", &j));
		} else {
			fine(end(w, &o.id, "one", i == 1 ? ERR_IO : ERR_UNPROCESSABLE, &final));
		}
		db = reader(w);
		fine(version_lookup(db, &w->arena, &in.version, &v, &world_err));
		fine(job_of_version(db, &w->arena, &in.version, &j, &world_err));
		store_reader_drop(db);
		assert_string_equal(v.state, expected[i]);
		assert_true(id_equal(&j.id, &o.id));
	}
	assert_string_equal(v.message, "a sentence");
}

/* ── fairness ── */

static void users_take_turns(void **state)
{
	struct world *w = *state;
	struct job j;
	int of_b = 0;
	bool final;

	for (int i = 0; i < 20; i++) {
		make(w, "usr_a");
	}
	for (int i = 0; i < 3; i++) {
		make(w, "usr_b");
	}
	/* One worker: the second user is not behind all of the first one's. */
	for (int i = 0; i < 6; i++) {
		struct id id;

		fine(lease(w, "one", &j));
		of_b += strcmp(j.created_by, "usr_b") == 0;
		id = j.id;
		exec_sql(w, "UPDATE job SET started_ms = %d WHERE id = '%s'", i + 1, id.s);
		fine(end(w, &id, "one", 0, &final));
	}
	assert_int_equal(of_b, 3);
}

static void the_user_with_fewest_running_is_next(void **state)
{
	struct world *w = *state;
	struct id first = make(w, "usr_a"), b;
	struct job j;

	make(w, "usr_a");
	make(w, "usr_a");
	b = make(w, "usr_b");
	fine(lease(w, "one", &j));
	assert_true(id_equal(&j.id, &first)); /* the oldest of all */
	fine(lease(w, "two", &j));
	assert_true(id_equal(&j.id, &b));
}

/* As the worker does it: thousands of files of one user are a moment's delay for the other. */
static void thousands_of_one_user_delay_nobody(void **state)
{
	struct world *w = *state;
	struct id b;
	struct job j;
	bool final;
	int before = 0;

	exec_sql(w,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
		"INSERT INTO job(id, workspace_id, kind, state, created_by, created_ms) "
		"SELECT printf('job_%%026d', i), '%s', 'reembed', 'queued', 'usr_a', i FROM n",
		w->workspace.s);
	for (int i = 0; i < 3; i++) {
		struct id id;

		fine(lease(w, "one", &j));
		id = j.id;
		fine(end(w, &id, "one", 0, &final));
	}
	b = make(w, "usr_b");
	do {
		struct id id;

		fine(lease(w, "one", &j));
		id = j.id;
		fine(end(w, &id, "one", 0, &final));
		before++;
	} while (!id_equal(&j.id, &b) && before < 10);
	assert_int_equal(before, 1);
}

static int lease_idle_tx(struct db *db, void *arg, struct err *e)
{
	struct order *o = arg;
	int64_t next_ms;

	return job_lease_idle(db, o->arena, o->owner, &o->job, &next_ms, e);
}

static void a_seat_is_kept_for_users_of_whom_nothing_runs(void **state)
{
	struct world *w = *state;
	struct order o = {.owner = "two", .arena = &w->arena};
	struct id b;
	struct job j;

	make(w, "usr_a");
	make(w, "usr_a");
	fine(lease(w, "one", &j));
	assert_int_equal(store_write(w->store, lease_idle_tx, &o, &world_err), ERR_NOT_FOUND);
	err_clear(&world_err);
	b = make(w, "usr_b");
	fine(store_write(w->store, lease_idle_tx, &o, &world_err));
	assert_true(id_equal(&o.job.id, &b));
}

/* ── lists ── */

static void lists_and_counts(void **state)
{
	struct world *w = *state;
	struct id ids[5], other;
	struct job_counts counts;
	struct job *rows;
	struct db *db;
	int n;

	fine(work(w, (struct work){.which = W_WORKSPACE, .a = "other", .out = &other}));
	for (int i = 0; i < 5; i++) {
		ids[i] = make(w, "usr_a");
	}
	fine(on(w, CANCEL, &ids[4], NULL));
	db = reader(w);
	fine(job_list(db, &w->arena, &w->workspace, NULL, NULL, 3, &rows, &n, &world_err));
	assert_int_equal(n, 3);
	assert_true(id_equal(&rows[0].id, &ids[4]));
	fine(job_list(db, &w->arena, NULL, "queued", &ids[3], 10, &rows, &n, &world_err));
	assert_int_equal(n, 3);
	assert_true(id_equal(&rows[2].id, &ids[0]));
	fine(job_list(db, &w->arena, &other, NULL, NULL, 10, &rows, &n, &world_err));
	assert_int_equal(n, 0);
	fine(job_count(db, &w->workspace, &counts, &world_err));
	assert_int_equal(counts.queued, 4);
	assert_int_equal(counts.cancelled, 1);
	fine(job_count(db, &other, &counts, &world_err));
	assert_int_equal(counts.queued, 0);
	assert_int_equal(job_of_version(db, &w->arena, &ids[0], &rows[0], NULL), ERR_NOT_FOUND);
	store_reader_drop(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_job_is_leased_once),
		T(a_lease_is_renewed_by_its_owner),
		T(an_expired_lease_goes_on_at_its_step),
		T(deaths_in_one_step_are_bounded),
		T(failures_wait_longer_then_are_quarantined),
		T(what_cannot_be_mended_fails_at_once),
		T(a_graceful_stop_is_no_try),
		T(cancelling),
		T(a_cancelled_job_of_a_dead_process_ends),
		T(a_purge_goes_on),
		T(a_documents_jobs_are_cancelled),
		T(the_version_goes_along),
		T(users_take_turns),
		T(the_user_with_fewest_running_is_next),
		T(thousands_of_one_user_delay_nobody),
		T(a_seat_is_kept_for_users_of_whom_nothing_runs),
		T(lists_and_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

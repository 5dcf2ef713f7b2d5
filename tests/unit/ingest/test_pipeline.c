/* From the upload to the hit, through every real part; and what a SIGKILL at any step leaves. */
#include "tests/unit/ingest/house.h"

#include <signal.h>
#include <sys/wait.h>

static const char *const PAGES[] = {
	"Travel policy of the company\n"
	"Everyone books their own travel through the portal of the office. Flights longer\n"
	"than six hours may be booked in premium economy after a manager has agreed.\n",
	"Receipts of every journey are handed in within thirty days, otherwise the zebrafinch\n"
	"committee does not pay them back. This is the second page of the document.\n",
};

static struct upload_receipt put_pdf(struct house *h, const char *name)
{
	struct upload_receipt r;
	struct buf pdf = BUF_INIT;

	draw_pdf(&pdf, PAGES, 2);
	fine(send(h, name, pdf.data, pdf.len, &r));
	buf_finish(&pdf);
	return r;
}

/* ── the good way ── */

static void a_pdf_is_found_with_its_place(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = put_pdf(h, "hr/travel.pdf");
	struct version v;
	struct chunk c;

	assert_int_equal(r.arrival, ARRIVAL_NEW);
	assert_string_equal(r.state, "queued");
	assert_int_equal(finds(h, "zebrafinch", NULL), 0);
	run_all(h);
	assert_string_equal(job_now(h, &r.job).state, "done");
	assert_string_equal(pipeline_stage("ingest", job_now(h, &r.job).step), "");
	v = version_now(h, &r.version);
	assert_string_equal(v.state, "indexed");
	assert_string_equal(v.media_type, "application/pdf");
	assert_string_equal(v.language, "en");
	assert_int_equal(v.n_pages, 2);
	assert_int_equal(finds(h, "zebrafinch", &c), 1);
	assert_non_null(strstr(c.text, "zebrafinch"));
	assert_true(c.page_first <= 2 && c.page_last == 2);
	assert_true(c.n_boxes >= 2);
	assert_int_equal(c.boxes[c.n_boxes - 1].page, 2);
	assert_int_equal(count_entries(path_in(h, "stage")), 0);
	assert_int_equal(check(h, false, NULL), 0);
}

static void no_text_is_a_state(void **state)
{
	struct house *h = *state;
	struct upload_receipt r;
	struct buf pdf = BUF_INIT;

	draw_pdf(&pdf, (const char *const[]){""}, 1);
	fine(send(h, "scan.pdf", pdf.data, pdf.len, &r));
	buf_finish(&pdf);
	run_all(h);
	assert_string_equal(job_now(h, &r.job).state, "done");
	assert_string_equal(version_now(h, &r.version).state, "no_text");
	assert_int_equal(check(h, false, NULL), 0);
}

static void a_broken_file_fails_at_once_and_the_old_one_serves(void **state)
{
	struct house *h = *state;
	struct upload_receipt good = put_pdf(h, "travel.pdf"), bad;
	struct err why = ERR_INIT;

	run_all(h);
	fine(send(h, "travel.pdf", "%PDF-1.7\nnothing of a document", 30, &bad));
	assert_int_equal(bad.arrival, ARRIVAL_VERSION);
	assert_true(id_equal(&bad.document, &good.document));
	assert_int_equal(run_next(h, &why), ERR_UNPROCESSABLE);
	assert_string_equal(job_now(h, &bad.job).state, "failed");
	assert_int_equal(job_now(h, &bad.job).tries, 1);
	assert_string_equal(version_now(h, &bad.version).state, "failed");
	assert_string_equal(version_now(h, &bad.version).reason, why.reason);
	assert_true(strlen(version_now(h, &bad.version).message) > 10);
	assert_string_equal(version_now(h, &good.version).state, "indexed");
	assert_int_equal(finds(h, "zebrafinch", NULL), 1);
}

static void a_new_version_replaces_the_old(void **state)
{
	struct house *h = *state;
	struct upload_receipt one = put(h, "note.md", "# Note\n\nThe aardvark meets at nine.\n"),
			      two;

	run_all(h);
	two = put(h, "note.md", "# Note\n\nThe platypus meets at ten.\n");
	run_all(h);
	assert_int_equal(finds(h, "aardvark", NULL), 0);
	assert_int_equal(finds(h, "platypus", NULL), 1);
	assert_string_equal(version_now(h, &one.version).state, "superseded");
	assert_string_equal(version_now(h, &two.version).state, "indexed");
	assert_int_equal(check(h, false, NULL), 0);
}

static int touch_first(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(db,
		"UPDATE job SET not_before_ms = created_ms + 3600000 WHERE id ="
		" (SELECT min(id) FROM job WHERE state = 'queued')",
		e);
}

static int let_all_go(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(db, "UPDATE job SET not_before_ms = 0", e);
}

/* On several workers the newer version may come through first. */
static void an_older_version_does_not_overtake(void **state)
{
	struct house *h = *state;
	struct upload_receipt one = put(h, "note.md", "The aardvark meets at nine.\n");
	struct upload_receipt two = put(h, "note.md", "The platypus meets at ten.\n");

	fine(store_write(h->ix->store, touch_first, NULL, &house_err));
	run_all(h);
	assert_int_equal(finds(h, "platypus", NULL), 1);
	fine(store_write(h->ix->store, let_all_go, NULL, &house_err));
	run_all(h);
	assert_int_equal(finds(h, "aardvark", NULL), 0);
	assert_int_equal(finds(h, "platypus", NULL), 1);
	assert_string_equal(version_now(h, &one.version).state, "superseded");
	assert_string_equal(version_now(h, &two.version).state, "indexed");
}

static void reindexing_keeps_one_copy(void **state)
{
	struct house *h = *state;
	int64_t n;

	put_pdf(h, "travel.pdf");
	run_all(h);
	fine(ingest_reindex(h->ix, &h->who.workspace, NULL, false, "operator", &n, &house_err));
	assert_int_equal(n, 0); /* its chunker is the present one */
	fine(ingest_reindex(
		h->ix, &h->who.workspace, &h->collection, true, "operator", &n, &house_err));
	assert_int_equal(n, 1);
	fine(ingest_reindex(h->ix, &h->who.workspace, NULL, true, "operator", &n, &house_err));
	assert_int_equal(n, 0); /* its job is open */
	assert_int_equal(finds(h, "zebrafinch", NULL), 1);
	run_all(h);
	assert_int_equal(finds(h, "zebrafinch", NULL), 1);
	assert_int_equal(check(h, false, NULL), 0);
}

static void a_failed_version_is_reindexed(void **state)
{
	struct house *h = *state;
	struct upload_receipt bad;
	struct err why = ERR_INIT;
	int64_t n;

	fine(send(h, "bad.pdf", "%PDF-1.7\nnothing", 16, &bad));
	assert_true(run_next(h, &why) < 0);
	fine(ingest_reindex(h->ix, &h->who.workspace, NULL, false, "operator", &n, &house_err));
	assert_int_equal(n, 1);
	assert_string_equal(version_now(h, &bad.version).state, "queued");
	assert_true(run_next(h, &why) < 0);
	assert_string_equal(version_now(h, &bad.version).state, "failed");
}

/* ── what was deleted is gone ── */

static void nothing_is_left_of_a_deleted_document(void **state)
{
	struct house *h = *state;
	struct upload_receipt r =
		put(h, "secret.txt", "The wolverine project costs nine millions.\n");
	struct id job;

	put(h, "other.txt", "The office opens at nine.\n");
	run_all(h);
	assert_int_equal(finds(h, "wolverine", NULL), 1);
	fine(ingest_delete(h->ix, &r.document, "operator", &job, &house_err));
	assert_int_equal(finds(h, "wolverine", NULL), 0);
	run_all(h);
	assert_string_equal(job_now(h, &job).state, "done");
	assert_int_equal(check(h, false, NULL), 0);
	house_close(h);
	assert_false(tree_has(h->dir, "wolverine"));
	assert_false(tree_has(h->dir, "wolverin")); /* the stem */
	assert_false(tree_has(h->dir, "secret.txt"));
	house_open(h);
	assert_int_equal(finds(h, "office", NULL), 1);
}

static void a_blob_of_another_version_stays(void **state)
{
	struct house *h = *state;
	struct upload_receipt one = put(h, "one.txt", "The ocelot sleeps.\n");
	struct upload_receipt two;
	struct id job;

	run_all(h);
	put(h, "one.txt", "The ocelot is awake.\n");
	run_all(h);
	two = put(h, "two.txt", "The ocelot sleeps.\n"); /* the bytes of a superseded version */
	assert_int_equal(two.arrival, ARRIVAL_NEW);
	run_all(h);
	fine(ingest_delete(h->ix, &one.document, "operator", &job, &house_err));
	run_all(h);
	assert_int_equal(finds(h, "ocelot", NULL), 1);
	assert_int_equal(check(h, false, NULL), 0);
}

static void deleted_before_its_turn(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = put(h, "late.txt", "The wolverine comes late.\n");
	struct id job;

	fine(ingest_delete(h->ix, &r.document, "operator", &job, &house_err));
	assert_string_equal(job_now(h, &r.job).state, "cancelled");
	run_all(h);
	house_close(h);
	assert_false(tree_has(h->dir, "wolverine"));
	house_open(h);
}

static struct {
	struct house *h;
	struct id document;
	const char *step, *moment;
} trap;

static void on_delete_moment(void *arg, const char *step, const char *moment)
{
	struct id job;

	(void)arg;
	if (strcmp(step, trap.step) == 0 && strcmp(moment, trap.moment) == 0) {
		fine(ingest_delete(trap.h->ix, &trap.document, "operator", &job, &house_err));
	}
}

/* Deleted while it is read: neither its text's blob nor its chunks come after the deletion. */
static void deleted_in_the_middle(void **state)
{
	static const char *const steps[] = {"extract", "chunk", "embed", "publish"};
	struct house *h = *state;

	trap.h = h;
	h->on_moment = on_delete_moment;
	for (int i = 0; i < 4; i++) {
		struct upload_receipt r = put(h, "late.txt",
			arena_printf(&h->arena, "The wolverine %d comes late.\n", i));
		struct err why = ERR_INIT;

		trap.document = r.document;
		trap.step = steps[i];
		trap.moment = "begin";
		assert_int_equal(run_next(h, &why), ERR_CANCELLED);
		assert_string_equal(job_now(h, &r.job).state, "cancelled");
		run_all(h);
		assert_int_equal(finds(h, "wolverine", NULL), 0);
	}
	assert_int_equal(check(h, false, NULL), 0);
	house_close(h);
	assert_false(tree_has(h->dir, "wolverine"));
	house_open(h);
}

/* ── lost and broken stage files ── */

static void break_stage(void *arg, const char *step, const char *moment)
{
	struct house *h = arg;
	const char *folder = path_in(h, "stage");
	struct dirent *entry;
	DIR *d;

	if (strcmp(step, trap.step) != 0 || strcmp(moment, "recorded") != 0) {
		return;
	}
	trap.step = ""; /* once */
	d = opendir(folder);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] != '.') {
			char *path = arena_printf(
				&h->arena, "%s/%s/%s", folder, entry->d_name, trap.moment);
			FILE *f = fopen(path, "r+");

			assert_non_null(f);
			fseek(f, -1, SEEK_END);
			fputc('~', f);
			fclose(f);
		}
	}
	closedir(d);
}

static void a_broken_stage_file_is_made_again(void **state)
{
	static const char *const steps[][2] = {
		{"extract", "extract"}, {"chunk", "chunks"}, {"embed", "vectors"}};
	struct house *h = *state;

	h->on_moment = break_stage;
	h->arg = h;
	for (int i = 0; i < 3; i++) {
		struct upload_receipt r;
		struct err why = ERR_INIT;
		int rc;

		trap.step = steps[i][0];
		trap.moment = steps[i][1];
		r = put(h, "note.txt",
			arena_printf(&h->arena, "The number of the gecko is %d.\n", i));
		do {
			rc = run_next(h, &why);
			fine(store_write(h->ix->store, let_all_go, NULL, &house_err));
		} while (rc < 0);
		assert_string_equal(version_now(h, &r.version).state, "indexed");
		assert_int_equal(finds(h, "gecko", NULL), 1);
	}
	assert_int_equal(check(h, false, NULL), 0);
}

/* Vectors that were put aside by a run that ended: those of the first chunk, all alike. */
static struct {
	struct house *h;
	struct id job;
	uint64_t space;
	uint32_t dimension, first, n;
} aside;

static void on_aside_moment(void *arg, const char *step, const char *moment)
{
	struct buf b = BUF_INIT;

	(void)arg;
	if (strcmp(moment, "recorded") == 0 && strcmp(step, "embed") == 0) {
		struct cursor c;

		fine(stage_read(aside.h->ix, &aside.job, "vectors", &b, &house_err));
		c = cursor_over(b.data, b.len);
		aside.space = cursor_u64(&c);
		aside.dimension = cursor_u32(&c);
		aside.first = cursor_u32(&c);
		aside.n = cursor_u32(&c);
		assert_false(c.bad);
	} else if (strcmp(moment, "recorded") == 0 && strcmp(step, "chunk") == 0 &&
		   aside.dimension) {
		buf_u64(&b, aside.space);
		buf_u32(&b, aside.dimension);
		buf_u32(&b, 0);
		buf_u32(&b, 1);
		for (uint32_t i = 0; i < aside.dimension; i++) {
			buf_f32(&b, 0.0625f);
		}
		fine(stage_write(aside.h->ix, &aside.job, "vectors.0", &b, &house_err));
	}
	buf_finish(&b);
}

static void what_was_put_aside_is_not_embedded_again(void **state)
{
	struct house *h = *state;
	struct upload_receipt r;
	struct id gone;

	aside.h = h;
	h->on_moment = on_aside_moment;
	for (uint32_t i = 0; i < 2; i++) {
		struct err why = ERR_INIT;

		r = put(h, "aside.txt",
			arena_printf(&h->arena, "The okapi %d was embedded before.\n", (int)i));
		aside.job = r.job;
		fine(run_next(h, &why));
		assert_int_equal(aside.first, i);
		assert_int_equal(aside.n, 1 - i);
		assert_string_equal(version_now(h, &r.version).state, "indexed");
	}
	assert_int_equal(finds(h, "okapi", NULL), 1);
	fine(ingest_delete(
		h->ix, &r.document, "operator", &gone, &house_err)); /* its vector is none */
	run_all(h);
	assert_int_equal(check(h, false, NULL), 0);
}

/* ── cancelling ── */

static struct ingest *running;

static void on_cancel_moment(void *arg, const char *step, const char *moment)
{
	(void)arg;
	if (strcmp(step, trap.step) == 0 && strcmp(moment, "begin") == 0) {
		atomic_store(&running->cancel, true);
	}
}

static void every_step_sees_a_cancel(void **state)
{
	static const char *const steps[] = {"extract", "chunk", "embed"};
	struct house *h = *state;

	for (int i = 0; i < 3; i++) {
		struct upload_receipt r = put(h, "c.txt", arena_printf(&h->arena, "Newt %d.\n", i));
		struct job j = job_now(h, &r.job);
		struct ingest in = {.index = h->ix,
			.zygote = h->zygote,
			.job = &j,
			.owner = "test",
			.on_moment = on_cancel_moment};
		struct err why = ERR_INIT;

		arena_init(&in.arena);
		running = &in;
		trap.step = steps[i];
		assert_int_equal(pipeline_run(&in, &why), ERR_CANCELLED);
		arena_finish(&in.arena);
	}
}

/* ── memory ── */

static int n_worked;

static void on_worked(void *arg, const char *step, const char *moment)
{
	(void)step;
	if (strcmp(moment, "worked") == 0) {
		assert_null(((struct ingest *)arg)->arena.head);
		n_worked++;
	}
}

static void no_step_leaves_memory_to_the_next(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = put(h, "m.txt", "The axolotl keeps no memory.\n");
	struct job j = job_now(h, &r.job);
	struct ingest in = {.index = h->ix,
		.zygote = h->zygote,
		.job = &j,
		.owner = "test",
		.on_moment = on_worked,
		.arg = &in};
	struct err why = ERR_INIT;

	n_worked = 0;
	arena_init(&in.arena);
	assert_int_equal(pipeline_run(&in, &why), 0);
	arena_finish(&in.arena);
	assert_int_equal(n_worked, 4);
}

/* ── SIGKILL ── */

static void on_kill_moment(void *arg, const char *step, const char *moment)
{
	(void)arg;
	if (strcmp(step, trap.step) == 0 && strcmp(moment, trap.moment) == 0) {
		raise(SIGKILL);
	}
}

static int release_all(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return job_release_all(db, e);
}

/* A process of its own opens the folder, runs jobs and dies at that moment. */
static void die_at(struct house *h, const char *step, const char *moment)
{
	pid_t pid;
	int status;

	house_close(h);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err why = ERR_INIT;

		trap.step = step;
		trap.moment = moment;
		h->on_moment = on_kill_moment;
		house_open(h);
		while (run_next(h, &why) == 0) {
		}
		_exit(3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	house_open(h);
	fine(store_write(h->ix->store, release_all, NULL, &house_err));
}

static void killed_while_coming_in(void **state)
{
	static const char *const steps[] = {"extract", "chunk", "embed", "publish"};
	static const char *const moments[] = {"begin", "worked", "recorded"};
	struct house *h = *state;

	for (int i = 0; i < 12; i++) {
		struct upload_receipt r =
			put(h, "k.txt", arena_printf(&h->arena, "Axolotl %d.\n", i));
		struct job j;

		die_at(h, steps[i / 3], moments[i % 3]);
		j = job_now(h, &r.job);
		assert_string_equal(j.state, "queued");
		assert_int_equal(j.tries, 0);
		/* the step is recorded as soon as it is durable */
		assert_int_equal(j.step, i / 3 + (i % 3 == 2 || (i / 3 == 3 && i % 3 == 1)));
		run_all(h);
		assert_string_equal(job_now(h, &r.job).state, "done");
		assert_int_equal(finds(h, "axolotl", NULL), 1);
		assert_int_equal(check(h, false, NULL), 0);
		assert_int_equal(version_now(h, &r.version).generation, 1);
	}
}

static const char MAIL[] =
	"From: Rosa <rosa@example.com>\r\nTo: Emil <emil@example.com>\r\nSubject: Offer\r\n"
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n"
	"--b\r\nContent-Type: text/plain\r\n\r\nThe zebrafinch is attached.\r\n"
	"--b\r\nContent-Type: text/plain; name=\"a.txt\"\r\n"
	"Content-Disposition: attachment; filename=\"a.txt\"\r\n\r\nThe axolotl %d.\r\n--b--\r\n";

/* Text and parts are recorded together: neither is made twice, none is lost. */
static void killed_while_parts_come_in(void **state)
{
	static const char *const moments[] = {"begin", "worked", "recorded"};
	struct house *h = *state;

	for (int i = 0; i < 3; i++) {
		char *text = arena_printf(&h->arena, MAIL, i);
		struct upload_receipt r;
		struct part *parts;
		struct db *db;
		int n;

		fine(send(h, "m.eml", text, strlen(text), &r));
		die_at(h, "extract", moments[i]);
		run_all(h);
		assert_string_equal(job_now(h, &r.job).state, "done");
		db = reader(h);
		fine(document_parts(db, &h->arena, &r.document, &parts, &n, &house_err));
		store_reader_drop(db);
		assert_int_equal(n, 1);
		assert_int_equal(parts[0].seq, i + 1);
		assert_int_equal(finds(h, "axolotl", NULL), 1);
		assert_int_equal(finds(h, "zebrafinch", NULL), 1);
		assert_int_equal(check(h, false, NULL), 0);
	}
}

static void killed_while_going_out(void **state)
{
	static const char *const steps[] = {"purge", "blobs", "checkpoint"};
	static const char *const moments[] = {"begin", "worked", "recorded"};
	struct house *h = *state;
	int64_t n_swept;

	for (int i = 0; i < 9; i++) {
		struct upload_receipt r =
			put(h, "k.txt", arena_printf(&h->arena, "The axolotl %d.\n", i));
		struct id job;

		run_all(h);
		fine(ingest_delete(h->ix, &r.document, "operator", &job, &house_err));
		die_at(h, steps[i / 3], moments[i % 3]);
		assert_int_equal(finds(h, "axolotl", NULL), 0);
		run_all(h);
		fine(index_sweep_blobs(h->ix, &n_swept, &house_err)); /* as every start does */
		assert_int_equal(check(h, false, NULL), 0);
		house_close(h);
		assert_false(tree_has(h->dir, "axolotl"));
		house_open(h);
	}
}

static void killed_while_embedding_anew(void **state)
{
	static const char *const steps[] = {"train", "fill", "compare", "swap"};
	static const char *const moments[] = {"begin", "worked", "recorded"};
	struct house *h = *state;

	put(h, "k.txt", "The axolotl is pink.\n");
	run_all(h);
	for (int i = 0; i < 12; i++) {
		struct id job, again;

		fine(ingest_reembed(
			h->ix, &h->who.workspace, "builtin", "operator", &job, &house_err));
		fine(ingest_reembed(
			h->ix, &h->who.workspace, "builtin", "operator", &again, &house_err));
		assert_true(id_equal(&job, &again));
		die_at(h, steps[i / 3], moments[i % 3]);
		run_all(h);
		assert_string_equal(job_now(h, &job).state, "done");
		assert_int_equal(finds(h, "axolotl", NULL), 1);
		assert_int_equal(check(h, false, NULL), 0);
	}
}

static const char *state_of(struct house *h, int64_t n)
{
	struct db *db = store_reader(h->ix->store, &house_err);
	struct space_view *spaces;
	const char *state = "";
	int n_spaces;

	assert_non_null(db);
	fine(vectors_spaces(db, &h->arena, h->who.workspace_n, &spaces, &n_spaces, &house_err));
	store_reader_drop(db);
	for (int i = 0; i < n_spaces; i++) {
		state = spaces[i].n == n ? spaces[i].state : state;
	}
	return state;
}

/* Vectors that wait for a decision, then serve with the former ones kept, whatever is killed. */
static void killed_while_a_space_waits(void **state)
{
	static const char *const steps[] = {"fill", "compare", "swap"};
	static const char *const moments[] = {"begin", "worked", "recorded"};
	const struct reembed_order fill = {.embedder = "builtin",
					   .swap = SWAP_NEVER,
					   .actor = "operator"},
				   swap = {.from = ASIDE_WAITING,
					   .swap = SWAP_ALWAYS,
					   .keep = true,
					   .actor = "operator"};
	struct house *h = *state;

	put(h, "k.txt", "The axolotl is pink.\n");
	run_all(h);
	for (int i = 0; i < 9; i++) {
		struct id job;
		int64_t n;

		fine(ingest_reembed_order(h->ix, &h->who.workspace, &fill, &job, &house_err));
		die_at(h, steps[i / 3], moments[i % 3]);
		run_all(h);
		assert_string_equal(job_now(h, &job).state, "done");
		n = job_now(h, &job).space_n;
		assert_string_equal(state_of(h, n), "waiting");
		put(h, "more.txt", arena_printf(&h->arena, "The axolotl number %d is blue.\n", i));
		run_all(h);
		fine(ingest_reembed_order(h->ix, &h->who.workspace, &swap, &job, &house_err));
		die_at(h, steps[i / 3], moments[i % 3]);
		run_all(h);
		assert_string_equal(job_now(h, &job).state, "done");
		assert_int_equal(job_now(h, &job).space_n, n);
		assert_string_equal(state_of(h, n), "serving");
		assert_int_equal(finds(h, "axolotl", NULL), 2);
		assert_int_equal(check(h, false, NULL), 0);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, house_setup, house_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_pdf_is_found_with_its_place),
		T(no_text_is_a_state),
		T(a_broken_file_fails_at_once_and_the_old_one_serves),
		T(a_new_version_replaces_the_old),
		T(an_older_version_does_not_overtake),
		T(reindexing_keeps_one_copy),
		T(a_failed_version_is_reindexed),
		T(nothing_is_left_of_a_deleted_document),
		T(a_blob_of_another_version_stays),
		T(deleted_before_its_turn),
		T(deleted_in_the_middle),
		T(a_broken_stage_file_is_made_again),
		T(what_was_put_aside_is_not_embedded_again),
		T(every_step_sees_a_cancel),
		T(no_step_leaves_memory_to_the_next),
		T(killed_while_coming_in),
		T(killed_while_parts_come_in),
		T(killed_while_going_out),
		T(killed_while_embedding_anew),
		T(killed_while_a_space_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The zygote and its children: limits, cancelling, several at once, and how they end. */
#include "tests/unit/ingest/reading.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "index/base/clock.h"

static void nap_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* Processes whose parent is `parent`. */
static int count_children(pid_t parent)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	assert_non_null(proc);
	while ((entry = readdir(proc))) {
		char path[300], line[512] = "";
		FILE *f;
		char *after;
		int of = 0;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		f = fopen(path, "re");
		if (!f) {
			continue;
		}
		after = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
		if (after && sscanf(after + 1, " %*c %d", &of) == 1 && of == parent) {
			n++;
		}
		fclose(f);
	}
	closedir(proc);
	return n;
}

static pid_t child_of(pid_t parent)
{
	char path[100], line[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f)) {
		line[0] = '\0';
	}
	if (f) {
		fclose(f);
	}
	return (pid_t)atoi(line);
}

/* Of this process, whose only child is its nursery. */
static pid_t zygote_here(void)
{
	return child_of(child_of(getpid()));
}

/* It has entered its sandbox. */
static bool confined(pid_t pid)
{
	char path[64], line[256];
	bool yes = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		yes = yes || strncmp(line, "Seccomp:\t2", 10) == 0;
	}
	if (f) {
		fclose(f);
	}
	return yes;
}

static void expect_reason(struct zygote *z, int depth, int fan, const char *reason)
{
	struct buf bomb = BUF_INIT;
	struct arena a;
	struct extracted x;
	struct err e = ERR_INIT;

	arena_init(&a);
	pdf_bomb(&bomb, depth, fan);
	assert_int_equal(read_bytes(z, bomb.data, bomb.len, "", &a, &x, &e), ERR_UNPROCESSABLE);
	if (strcmp(e.reason, reason) != 0) {
		fail_msg("%s instead of %s: %s", e.reason, reason, e.message);
	}
	arena_finish(&a);
	buf_finish(&bomb);
}

static void a_cpu_bomb_is_ended(void **state)
{
	struct zygote *z = zygote_with("ingest-cpu-s", "1", NULL);

	(void)state;
	expect_reason(z, 18, 12, "out_of_cpu");
	zygote_stop(z);
}

static void a_memory_bomb_is_ended(void **state)
{
	struct zygote *z;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	print_message("skipped: sanitizers hang where memory is short\n");
	skip();
#endif
	z = zygote_with("ingest-memory-mb", "64", "ingest-cpu-s", "60", NULL);
	expect_reason(z, 18, 12, "out_of_memory");
	zygote_stop(z);
}

static void a_stall_is_ended(void **state)
{
	struct zygote *z = zygote_with("ingest-stall-s", "1", "ingest-memory-mb", "8192", NULL);

	(void)state;
	expect_reason(z, 18, 12, "stalled");
	zygote_stop(z);
}

struct slow {
	struct zygote *z;
	struct buf bomb;
	atomic_bool cancel;
	int rc;
	struct err e;
};

static void *read_slowly(void *arg)
{
	struct slow *s = arg;
	struct arena a;
	struct extracted x;
	int fd = memfd_of(s->bomb.data, s->bomb.len);
	struct extract_request r = {.memfd = fd, .name = "", .cancel = &s->cancel};

	arena_init(&a);
	s->rc = zygote_extract(s->z, &r, &a, &x, &s->e);
	arena_finish(&a);
	close(fd);
	return NULL;
}

static void a_cancelled_request_ends_soon(void **state)
{
	struct slow s = {.z = zygote_with("ingest-memory-mb", "8192", NULL)};
	pid_t zygote = zygote_here();
	pthread_t thread;
	int64_t began;

	(void)state;
	pdf_bomb(&s.bomb, 18, 12);
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &s), 0);
	for (int i = 0; i < 500 && child_of(zygote) == 0; i++) {
		nap_ms(5);
	}
	assert_true(child_of(zygote) > 0);
	began = clock_mono_ms();
	atomic_store(&s.cancel, true);
	pthread_join(thread, NULL);
	assert_true(clock_mono_ms() - began < 1000);
	assert_int_equal(s.rc, ERR_CANCELLED);
	assert_int_equal(count_children(zygote), 0);
	zygote_stop(s.z);
	buf_finish(&s.bomb);
}

struct reader {
	struct zygote *z;
	int n;
	bool ok;
};

static void *read_many(void *arg)
{
	struct reader *r = arg;

	r->ok = true;
	for (int i = 0; i < 20; i++) {
		struct arena a;
		struct extracted x;
		char text[80], expected[90];
		int fd, rc;
		struct extract_request q = {.name = "a.txt"};

		arena_init(&a);
		snprintf(text, sizeof(text), "document %d of reader %d", i, r->n);
		snprintf(expected, sizeof(expected), "%s\n", text);
		fd = memfd_of(text, strlen(text));
		q.memfd = fd;
		rc = zygote_extract(r->z, &q, &a, &x, NULL);
		r->ok = r->ok && rc == 0 && strcmp(x.text, expected) == 0;
		close(fd);
		arena_finish(&a);
	}
	return NULL;
}

static void several_at_once(void **state)
{
	struct zygote *z = zygote_with(NULL);
	int fds = count_fds();
	pthread_t threads[6];
	struct reader readers[6];

	(void)state;
	for (int i = 0; i < 6; i++) {
		readers[i] = (struct reader){z, i, false};
		assert_int_equal(pthread_create(&threads[i], NULL, read_many, &readers[i]), 0);
	}
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		assert_true(readers[i].ok);
	}
	assert_int_equal(count_fds(), fds);
	zygote_stop(z);
}

static int last_done, last_n, n_told;

static void on_progress(void *arg, int done, int n)
{
	assert_ptr_equal(arg, &n_told);
	assert_true(done >= last_done);
	last_done = done;
	last_n = n;
	n_told++;
}

static void progress_is_told_by_page(void **state)
{
	struct zygote *z = zygote_with(NULL);
	struct pdf_pen p;
	struct arena a;
	struct extracted x;
	struct extract_request q = {.name = "", .progress = on_progress, .arg = &n_told};

	(void)state;
	arena_init(&a);
	pdf_begin(&p);
	for (int i = 0; i < 7; i++) {
		pdf_say(&p, 60, 100, 10, false, "words");
		cairo_show_page(p.cr);
	}
	pdf_end(&p);
	q.memfd = memfd_of(p.out.data, p.out.len);
	assert_int_equal(zygote_extract(z, &q, &a, &x, NULL), 0);
	assert_int_equal(last_done, 7);
	assert_int_equal(last_n, 7);
	assert_true(n_told >= 1);
	close(q.memfd);
	buf_finish(&p.out);
	arena_finish(&a);
	zygote_stop(z);
}

/* A killed zygote is followed by another; a child that was killed is not its document's fault. */
static void killed_ones_are_followed(void **state)
{
	struct zygote *z = zygote_with(NULL);
	pid_t nursery = child_of(getpid()), zygote = 0, next = 0;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (int k = 0; k < 3; k++) {
		struct extracted x;
		struct err e = ERR_INIT;
		int rc = ERR_UNAVAILABLE;

		zygote = child_of(nursery);
		assert_true(zygote > 0);
		assert_int_equal(kill(zygote, SIGKILL), 0);
		/* What was ordered before it ended is lost; after that another one reads. */
		for (int i = 0; i < 400 && rc == ERR_UNAVAILABLE; i++) {
			assert_null(zygote_state(z));
			err_clear(&e);
			rc = read_bytes(z, "text", 4, "a.txt", &a, &x, &e);
		}
		assert_int_equal(rc, 0);
		assert_string_equal(x.text, "text\n");
		next = child_of(nursery);
		assert_true(next > 0 && next != zygote);
	}
	arena_finish(&a);
	zygote_stop(z);
	assert_true(kill(nursery, 0) < 0 && kill(next, 0) < 0);
}

static void a_dead_nursery_is_told(void **state)
{
	struct zygote *z = zygote_with(NULL);
	pid_t nursery = child_of(getpid());
	struct arena a;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	assert_null(zygote_state(z));
	assert_int_equal(kill(nursery, SIGKILL), 0);
	for (int i = 0; i < 400 && !zygote_state(z); i++) {
		nap_ms(5);
	}
	assert_non_null(zygote_state(z));
	assert_int_equal(read_bytes(z, "text", 4, "a.txt", &a, &x, &e), ERR_UNAVAILABLE);
	assert_string_equal(e.reason, "sandbox_unavailable");
	arena_finish(&a);
	zygote_stop(z);
}

static void a_dying_zygote_takes_its_children_along(void **state)
{
	struct slow s = {.z = zygote_with("ingest-memory-mb", "8192", NULL)};
	pid_t zygote = zygote_here(), child = 0;
	pthread_t thread;
	char path[64];

	(void)state;
	pdf_bomb(&s.bomb, 18, 12);
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &s), 0);
	for (int i = 0; i < 500 && (child = child_of(zygote)) == 0; i++) {
		nap_ms(5);
	}
	assert_true(child > 0);
	for (int i = 0; i < 500 && !confined(child); i++) {
		nap_ms(5);
	}
	assert_true(confined(child));
	kill(zygote, SIGKILL);
	pthread_join(thread, NULL);
	assert_int_equal(s.rc, ERR_UNAVAILABLE);
	snprintf(path, sizeof(path), "/proc/%d/exe", child);
	for (int i = 0; i < 400 && readlink(path, path + 32, 30) >= 0; i++) {
		nap_ms(5);
	}
	assert_true(readlink(path, path + 32, 30) < 0);
	zygote_stop(s.z);
	buf_finish(&s.bomb);
}

static void stop_signals_do_not_reach_it(void **state)
{
	struct zygote *z = zygote_with(NULL);
	pid_t zygote = zygote_here();
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	kill(zygote, SIGINT);
	kill(zygote, SIGTERM);
	kill(zygote, SIGHUP);
	x = read_string(z, "still here", "a.txt", &a);
	assert_string_equal(x.text, "still here\n");
	zygote_stop(z);
	assert_true(kill(zygote, 0) < 0 && errno == ESRCH);
	arena_finish(&a);
}

/* A process that starts a zygote and is killed leaves nothing behind. */
static void it_dies_with_its_parent(void **state)
{
	int ready[2];
	pid_t parent, zygote = 0;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	parent = fork();
	if (parent == 0) {
		(void)zygote_with(NULL);
		zygote = zygote_here();
		(void)!write(ready[1], &zygote, sizeof(zygote));
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &zygote, sizeof(zygote)), sizeof(zygote));
	assert_true(zygote > 0);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	for (int i = 0; i < 400 && kill(zygote, 0) == 0; i++) {
		char path[64], line[256] = "";
		FILE *f;

		/* In a container nobody may reap it: a zombie counts as dead. */
		snprintf(path, sizeof(path), "/proc/%d/stat", zygote);
		f = fopen(path, "re");
		if (f && fgets(line, sizeof(line), f) && strstr(line, ") Z ")) {
			fclose(f);
			break;
		}
		if (f) {
			fclose(f);
		}
		nap_ms(5);
		assert_true(i < 399);
	}
	close(ready[0]);
	close(ready[1]);
}

static void it_holds_no_secrets(void **state)
{
	pid_t zygote;
	struct zygote *z;
	char path[64], bytes[65536];
	int fd;
	ssize_t n;

	(void)state;
	z = zygote_with("model-key", "sk-very-secret", NULL);
	zygote = zygote_here();
	for (int k = 0; k < 2; k++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", zygote, k ? "cmdline" : "environ");
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		n = read(fd, bytes, sizeof(bytes));
		for (ssize_t i = 0; i < n; i++) {
			assert_int_equal(bytes[i], 0);
		}
		close(fd);
	}
	zygote_stop(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cpu_bomb_is_ended),
		cmocka_unit_test(a_memory_bomb_is_ended),
		cmocka_unit_test(a_stall_is_ended),
		cmocka_unit_test(a_cancelled_request_ends_soon),
		cmocka_unit_test(several_at_once),
		cmocka_unit_test(progress_is_told_by_page),
		cmocka_unit_test(killed_ones_are_followed),
		cmocka_unit_test(a_dead_nursery_is_told),
		cmocka_unit_test(a_dying_zygote_takes_its_children_along),
		cmocka_unit_test(stop_signals_do_not_reach_it),
		cmocka_unit_test(it_dies_with_its_parent),
		cmocka_unit_test(it_holds_no_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

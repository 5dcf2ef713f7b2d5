/* The zygote and its children: limits, cancelling, several at once, and how they end. */
#include "tests/unit/ingest/reading.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "index/base/clock.h"
#include "ingest/zygote_private.h"

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

/* The child of whichever of its threads; 0: none. */
static pid_t child_of(pid_t parent)
{
	char path[100], line[64];
	struct dirent *entry;
	pid_t found = 0;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", parent);
	threads = opendir(path);
	while (threads && !found && (entry = readdir(threads))) {
		char name[400];
		FILE *f;

		snprintf(name, sizeof(name), "%s/%s/children", path, entry->d_name);
		f = fopen(name, "re");
		found = f && fgets(line, sizeof(line), f) ? (pid_t)atoi(line) : 0;
		if (f) {
			fclose(f);
		}
	}
	if (threads) {
		closedir(threads);
	}
	return found;
}

static pid_t zygote_here(void)
{
	return child_of(getpid());
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

static pid_t another_than(pid_t zygote)
{
	pid_t next = 0;

	for (int i = 0; i < 1000 && (next == 0 || next == zygote); i++) {
		nap_ms(5);
		next = zygote_here();
	}
	assert_true(next > 0 && next != zygote);
	return next;
}

/* A killed zygote is followed by another, without a request. */
static void killed_ones_are_followed(void **state)
{
	struct zygote *z = zygote_with(NULL);
	pid_t zygote = zygote_here();

	(void)state;
	for (int k = 0; k < 3; k++) {
		assert_true(zygote > 0);
		assert_int_equal(kill(zygote, SIGKILL), 0);
		zygote = another_than(zygote);
	}
	zygote_stop(z);
	assert_true(kill(zygote, 0) < 0 && errno == ESRCH);
}

/* What nobody had taken is read by the next one: what is ordered while there is none is not lost.
 */
static void what_is_ordered_meanwhile_is_read(void **state)
{
	struct zygote *z = zygote_with(NULL);
	struct arena a;

	(void)state;
	arena_init(&a);
	for (int k = 0; k < 10; k++) {
		struct extracted x;
		struct err e = ERR_INIT;
		pid_t zygote = zygote_here();
		siginfo_t info;

		assert_int_equal(kill(zygote, SIGKILL), 0);
		/* Dead, whether the keeper has taken notice or not. */
		(void)waitid(P_PID, (id_t)zygote, &info, WEXITED | WNOWAIT);
		assert_null(zygote_state(z));
		assert_int_equal(read_bytes(z, "text", 4, "a.txt", &a, &x, &e), 0);
		assert_string_equal(x.text, "text\n");
	}
	arena_finish(&a);
	zygote_stop(z);
}

/* Of itself as well: a message that is no order ends it. */
static void one_that_gives_up_is_followed(void **state)
{
	struct zygote *z = zygote_with(NULL);
	pid_t zygote = zygote_here();
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(send(z->socket, "x", 1, MSG_NOSIGNAL), 1);
	(void)another_than(zygote);
	while (zygote_state(z)) {
		nap_ms(5);
	}
	assert_string_equal(read_string(z, "text", "a.txt", &a).text, "text\n");
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

/* In all that it may write to, its environment among it. */
static bool holds(pid_t pid, const char *secret)
{
	char path[64], line[512];
	unsigned long from, to;
	bool found = false;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(maps && mem >= 0);
	while (fgets(line, sizeof(line), maps)) {
		char *bytes;
		ssize_t n;

		if (sscanf(line, "%lx-%lx rw", &from, &to) != 2 || !strstr(line, " rw")) {
			continue;
		}
		bytes = malloc(to - from);
		assert_non_null(bytes);
		n = pread(mem, bytes, to - from, (off_t)from);
		found = found || (n > 0 && memmem(bytes, (size_t)n, secret, strlen(secret)));
		free(bytes);
	}
	fclose(maps);
	close(mem);
	return found;
}

static void it_holds_no_secrets(void **state)
{
	char secret[64];
	struct zygote *z;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	print_message("skipped: the memory of sanitizers has no end\n");
	skip();
#endif
	/* Not in the program, which both of them are. */
	snprintf(secret, sizeof(secret), "sk-%lld-secret", (long long)clock_wall_ms());
	setenv("CARREL_MODEL_KEY", secret, 1);
	z = zygote_with("model-key", secret, NULL);
	assert_true(holds(getpid(), secret));
	assert_false(holds(zygote_here(), secret));
	unsetenv("CARREL_MODEL_KEY");
	zygote_stop(z);
}

/* A fork costs by its mappings: one of a library's code and what is only read, none of which may be
 * written. */
static void its_libraries_are_joined_and_not_writable(void **state)
{
	struct zygote *z = zygote_with(NULL);
	char path[64], line[512];
	int n_joined = 0;
	FILE *maps;

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/maps", zygote_here());
	maps = fopen(path, "re");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		char may[8];
		unsigned long offset;

		assert_int_equal(sscanf(line, "%*s %7s %lx", may, &offset), 2);
		assert_false(may[1] == 'w' && may[2] == 'x');
		if (strstr(line, ".so.") && offset == 0) {
			assert_string_equal(may, "r-xp");
			n_joined++;
		}
	}
	assert_true(n_joined > 20);
	fclose(maps);
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
		cmocka_unit_test(what_is_ordered_meanwhile_is_read),
		cmocka_unit_test(one_that_gives_up_is_followed),
		cmocka_unit_test(a_dying_zygote_takes_its_children_along),
		cmocka_unit_test(stop_signals_do_not_reach_it),
		cmocka_unit_test(it_dies_with_its_parent),
		cmocka_unit_test(it_holds_no_secrets),
		cmocka_unit_test(its_libraries_are_joined_and_not_writable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

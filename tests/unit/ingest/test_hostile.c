/* Broken, encrypted, fuzzed and exploding PDFs of other projects' test suites: each ends in a named
 * outcome, and nothing is left behind. CARREL_HOSTILE_EVERY=1 runs all of them. Long: many files.
 */
#include "tests/unit/ingest/reading.h"

#include <sys/stat.h>
#include <sys/wait.h>

#define FOLDER "../shared/hostile/pdf"

static const char *const REASONS[] = {"empty_file", "unsupported_type", "broken_file",
	"password_required", "too_many_pages", "too_much_text", "out_of_memory", "out_of_cpu",
	"stalled", "crashed"};
#define N_REASONS (sizeof(REASONS) / sizeof(REASONS[0]))

static struct zygote *z;
static int n_seen, n_read, n_no_text, counts[N_REASONS];

static void judge(const char *path, const void *p, size_t n)
{
	struct arena a;
	struct extracted x;
	struct err e = ERR_INIT;
	int rc;

	arena_init(&a);
	rc = read_bytes(z, p, n, path, &a, &x, &e);
	if (rc == 0) {
		n_read++;
		n_no_text += x.n_bytes == 0;
		assert_int_equal(extracted_check(&x, NULL), 0);
	} else {
		size_t i = 0;

		while (i < N_REASONS && strcmp(e.reason, REASONS[i]) != 0) {
			i++;
		}
		if (rc != ERR_UNPROCESSABLE || i == N_REASONS) {
			fail_msg("%s: %d %s %s", path, rc, e.reason, e.message);
		}
		if (i >= 6) {
			print_message("%s: %s\n", path, e.message);
		}
		counts[i]++;
	}
	arena_finish(&a);
}

static void take_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *p;

	if (fd < 0 || fstat(fd, &st) < 0) {
		fail_msg("%s cannot be opened", path);
	}
	p = malloc((size_t)st.st_size + 1);
	assert_non_null(p);
	assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
	close(fd);
	judge(path, p, (size_t)st.st_size);
	free(p);
}

static int every(void)
{
	const char *s = getenv("CARREL_HOSTILE_EVERY");
	int n = s ? atoi(s) : 12;

	return n > 0 ? n : 12;
}

static void take_folder(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char child[1024];
		struct stat st;

		snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && stat(child, &st) == 0) {
			if (S_ISDIR(st.st_mode)) {
				take_folder(child);
			} else if (n_seen++ % every() == 0) {
				take_file(child);
			}
		}
		free(entries[i]);
	}
	if (n >= 0) {
		free(entries);
	}
}

static void each_file_ends_in_a_named_outcome(void **state)
{
	int fds;

	(void)state;
	z = zygote_with("ingest-cpu-s", "10", "ingest-memory-mb", "512", NULL);
	fds = count_fds();
	take_folder(FOLDER);
	print_message("%d read, %d of them without text\n", n_read, n_no_text);
	for (size_t i = 0; i < N_REASONS; i++) {
		print_message("%4d %s\n", counts[i], REASONS[i]);
	}
	assert_true(n_read * 2 > n_seen / every()); /* most are odd, not unreadable */
	assert_int_equal(count_fds(), fds);
	zygote_stop(z);
	assert_true(waitpid(-1, NULL, WNOHANG) < 0); /* no child, no zombie */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_ends_in_a_named_outcome),
	};

	if (access(FOLDER, R_OK) < 0) {
		puts("skipped: " FOLDER " is not here");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

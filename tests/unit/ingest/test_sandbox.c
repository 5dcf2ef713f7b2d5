/* Each forbidden thing is tried for real, with and without the sandbox: without it most of them
 * work, so that a probe which could not succeed anyway proves nothing here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ingest/sandbox.h"

static const struct sandbox_limits LIMITS = {.cpu_s = 5, .cpu_more_s = 10, .memory_mb = 256};

enum { REFUSED = 0, WORKED = 42, NO_SANDBOX = 43 };

static int document; /* the probes' descriptor 0 */

/* Exit status, or 128 + signal. */
static int in_child(const struct sandbox *s, int profile, bool (*tried)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (dup2(document, 0) < 0) {
			_exit(NO_SANDBOX);
		}
		if (s && sandbox_enter(s, (enum sandbox_profile)profile, &LIMITS, NULL) < 0) {
			_exit(NO_SANDBOX);
		}
		_exit(tried() ? WORKED : REFUSED);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void every_probe_is_refused_in_every_profile(void **state)
{
	struct sandbox *s;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(sandbox_create(&s, &e), 0);
	for (int profile = 0; profile < N_SANDBOX_PROFILES; profile++) {
		for (int i = 0; i < N_SANDBOX_PROBES; i++) {
			int rc = in_child(s, profile, SANDBOX_PROBES[i].tried);

			if (rc != REFUSED && rc != 128 + SIGSYS && rc != 128 + SIGXFSZ) {
				fail_msg("profile %d: %s: %d", profile, SANDBOX_PROBES[i].name, rc);
			}
		}
	}
	sandbox_destroy(s);
}

static void the_dangerous_ones_kill(void **state)
{
	static const char *const DEADLY[] = {"network", "exec", "fork", "ptrace",
		"kill of the parent", "io_uring", "userfaultfd", "exec of the document",
		"exec of a memfd"};
	struct sandbox *s;

	(void)state;
	assert_int_equal(sandbox_create(&s, NULL), 0);
	for (size_t k = 0; k < sizeof(DEADLY) / sizeof(DEADLY[0]); k++) {
		for (int i = 0; i < N_SANDBOX_PROBES; i++) {
			if (strcmp(DEADLY[k], SANDBOX_PROBES[i].name) == 0) {
				assert_int_equal(
					in_child(s, 0, SANDBOX_PROBES[i].tried), 128 + SIGSYS);
			}
		}
	}
	sandbox_destroy(s);
}

static void without_the_sandbox_they_work(void **state)
{
	static const char *const ORDINARY[] = {"network", "local sockets", "exec", "fork",
		"creating a file", "opening for writing", "reading other files", "reading /proc",
		"kill of the parent", "tgkill of the parent", "executable memory", "memfd_create",
		"exec of the document", "exec of a memfd", "writing to the document", "truncate",
		"ftruncate", "opening with O_TRUNC", "TIOCSTI", "the parent's limits",
		"raising its computing time", "setting other limits"};

	(void)state;
	for (size_t k = 0; k < sizeof(ORDINARY) / sizeof(ORDINARY[0]); k++) {
		bool found = false;

		for (int i = 0; i < N_SANDBOX_PROBES; i++) {
			if (strcmp(ORDINARY[k], SANDBOX_PROBES[i].name) == 0) {
				found = true;
				if (in_child(NULL, 0, SANDBOX_PROBES[i].tried) != WORKED) {
					fail_msg("%s proves nothing here", ORDINARY[k]);
				}
			}
		}
		assert_true(found);
	}
	unlink("/tmp/carrel-sandbox-probe");
}

/* A judge who cannot say no proves nothing. */
static void the_check_fails_where_the_sandbox_is_off(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(sandbox_probe_all(NULL, &LIMITS, &e), ERR_UNAVAILABLE);
	assert_string_equal(e.reason, "sandbox_unavailable");
	assert_non_null(strstr(e.message, "(network: possible)"));
}

static bool read_fonts(void)
{
	return open("/usr/share/fonts", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
}

static bool read_poppler(void)
{
	return open("/usr/share/poppler/cMap", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
}

static bool read_models(void)
{
	return open("/usr/share/tesseract-ocr", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
}

static void each_profile_reads_its_own_folders(void **state)
{
	struct sandbox *s;

	(void)state;
	assert_int_equal(sandbox_create(&s, NULL), 0);
	assert_int_equal(in_child(s, SANDBOX_EXTRACT, read_fonts), WORKED);
	assert_int_equal(in_child(s, SANDBOX_RENDER, read_fonts), WORKED);
	assert_int_equal(in_child(s, SANDBOX_EXTRACT, read_models), WORKED);
	assert_int_equal(in_child(s, SANDBOX_RENDER, read_models), REFUSED);
	assert_int_equal(in_child(s, SANDBOX_EXTRACT, read_poppler), WORKED);
	assert_int_equal(in_child(s, SANDBOX_RENDER, read_poppler), WORKED);
	sandbox_destroy(s);
}

/* What the zygote runs before it serves. */
static void the_check_passes(void **state)
{
	struct sandbox *s;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(sandbox_create(&s, NULL), 0);
	assert_int_equal(sandbox_probe_all(s, &LIMITS, &e), 0);
	sandbox_destroy(s);
}

static int inherited_fd;

static bool use_inherited(void)
{
	return fcntl(inherited_fd, F_GETFD) >= 0;
}

static void inherited_fds_are_closed(void **state)
{
	struct sandbox *s;

	(void)state;
	assert_int_equal(sandbox_create(&s, NULL), 0);
	inherited_fd = open("/", O_RDONLY | O_DIRECTORY);
	assert_true(inherited_fd > 2);
	assert_int_equal(in_child(NULL, 0, use_inherited), WORKED);
	assert_int_equal(in_child(s, 0, use_inherited), REFUSED);
	close(inherited_fd);
	sandbox_destroy(s);
}

static bool raise_soft(rlim_t seconds)
{
	struct rlimit l;

	return getrlimit(RLIMIT_CPU, &l) == 0 &&
	       setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, l.rlim_max}) == 0;
}

static bool raise_within(void)
{
	return raise_soft(14);
}

static bool raise_beyond(void)
{
	return raise_soft(17);
}

static void computing_time_is_raised_to_the_hard_limit_only(void **state)
{
	struct sandbox *s;

	(void)state;
	assert_int_equal(sandbox_create(&s, NULL), 0);
	assert_int_equal(in_child(s, SANDBOX_EXTRACT, raise_within), WORKED);
	assert_int_equal(in_child(s, SANDBOX_EXTRACT, raise_beyond), REFUSED);
	sandbox_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_probe_is_refused_in_every_profile),
		cmocka_unit_test(the_dangerous_ones_kill),
		cmocka_unit_test(without_the_sandbox_they_work),
		cmocka_unit_test(each_profile_reads_its_own_folders),
		cmocka_unit_test(the_check_passes),
		cmocka_unit_test(the_check_fails_where_the_sandbox_is_off),
		cmocka_unit_test(computing_time_is_raised_to_the_hard_limit_only),
		cmocka_unit_test(inherited_fds_are_closed),
	};

	document = sandbox_probe_document();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The external extractor with commands of the test: what they may do, and what is left of them. */
#include "tests/unit/ingest/reading.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/base/log.h"
#include "ingest/external.h"

struct place {
	char dir[256];
	char *folder;
	struct settings set;
	struct zygote *zygote;
	struct arena arena;
	struct err e;
	atomic_bool cancel;
};

static void set(struct place *p, const char *name, const char *value)
{
	assert_int_equal(settings_set(&p->set, name, value, "test", &p->e), 0);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(p);
	log_level_set(LOG_ERROR);
	arena_init(&p->arena);
	snprintf(p->dir, sizeof(p->dir), "%s/carrel-external-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	p->folder = arena_printf(&p->arena, "%s/job/external", p->dir);
	settings_init(&p->set);
	set(p, "external-timeout-s", "20");
	assert_int_equal(zygote_start(&p->set, &p->zygote, &p->e), 0);
	assert_null(zygote_state(p->zygote));
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	zygote_stop(p->zygote);
	settings_finish(&p->set);
	arena_finish(&p->arena);
	fs_remove_tree(p->dir);
	free(p);
	return 0;
}

/* Converts "letter" with a script for sh, in which $0 is {file}, $1 {dir} and $2 whatever is given.
 * The text that came of it, or NULL and p->e. */
static const char *convert_with(
	struct place *p, const char *name, const char *script, const char *more)
{
	int fd = memfd_of("a letter\n", 9), out;
	struct external_request r = {
		.memfd = fd, .name = name, .to = "pdf", .folder = p->folder, .cancel = &p->cancel};
	char text[4096];
	ssize_t n;
	int rc;

	set(p, "external-command",
		arena_printf(&p->arena, "sh -c '%s' {file} {dir} \"%s\"", script, more));
	err_clear(&p->e);
	rc = external_convert(p->zygote, &p->set, &r, &out, &p->e);
	close(fd);
	assert_false(fs_exists(p->folder)); /* nothing is left */
	if (rc < 0) {
		assert_int_equal(rc, p->e.code);
		assert_int_equal(out, -1);
		return NULL;
	}
	n = pread(out, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	assert_true(pwrite(out, "x", 1, 0) < 0); /* sealed */
	close(out);
	return arena_strn(&p->arena, text, (size_t)n);
}

static const char *convert(struct place *p, const char *script)
{
	return convert_with(p, "letter.doc", script, "");
}

static void assert_fails(struct place *p, const char *script, const char *reason)
{
	const char *out = convert(p, script);

	if (out) {
		fail_msg("%s gave %s", script, out);
	}
	if (strcmp(p->e.reason, reason) != 0) {
		fail_msg("%s: %s: %s", script, p->e.reason, p->e.message);
	}
	assert_true(strlen(p->e.message) > 20);
}

/* ── the good way ── */

static void a_command_gives_a_document(void **state)
{
	struct place *p = *state;

	assert_string_equal(convert(p, "cat \"$0\" >\"$1/x.pdf\"; echo said"), "a letter\n");
	assert_string_equal(
		convert(p, "echo other >\"$1/x.txt\"; echo this >\"$1/y.pdf\"; sleep 0"), "this\n");
	assert_string_equal(
		convert(p, "echo $HOME >\"$1/x\"; echo mine >$HOME/x; cat $HOME/x >>\"$1/x\"") +
			strlen(p->dir),
		"/job/external/home\nmine\n");
}

static void it_is_told_nothing_but_the_extension(void **state)
{
	struct place *p = *state;

	setenv("CARREL_TEST_SECRET", "wolverine", 1);
	assert_string_equal(convert_with(p, "a/b $(id) x.DOC", "basename \"$0\" >\"$1/x\"", ""),
		"document.DOC\n");
	assert_string_equal(
		convert_with(p, "a.d;oc", "basename \"$0\" >\"$1/x\"", ""), "document\n");
	assert_null(strstr(convert(p, "env >\"$1/x\""), "wolverine"));
	unsetenv("CARREL_TEST_SECRET");
}

/* ── the bad ways ── */

static void it_may_fail(void **state)
{
	struct place *p = *state;

	assert_fails(p, "exit 3", "external_failed");
	assert_fails(p, "exit 0", "external_failed"); /* and wrote nothing */
	assert_fails(p, ": >\"$1/x.pdf\"", "external_failed");
	assert_fails(p, "mkdir \"$1/x.pdf\"", "external_failed");
	assert_fails(p, "mkfifo \"$1/x.pdf\"", "external_failed");
	assert_fails(p, "ln -s /etc/passwd \"$1/x.pdf\"", "external_failed");
	assert_fails(p, "echo x >\"$1/x\"; exit 1", "external_failed");
}

static void it_may_not_be_there(void **state)
{
	struct place *p = *state;
	int fd = memfd_of("x", 1), out;
	struct external_request r = {
		.memfd = fd, .name = "x.doc", .to = "pdf", .folder = p->folder};
	static const char *const commands[] = {
		"/nowhere/convert {file}", "no-such-program", "sh -c 'x", "off"};

	for (size_t i = 0; i < 4; i++) {
		set(p, "external-command", commands[i]);
		assert_int_equal(external_available(&p->set), i < 3);
		assert_int_equal(
			external_convert(p->zygote, &p->set, &r, &out, &p->e), ERR_UNPROCESSABLE);
		assert_string_equal(p->e.reason, "external_unavailable");
		err_clear(&p->e);
	}
	close(fd);
}

static void it_may_not_take_for_ever(void **state)
{
	struct place *p = *state;
	int64_t from_ms = clock_mono_ms();

	set(p, "external-timeout-s", "1");
	assert_fails(p, "sleep 60", "external_timeout");
	assert_fails(p, "trap \"\" TERM INT HUP; sleep 60; sleep 60", "external_timeout");
	assert_true(clock_mono_ms() - from_ms < 8000);
}

static void it_may_not_write_too_much(void **state)
{
	struct place *p = *state;

	set(p, "ingest-inflated-mb", "1");
	assert_fails(p, "head -c 1500000 /dev/zero >\"$1/x.pdf\"", "external_failed");
	assert_fails(p, "head -c 9000000 /dev/zero >\"$1/x.pdf\"", "external_failed");
	/* Many files, each of them small; and folders without end. */
	assert_fails(p, "i=0; while :; do i=$((i+1)); head -c 900000 /dev/zero >$HOME/$i; done",
		"external_failed");
	assert_fails(p, "while mkdir d && cd d; do :; done; sleep 20", "external_failed");
}

/* A file without a name is in no folder, yet on the disk. */
static void it_may_not_fill_the_disk(void **state)
{
	struct place *p = *state;
	const char *disk = arena_printf(&p->arena, "%s/job", p->dir);
	const char *said;

	assert_int_equal(fs_mkdirs(disk, &p->e), 0);
	if (mount("tmpfs", disk, "tmpfs", 0, "size=48m") < 0) {
		skip();
	}
	set(p, "ingest-inflated-mb", "1");
	said = convert(p, "python3 -c \"import os,signal\n"
			  "try:\n"
			  " for i in range(99):\n"
			  "  f=os.open(os.environ[\\\"HOME\\\"]+\\\"/x\\\",66)\n"
			  "  os.unlink(os.environ[\\\"HOME\\\"]+\\\"/x\\\")\n"
			  "  os.write(f,bytes(1900000))\n"
			  "except OSError: pass\n"
			  "signal.pause()\"");
	umount2(disk, MNT_DETACH);
	assert_null(said);
	assert_string_equal(p->e.reason, "external_failed");
	assert_non_null(strstr(p->e.message, "wrote too much"));
}

static void *cancel_soon(void *arg)
{
	struct timespec t = {0, 300000000};

	nanosleep(&t, NULL);
	atomic_store((atomic_bool *)arg, true);
	return NULL;
}

static void it_may_be_cancelled(void **state)
{
	struct place *p = *state;
	int64_t from_ms = clock_mono_ms();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &p->cancel), 0);
	assert_fails(p, "sleep 60", "cancelled");
	assert_int_equal(p->e.code, ERR_CANCELLED);
	assert_true(clock_mono_ms() - from_ms < 3000);
	pthread_join(thread, NULL);
}

/* ── what outlives it ── */

/* Whether a process has these words on its command line. */
static bool runs(const char *words)
{
	char *command;
	int rc;

	assert_true(asprintf(&command, "pgrep -f '[s]leep %s' >/dev/null", words) > 0);
	rc = system(command);
	free(command);
	return rc == 0;
}

static void nothing_outlives_it(void **state)
{
	struct place *p = *state;
	char words[32];

	snprintf(words, sizeof(words), "61.%d", (int)getpid());
	set(p, "external-timeout-s", "1");
	assert_non_null(
		convert_with(p, "a.doc", "sleep $2 & (sleep $2 &) ; echo x >\"$1/x\"", words));
	assert_false(runs(words));
	assert_non_null(convert_with(p, "a.doc",
		"setsid sleep $2; nohup sleep $2 >/dev/null & echo x >\"$1/x\"", words));
	assert_false(runs(words));
	assert_null(convert_with(p, "a.doc", "sleep $2 & sleep $2", words));
	assert_string_equal(p->e.reason, "external_timeout");
	assert_false(runs(words));
	zygote_stop(p->zygote); /* and when the zygote goes */
	assert_int_equal(zygote_start(&p->set, &p->zygote, &p->e), 0);
}

/* ── its confinement ── */

static int listen_on(int family, const struct sockaddr *at, socklen_t size)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && bind(fd, at, size) == 0 && listen(fd, 4) == 0);
	return fd;
}

static bool was_called(int fd)
{
	int got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (got >= 0) {
		close(got);
	}
	return got >= 0;
}

#define PYTHON                                                                                     \
	"python3 -c \"import socket,os,sys,signal,ctypes\n%s\" $2 >\"$1/x\" 2>&1; echo end "       \
	">>\"$1/x\""

static const char *python(struct place *p, const char *body, const char *more)
{
	return convert_with(p, "a.doc", arena_printf(&p->arena, PYTHON, body), more);
}

static void it_has_no_network(void **state)
{
	struct place *p = *state;
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(in);
	int tcp = listen_on(AF_INET, (struct sockaddr *)&in, sizeof(in)), local;
	const char *said;

	fcntl(tcp, F_SETFL, O_NONBLOCK);
	assert_int_equal(getsockname(tcp, (struct sockaddr *)&in, &size), 0);
	said = python(p, "socket.create_connection((\\\"127.0.0.1\\\",int(sys.argv[1])))",
		arena_printf(&p->arena, "%d", ntohs(in.sin_port)));
	assert_non_null(strstr(said, "PermissionError"));
	assert_false(was_called(tcp));
	close(tcp);
	/* Carrel's own socket knows its operator by the user, who is the same. */
	strcpy(un.sun_path, arena_printf(&p->arena, "%.80s/carrel.sock", p->dir));
	local = listen_on(AF_UNIX, (struct sockaddr *)&un, sizeof(un));
	fcntl(local, F_SETFL, O_NONBLOCK);
	said = python(p, "s=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])", un.sun_path);
	assert_non_null(strstr(said, "PermissionError"));
	assert_false(was_called(local));
	close(local);
	assert_non_null(strstr(python(p, "socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)", ""),
		"PermissionError"));
	assert_non_null(strstr(python(p, "socket.socket(socket.AF_NETLINK,socket.SOCK_RAW)", ""),
		"PermissionError"));
}

/* A pair of datagram sockets is connected, and each of them still sends to whom it likes. */
static void its_pairs_of_sockets_reach_nobody_else(void **state)
{
	struct place *p = *state;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int log = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char got[8];

	strcpy(un.sun_path, arena_printf(&p->arena, "%.80s/log.sock", p->dir));
	assert_true(log >= 0 && bind(log, (struct sockaddr *)&un, sizeof(un)) == 0);
	python(p,
		"a,b=socket.socketpair(socket.AF_UNIX,socket.SOCK_DGRAM)\n"
		"a.sendto(bytes(8),sys.argv[1])",
		un.sun_path);
	assert_int_equal(recv(log, got, sizeof(got), 0), -1);
	python(p,
		"a,b=socket.socketpair(socket.AF_UNIX,socket.SOCK_RAW)\n"
		"a.sendto(bytes(8),sys.argv[1])",
		un.sun_path);
	assert_int_equal(recv(log, got, sizeof(got), 0), -1);
	close(log);
	assert_null(strstr(python(p, "a,b=socket.socketpair()\na.send(bytes(8))", ""), "Error"));
}

static void it_reads_and_writes_its_own_only(void **state)
{
	struct place *p = *state;
	const char *secret = arena_printf(&p->arena, "%s/carrel.db", p->dir);
	struct stat st;
	const char *said;

	assert_int_equal(fs_replace(secret, "wolverine", 9, &p->e), 0);
	said = convert_with(p, "a.doc", "cat \"$2\" >\"$1/x\" 2>&1; echo end >>\"$1/x\"", secret);
	assert_null(strstr(said, "wolverine"));
	assert_non_null(strstr(said, "ermission"));
	assert_null(convert_with(p, "a.doc", "ln \"$2\" \"$1/x\"", secret));
	assert_null(convert_with(p, "a.doc", "ln -s \"$2\" \"$1/x\"", secret));
	convert_with(p, "a.doc",
		"echo y >\"$2\"; rm -f \"$2\"; mv \"$1\" \"$1.2\"; echo x >\"$1/x\"", secret);
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_size, 9);
	convert_with(p, "a.doc",
		"echo y >\"$2.new\"; echo y >/tmp/carrel-external-test; echo x >\"$1/x\"", secret);
	assert_false(fs_exists(arena_printf(&p->arena, "%s.new", secret)));
	assert_false(fs_exists("/tmp/carrel-external-test"));
	said = convert(p, "cat /etc/shadow /proc/1/environ /proc/$PPID/cmdline >\"$1/x\" 2>&1; "
			  "echo end >>\"$1/x\"");
	assert_int_equal(strncmp(said, "cat: ", 5), 0);
	assert_null(strstr(said, "root:"));
	/* What it made is no program. */
	said = convert(p, "cp /bin/echo $HOME/e; $HOME/e ran >\"$1/x\" 2>&1; echo end >>\"$1/x\"");
	assert_null(strstr(said, "ran"));
}

static void it_reaches_no_other_process(void **state)
{
	struct place *p = *state;
	const char *me = arena_printf(&p->arena, "%d", (int)getpid());

	signal(SIGUSR1, SIG_DFL); /* would end this test */
	assert_non_null(strstr(python(p, "os.kill(int(sys.argv[1]),10)", me), "PermissionError"));
	assert_non_null(strstr(
		python(p, "print(ctypes.CDLL(None).ptrace(16,int(sys.argv[1]),0,0))", me), "-1"));
	assert_non_null(strstr(python(p, "os.setsid()", me), "PermissionError"));
	assert_non_null(
		strstr(python(p, "print(ctypes.CDLL(None).unshare(0x10000000))", me), "-1"));
	/* Kernels before 6.12 do not keep signals to its own processes: it sends none at all. */
	assert_non_null(strstr(
		python(p, "import threading\nsignal.pthread_kill(threading.get_ident(),10)", me),
		"PermissionError"));
	assert_non_null(strstr(python(p,
				       "import fcntl\n"
				       "fcntl.fcntl(os.pipe()[0],fcntl.F_SETOWN,os.getpid())",
				       me),
		"PermissionError"));
	assert_non_null(strstr(python(p,
				       "import fcntl\n"
				       "fcntl.fcntl(os.pipe()[0],fcntl.F_SETSIG,9)",
				       me),
		"PermissionError"));
	/* Nor does it leave memory behind. */
	assert_non_null(
		strstr(python(p, "print(ctypes.CDLL(None).shmget(0,4096,0o1600))", me), "-1"));
	assert_non_null(strstr(convert(p, "grep NoNewPrivs /proc/self/status >\"$1/x\" 2>&1; "
					  "echo end >>\"$1/x\""),
		"ermission"));
}

/* ── which files, and reading what came of them ── */

static void types_are_told_by_extension_or_media_type(void **state)
{
	struct place *p = *state;

	assert_true(external_takes(&p->set, "a/b.DOC", NULL));
	assert_true(external_takes(&p->set, "x.xls", "application/pdf"));
	assert_false(external_takes(&p->set, "doc", NULL));
	assert_false(external_takes(&p->set, "a.doc/b", NULL));
	assert_false(external_takes(&p->set, "a.docx", NULL));
	set(p, "external-types", "ab1 , application/pdf");
	assert_true(external_takes(&p->set, "x.ab1", NULL));
	assert_true(external_takes(&p->set, "x", "application/pdf"));
	assert_false(external_takes(&p->set, "x.doc", NULL));
	assert_false(external_takes(&p->set, "", NULL));
}

static const char OLD[] = "\320\317\021\340\241\261\032\341 an old kind of file";

static int read_old(struct place *p, const char *name, struct extracted *x)
{
	int fd = memfd_of(OLD, sizeof(OLD));
	struct extract_request q = {.memfd = fd, .name = name};
	int rc;

	err_clear(&p->e);
	rc = external_read(p->zygote, &p->set, &q, p->folder, &p->arena, x, &p->e);
	close(fd);
	return rc;
}

static void what_came_of_it_is_read(void **state)
{
	struct place *p = *state;
	struct extracted x;

	set(p, "external-command", "off");
	assert_int_equal(read_old(p, "a.doc", &x), ERR_UNPROCESSABLE);
	assert_string_equal(p->e.reason, "unsupported_type");
	assert_non_null(strstr(p->e.message, "install LibreOffice or set external-command"));
	set(p, "external-command", "sh -c 'echo The platypus price. >\"$1/x.txt\"' {file} {dir}");
	assert_int_equal(read_old(p, "a.doc", &x), 0);
	assert_string_equal(x.text, "The platypus price.\n");
	assert_string_equal(x.media_type, "application/msword");
	assert_int_equal(read_old(p, "a.zzz", &x), ERR_UNPROCESSABLE);
	assert_string_equal(p->e.reason, "unsupported_type");
	set(p, "external-command", "sh -c 'head -c 3000 /dev/urandom >\"$1/x.pdf\"' {file} {dir}");
	assert_int_equal(read_old(p, "a.doc", &x), ERR_UNPROCESSABLE);
	assert_string_equal(p->e.reason, "external_failed");
	set(p, "external-command", "sh -c 'cp \"$0\" \"$1\"' {file} {dir}"); /* itself again */
	assert_int_equal(read_old(p, "a.doc", &x), ERR_UNPROCESSABLE);
	assert_string_equal(p->e.reason, "external_failed");
}

static void a_media_type_is_converted_though_it_is_read(void **state)
{
	struct place *p = *state;
	struct extracted x;
	int fd = memfd_of("# Heading\n\nBody\n", 16);
	struct extract_request q = {.memfd = fd, .name = "a.md"};

	set(p, "external-command", "sh -c 'echo Converted. >\"$1/x.txt\"' {file} {dir}");
	set(p, "external-types", "text/markdown");
	assert_int_equal(external_read(p->zygote, &p->set, &q, p->folder, &p->arena, &x, &p->e), 0);
	assert_string_equal(x.text, "Converted.\n");
	assert_string_equal(x.media_type, "text/markdown");
	close(fd);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_command_gives_a_document),
		T(it_is_told_nothing_but_the_extension),
		T(it_may_fail),
		T(it_may_not_be_there),
		T(it_may_not_take_for_ever),
		T(it_may_not_write_too_much),
		T(it_may_not_fill_the_disk),
		T(it_may_be_cancelled),
		T(nothing_outlives_it),
		T(it_has_no_network),
		T(its_pairs_of_sockets_reach_nobody_else),
		T(it_reads_and_writes_its_own_only),
		T(it_reaches_no_other_process),
		T(types_are_told_by_extension_or_media_type),
		T(what_came_of_it_is_read),
		T(a_media_type_is_converted_though_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

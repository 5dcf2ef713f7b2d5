#include "ingest/child.h"

#include <magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_LEFT (8u << 20)

static magic_t magic; /* loaded in the zygote, used by its children */

void child_preload(void)
{
	tzset();
	magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR |
			   MAGIC_NO_CHECK_CDF);
	if (magic && magic_load(magic, NULL) < 0) {
		magic_close(magic);
		magic = NULL;
	}
}

const char *child_magic(const void *p, size_t n_bytes)
{
	const char *type = magic ? magic_buffer(magic, p, n_bytes) : NULL;

	return type ? type : "";
}

/* Libraries meet a failed allocation with abort, a trap or a NULL pointer: when memory is what is
 * missing, say so (async-signal-safe calls only); else die of the signal as if nothing were here.
 */
static void on_crash(int sig)
{
	static const char WORDS[] = "carrel: out of memory\n";
	void *p =
		mmap(NULL, MEMORY_LEFT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)sig;
	if (p == MAP_FAILED) {
		(void)!write(CHILD_STDERR, WORDS, sizeof(WORDS) - 1);
		_exit(1);
	}
	munmap(p, MEMORY_LEFT);
}

static void watch_crashes(void)
{
	static const int SIGNALS[] = {SIGABRT, SIGTRAP, SIGSEGV, SIGBUS, SIGILL};
	static char stack[16384];
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_crash;
	sa.sa_flags = SA_ONSTACK | (int)SA_RESETHAND;
	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++) {
		sigaction(SIGNALS[i], &sa, NULL);
	}
}

void child_run(const struct sandbox *s, const struct child_limits *limits, const struct order *o)
{
	static struct draft d; /* not on the stack: it outlives every frame */
	static struct document doc;
	struct sandbox_limits sandbox = limits->sandbox;
	struct err e = ERR_INIT;
	struct stat st;
	void *p = NULL;

	draft_init(&d, CHILD_FRAMES, limits->text_max, limits->pages_max);
	doc = (struct document){.name = o->name, .limits = limits, .draft = &d};
	d.children_max = o->no_children ? 0 : limits->children_max;
	d.children_bytes_max = limits->children_bytes_max;
	d.nesting_max = limits->nesting_max;
	if (fstat(CHILD_DOCUMENT, &st) < 0 || st.st_size < 0) {
		draft_fault(&d, FAULT_BROKEN, 0, NULL);
	}
	doc.n_bytes = (size_t)st.st_size;
	if (doc.n_bytes) {
		p = mmap(NULL, doc.n_bytes, PROT_READ, MAP_PRIVATE, CHILD_DOCUMENT, 0);
		if (p == MAP_FAILED) {
			draft_fault(&d, FAULT_MEMORY, 0, NULL);
		}
	}
	doc.bytes = p ? p : "";
	sandbox.cpu_s = o->cpu_s;
	sandbox.cpu_more_s = o->cpu_more_s;
	watch_crashes();
	if (sandbox_enter(s, o->kind == ORDER_RENDER ? SANDBOX_RENDER : SANDBOX_EXTRACT, &sandbox,
		    &e) < 0) {
		draft_fault(&d, FAULT_SANDBOX, 0, e.message);
	}
	if (!doc.n_bytes) {
		draft_fault(&d, FAULT_EMPTY, 0, NULL);
	}
	if (o->kind == ORDER_RENDER) {
		render_child(&doc, o, &d);
	}
	extract_child(&doc, &d);
}

/*
 * A million made chunks: bench_scale PROGRAM FOLDER CHUNKS SEED [uneven]. Builds the workspace
 * under FOLDER if it is not there and measures what it costs to keep and to search it; each figure
 * with its target, ratios against a baseline of the same run. CPU time stands beside the clock's,
 * since other programs may be running; the load is told.
 */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/embed.h"
#include "tests/scale/recall.h"
#include "tests/scale/searching.h"
#include "tests/scale/workspace.h"

#define N_RECALL 100 /* questions for each row of recall */
#define N_DELETED 1000
#define N_SMALL 10000
#define N_ADDED 400
#define N_STARTS 2

/* ── recall ── */

static void recall_row(const char *name, const struct recall *r)
{
	printf("  %-10s %8lld allowed  recall@10 %.4f (worst %.1f)  %6.2f / %6.2f ms CPU, all of"
	       " them %6.2f ms  %s\n",
		name, (long long)r->n_allowed, r->recall, r->worst, r->p50_ms, r->p99_ms,
		r->exact_ms, r->recall >= .98 ? "ok" : "BELOW .98");
}

static void recall_made(int64_t n, bool uneven)
{
	struct made_space m;
	float *queries;

	made_space_open(&m, n, uneven, 5);
	printf("vectors, clustered, %s topics, sealed in %.1f s CPU (target: recall .98):\n",
		uneven ? "uneven" : "even", m.seal_s);
	queries = made_space_queries(&m, N_RECALL, 9);
	for (int i = 0; i < N_READERS; i++) {
		struct allowed allowed;
		struct recall r;

		made_space_allow(&m, made_shares[i].share, &allowed);
		r = recall_measure(&m.vectors, &m.space, &allowed, queries, N_RECALL);
		recall_row(made_shares[i].name, &r);
		bitmap_finish(&allowed.slots);
	}
	free(queries);
	made_space_close(&m);
	load_told();
}

static void recall_trained(struct scale *s)
{
	struct err e = ERR_INIT;
	struct space space;
	struct arena a;
	struct db *db = store_reader(s->index->store, &e);
	float *queries;

	ASSERT(db != NULL);
	arena_init(&a);
	scale_check(vectors_serving(s->index->vectors, s->workspace_n, &space, &e), &e, "space");
	queries = calloc((size_t)N_RECALL * (size_t)space.dimension, sizeof(*queries));
	ASSERT(queries != NULL);
	for (int i = 0; i < N_RECALL; i++) {
		struct made_question q;

		made_question(s->corpus, i, &q);
		scale_check(embed(space.embedder, EMBED_QUERY,
				    &(struct embed_text){.body = q.text, .language = "en"}, 1,
				    queries + (size_t)i * (size_t)space.dimension, NULL, NULL, NULL,
				    &e),
			&e, "embed");
	}
	printf("vectors, of the trained table, %s topics (target: recall .98):\n",
		made_spec(s->corpus)->uneven ? "uneven" : "even");
	for (int i = 0; i < N_READERS; i++) {
		struct allowed *allowed;
		struct asker who;
		struct recall r;

		scale_asker(s, db, &a, (enum made_readers)i, &who);
		allowed = acl_allowed(s->index->acl, &who, NULL, 0, NULL);
		r = recall_measure(s->index->vectors, &space, allowed, queries, N_RECALL);
		recall_row(made_shares[i].name, &r);
		acl_allowed_drop(allowed);
	}
	embedder_drop(space.embedder);
	free(queries);
	arena_finish(&a);
	store_reader_drop(db);
	load_told();
}

/* ── the whole search ── */

static void search_all(struct scale *s)
{
	static struct searches r;

	printf("search, words and vectors, one thread (target at 10th: 15 / 60 ms):\n");
	search_many(s, &(struct asking){.who = READERS_ALL, .first = 5000, .n = 40},
		&r); /* pages of the database are read once */
	for (int i = 0; i < N_READERS; i++) {
		search_many(s,
			&(struct asking){
				.who = (enum made_readers)i, .first = 1000, .n = N_SEARCHES},
			&r);
		searches_row(made_shares[i].name, &r);
	}
	load_told();
}

/* ── while documents come in; deleting ── */

struct coming {
	struct scale *s;
	atomic_bool stop;
	int64_t n_chunks;
	double cpu_us, seconds;
};

static void *come_in(void *arg)
{
	struct coming *c = arg;
	int64_t start = clock_mono_us();

	/* As the threads of ingest/worker.c do; the writer does not. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), 10);

	c->cpu_us = scale_add(c->s, &c->stop, INT64_MAX, &c->n_chunks);
	c->seconds = (double)(clock_mono_us() - start) / 1e6;
	return NULL;
}

static void search_while_ingesting(struct scale *s)
{
	static struct searches idle, busy;
	const struct asking tenth = {.who = READERS_10TH, .first = 2000, .n = N_SEARCHES};
	struct coming c = {.s = s};
	pthread_t thread;

	search_many(s, &tenth, &idle);
	ASSERT(pthread_create(&thread, NULL, come_in, &c) == 0);
	search_many(s, &tenth, &busy);
	atomic_store(&c.stop, true);
	pthread_join(thread, NULL);
	printf("search while documents come in, %.0f chunks/s (target: p99 at most 2 x idle):\n",
		(double)c.n_chunks / c.seconds);
	searches_row("idle", &idle);
	searches_row("ingesting", &busy);
	printf("  p99 %.2f x idle, CPU %.2f x\n",
		part_of(busy.wall_ms, busy.n, .99) / part_of(idle.wall_ms, idle.n, .99),
		part_of(busy.cpu_ms, busy.n, .99) / part_of(idle.cpu_ms, idle.n, .99));
	load_told();
}

static double cost_of_adding(struct scale *s)
{
	atomic_bool stop = false;
	int64_t n_chunks;

	return scale_add(s, &stop, N_ADDED, &n_chunks);
}

/* The same documents into a small workspace and into this one. */
static void ingest_cost(struct scale *s, const char *under)
{
	static struct scale small;
	struct corpus_spec spec = {.n_chunks = N_SMALL, .seed = made_spec(s->corpus)->seed};
	double at_small, at_large;

	scale_open(&small, &spec, under);
	at_small = cost_of_adding(&small);
	scale_close(&small);
	at_large = cost_of_adding(s);
	printf("publishing, the writer's CPU a chunk, a document a transaction: %.0f us at %d"
	       " chunks, %.0f here: %.2f x (target 1.3)\n",
		at_small, N_SMALL, at_large, at_large / at_small);
	load_told();
}

static void delete_some(struct scale *s)
{
	struct scale_purges p;

	scale_delete(s, N_DELETED, &p);
	qsort(p.delete_ms, (size_t)p.n, sizeof(double), by_number);
	qsort(p.alone_s, SCALE_ALONE, sizeof(double), by_number);
	printf("deleting a document: p50 / worst %.1f / %.1f ms\n", part_of(p.delete_ms, p.n, .5),
		part_of(p.delete_ms, p.n, 1));
	printf("purging one, which merges all full text: p50 / worst %.1f / %.1f s; another write"
	       " waited %.0f ms at most\n",
		part_of(p.alone_s, SCALE_ALONE, .5), part_of(p.alone_s, SCALE_ALONE, 1),
		p.wait_alone_ms);
	printf("purging %d that were deleted before: %.1f s; another write waited %.0f ms at"
	       " most\n",
		p.n, p.all_s, p.wait_all_ms);
	free(p.delete_ms);
	load_told();
}

/* ── a server of its own ── */

static pid_t start_server(const char *program, const char *folder, char *port)
{
	pid_t pid = fork();

	ASSERT(pid >= 0);
	if (pid == 0) {
		char listen[40];

		snprintf(listen, sizeof(listen), "127.0.0.1:%s", port);
		execl(program, program, "serve", "--data", folder, "--listen", listen,
			"--log-level", "error", (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* curl's exit status. */
static int ask(const char *url)
{
	pid_t pid = fork();
	int status = -1;

	ASSERT(pid >= 0);
	if (pid == 0) {
		execlp("curl", "curl", "-sf", "-o", "/dev/null", url, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

static int on_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	int fd;

	(void)st, (void)at;
	if (type == FTW_F) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		ASSERT(fd >= 0 && fsync(fd) == 0);
		ASSERT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		close(fd);
	}
	return 0;
}

/* The folder's files leave the file cache; what others have there stays. */
static void forget_files(const char *folder)
{
	ASSERT(nftw(folder, on_file, 16, FTW_PHYS) == 0);
}

/* What a process had from the disk. */
static double read_mb(long pid)
{
	return proc_number(pid, "io", "read_bytes:") / 1e6;
}

/* CPU that it took so far, seconds. */
static double cpu_of(long pid)
{
	unsigned long user = 0, kernel = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	f = fopen(path, "r");
	if (f) {
		(void)!fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			&user, &kernel);
		fclose(f);
	}
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static void measure_start(
	const char *program, const char *folder, const char *name, double target_s)
{
	char port[8], url[80];
	int64_t start = clock_mono_us();
	double ready_s, at_start, read, cpu;
	pid_t pid;

	snprintf(port, sizeof(port), "%d", 20000 + (int)getpid() % 10000);
	snprintf(url, sizeof(url), "http://127.0.0.1:%s/readyz", port);
	pid = start_server(program, folder, port);
	while (ask(url) != 0) {
		struct timespec pause = {0, 20000000};

		ASSERT(waitpid(pid, NULL, WNOHANG) == 0);
		nanosleep(&pause, NULL);
	}
	ready_s = (double)(clock_mono_us() - start) / 1e6;
	at_start = memory_mb(pid, "VmRSS:");
	read = read_mb(pid);
	cpu = cpu_of(pid);
	for (int i = 0; i < 200; i++) { /* until the segments are loaded */
		struct timespec pause = {0, 50000000};

		nanosleep(&pause, NULL);
	}
	printf("server, %s: ready after %.2f s (target %.0f), CPU %.2f s, %.0f MB read, memory %.0f"
	       " MB then, %.0f MB later, %.0f at most\n",
		name, ready_s, target_s, cpu, read, at_start, memory_mb(pid, "VmRSS:"),
		memory_mb(pid, "VmHWM:"));
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

static void measure_server(const char *program, const char *folder, int64_t n_chunks)
{
	double target_s = n_chunks > 100000 ? 3 : 1;

	/* Once before: what a build leaves for upkeep is none of a start's. */
	measure_start(program, folder, "first", target_s);
	for (int i = 0; i < N_STARTS; i++) {
		forget_files(folder);
		measure_start(program, folder, "nothing in the file cache", target_s);
		measure_start(program, folder, "all in the file cache", target_s);
	}
	printf("  target for memory: %s\n",
		n_chunks > 100000 ? "1,200 MB" : "120 MB and the vectors");
	load_told();
}

/* ── the whole ── */

static void tell_build(const struct scale *s)
{
	const struct scale_times *t = &s->times;

	if (t->built) {
		printf("built in %.0f s: published %.0f s, trained %.0f s, sealed %.1f s\n",
			t->total_s, t->publish_s, t->train_s, t->seal_s);
		printf("  writer's CPU a chunk: %.0f us at the first tenth, %.0f us at the last:"
		       " %.2f x (target 1.3)\n",
			t->first_us, t->last_us, t->last_us / t->first_us);
	}
	load_told();
}

/* BENCH="made search": only these; else all. */
static bool wanted(const char *section)
{
	const char *only = getenv("BENCH");

	return !only || !*only || strstr(only, section);
}

int main(int argc, char **argv)
{
	static struct scale s;
	struct corpus_spec spec = {0};
	struct err e = ERR_INIT;
	int64_t start;

	if (argc < 5) {
		fprintf(stderr, "bench_scale PROGRAM FOLDER CHUNKS SEED [uneven]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	spec.n_chunks = strtoll(argv[3], NULL, 10);
	spec.seed = strtoull(argv[4], NULL, 10);
	spec.uneven = argc > 5;
	if (wanted("made")) {
		recall_made(spec.n_chunks, false);
		recall_made(spec.n_chunks, true);
	}
	start = clock_mono_us();
	scale_open(&s, &spec, argv[2]);
	printf("opened after %.2f s\n", (double)(clock_mono_us() - start) / 1e6);
	tell_build(&s);
	start = clock_mono_us();
	scale_check(vectors_maintain(s.index->vectors, &e), &e, "maintain");
	printf("upkeep %.2f s\n", (double)(clock_mono_us() - start) / 1e6);
	if (wanted("trained")) {
		recall_trained(&s);
	}
	if (wanted("search")) {
		search_all(&s);
	}
	if (wanted("conditions")) {
		search_with_conditions(&s);
	}
	if (wanted("cost")) {
		ingest_cost(&s, argv[2]);
	}
	if (wanted("ingest")) {
		search_while_ingesting(&s);
	}
	if (wanted("delete")) {
		delete_some(&s);
	}
	printf("memory of this process: %.0f MB, %.0f at most\n", memory_mb(getpid(), "VmRSS:"),
		memory_mb(getpid(), "VmHWM:"));
	scale_close(&s);
	if (wanted("server")) {
		measure_server(argv[1], s.folder, spec.n_chunks);
	}
	return 0;
}

/*
 * What a reader's process and its sandbox cost a document, as one line of JSON; processor time is
 * of all processes that take part:
 *
 *   documentCpuMs, documentMs   an empty document, from the request to the answer: memfd, pipes,
 *                               order, fork, the sandbox, the answer, the child's end
 *   forkCpuMs                   a fork and its end
 *   sandboxCpuMs                the same with the sandbox entered in between
 *
 * Medians of ROUNDS times N.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "index/base/settings.h"
#include "ingest/child.h"
#include "ingest/zygote.h"

#define N 400
#define ROUNDS 5

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double used_ms(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

/* Of this process and of those it has waited for. */
static double cpu_ms(void)
{
	return used_ms(RUSAGE_SELF) + used_ms(RUSAGE_CHILDREN);
}

static void read_nothing(struct zygote *z)
{
	struct extract_request r = {.name = "empty.pdf"};
	struct err e = ERR_INIT;
	struct extracted x;
	struct arena a;

	arena_init(&a);
	r.memfd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT(r.memfd >= 0);
	ASSERT(zygote_extract(z, &r, &a, &x, &e) == ERR_UNPROCESSABLE);
	close(r.memfd);
	arena_finish(&a);
}

/* A zygote from its start to its end, with n empty documents; *ms: of the documents. What all its
 * processes used is told by its end. */
static double life(const struct settings *set, int n, double *ms)
{
	double before = cpu_ms(), from;
	struct err e = ERR_INIT;
	struct zygote *z;

	ASSERT(zygote_start(set, &z, &e) == 0 && zygote_state(z) == NULL);
	from = now_ms();
	for (int i = 0; i < n; i++) {
		read_nothing(z);
	}
	*ms = now_ms() - from;
	zygote_stop(z);
	return cpu_ms() - before;
}

static double forks(const struct sandbox *s)
{
	const struct sandbox_limits limits = {.cpu_s = 5, .memory_mb = 256};
	double before = cpu_ms();

	for (int i = 0; i < N; i++) {
		int status;
		pid_t pid = fork();

		ASSERT(pid >= 0);
		if (pid == 0) {
			_exit(s && sandbox_enter(s, SANDBOX_EXTRACT, &limits, NULL) < 0);
		}
		ASSERT(waitpid(pid, &status, 0) == pid && status == 0);
	}
	return (cpu_ms() - before) / N;
}

static int by_value(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return a < b ? -1 : a > b;
}

static double median(double all[ROUNDS])
{
	qsort(all, ROUNDS, sizeof(*all), by_value);
	return all[ROUNDS / 2];
}

int main(void)
{
	double document[ROUNDS], document_ms[ROUNDS], plain[ROUNDS], inside[ROUNDS], ms;
	struct settings set;
	struct sandbox *s;
	struct err e = ERR_INIT;

	settings_init(&set);
	ASSERT(sandbox_create(&s, &e) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		double none = life(&set, 0, &ms);

		document[i] = (life(&set, N, &ms) - none) / N;
		document_ms[i] = ms / N;
	}
	child_preload(); /* a fork costs by what is mapped */
	for (int i = 0; i < ROUNDS; i++) {
		plain[i] = forks(NULL);
		inside[i] = forks(s);
	}
	printf("{\"documentCpuMs\":%.3f,\"documentMs\":%.3f,\"forkCpuMs\":%.3f,"
	       "\"sandboxCpuMs\":%.3f}\n",
		median(document), median(document_ms), median(plain), median(inside));
	sandbox_destroy(s);
	settings_finish(&set);
	return 0;
}

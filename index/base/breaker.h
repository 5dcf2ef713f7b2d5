/*
 * A circuit breaker (Nygard, Release It!, 2007) for a server that one can do without: after a few
 * failures in a row it is left alone for a while; then one caller tries it again, while the others
 * go on without it. Another server in its place starts afresh.
 *
 * Thread: any. Time comes from the caller (clock_mono_ms).
 */
#ifndef INDEX_BASE_BREAKER_H
#define INDEX_BASE_BREAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* One failure may be a restart and two a coincidence. */
#define BREAKER_FAILURES 3
/* Three times what a rerank waits by default: a quarter of the time at most somebody waits for a
 * server that is silent. */
#define BREAKER_PAUSE_MS 15000

struct breaker {
	pthread_mutex_t lock;
	uint64_t whom; /* the server that the rest is about */
	int n_failed;  /* in a row */
	int64_t until_ms;
	bool trying; /* somebody asks although it is open */
};

enum breaker_outcome { BREAKER_GOOD, BREAKER_BAD, BREAKER_UNKNOWN };
enum breaker_change { BREAKER_SAME, BREAKER_OPENED, BREAKER_STAYS_OPEN, BREAKER_CLOSED };

void breaker_init(struct breaker *b);
void breaker_finish(struct breaker *b);
/* Whether to ask the server; who may has to say how it went. whom: a hash of its address. */
bool breaker_may(struct breaker *b, uint64_t whom, int64_t now_ms);
/* UNKNOWN: given up before it was known. What it changed, for the log. */
enum breaker_change breaker_told(
	struct breaker *b, uint64_t whom, enum breaker_outcome how, int64_t now_ms);

#endif

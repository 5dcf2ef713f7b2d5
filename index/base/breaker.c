#include "index/base/breaker.h"

#include "index/base/err.h"

void breaker_init(struct breaker *b)
{
	*b = (struct breaker){.n_failed = 0};
	ASSERT(pthread_mutex_init(&b->lock, NULL) == 0);
}

void breaker_finish(struct breaker *b)
{
	pthread_mutex_destroy(&b->lock);
}

bool breaker_may(struct breaker *b, uint64_t whom, int64_t now_ms)
{
	bool may = true;

	pthread_mutex_lock(&b->lock);
	if (b->whom != whom) {
		b->whom = whom;
		b->n_failed = 0;
		b->trying = false;
	}
	if (b->n_failed >= BREAKER_FAILURES) {
		may = !b->trying && now_ms >= b->until_ms;
		b->trying |= may;
	}
	pthread_mutex_unlock(&b->lock);
	return may;
}

static enum breaker_change take_in(struct breaker *b, enum breaker_outcome how, int64_t now_ms)
{
	bool was_open = b->n_failed >= BREAKER_FAILURES;

	b->trying = false;
	if (how == BREAKER_GOOD) {
		b->n_failed = 0;
		return was_open ? BREAKER_CLOSED : BREAKER_SAME;
	}
	if (how == BREAKER_UNKNOWN) {
		return BREAKER_SAME;
	}
	b->n_failed += !was_open;
	b->until_ms = now_ms + BREAKER_PAUSE_MS;
	return was_open				 ? BREAKER_STAYS_OPEN
	       : b->n_failed == BREAKER_FAILURES ? BREAKER_OPENED
						 : BREAKER_SAME;
}

enum breaker_change breaker_told(
	struct breaker *b, uint64_t whom, enum breaker_outcome how, int64_t now_ms)
{
	enum breaker_change change = BREAKER_SAME;

	pthread_mutex_lock(&b->lock);
	if (b->whom == whom) {
		change = take_in(b, how, now_ms);
	}
	pthread_mutex_unlock(&b->lock);
	return change;
}

#include "chat/http/body.h"

#include <string.h>

#include "chat/http/server.h"

void body_init(struct body_stream *b)
{
	memset(b, 0, sizeof(*b));
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->wake, NULL);
	buf_init(&b->queue);
	buf_init(&b->reading);
}

void body_finish(struct body_stream *b)
{
	buf_finish(&b->queue);
	buf_finish(&b->reading);
	pthread_cond_destroy(&b->wake);
	pthread_mutex_destroy(&b->lock);
}

bool body_add(struct body_stream *b, const void *p, size_t n_bytes)
{
	bool more;

	pthread_mutex_lock(&b->lock);
	buf_add(&b->queue, p, n_bytes);
	more = b->queue.len < BODY_HIGH;
	b->paused = !more;
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
	return more;
}

void body_close(struct body_stream *b, enum body_end end)
{
	pthread_mutex_lock(&b->lock);
	if (b->end == BODY_OPEN) {
		b->end = end;
	}
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
}

enum body_end body_ended(struct body_stream *b)
{
	enum body_end end;

	pthread_mutex_lock(&b->lock);
	end = b->end;
	pthread_mutex_unlock(&b->lock);
	return end;
}

static int fail(enum body_end end, struct err *e)
{
	switch (end) {
	case BODY_STALLED:
		return err_set(
			e, ERR_TIMEOUT, "stalled_body", "The request's body came too slowly.");
	case BODY_BROKEN:
		return err_set(
			e, ERR_INVALID, "bad_request", "The request's body is not valid HTTP.");
	case BODY_OVER:
		return err_set(e, ERR_TOO_LARGE, "too_large",
			"The request is larger than this server takes.");
	default:
		return err_set(e, ERR_INVALID, "truncated_body",
			"The request ended before its body was complete.");
	}
}

/* Takes the whole queue over in exchange for the empty buffer. Under lock. */
static void swap(struct body_stream *b)
{
	struct buf taken = b->queue;

	buf_clear(&b->reading);
	b->queue = b->reading;
	b->reading = taken;
	b->at = 0;
}

int body_read(struct body_stream *b, void *p, size_t n, struct err *e)
{
	enum body_end end;
	bool low;

	if (!b->asked) {
		b->asked = true;
		b->on_wanted(b->arg);
	}
	if (b->at == b->reading.len) {
		pthread_mutex_lock(&b->lock);
		while (b->queue.len == 0 && b->end == BODY_OPEN) {
			pthread_cond_wait(&b->wake, &b->lock);
		}
		swap(b);
		end = b->end;
		low = b->paused;
		b->paused = false;
		pthread_mutex_unlock(&b->lock);
		if (low) {
			b->on_low(b->arg);
		}
		if (b->reading.len == 0) {
			return end == BODY_COMPLETE ? 0 : fail(end, e);
		}
	}
	if (n > b->reading.len - b->at) {
		n = b->reading.len - b->at;
	}
	memcpy(p, b->reading.data + b->at, n);
	b->at += n;
	return (int)n;
}

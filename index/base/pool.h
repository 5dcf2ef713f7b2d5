/*
 * A pool of worker threads with a bounded queue. Threads are started on demand, up to n_threads,
 * and set FAISS's and BLAS's thread number to one for themselves.
 * Thread: pool_submit from any; `work` runs on one worker, which then owns the item until `work`
 * returns; the item tells its owner by a means of its own (a uv_async, a condition).
 */
#ifndef INDEX_BASE_POOL_H
#define INDEX_BASE_POOL_H

#include <stdbool.h>

struct pool;

struct pool_item {
	void (*work)(struct pool_item *item);
	struct pool_item *next;
};

struct pool *pool_create(const char *name, int n_threads, int n_queue_max);
/* Runs every queued item, then joins. NULL is fine. */
void pool_destroy(struct pool *p);
/* false: the queue is full (answer 503) or the pool is closing. */
bool pool_submit(struct pool *p, struct pool_item *item);
int pool_depth(struct pool *p); /* items waiting */

#endif

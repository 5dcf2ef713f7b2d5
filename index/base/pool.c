#include "index/base/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "index/base/err.h"
#include "index/base/thread.h"

/* OpenMP's, from libgomp: FAISS is parallel by default, for each thread that calls it. */
extern void omp_set_num_threads(int n);

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	char name[16]; /* the kernel's limit, with the NUL */
	int n_threads_max;
	int n_threads;
	int n_idle;
	int n_queue_max;
	int n_queue;
	bool closing;
	struct pool_item *head;
	struct pool_item **tail;
	pthread_t threads[];
};

struct pool *pool_create(const char *name, int n_threads, int n_queue_max)
{
	struct pool *p;

	ASSERT(n_threads > 0 && n_queue_max > 0);
	p = calloc(1, sizeof(*p) + (size_t)n_threads * sizeof(p->threads[0]));
	ASSERT(p != NULL);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->n_threads_max = n_threads;
	p->n_queue_max = n_queue_max;
	p->tail = &p->head;
	return p;
}

static struct pool_item *take(struct pool *p)
{
	struct pool_item *item = p->head;

	p->head = item->next;
	if (!p->head) {
		p->tail = &p->head;
	}
	p->n_queue--;
	item->next = NULL;
	return item;
}

static void *run_worker(void *arg)
{
	struct pool *p = arg;

	pthread_setname_np(pthread_self(), p->name);
	omp_set_num_threads(1);
	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct pool_item *item;

		while (!p->head && !p->closing) {
			p->n_idle++;
			pthread_cond_wait(&p->wake, &p->lock);
			p->n_idle--;
		}
		if (!p->head) {
			break;
		}
		item = take(p);
		pthread_mutex_unlock(&p->lock);
		item->work(item);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static bool start_worker(struct pool *p)
{
	bool ok = thread_start(&p->threads[p->n_threads], run_worker, p) == 0;

	p->n_threads += ok;
	return ok;
}

bool pool_submit(struct pool *p, struct pool_item *item)
{
	bool ok = false;

	pthread_mutex_lock(&p->lock);
	if (!p->closing && p->n_queue < p->n_queue_max) {
		if (p->n_idle <= p->n_queue && p->n_threads < p->n_threads_max) {
			start_worker(p);
		}
		ok = p->n_threads > 0;
	}
	if (ok) {
		item->next = NULL;
		*p->tail = item;
		p->tail = &item->next;
		p->n_queue++;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
	return ok;
}

int pool_depth(struct pool *p)
{
	int n;

	pthread_mutex_lock(&p->lock);
	n = p->n_queue;
	pthread_mutex_unlock(&p->lock);
	return n;
}

void pool_destroy(struct pool *p)
{
	if (!p) {
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->n_threads; i++) {
		pthread_join(p->threads[i], NULL);
	}
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

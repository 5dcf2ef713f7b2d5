/* The pool: everything submitted runs once, the queue is bounded, threads are the pool's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "index/base/pool.h"

struct job {
	struct pool_item item; /* first, so that an item is its job */
	atomic_int n_runs;
};

static void count_work(struct pool_item *item)
{
	atomic_fetch_add(&((struct job *)item)->n_runs, 1);
}

static void test_all_run_once(void **state)
{
	enum { N = 500 };
	static struct job jobs[N];
	struct pool *p = pool_create("test", 3, N);

	(void)state;
	for (int i = 0; i < N; i++) {
		jobs[i].item.work = count_work;
		assert_true(pool_submit(p, &jobs[i].item));
	}
	pool_destroy(p); /* runs what is queued */
	for (int i = 0; i < N; i++) {
		assert_int_equal(atomic_load(&jobs[i].n_runs), 1);
	}
	pool_destroy(NULL);
	pool_destroy(pool_create("unused", 2, 1));
}

struct gated {
	struct pool_item item;
	struct gate *gate;
};
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int n_inside;
	bool open;
	bool signals_blocked;
	char name[32];
};

static void wait_work(struct pool_item *item)
{
	struct gate *gate = ((struct gated *)item)->gate;
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	pthread_mutex_lock(&gate->lock);
	pthread_getname_np(pthread_self(), gate->name, sizeof(gate->name));
	gate->signals_blocked = sigismember(&set, SIGTERM) && sigismember(&set, SIGINT);
	gate->n_inside++;
	pthread_cond_broadcast(&gate->wake);
	while (!gate->open) {
		pthread_cond_wait(&gate->wake, &gate->lock);
	}
	pthread_mutex_unlock(&gate->lock);
}

static void wait_inside(struct gate *gate, int n)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->n_inside < n) {
		pthread_cond_wait(&gate->wake, &gate->lock);
	}
	pthread_mutex_unlock(&gate->lock);
}

static void test_bounds(void **state)
{
	struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
	struct gated jobs[8];
	struct pool *p = pool_create("a-name-longer-than-15", 2, 3);

	(void)state;
	for (int i = 0; i < 8; i++) {
		jobs[i] = (struct gated){{wait_work, NULL}, &gate};
	}
	assert_true(pool_submit(p, &jobs[0].item));
	assert_true(pool_submit(p, &jobs[1].item));
	wait_inside(&gate, 2); /* both threads run at the same time */
	for (int i = 2; i < 5; i++) {
		assert_true(pool_submit(p, &jobs[i].item));
	}
	assert_int_equal(pool_depth(p), 3);
	assert_false(pool_submit(p, &jobs[5].item)); /* full */
	assert_int_equal(gate.n_inside, 2);	     /* and there is no third thread */
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.wake);
	pthread_mutex_unlock(&gate.lock);
	pool_destroy(p);
	assert_int_equal(gate.n_inside, 5);
	assert_string_equal(gate.name, "a-name-longer-t");
	assert_true(gate.signals_blocked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_run_once),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

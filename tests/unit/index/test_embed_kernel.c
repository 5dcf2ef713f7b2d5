/* The loops of the builtin embedder: right by plain arithmetic, and the same bits on every kernel
 * and thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/arena.h"
#include "index/embed_kernel.h"
#include "index/embed_table.h"
#include "index/embed_train.h"

#define SEED UINT64_C(515)
#define N_KERNELS 3

static float uniform(uint64_t *random)
{
	return (float)(next_random(random) >> 40) / (1 << 23) - 1;
}

static float *numbers(size_t n)
{
	uint64_t random = SEED;
	float *v = calloc(n, sizeof(*v));

	for (size_t i = 0; i < n; i++) {
		v[i] = uniform(&random);
	}
	return v;
}

/* Odd numbers of rows, straight and transposed. */
static void test_product(void **state)
{
	enum { I = 13, K = 29, J = 2 * EMBED_COLUMNS };
	float *a = numbers((size_t)I * K), *b = numbers((size_t)K * J);
	float straight[I * J], turned[I * J], first[I * J];

	(void)state;
	for (int n = 0; n < N_KERNELS; n++) {
		const struct embed_kernel *k = embed_kernel_nth(n);
		struct product p = {straight, a, b, K, 1, I, K, J};

		if (!k) {
			continue;
		}
		k->product(&p);
		p = (struct product){turned, a, b, 1, I, I, K, J};
		k->product(&p);
		for (int i = 0; i < I; i++) {
			for (int j = 0; j < J; j++) {
				double x = 0, y = 0;

				for (int m = 0; m < K; m++) {
					x += (double)a[i * K + m] * (double)b[m * J + j];
					y += (double)a[m * I + i] * (double)b[m * J + j];
				}
				assert_float_equal(straight[i * J + j], x, 1e-5);
				assert_float_equal(turned[i * J + j], y, 1e-5);
			}
		}
		if (n == 0) {
			memcpy(first, straight, sizeof(first));
		}
		assert_memory_equal(first, straight, sizeof(first));
	}
	free(a);
	free(b);
}

/* From no row to more than are asked for ahead, of the extremes of int8 too. */
static void test_sum_rows(void **state)
{
	enum { N = 128, ROWS = 37 };
	float *factors = numbers(ROWS), first[N], sum[N];
	int8_t v[ROWS][N];
	struct scaled_row rows[ROWS];
	uint64_t random = SEED;

	(void)state;
	for (int i = 0; i < ROWS; i++) {
		for (int j = 0; j < N; j++) {
			v[i][j] = (int8_t)((int)(next_random(&random) % 256) - 128);
		}
		rows[i] = (struct scaled_row){v[i], factors[i]};
	}
	for (int n_rows = 0; n_rows <= ROWS; n_rows++) {
		for (int n = 0; n < N_KERNELS; n++) {
			const struct embed_kernel *k = embed_kernel_nth(n);

			if (!k) {
				continue;
			}
			for (int j = 0; j < N; j++) {
				sum[j] = (float)j;
			}
			k->sum_rows(sum, rows, (size_t)n_rows, N);
			for (int j = 0; j < N; j++) {
				double is = j;

				for (int i = 0; i < n_rows; i++) {
					is += (double)factors[i] * v[i][j];
				}
				assert_float_equal(sum[j], is, 1e-3);
			}
			if (n == 0) {
				memcpy(first, sum, sizeof(first));
			}
			assert_memory_equal(first, sum, sizeof(first));
		}
	}
	free(factors);
}

static void test_exponential(void **state)
{
	enum { N = 32000 };
	float *x = calloc(N, sizeof(*x)), *first = calloc(N, sizeof(*x));

	(void)state;
	for (int n = 0; n < N_KERNELS; n++) {
		const struct embed_kernel *k = embed_kernel_nth(n);

		if (!k) {
			continue;
		}
		for (int i = 0; i < N; i++) {
			x[i] = (float)(i - N / 2) / 200;
		}
		k->exponential(x, N);
		for (int i = 0; i < N; i++) {
			double is = exp((double)((float)(i - N / 2) / 200));

			assert_true(fabs((double)x[i] - is) <= 4e-7 * is);
		}
		if (n == 0) {
			memcpy(first, x, N * sizeof(*x));
		}
		assert_memory_equal(first, x, N * sizeof(*x));
	}
	free(x);
	free(first);
}

/* Down a bowl: the distance to its bottom shrinks, and the first step is one rate long. */
static void test_adam(void **state)
{
	enum { N = TABLE_DIMENSION };
	float first[N];

	(void)state;
	for (int n = 0; n < N_KERNELS; n++) {
		const struct embed_kernel *k = embed_kernel_nth(n);
		float *x = numbers(N), m2 = 0, power1 = 1, power2 = 1, squares = 0;
		uint16_t m1[N] = {0};

		if (!k) {
			free(x);
			continue;
		}
		for (int i = 0; i < 200; i++) {
			float before = x[0], length = 0;

			power1 *= .9f;
			power2 *= .99f;
			for (int d = 0; d < N; d++) {
				length += x[d] * x[d] / N;
			}
			k->adam(&(struct adam_step){x, &m2, m1, x, N, .9f, .99f, 1e-8f,
				.02f / (1 - power1), 1 / (1 - power2)});
			if (i == 0) {
				assert_float_equal(
					x[0], before - .02f * before / sqrtf(length), 2e-4);
			}
		}
		for (int d = 0; d < N; d++) {
			squares += x[d] * x[d];
		}
		assert_true(squares < .5f);
		if (n == 0) {
			memcpy(first, x, sizeof(first));
		}
		assert_memory_equal(first, x, sizeof(first));
		free(x);
	}
}

/* ── the same table everywhere ── */

static void make_corpus(struct corpus *c)
{
	uint64_t random = SEED;

	corpus_init(c);
	for (int i = 0; i < 400; i++) {
		char text[1000] = "", head[40];
		struct terms h, b;
		struct arena a;

		snprintf(head, sizeof(head), "chapter %d of topic%d", i, i % 10);
		for (int w = 0; w < 60; w++) {
			size_t n = strlen(text);

			snprintf(text + n, sizeof(text) - n, "t%dword%d ", i % 10,
				(int)(next_random(&random) % 40));
		}
		arena_init(&a);
		analyse(&a, head, strlen(head), "en", &h);
		analyse(&a, text, strlen(text), "en", &b);
		corpus_add(c, &h, &b);
		arena_finish(&a);
	}
}

struct training {
	const struct corpus *c;
	const struct embed_kernel *kernel;
	struct buf out;
	int rc;
};

static void *on_thread(void *arg)
{
	struct training *t = arg;
	struct err e = ERR_INIT;

	t->rc = corpus_train_with(t->c, t->kernel, NULL, &t->out, &e);
	return NULL;
}

static void test_the_same_table(void **state)
{
	struct training t[N_KERNELS + 1];
	pthread_t threads[N_KERNELS + 1];
	struct corpus c;

	(void)state;
	make_corpus(&c);
	for (int i = 0; i <= N_KERNELS; i++) {
		const struct embed_kernel *k = i < N_KERNELS ? embed_kernel_nth(i) : NULL;

		t[i] = (struct training){
			.c = &c, .kernel = k ? k : embed_kernel(), .out = BUF_INIT};
		assert_int_equal(pthread_create(&threads[i], NULL, on_thread, &t[i]), 0);
	}
	for (int i = 0; i <= N_KERNELS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(t[i].rc, 0);
		assert_int_equal(t[i].out.len, t[0].out.len);
		assert_memory_equal(t[i].out.data, t[0].out.data, t[0].out.len);
	}
	for (int i = 0; i <= N_KERNELS; i++) {
		buf_finish(&t[i].out);
	}
	corpus_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_product),
		cmocka_unit_test(test_sum_rows),
		cmocka_unit_test(test_exponential),
		cmocka_unit_test(test_adam),
		cmocka_unit_test(test_the_same_table),
	};

	print_message("seed %llu\n", (unsigned long long)SEED);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "index/embed_kernel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#define LANES 16
#define CACHE_LINE 64
#define ROWS_AHEAD 8 /* 4 and 16 are no faster */
#define ROWS 4	     /* of C that are summed at once, EMBED_COLUMNS wide: 8 registers of AVX-512 */
typedef float lanes_f __attribute__((vector_size(LANES * 4)));
typedef uint32_t lanes_u __attribute__((vector_size(LANES * 4)));
typedef uint16_t lanes_h __attribute__((vector_size(LANES * 2)));
typedef int32_t lanes_i __attribute__((vector_size(LANES * 4)));

#define INLINE static inline __attribute__((always_inline))

INLINE void block(const struct product *p, size_t i, size_t j, size_t n_rows)
{
	const float *b = p->b + j;
	lanes_f sum[ROWS][2];

	memset(sum, 0, sizeof(sum));
	for (size_t k = 0; k < p->n_k; k++, b += p->n_j) {
		const float *a = p->a + i * p->a_step_i + k * p->a_step_k;
		lanes_f left, right;

		memcpy(&left, b, sizeof(left));
		memcpy(&right, b + LANES, sizeof(right));
		for (size_t r = 0; r < n_rows; r++) {
			float factor = a[r * p->a_step_i];
			lanes_f x = left * factor, y = right * factor;

			sum[r][0] += x;
			sum[r][1] += y;
		}
	}
	for (size_t r = 0; r < n_rows; r++) {
		memcpy(p->c + (i + r) * p->n_j + j, sum[r], sizeof(sum[r]));
	}
}

INLINE void product_body(const struct product *p)
{
	for (size_t j = 0; j < p->n_j; j += EMBED_COLUMNS) {
		size_t i = 0;

		for (; i + ROWS <= p->n_i; i += ROWS) {
			block(p, i, j, ROWS);
		}
		for (; i < p->n_i; i++) {
			block(p, i, j, 1);
		}
	}
}

/* 2^n · 2^f with n whole and |f| <= 1/2; 2^f by its Taylor series to the 6th power. */
INLINE void exponential_lanes(float *at)
{
	const float log2e = 1.44269504f, ln2_high = .693359375f, ln2_low = -2.12194440e-4f;
	const float shift = 12582912.0f; /* 1.5 · 2^23: adding it rounds to whole numbers */
	lanes_f x, t, whole, f, power, scale;
	lanes_i bits;

	memcpy(&x, at, sizeof(x));
	t = x * log2e;
	whole = t + shift;
	whole = whole - shift;
	f = whole * ln2_high;
	f = x - f;
	t = whole * ln2_low;
	f = f - t;
	power = f * (1.0f / 720) + 1.0f / 120;
	power = power * f + 1.0f / 24;
	power = power * f + 1.0f / 6;
	power = power * f + .5f;
	power = power * f + 1.0f;
	power = power * f + 1.0f;
	bits = (__builtin_convertvector(whole, lanes_i) + 127) << 23;
	memcpy(&scale, &bits, sizeof(scale));
	power *= scale;
	memcpy(at, &power, sizeof(power));
}

INLINE void exponential_body(float *x, size_t n)
{
	for (size_t i = 0; i < n; i += LANES) {
		exponential_lanes(x + i);
	}
}

INLINE float sum_of_squares(const float *g, size_t n)
{
	lanes_f sum = {0}, v;
	float of[LANES];

	for (size_t i = 0; i < n; i += LANES) {
		memcpy(&v, g + i, sizeof(v));
		v *= v;
		sum += v;
	}
	memcpy(of, &sum, sizeof(of));
	for (int width = LANES / 2; width > 0; width /= 2) {
		for (int i = 0; i < width; i++) {
			of[i] += of[i + width];
		}
	}
	return of[0];
}

INLINE void load_halved(const uint16_t *p, lanes_f *out)
{
	lanes_h h;
	lanes_u u;

	memcpy(&h, p, sizeof(h));
	u = __builtin_convertvector(h, lanes_u) << 16;
	memcpy(out, &u, sizeof(*out));
}

INLINE void store_halved(const lanes_f *v, uint16_t *p)
{
	lanes_h h;
	lanes_u u;

	memcpy(&u, v, sizeof(u));
	u += 0x7fff + (u >> 16 & 1); /* to the nearest, ties to even */
	h = __builtin_convertvector(u >> 16, lanes_h);
	memcpy(p, &h, sizeof(h));
}

INLINE void adam_body(const struct adam_step *s)
{
	float squares = sum_of_squares(s->g, s->n) / (float)s->n, step;
	float kept = s->beta2 * *s->m2, fresh = (1 - s->beta2) * squares;
	lanes_f x, m, g;

	*s->m2 = kept + fresh;
	step = s->rate / (sqrtf(*s->m2 * s->fix2) + s->epsilon);
	for (size_t i = 0; i < s->n; i += LANES) {
		memcpy(&x, s->x + i, sizeof(x));
		load_halved(s->m1 + i, &m);
		memcpy(&g, s->g + i, sizeof(g));
		m *= s->beta1;
		g *= 1 - s->beta1;
		m += g;
		store_halved(&m, s->m1 + i);
		m *= step;
		x -= m;
		memcpy(s->x + i, &x, sizeof(x));
	}
}

/* The first columns ask for what is read a few rows later, all of it. */
INLINE void ask_for(const struct scaled_row *row, size_t n)
{
	for (size_t at = 0; at < n; at += CACHE_LINE) {
		__builtin_prefetch(row->v + at);
	}
}

/* A cache line of each row at a time, so that the sums of its columns stay near. */
INLINE void sum_rows_body(float *into, const struct scaled_row *rows, size_t n_rows, size_t n)
{
	for (size_t j = 0; j < n; j += CACHE_LINE) {
		float sum[CACHE_LINE];

		memcpy(sum, into + j, sizeof(sum));
		for (size_t i = 0; i < n_rows; i++) {
			const int8_t *v = rows[i].v + j;
			float factor = rows[i].factor;

			if (j == 0 && i + ROWS_AHEAD < n_rows) {
				ask_for(&rows[i + ROWS_AHEAD], n);
			}
			for (int k = 0; k < CACHE_LINE; k++) {
				float product = (float)v[k] * factor;

				sum[k] += product;
			}
		}
		memcpy(into + j, sum, sizeof(sum));
	}
}

/* Not target_clones: its resolvers run before the sanitizers are set up and crash there. */
#define KERNEL(name, target_)                                                                      \
	target_ static void name##_product(const struct product *p)                                \
	{                                                                                          \
		product_body(p);                                                                   \
	}                                                                                          \
	target_ static void name##_exponential(float *x, size_t n)                                 \
	{                                                                                          \
		exponential_body(x, n);                                                            \
	}                                                                                          \
	target_ static void name##_adam(const struct adam_step *s)                                 \
	{                                                                                          \
		adam_body(s);                                                                      \
	}                                                                                          \
	target_ static void name##_sum_rows(                                                       \
		float *into, const struct scaled_row *rows, size_t n_rows, size_t n)               \
	{                                                                                          \
		sum_rows_body(into, rows, n_rows, n);                                              \
	}                                                                                          \
	static const struct embed_kernel name = {                                                  \
		name##_product, name##_exponential, name##_adam, name##_sum_rows};

KERNEL(baseline, )
#ifdef __x86_64__
KERNEL(avx2, __attribute__((target("avx2"))))
KERNEL(avx512, __attribute__((target("avx512f,avx512bw,avx512vl"))))
#endif

const struct embed_kernel *embed_kernel_nth(int i)
{
#ifdef __x86_64__
	if (i == 1) {
		return __builtin_cpu_supports("avx2") ? &avx2 : NULL;
	}
	if (i == 2) {
		return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
			       ? &avx512
			       : NULL;
	}
#endif
	return i == 0 ? &baseline : NULL;
}

const struct embed_kernel *embed_kernel(void)
{
	for (int i = 2; i > 0; i--) {
		if (embed_kernel_nth(i)) {
			return embed_kernel_nth(i);
		}
	}
	return &baseline;
}

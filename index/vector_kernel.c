#include "index/vector_kernel.h"

#include <math.h>
#include <string.h>

#include "index/vector_codes.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* 16 lanes: four SSE, two AVX2 or one AVX-512 register, the same sums in each. */
#define LANES 16
typedef float lanes_f __attribute__((vector_size(LANES * 4)));
typedef uint32_t lanes_u __attribute__((vector_size(LANES * 4)));
typedef uint16_t lanes_h __attribute__((vector_size(LANES * 2)));
typedef int8_t lanes_b __attribute__((vector_size(LANES)));

#define INLINE static inline __attribute__((always_inline))

/* A half's bits shifted into a float's are 2^112 too small, subnormals included. */
#define HALF_SCALE 0x1p112f

INLINE float half_one(uint16_t h)
{
	uint32_t bits = (uint32_t)(h & 0x7fff) << 13;
	uint32_t sign = (uint32_t)(h & 0x8000) << 16;
	float f;

	memcpy(&f, &bits, sizeof(f));
	f *= HALF_SCALE;
	memcpy(&bits, &f, sizeof(bits));
	bits |= sign;
	memcpy(&f, &bits, sizeof(f));
	return f;
}

INLINE void half_lanes(const uint16_t *p, lanes_f *out)
{
	lanes_h h;
	lanes_u u, magnitude;
	lanes_f f;

	memcpy(&h, p, sizeof(h));
	u = __builtin_convertvector(h, lanes_u);
	magnitude = (u & 0x7fff) << 13;
	memcpy(&f, &magnitude, sizeof(f));
	f *= HALF_SCALE;
	memcpy(&magnitude, &f, sizeof(magnitude));
	magnitude |= (u & 0x8000) << 16;
	memcpy(out, &magnitude, sizeof(*out));
}

INLINE float sum_lanes(const lanes_f *v)
{
	float a[LANES];

	memcpy(a, v, sizeof(a));
	for (int width = LANES / 2; width > 0; width /= 2) {
		for (int i = 0; i < width; i++) {
			a[i] += a[i + width];
		}
	}
	return a[0];
}

INLINE float dot_body(const float *a, const float *b, size_t n)
{
	lanes_f sum = {0}, x, y;
	float rest = 0;
	size_t i = 0;

	for (; i + LANES <= n; i += LANES) {
		memcpy(&x, a + i, sizeof(x));
		memcpy(&y, b + i, sizeof(y));
		x *= y;
		sum += x;
	}
	for (; i < n; i++) {
		float product = a[i] * b[i];
		rest += product;
	}
	return sum_lanes(&sum) + rest;
}

INLINE float dot_half_body(const float *a, const uint16_t *b, size_t n)
{
	lanes_f sum = {0}, x, y;
	float rest = 0;
	size_t i = 0;

	for (; i + LANES <= n; i += LANES) {
		memcpy(&x, a + i, sizeof(x));
		half_lanes(b + i, &y);
		x *= y;
		sum += x;
	}
	for (; i < n; i++) {
		float product = a[i] * half_one(b[i]);
		rest += product;
	}
	return sum_lanes(&sum) + rest;
}

INLINE void add_scaled_body(float *into, const float *from, float factor, size_t n)
{
	lanes_f x, y;
	size_t i = 0;

	for (; i + LANES <= n; i += LANES) {
		memcpy(&x, into + i, sizeof(x));
		memcpy(&y, from + i, sizeof(y));
		y *= factor;
		x += y;
		memcpy(into + i, &x, sizeof(x));
	}
	for (; i < n; i++) {
		float product = from[i] * factor;
		into[i] += product;
	}
}

INLINE void add_scaled_int8_body(float *into, const int8_t *from, float factor, size_t n)
{
	lanes_b b;
	lanes_f x, y;
	size_t i = 0;

	for (; i + LANES <= n; i += LANES) {
		memcpy(&b, from + i, sizeof(b));
		memcpy(&x, into + i, sizeof(x));
		y = __builtin_convertvector(b, lanes_f);
		y *= factor;
		x += y;
		memcpy(into + i, &x, sizeof(x));
	}
	for (; i < n; i++) {
		float product = (float)from[i] * factor;
		into[i] += product;
	}
}

/* Not target_clones: its resolvers run before the sanitizers are set up and crash there. */
/* Byte i of a group has the levels of its numbers i, 32 + i, 64 + i and 96 + i, in that order from
 * the lowest bits. */
typedef uint16_t lanes_w __attribute__((vector_size(CODE_BYTES * 2)));
typedef int16_t lanes_s __attribute__((vector_size(CODE_BYTES * 2)));
typedef uint8_t lanes_c __attribute__((vector_size(CODE_BYTES)));
typedef int32_t lanes_i __attribute__((vector_size(LANES * 4)));
typedef int32_t lanes_i8 __attribute__((vector_size(LANES * 2)));
typedef int32_t lanes_i4 __attribute__((vector_size(LANES)));

INLINE void to_code_body(
	const uint16_t *halves, const float *mean, const float *step, int n_groups, uint8_t *out)
{
	for (int at = 0; at < n_groups * CODE_GROUP; at += LANES) {
		int in_group = at % CODE_GROUP;
		uint8_t *into = out + at / CODE_GROUP * CODE_BYTES + in_group % CODE_BYTES;
		lanes_f x, m, s;
		lanes_i level;
		lanes_b bytes, before;

		half_lanes(halves + at, &x);
		memcpy(&m, mean + at, sizeof(m));
		memcpy(&s, step + at, sizeof(s));
		x -= m;
		level = -((x > 0) + (x > s) + (x > -s)); /* true is -1 */
		level <<= in_group / CODE_BYTES * 2;
		bytes = __builtin_convertvector(level, lanes_b);
		if (in_group >= CODE_BYTES) {
			memcpy(&before, into, sizeof(before));
			bytes |= before;
		}
		memcpy(into, &bytes, sizeof(bytes));
	}
}

/* Of pairs of 16 bits, then of all of them. */
INLINE int32_t sum_shorts(const lanes_s *v)
{
	lanes_i low, high;
	lanes_i8 half, other;
	lanes_i4 quarter, rest;

	memcpy(&high, v, sizeof(high));
	low = high << 16;
	high = (high >> 16) + (low >> 16);
	memcpy(&half, &high, sizeof(half));
	memcpy(&other, (const char *)&high + sizeof(half), sizeof(other));
	half += other;
	memcpy(&quarter, &half, sizeof(quarter));
	memcpy(&rest, (const char *)&half + sizeof(quarter), sizeof(rest));
	quarter += rest;
	return quarter[0] + quarter[1] + quarter[2] + quarter[3];
}

INLINE void dot_codes_body(
	const int16_t *weights, int n_groups, const uint8_t *const *codes, int n, int32_t *out)
{
	for (int i = 0; i < n; i++) {
		lanes_s sum = {0};

		for (int g = 0; g < n_groups; g++) {
			const int16_t *of = weights + g * CODE_GROUP;
			lanes_c bytes;
			lanes_w levels;
			lanes_s w;

			memcpy(&bytes, codes[i] + g * CODE_BYTES, sizeof(bytes));
			levels = __builtin_convertvector(bytes, lanes_w);
			for (int k = 0; k < CODE_GROUP / CODE_BYTES; k++) {
				memcpy(&w, of + k * CODE_BYTES, sizeof(w));
				sum += (lanes_s)(levels & 3) * w;
				levels >>= 2;
			}
		}
		out[i] = sum_shorts(&sum);
	}
}

#define KERNEL(name, target_)                                                                      \
	target_ static float name##_dot(const float *a, const float *b, size_t n)                  \
	{                                                                                          \
		return dot_body(a, b, n);                                                          \
	}                                                                                          \
	target_ static float name##_dot_half(const float *a, const uint16_t *b, size_t n)          \
	{                                                                                          \
		return dot_half_body(a, b, n);                                                     \
	}                                                                                          \
	target_ static void name##_add(float *into, const float *from, float factor, size_t n)     \
	{                                                                                          \
		add_scaled_body(into, from, factor, n);                                            \
	}                                                                                          \
	target_ static void name##_add8(float *into, const int8_t *from, float factor, size_t n)   \
	{                                                                                          \
		add_scaled_int8_body(into, from, factor, n);                                       \
	}                                                                                          \
	target_ static void name##_to_code(const uint16_t *halves, const float *mean,              \
		const float *step, int n_groups, uint8_t *out)                                     \
	{                                                                                          \
		to_code_body(halves, mean, step, n_groups, out);                                   \
	}                                                                                          \
	target_ static void name##_dot_codes(const int16_t *weights, int n_groups,                 \
		const uint8_t *const *codes, int n, int32_t *out)                                  \
	{                                                                                          \
		dot_codes_body(weights, n_groups, codes, n, out);                                  \
	}                                                                                          \
	static const struct vector_kernel name = {name##_dot, name##_dot_half, name##_add,         \
		name##_add8, name##_to_code, name##_dot_codes};

KERNEL(baseline, )
#ifdef __x86_64__
KERNEL(avx2, __attribute__((target("avx2"))))
KERNEL(avx512, __attribute__((target("avx512f,avx512bw,avx512vl"))))
#endif

const struct vector_kernel *vector_kernel(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
		return &avx512;
	}
	if (__builtin_cpu_supports("avx2")) {
		return &avx2;
	}
#endif
	return &baseline;
}

static uint16_t to_half_one(float f)
{
	uint32_t bits, sign, mantissa, rest, half;
	int exponent, shift;

	memcpy(&bits, &f, sizeof(bits));
	sign = bits >> 16 & 0x8000;
	exponent = (int)(bits >> 23 & 0xff) - 127;
	mantissa = (bits & 0x7fffff) | 0x800000;
	if (exponent < -25) {
		return (uint16_t)sign;
	}
	/* What stays: 11 bits with the leading one, fewer below 2^-14. */
	shift = exponent < -14 ? 13 + (-14 - exponent) : 13;
	half = mantissa >> shift;
	rest = mantissa & ((1u << shift) - 1);
	if (rest > 1u << (shift - 1) || (rest == 1u << (shift - 1) && (half & 1))) {
		half++;
	}
	/* The leading one of a normal number adds 1 to the exponent field, as does a carry. */
	half += exponent < -14 ? 0 : (uint32_t)(exponent + 14) << 10;
	return (uint16_t)(sign | half);
}

void vector_to_half(const float *from, uint16_t *into, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		into[i] = to_half_one(from[i]);
	}
}

void vector_from_half(const uint16_t *from, float *into, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		into[i] = half_one(from[i]);
	}
}

float vector_normalise(float *v, size_t n)
{
	double sum = 0;
	double length;

	for (size_t i = 0; i < n; i++) {
		sum += (double)v[i] * (double)v[i];
	}
	if (!isfinite(sum)) {
		return NAN;
	}
	length = sqrt(sum);
	if (length > 0) {
		for (size_t i = 0; i < n; i++) {
			v[i] = (float)((double)v[i] / length);
		}
	}
	return (float)length;
}

/*
 * The hot loops over vectors, compiled for AVX-512, AVX2 and the baseline, chosen at run time. All
 * three add in the same order without fused multiplication, so that every machine computes the same
 * bits (a trained table does not depend on the machine). n is a number of floats; any n, any
 * alignment. Half floats are IEEE 754 binary16; infinities and NaN do not occur (vectors_put
 * refuses them). Thread: any.
 */
#ifndef INDEX_VECTOR_KERNEL_H
#define INDEX_VECTOR_KERNEL_H

#include <stddef.h>
#include <stdint.h>

struct vector_kernel {
	float (*dot)(const float *a, const float *b, size_t n);
	float (*dot_half)(const float *a, const uint16_t *b, size_t n);
	void (*add_scaled)(float *into, const float *from, float factor, size_t n);
	void (*add_scaled_int8)(float *into, const int8_t *from, float factor, size_t n);
	/* Of index/vector_codes.h: a vector's code [n_groups × CODE_BYTES], all arrays
	 * [n_groups × CODE_GROUP]; and the sums of weight · level with codes [n] of vectors. */
	void (*to_code)(const uint16_t *halves, const float *mean, const float *step, int n_groups,
		uint8_t *out);
	void (*dot_codes)(const int16_t *weights, int n_groups, const uint8_t *const *codes, int n,
		int32_t *out);
};

const struct vector_kernel *vector_kernel(void);

/* Rounds to nearest even; the magnitude must be below 65520. */
void vector_to_half(const float *from, uint16_t *into, size_t n);
void vector_from_half(const uint16_t *from, float *into, size_t n);

/* Scales to length 1 and returns the former length; a zero vector, or one with NaN or infinity in
 * it (which returns NaN), is left as it is. */
float vector_normalise(float *v, size_t n);

#endif

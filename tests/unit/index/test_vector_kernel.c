/* Half floats and dot products: all kernels agree. */
#include "tests/unit/index/vector_recall.h"

#include <math.h>

static void test_half(void **state)
{
	float values[] = {0, 1, -1, .5f, .333333f, 6e-8f, 2.9e-8f, 6.1036e-5f, 6.09e-5f,
		-0.0009765f, 65504, 1.00048828125f, 1.00146484375f};
	uint16_t halves[13], expected[] = {0, 0x3c00, 0xbc00, 0x3800, 0x3555, 1, 0, 0x0400, 0x03fe,
				     0x9400, 0x7bff, 0x3c00, 0x3c02};
	float back[13];

	(void)state;
	vector_to_half(values, halves, 13);
	vector_from_half(halves, back, 13);
	for (int i = 0; i < 13; i++) {
		assert_int_equal(halves[i], expected[i]);
		assert_true(fabsf(back[i] - values[i]) <= fabsf(values[i]) * .0005f + 3e-8f);
	}
	for (uint32_t h = 0; h < 0x7c00; h++) {
		uint16_t in = (uint16_t)h, out;
		float x;

		vector_from_half(&in, &x, 1);
		vector_to_half(&x, &out, 1);
		assert_int_equal(in, out);
	}
}

static void test_kernels_agree(void **state)
{
	const struct vector_kernel *k = vector_kernel();
	uint64_t random = SEED;
	float a[100], b[100], c[100], sum = 0, sum_half = 0, unpacked[100];
	uint16_t half[100];
	int8_t bytes[100];

	(void)state;
	for (int i = 0; i < 100; i++) {
		a[i] = normal(&random);
		b[i] = normal(&random);
		c[i] = b[i];
		bytes[i] = (int8_t)(i - 50);
	}
	vector_to_half(b, half, 100);
	vector_from_half(half, unpacked, 100);
	for (int n = 0; n <= 100; n++) {
		assert_float_equal(k->dot(a, b, (size_t)n), sum, 1e-4);
		assert_float_equal(k->dot_half(a, half, (size_t)n), sum_half, 1e-4);
		if (n < 100) {
			sum += a[n] * b[n];
			sum_half += a[n] * unpacked[n];
		}
	}
	k->add_scaled(c, a, 2, 99);
	k->add_scaled_int8(c, bytes, .5f, 99);
	for (int i = 0; i < 99; i++) {
		assert_float_equal(c[i], b[i] + 2 * a[i] + .5f * (float)(i - 50), 1e-4);
	}
	assert_true(c[99] == b[99]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half),
		cmocka_unit_test(test_kernels_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

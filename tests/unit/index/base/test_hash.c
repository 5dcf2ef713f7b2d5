/* Hashes against the published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "index/base/err.h"
#include "index/base/hash.h"

/* BLAKE2b with 32 bytes of output, and SHA-256 (FIPS 180-4, examples), of "abc" and of nothing. */
#define BLAKE2B_ABC "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
#define BLAKE2B_NONE "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_vectors(void **state)
{
	char hex[HASH_HEX_SIZE];

	(void)state;
	hash_blake2b_hex("abc", 3, hex);
	assert_string_equal(hex, BLAKE2B_ABC);
	hash_blake2b_hex("", 0, hex);
	assert_string_equal(hex, BLAKE2B_NONE);
	hash_sha256_hex("abc", 3, hex);
	assert_string_equal(hex, SHA256_ABC);
}

static void test_stream_gives_the_same(void **state)
{
	struct hash_stream h;
	char blake2b[HASH_HEX_SIZE], sha256[HASH_HEX_SIZE];

	(void)state;
	hash_stream_init(&h);
	hash_stream_add(&h, "a", 1);
	hash_stream_add(&h, "", 0);
	hash_stream_add(&h, "bc", 2);
	hash_stream_finish(&h, blake2b, sha256);
	assert_string_equal(blake2b, BLAKE2B_ABC);
	assert_string_equal(sha256, SHA256_ABC);
	hash_stream_init_blake2b(&h);
	hash_stream_add(&h, "abc", 3);
	hash_stream_finish(&h, blake2b, NULL);
	assert_string_equal(blake2b, BLAKE2B_ABC);
}

static void test_hex(void **state)
{
	uint8_t hash[HASH_BYTES], back[HASH_BYTES];
	char hex[HASH_HEX_SIZE];

	(void)state;
	hash_blake2b("abc", 3, hash);
	hash_to_hex(hash, hex);
	assert_int_equal(hash_from_hex(hex, back), 0);
	assert_memory_equal(hash, back, HASH_BYTES);
	hex[10] = 'g';
	assert_int_equal(hash_from_hex(hex, back), ERR_INVALID);
	assert_int_equal(hash_from_hex("", back), ERR_INVALID);
	assert_int_equal(hash_from_hex(NULL, back), ERR_INVALID);
	assert_int_equal(hash_from_hex(BLAKE2B_ABC "00", back), ERR_INVALID);
}

/* Derived data depends on these: they may never change. */
static void test_hash64_is_stable(void **state)
{
	uint64_t seen[256];

	(void)state;
	assert_true(hash64("", 0) == 0xefd01f60ba992926u);
	assert_true(hash64("abc", 3) == 0x33ebaf9927cbc5bdu);
	for (int i = 0; i < 256; i++) {
		unsigned char c = (unsigned char)i;

		seen[i] = hash64(&c, 1);
		for (int j = 0; j < i; j++) {
			assert_true(seen[i] != seen[j]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_stream_gives_the_same),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_hash64_is_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

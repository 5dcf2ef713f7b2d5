#include "index/base/hash.h"

#include <pthread.h>
#include <string.h>

#include "index/base/err.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void on_once(void)
{
	int rc = sodium_init();

	ASSERT(rc >= 0);
}

void hash_blake2b(const void *p, size_t n_bytes, uint8_t out[HASH_BYTES])
{
	pthread_once(&once, on_once);
	crypto_generichash(out, HASH_BYTES, p, n_bytes, NULL, 0);
}

void hash_blake2b_hex(const void *p, size_t n_bytes, char out[HASH_HEX_SIZE])
{
	uint8_t hash[HASH_BYTES];

	hash_blake2b(p, n_bytes, hash);
	hash_to_hex(hash, out);
}

void hash_sha256_hex(const void *p, size_t n_bytes, char out[HASH_HEX_SIZE])
{
	uint8_t hash[HASH_BYTES];

	pthread_once(&once, on_once);
	crypto_hash_sha256(hash, p, n_bytes);
	hash_to_hex(hash, out);
}

void hash_to_hex(const uint8_t hash[HASH_BYTES], char out[HASH_HEX_SIZE])
{
	sodium_bin2hex(out, HASH_HEX_SIZE, hash, HASH_BYTES);
}

int hash_from_hex(const char *hex, uint8_t out[HASH_BYTES])
{
	size_t n;

	if (!hex || strlen(hex) != 2 * HASH_BYTES ||
		sodium_hex2bin(out, HASH_BYTES, hex, 2 * HASH_BYTES, NULL, &n, NULL) != 0 ||
		n != HASH_BYTES) {
		return ERR_INVALID;
	}
	return 0;
}

void hash_stream_init_blake2b(struct hash_stream *h)
{
	pthread_once(&once, on_once);
	crypto_generichash_init(&h->blake2b, NULL, 0, HASH_BYTES);
	h->both = false;
}

void hash_stream_init(struct hash_stream *h)
{
	hash_stream_init_blake2b(h);
	crypto_hash_sha256_init(&h->sha256);
	h->both = true;
}

void hash_stream_add(struct hash_stream *h, const void *p, size_t n_bytes)
{
	crypto_generichash_update(&h->blake2b, p, n_bytes);
	if (h->both) {
		crypto_hash_sha256_update(&h->sha256, p, n_bytes);
	}
}

void hash_stream_finish(
	struct hash_stream *h, char blake2b[HASH_HEX_SIZE], char sha256[HASH_HEX_SIZE])
{
	uint8_t hash[HASH_BYTES];

	crypto_generichash_final(&h->blake2b, hash, HASH_BYTES);
	hash_to_hex(hash, blake2b);
	ASSERT(h->both == (sha256 != NULL));
	if (sha256) {
		crypto_hash_sha256_final(&h->sha256, hash);
		hash_to_hex(hash, sha256);
	}
}

void hash_damage_init(struct hash_damage *h)
{
	static const uint8_t key[crypto_onetimeauth_KEYBYTES] = "carrel, against damage, 1st key";

	_Static_assert(HASH_DAMAGE_BYTES == crypto_onetimeauth_BYTES, "a tag");
	crypto_onetimeauth_init(&h->state, key);
}

void hash_damage_add(struct hash_damage *h, const void *p, size_t n_bytes)
{
	crypto_onetimeauth_update(&h->state, p, n_bytes);
}

void hash_damage_finish(struct hash_damage *h, uint8_t out[HASH_DAMAGE_BYTES])
{
	crypto_onetimeauth_final(&h->state, out);
}

uint64_t hash64(const void *p, size_t n_bytes)
{
	const uint8_t *s = p;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n_bytes; i++) {
		h = (h ^ s[i]) * 0x100000001b3u;
	}
	/* FNV's high bits are weak for short input; MurmurHash3's finaliser spreads them. */
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

/*
 * Content hashes: BLAKE2b-256 (RFC 7693) names blobs and secrets at rest, SHA-256 (FIPS 180-4) is
 * shown to people. Thread: any.
 */
#ifndef INDEX_BASE_HASH_H
#define INDEX_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#define HASH_BYTES 32
#define HASH_HEX_SIZE 65 /* with the NUL */

void hash_blake2b(const void *p, size_t n_bytes, uint8_t out[HASH_BYTES]);
void hash_blake2b_hex(const void *p, size_t n_bytes, char out[HASH_HEX_SIZE]);
void hash_sha256_hex(const void *p, size_t n_bytes, char out[HASH_HEX_SIZE]);
void hash_to_hex(const uint8_t hash[HASH_BYTES], char out[HASH_HEX_SIZE]);
int hash_from_hex(const char *hex, uint8_t out[HASH_BYTES]); /* 0, or ERR_INVALID */

/* Both hashes of a stream in one pass, or BLAKE2b alone: SHA-256 costs three times as much. */
struct hash_stream {
	crypto_generichash_state blake2b;
	crypto_hash_sha256_state sha256;
	bool both;
};

void hash_stream_init(struct hash_stream *h);
void hash_stream_init_blake2b(struct hash_stream *h);
void hash_stream_add(struct hash_stream *h, const void *p, size_t n_bytes);
/* sha256: NULL, if it was begun without. */
void hash_stream_finish(
	struct hash_stream *h, char blake2b[HASH_HEX_SIZE], char sha256[HASH_HEX_SIZE]);

/* A digest of what damage may have changed, several GB a second: Poly1305 (RFC 8439) under a key
 * that everybody knows, so not against anybody who wants to deceive. */
#define HASH_DAMAGE_BYTES 16
struct hash_damage {
	crypto_onetimeauth_state state;
};
void hash_damage_init(struct hash_damage *h);
void hash_damage_add(struct hash_damage *h, const void *p, size_t n_bytes);
void hash_damage_finish(struct hash_damage *h, uint8_t out[HASH_DAMAGE_BYTES]);

/* A fast 64-bit hash for tables in memory and hashed grams (FNV-1a with a final mix): stable across
 * machines and releases, since derived data depends on it. Not for secrets. */
uint64_t hash64(const void *p, size_t n_bytes);

#endif

#include "index/base/id.h"

#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/err.h"

#define PREFIX_MAX 4
#define ULID_CHARS 26
#define RANDOM_BYTES 10

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t last_ms;
static uint8_t last_random[RANDOM_BYTES];

static void on_once(void)
{
	int rc = sodium_init();

	ASSERT(rc >= 0);
}

/* Within one millisecond (or while the clock stands or goes back) the random part counts up. */
static void next_ulid(uint8_t out[16])
{
	int64_t now;

	pthread_mutex_lock(&lock);
	now = clock_wall_ms();
	if (now > last_ms) {
		last_ms = now;
		randombytes_buf(last_random, sizeof(last_random));
		last_random[0] &= 0x7f; /* room to count */
	} else {
		int i = RANDOM_BYTES - 1;

		while (i >= 0 && ++last_random[i] == 0) {
			i--;
		}
		if (i < 0) {
			last_ms++;
		}
	}
	for (int i = 0; i < 6; i++) {
		out[i] = (uint8_t)(last_ms >> (8 * (5 - i)));
	}
	memcpy(out + 6, last_random, RANDOM_BYTES);
	pthread_mutex_unlock(&lock);
}

struct id id_create(const char *prefix)
{
	struct id id = {""};
	size_t n = strlen(prefix);
	uint8_t ulid[16];

	ASSERT(n >= 1 && n <= PREFIX_MAX);
	pthread_once(&once, on_once);
	next_ulid(ulid);
	memcpy(id.s, prefix, n);
	id.s[n] = '_';
	/* 128 bits right-aligned in 26 characters of 5: the first holds 3. */
	for (int i = 0; i < ULID_CHARS; i++) {
		int low = (ULID_CHARS - 1 - i) * 5; /* lowest of the five bits */
		unsigned v = 0;

		for (int bit = 4; bit >= 0; bit--) {
			int at = low + bit;

			v = v << 1 | (at < 128 ? ulid[15 - at / 8] >> (at % 8) & 1u : 0u);
		}
		id.s[n + 1 + (size_t)i] = digits[v];
	}
	return id;
}

struct id id_parse(const char *prefix, const char *s)
{
	struct id id = {""};
	size_t n = 0;
	const char *ulid;

	if (!s) {
		return id;
	}
	while (n < PREFIX_MAX && s[n] >= 'a' && s[n] <= 'z') {
		n++;
	}
	if (n == 0 || s[n] != '_' ||
		(prefix && (strlen(prefix) != n || memcmp(prefix, s, n) != 0))) {
		return id;
	}
	ulid = s + n + 1;
	if (strnlen(ulid, ULID_CHARS + 1) != ULID_CHARS || strspn(ulid, digits) != ULID_CHARS ||
		ulid[0] > '7') {
		return id;
	}
	memcpy(id.s, s, n + 1 + ULID_CHARS);
	return id;
}

bool id_empty(const struct id *id)
{
	return id->s[0] == '\0';
}

bool id_equal(const struct id *a, const struct id *b)
{
	return strcmp(a->s, b->s) == 0;
}

void secret_create(char *out, size_t out_size, size_t n_bytes)
{
	uint8_t bytes[64];

	ASSERT(n_bytes <= sizeof(bytes));
	ASSERT(out_size >=
		sodium_base64_encoded_len(n_bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING));
	pthread_once(&once, on_once);
	randombytes_buf(bytes, n_bytes);
	sodium_bin2base64(out, out_size, bytes, n_bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(bytes, sizeof(bytes));
}

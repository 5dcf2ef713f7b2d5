/*
 * Ids: a prefix of at most 4 letters, '_' and a ULID in Crockford's base 32, e.g.
 * conv_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2E (https://github.com/ulid/spec): they sort by creation time.
 * They name things, they are not secrets: secrets come from secret_create.
 * Prefixes: ws usr grp ses tok col doc ver chk job conv run evt aud set.
 * Thread: any (monotonic within a process).
 */
#ifndef INDEX_BASE_ID_H
#define INDEX_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>

#define ID_SIZE 32 /* with the NUL */

struct id {
	char s[ID_SIZE];
};

struct id id_create(const char *prefix);
/* Copies s when it is a well-formed id of that prefix (NULL: any prefix), else gives an empty id,
 * which no row has. */
struct id id_parse(const char *prefix, const char *s);
bool id_empty(const struct id *id);
bool id_equal(const struct id *a, const struct id *b);

/* n_bytes (at most 64) of kernel randomness as base64url without padding, NUL-terminated. */
void secret_create(char *out, size_t out_size, size_t n_bytes);

#endif

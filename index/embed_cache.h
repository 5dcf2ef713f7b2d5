/*
 * Vectors of recent questions, by their exact text: the same words asked again, or asked on, need
 * no request. One cache belongs to one embedder, thus to one vector space of one workspace: no
 * vector of another model is ever found, and nothing crosses workspaces. In memory only, the
 * longest unused goes first.
 *
 * Permissions: it holds what people typed and a function of it, nothing of any document, so a hit
 * tells nothing of what one may not read; that an answer came faster may tell that somebody of the
 * same workspace asked these very words before.
 * Private to index/embed*.c. Thread: any.
 */
#ifndef INDEX_EMBED_CACHE_H
#define INDEX_EMBED_CACHE_H

#include <stdbool.h>
#include <stddef.h>

struct embed_cache;

struct embed_cache *embed_cache_create(size_t max_bytes, int dimension); /* 0 bytes: holds none */
void embed_cache_destroy(struct embed_cache *c);			 /* NULL is fine */
/* Copies the vector [dimension] to out. */
bool embed_cache_lookup(struct embed_cache *c, const char *text, size_t n_bytes, float *out);
void embed_cache_put(struct embed_cache *c, const char *text, size_t n_bytes, const float *vector);

#endif

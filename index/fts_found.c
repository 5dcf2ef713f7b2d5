#include "index/fts_found.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"

#define TABLE 512 /* a power of two */
#define TERMS_MAX (TABLE / 2)
#define BYTES_MAX (2 << 20) /* a page of 4 KB a term and segment */

struct found_term {
	const char *text; /* NULL: free */
	struct postings list;
};

static void destroy(void *p)
{
	struct fts_found *f = p;

	arena_finish(&f->arena);
	free(f->table);
	free(f);
}

struct fts_found *fts_found_keep(struct db *db, int64_t workspace_n)
{
	struct fts_found *f = db_kept(db, PART_FULL_TEXT);

	if (f && f->workspace_n == workspace_n) {
		return f;
	}
	if (db_writes(db)) {
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	ASSERT(f != NULL);
	f->table = calloc(TABLE, sizeof(*f->table));
	ASSERT(f->table != NULL);
	f->workspace_n = workspace_n;
	arena_init(&f->arena);
	db_keep(db, PART_FULL_TEXT, f, destroy);
	return f;
}

static struct found_term *find(const struct fts_found *f, const char *term)
{
	size_t i = hash64(term, strlen(term)) % TABLE;

	while (f->table[i].text && strcmp(f->table[i].text, term) != 0) {
		i = (i + 1) % TABLE;
	}
	return &f->table[i];
}

const struct postings *fts_found_lookup(const struct fts_found *f, const char *term)
{
	const struct found_term *t = find(f, term);

	return t->text ? &t->list : NULL;
}

struct arena *fts_found_room(struct fts_found *f)
{
	return f->n < TERMS_MAX && f->arena.n_bytes < BYTES_MAX ? &f->arena : NULL;
}

void fts_found_add(struct fts_found *f, const char *term, const struct postings *list)
{
	struct found_term *t = find(f, term);

	ASSERT(f->n < TERMS_MAX);
	f->n += !t->text;
	*t = (struct found_term){arena_str(&f->arena, term), *list};
}

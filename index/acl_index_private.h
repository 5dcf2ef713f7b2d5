/*
 * What index/acl_index.c has in memory, for index/acl_check.c. Private to them. The lock guards all
 * but an index that nobody else has yet.
 */
#ifndef INDEX_ACL_INDEX_PRIVATE_H
#define INDEX_ACL_INDEX_PRIVATE_H

#include <pthread.h>

#include "index/acl.h"
#include "index/base/hash.h"

/* Documents with the same readers in one collection. */
struct acl_set {
	int64_t n;
	char collection[ID_SIZE];
	bool attached;	/* the collection holds a conversation's attachments */
	char **readers; /* [n_readers] */
	int n_readers;
	struct bitmap slots; /* of their live chunks */
	uint64_t n_slots;    /* how many: counting a million bits in each set takes milliseconds */
};

struct acl_space {
	int64_t workspace_n;
	uint64_t epoch;	      /* +1 with every change */
	struct acl_set *sets; /* [n_sets] sorted by n */
	int n_sets, capacity;
};

#define N_CACHED 128

struct cached {
	char key[HASH_HEX_SIZE]; /* of asker and collections */
	int64_t workspace_n;
	struct allowed *allowed;
	uint64_t used;
};

struct acl_index {
	pthread_mutex_t lock;
	struct acl_space *spaces;
	int n_spaces;
	struct cached cache[N_CACHED];
	uint64_t clock;
};

/* That of the workspace, made if there is none. Valid until the next is made. */
struct acl_space *acl_space_of(struct acl_index *x, int64_t workspace_n);
/* NULL: there is none of that number. */
struct acl_set *acl_set_lookup(const struct acl_space *s, int64_t n);

/* A new one from the runs, or, `derive`, from what those follow from. */
MUST_CHECK int acl_index_load(struct db *db, bool derive, struct acl_index **out, struct err *e);
/* The same from a reader of its own. */
MUST_CHECK int acl_index_snapshot(
	struct store *s, bool derive, struct acl_index **out, struct err *e);
/* x, whose lock is held, gets what `fresh` has; the epochs go on. */
void acl_index_take_over(struct acl_index *x, struct acl_index *fresh);

#endif

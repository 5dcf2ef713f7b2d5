/*
 * Permissions: who may do what, and the one bitmap that filters both searches.
 *
 * A principal is a user, a group or 'workspace'. A document has its collection's entries or its
 * own; rights are ordered read < write < own. No entry means nobody: roles give no right to read.
 * An admin may change the entries of every collection of the workspace (that is audited), which is
 * another thing. A collection that holds a conversation's attachments is its owner's alone: its
 * entries do not change, not even the machine's operator reads it, and a search looks into it only
 * when it is named as attached. acl_may is the one function that answers "may this asker do this to
 * that object"; a refusal and an absence are the same error with the same text.
 *
 * Every document's readers are interned as an acl_set (one a distinct collection + readers); in
 * memory, each set has a bitmap of its live chunk slots. acl_allowed ORs the sets an asker may
 * read. The bitmaps follow the database in db_after_commit; the joins of index/chunks.h check
 * again.
 *
 * Alone writes acl_entry, acl_set, acl_set_reader, document.acl_set_n and own_acl,
 * workspace.acl_epoch.
 */
#ifndef INDEX_ACL_H
#define INDEX_ACL_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/arena.h"
#include "index/base/bitmap.h"
#include "index/base/err.h"
#include "index/base/id.h"
#include "index/store.h"

enum right { RIGHT_NONE = 0, RIGHT_READ = 1, RIGHT_WRITE = 2, RIGHT_OWN = 3 };
enum role { ROLE_MEMBER = 0, ROLE_ADMIN = 1, ROLE_OPERATOR = 2 };

const char *right_name(enum right r); /* "read" */
int right_parse(const char *name);    /* -1: none of them */
const char *role_name(enum role r);   /* "member" */
int role_parse(const char *name);

/* Who asks. Made by acl_asker for each request from the database's present state, so that a
 * revocation counts at the next request. Lives in the arena it was made in. */
struct asker {
	struct id workspace;
	int64_t workspace_n;
	struct id user; /* empty: the machine's operator on the Unix socket */
	enum role role;
	bool reads_all;		       /* the operator on the socket, who owns the files anyway */
	const char *const *principals; /* user, groups, "workspace"; sorted */
	int n_principals;
	const char *principals_json; /* the same as a JSON array, for SQL's json_each */
	char key[65];		     /* digest of workspace and principals, for caches */
};

/* The user's principals. ERR_AUTH when the user is unknown or disabled. */
MUST_CHECK int acl_asker(
	struct db *db, struct arena *a, const struct id *user, struct asker *out, struct err *e);
/* The operator of the machine in a workspace; reads_all. ERR_NOT_FOUND: no such workspace. */
MUST_CHECK int acl_operator(struct db *db, struct arena *a, const struct id *workspace,
	struct asker *out, struct err *e);

/* 0, or ERR_NOT_FOUND "not_found" with one text whether the object is absent, deleted, of another
 * workspace or forbidden. object: col_…, doc_…, ver_… (as its document) or chk_… (as its document).
 */
MUST_CHECK int acl_may(struct db *db, const struct asker *who, const struct id *object,
	enum right right, struct err *e);
/* The asker's right on it (RIGHT_NONE for all the reasons above). */
enum right acl_right(struct db *db, const struct asker *who, const struct id *object);

/* For index/chunks.c, which has read the holder (the document if it has its own entries, else its
 * collection) in a join of its own: the right by the holder's entries. */
MUST_CHECK int acl_holder_right(struct db *db, const struct asker *who, const struct id *holder,
	enum right *out, struct err *e);

struct acl_entry {
	char principal[ID_SIZE]; /* usr_…, grp_… or "workspace" */
	enum right right;
};

/* The entries of a collection, or of a document that has its own (own_acl), in the arena. */
MUST_CHECK int acl_list(struct db *db, struct arena *a, const struct id *object,
	struct acl_entry **out, int *n, struct err *e);
/* Who may read, told in short, of the objects whose entries count (documents with entries of their
 * own, else collections); one statement for all of them. */
struct acl_summary {
	bool workspace;		   /* everybody in it */
	const char *const *groups; /* their names, in order */
	int n_groups;
	int64_t n_users;  /* named one by one, active; with the asker */
	bool you;	  /* the asker is one of them */
	enum right right; /* the asker's */
};
/* out [n], in the arena: of each holder. */
MUST_CHECK int acl_summaries(struct db *db, struct arena *a, const struct asker *who,
	const struct id *holders, int n, struct acl_summary **out, struct err *e);
/* Replaces them, in a transaction: principals must exist in the workspace (ERR_INVALID);
 * ERR_CONFLICT "attachment": those of an attachment stay as they were made, "part_of_document":
 * those of what came inside of another document are that one's. For a document n < 0 goes back to
 * the collection's. What came inside of it follows. Re-interns the documents concerned; +1 epoch.
 */
MUST_CHECK int acl_replace(struct db *db, const struct id *workspace, const struct id *object,
	const struct acl_entry *entries, int n, struct err *e);
/* tx. Gives a part (index/catalog.h) the entries of another document, its own or none: the
 * collection's. */
MUST_CHECK int acl_follow(
	struct db *db, const struct id *part, const struct id *document, struct err *e);
/* tx. The same for all that came inside of the document. */
MUST_CHECK int acl_follow_all(struct db *db, const struct id *document, struct err *e);
/* Sets document.acl_set_n from its entries or its collection's; after creating or moving one. */
MUST_CHECK int acl_intern(struct db *db, const struct id *document, struct err *e);

/* ── the bitmaps ── */

struct acl_index; /* all workspaces' bitmaps; built from acl_run at start */

MUST_CHECK int acl_index_open(struct store *s, struct acl_index **out, struct err *e);
void acl_index_close(struct acl_index *x);

/* tx, with what changes the chunks or their documents: these slots leave one set and join another.
 * 0: none, when they are published or retired. Takes effect after the commit. */
struct acl_move {
	int64_t workspace_n;
	int64_t from_set_n, to_set_n;
};
MUST_CHECK int acl_index_move(
	struct db *db, const struct acl_move *m, const int64_t *slots, int n, struct err *e);

/* How many live chunks a workspace has, without counting rows (.4 s at a million); what is not
 * committed yet does not count. -1: no bitmaps are attached to the store. */
int64_t acl_index_live(struct db *db, int64_t workspace_n);

/* What an asker may read, as a counted immutable bitmap, cached by (asker.key, collections,
 * attached, epoch). collections: only those (NULL: all that hold no attachments); attached: that
 * one besides, which holds a conversation's attachments (NULL: none). Thread: any. Drop it when
 * done. */
struct allowed {
	struct bitmap slots;
	uint64_t n_allowed; /* its popcount */
	uint64_t n_live;    /* live chunks in the workspace */
	uint64_t epoch;	    /* of the index when it was made */
	/* private: */
	int refs;
};
struct allowed *acl_allowed(struct acl_index *x, const struct asker *who,
	const struct id *collections, int n_collections, const struct id *attached);
void acl_allowed_drop(struct allowed *a);
/* Of what is allowed, those slots that are in `only` (excluded: those that are not): never more
 * than before. A new one of the caller's, in no cache; `a` stays his. */
struct allowed *acl_narrow(const struct allowed *a, const struct bitmap *only, bool excluded);

/* acl_set_n against acl_entry, runs and bitmaps against the chunks; counts differences, mends them
 * if repair. */
MUST_CHECK int acl_check(
	struct acl_index *x, struct store *s, bool repair, int64_t *n_wrong, struct err *e);

#endif

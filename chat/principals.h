/*
 * Permission entries as people write them: {"principal": "workspace" | "user:NAME" | "group:NAME" |
 * usr_… | grp_…, "right": "read" | "write" | "own"}. Thread: a worker.
 */
#ifndef CHAT_PRINCIPALS_H
#define CHAT_PRINCIPALS_H

#include <jansson.h>

#include "chat/accounts.h"
#include "index/acl.h"

/* ERR_INVALID names the entry that is wrong. At most 1,000 entries; in the arena. */
MUST_CHECK int principals_read(struct db *db, struct arena *a, const struct id *workspace,
	const json_t *array, struct acl_entry **out, int *n, struct err *e);
/* [{"principal": "grp_…", "name": "hr", "kind": "group", "right": "read"}], a new reference. */
json_t *principals_json(
	struct db *db, const struct id *workspace, const struct acl_entry *entries, int n);

/* As the API shows a user: never the password. A new reference. */
json_t *user_json(const struct user *u);

#endif

/* Whom permissions can name (chat/accounts.h). */
#include <string.h>

#include "chat/accounts.h"

enum { Q_PRINCIPALS };

static const char *const sql[] = {
	/* In the order (kind, folded name): no two groups, and no two people, have names that
	 * differ in case alone; those that differ in accents follow each other by principal. */
	[Q_PRINCIPALS] =
		"SELECT kind, principal, name, display, members FROM ("
		"SELECT 0 AS kind, 'workspace' AS principal, '' AS name, 'everyone workspace' AS "
		"display, 0 AS members UNION ALL "
		"SELECT 1, 'group:' || g.name, g.name, '', (SELECT count(*) FROM membership m "
		"WHERE m.group_id = g.id) FROM \"group\" g WHERE g.workspace_id = ?1 UNION ALL "
		"SELECT 2, 'user:' || u.name, u.name, u.display_name, 0 FROM user u "
		"WHERE u.workspace_id = ?1 AND u.disabled_ms IS NULL) "
		"WHERE (?2 IS NULL OR instr(carrel_fold(name), carrel_fold(?2)) "
		"OR instr(carrel_fold(display), carrel_fold(?2))) "
		"AND (?3 IS NULL OR (kind, carrel_fold(name), principal) > (?3, carrel_fold(?4), "
		"?5)) "
		"ORDER BY kind, carrel_fold(name), principal LIMIT ?6",
};
SQL_TABLE(table, "chat/accounts_principals", sql);

static const char *const kinds[] = {"workspace", "group", "user"};

/* "group:Finance" is of kind 1 and named Finance; -1: none. */
static int parse(const char *principal, const char **name)
{
	*name = strchr(principal, ':');
	for (int i = 0; i < 3; i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(principal, kinds[i], n) == 0 && principal[n] == (i ? ':' : '\0')) {
			*name = i ? *name + 1 : "";
			return i;
		}
	}
	return -1;
}

int principal_list(struct db *db, struct arena *a, const struct id *workspace, const char *q,
	const char *after, int limit, struct principal **out, int *n, struct err *e)
{
	struct stmt *s = db_stmt(db, &table, Q_PRINCIPALS);
	const char *name;
	int kind, rc;

	stmt_id(s, 1, workspace);
	stmt_text(s, 2, q && q[0] ? q : NULL);
	if (after) {
		kind = parse(after, &name);
		if (kind < 0) {
			return err_set(e, ERR_INVALID, "bad_parameter",
				"after must be the last list's next.");
		}
		stmt_int(s, 3, kind);
		stmt_text(s, 4, name);
		stmt_text(s, 5, after);
	}
	stmt_int(s, 6, limit);
	*out = arena_array(a, struct principal, (size_t)limit + 1);
	*n = 0;
	while ((rc = stmt_step(s, e)) == 1) {
		kind = (int)col_int(s, 0);
		(*out)[(*n)++] = (struct principal){
			.kind = kinds[kind],
			.principal = arena_str(a, col_text(s, 1)),
			.name = arena_str(a, col_text(s, 2)),
			.display_name = kind == 2 ? arena_str(a, col_text(s, 3)) : NULL,
			.n_members = col_int(s, 4),
		};
	}
	return rc;
}

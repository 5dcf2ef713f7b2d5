/* Who may read, told in short (index/acl.h). */
#include <string.h>

#include "index/acl.h"
#include "index/base/buf.h"

enum { Q_ENTRIES };

static const char *const sql[] = {
	[Q_ENTRIES] = "SELECT e.object_id, e.principal, e.right, g.name, "
		      "u.id IS NOT NULL AND u.disabled_ms IS NULL FROM acl_entry e "
		      "LEFT JOIN \"group\" g ON g.id = e.principal "
		      "LEFT JOIN user u ON u.id = e.principal WHERE e.workspace_id = ?1 "
		      "AND e.object_id IN (SELECT value FROM json_each(?2)) "
		      "ORDER BY e.object_id, g.name",
};
SQL_TABLE(table, "index/acl_summary", sql);

struct gathering {
	struct arena *arena;
	const struct asker *who;
	struct id holder; /* whose rows come at present */
	struct acl_summary summary;
	const char **groups; /* [capacity] */
	int capacity;
};

static bool is_asker(const struct asker *who, const char *principal)
{
	for (int i = 0; i < who->n_principals; i++) {
		if (strcmp(who->principals[i], principal) == 0) {
			return true;
		}
	}
	return false;
}

static void add_group(struct gathering *g, const char *name)
{
	if (g->summary.n_groups == g->capacity) {
		int capacity = g->capacity ? g->capacity * 2 : 8;
		const char **more = arena_array(g->arena, const char *, (size_t)capacity);

		if (g->capacity) {
			memcpy(more, g->groups, (size_t)g->capacity * sizeof(*more));
		}
		g->groups = more;
		g->capacity = capacity;
	}
	g->groups[g->summary.n_groups++] = arena_str(g->arena, name);
	g->summary.groups = g->groups;
}

static void add_entry(struct gathering *g, struct stmt *q)
{
	const char *principal = col_text(q, 1);
	enum right right = (enum right)col_int(q, 2);
	bool active_user = col_int(q, 4);

	if (strcmp(principal, "workspace") == 0) {
		g->summary.workspace = true;
	} else if (!col_null(q, 3)) {
		add_group(g, col_text(q, 3));
	} else if (active_user) {
		g->summary.n_users++;
		g->summary.you |= strcmp(principal, g->who->user.s) == 0;
	}
	if (right > g->summary.right && is_asker(g->who, principal)) {
		g->summary.right = right;
	}
}

/* The holder's rows are through: several documents may have the same. */
static void settle(struct gathering *g, const struct id *holders, int n, struct acl_summary *out)
{
	for (int i = 0; i < n; i++) {
		if (id_equal(&holders[i], &g->holder)) {
			out[i] = g->summary;
		}
	}
	g->summary = (struct acl_summary){.right = g->who->reads_all ? RIGHT_OWN : RIGHT_NONE};
	g->groups = NULL;
	g->capacity = 0;
}

static void list_holders(const struct id *holders, int n, struct buf *json)
{
	buf_char(json, '[');
	for (int i = 0; i < n; i++) {
		buf_printf(json, "%s\"%s\"", i ? "," : "", holders[i].s);
	}
	buf_char(json, ']');
}

int acl_summaries(struct db *db, struct arena *a, const struct asker *who, const struct id *holders,
	int n, struct acl_summary **out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ENTRIES);
	struct gathering g = {.arena = a, .who = who};
	struct buf json = BUF_INIT;
	int rc;

	*out = arena_array(a, struct acl_summary, (size_t)n + 1);
	settle(&g, holders, 0, *out);
	for (int i = 0; i < n; i++) {
		(*out)[i] = g.summary;
	}
	list_holders(holders, n, &json);
	stmt_id(q, 1, &who->workspace);
	stmt_text(q, 2, json.data);
	buf_finish(&json);
	while ((rc = stmt_step(q, e)) == 1) {
		struct id holder = col_id(q, 0);

		if (!id_equal(&holder, &g.holder)) {
			settle(&g, holders, n, *out);
			g.holder = holder;
		}
		add_entry(&g, q);
	}
	settle(&g, holders, n, *out);
	return rc;
}

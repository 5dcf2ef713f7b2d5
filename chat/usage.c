#include "chat/usage.h"

#include <string.h>

#include "index/base/clock.h"

enum { Q_USAGE };

static const char *const sql[] = {
	[Q_USAGE] = "SELECT g.day, g.user_id, u.name, u.display_name, g.model, g.n_runs, "
		    "g.prompt_tokens, g.answer_tokens FROM usage g JOIN user u ON u.id = g.user_id "
		    "WHERE g.workspace_id = ?1 AND g.day >= ?2 ORDER BY g.day, u.name, g.model",
};
SQL_TABLE(table, "chat/usage", sql);

static void read_row(struct stmt *q, struct arena *a, struct usage *out)
{
	*out = (struct usage){
		.day = arena_str(a, col_text(q, 0)),
		.user = col_id(q, 1),
		.name = arena_str(a, col_text(q, 2)),
		.display_name = arena_str(a, col_text(q, 3)),
		.model = arena_str(a, col_text(q, 4)),
		.n_runs = col_int(q, 5),
		.prompt_tokens = col_int(q, 6),
		.answer_tokens = col_int(q, 7),
	};
}

int usage_list(struct db *db, struct arena *a, const struct id *workspace, int64_t from_ms,
	struct usage **out, int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_USAGE);
	char day[32];
	int capacity = 64;
	int rc;

	clock_rfc3339(from_ms, day, sizeof(day));
	stmt_id(q, 1, workspace);
	stmt_textn(q, 2, day, 10);
	*out = arena_array(a, struct usage, (size_t)capacity);
	*n = 0;
	while ((rc = stmt_step(q, e)) == 1) {
		if (*n == capacity) {
			struct usage *more = arena_array(a, struct usage, (size_t)capacity * 2);

			memcpy(more, *out, (size_t)capacity * sizeof(*more));
			*out = more;
			capacity *= 2;
		}
		read_row(q, a, &(*out)[(*n)++]);
	}
	return rc;
}

#include "chat/conversation.h"

#include <string.h>

#include "chat/run_store.h"
#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/base/utf8.h"

#define TITLE_FROM_INPUT 80 /* bytes of the first question that make the title */
#define HAS_ANSWER_MAX 50   /* runs looked at to see whether an answer may be searched */

enum {
	Q_CREATE,
	Q_LOOKUP,
	Q_LIST,
	Q_SEARCH,
	Q_ANSWERS,
	Q_RENAME,
	Q_TOUCH,
	Q_DELETE_TURNS,
	Q_DELETE,
	Q_BY_KEY,
	Q_LAST_SEQ,
	Q_HAS_TURN,
	Q_ADD_TURN,
	Q_SET_RUN,
	Q_CHOOSE_RUN,
	Q_TURNS,
	Q_TURNS_BEFORE,
	Q_TURN,
};

#define COLUMNS "id, workspace_id, user_id, title, created_ms, updated_ms"
#define OWN "user_id = ?1 AND workspace_id = ?2 AND deleted_ms IS NULL"
#define BEFORE "(?3 IS NULL OR updated_ms < ?3 OR (updated_ms = ?3 AND id < ?4))"
#define NEWEST " ORDER BY updated_ms DESC, id DESC LIMIT ?5"
#define TURN_COLUMNS "seq, parent_seq, input, run_id, created_ms"

static const char *const statements[] = {
	[Q_CREATE] =
		"INSERT INTO conversation(id, workspace_id, user_id, title, created_ms, updated_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
	[Q_LOOKUP] = "SELECT " COLUMNS " FROM conversation WHERE " OWN " AND id = ?3",
	[Q_LIST] = "SELECT " COLUMNS " FROM conversation WHERE " OWN " AND " BEFORE NEWEST,
	/* the last column: whether only an answer holds it */
	[Q_SEARCH] =
		"SELECT " COLUMNS
		", title NOT LIKE ?6 ESCAPE '\\' AND NOT EXISTS (SELECT 1 FROM turn t"
		" WHERE t.conversation_id = c.id AND t.input LIKE ?6 ESCAPE '\\')"
		" FROM conversation c WHERE " OWN " AND " BEFORE
		" AND (title LIKE ?6 ESCAPE '\\' OR EXISTS (SELECT 1 FROM turn t LEFT JOIN run r"
		" ON r.id = t.run_id WHERE t.conversation_id = c.id"
		" AND (t.input LIKE ?6 ESCAPE '\\' OR r.answer LIKE ?6 ESCAPE '\\')))" NEWEST,
	[Q_ANSWERS] = "SELECT r.id FROM turn t JOIN run r ON r.id = t.run_id"
		      " WHERE t.conversation_id = ?1 AND r.answer LIKE ?2 ESCAPE '\\' LIMIT ?3",
	[Q_RENAME] = "UPDATE conversation SET title = ?2, updated_ms = ?3 WHERE id = ?1",
	[Q_TOUCH] = "UPDATE conversation SET updated_ms = ?2, title = CASE title WHEN '' THEN ?3"
		    " ELSE title END WHERE id = ?1",
	[Q_DELETE_TURNS] = "DELETE FROM turn WHERE conversation_id = ?1",
	[Q_DELETE] = "DELETE FROM conversation WHERE id = ?1",
	[Q_BY_KEY] = "SELECT seq, input_hash, run_id FROM turn WHERE conversation_id = ?1"
		     " AND idempotency_key = ?2",
	[Q_LAST_SEQ] = "SELECT coalesce(max(seq), 0) FROM turn WHERE conversation_id = ?1",
	[Q_HAS_TURN] = "SELECT 1 FROM turn WHERE conversation_id = ?1 AND seq = ?2",
	[Q_ADD_TURN] = "INSERT INTO turn(conversation_id, seq, workspace_id, parent_seq, input,"
		       " idempotency_key, input_hash, run_id, created_ms)"
		       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[Q_SET_RUN] = "UPDATE turn SET run_id = ?3 WHERE conversation_id = ?1 AND seq = ?2",
	[Q_CHOOSE_RUN] = "UPDATE turn SET run_id = ?3 WHERE conversation_id = ?1 AND seq = ?2"
			 " AND EXISTS (SELECT 1 FROM run WHERE id = ?3 AND conversation_id = ?1"
			 " AND turn_seq = ?2)",
	[Q_TURNS] = "SELECT " TURN_COLUMNS " FROM turn WHERE conversation_id = ?1 AND seq > ?2"
		    " ORDER BY seq LIMIT ?3",
	[Q_TURNS_BEFORE] =
		"SELECT " TURN_COLUMNS " FROM turn WHERE conversation_id = ?1 AND seq < ?2"
		" ORDER BY seq DESC LIMIT ?3",
	[Q_TURN] = "SELECT " TURN_COLUMNS " FROM turn WHERE conversation_id = ?1 AND seq = ?2",
};
SQL_TABLE(table, "chat/conversation", statements);

/* ── conversations ── */

int conversation_create(
	struct db *db, const struct asker *who, const char *title, struct id *out, struct err *e)
{
	struct stmt *q;

	if (id_empty(&who->user)) {
		return err_set(e, ERR_INVALID, "no_user",
			"A conversation belongs to a user: the operator names one with "
			"X-Carrel-As.");
	}
	*out = id_create("conv");
	q = db_stmt(db, &table, Q_CREATE);
	stmt_id(q, 1, out);
	stmt_id(q, 2, &who->workspace);
	stmt_id(q, 3, &who->user);
	stmt_text(q, 4, title ? title : "");
	stmt_int(q, 5, clock_wall_ms());
	return stmt_run(q, e);
}

static void read_row(struct stmt *q, struct arena *a, struct conversation *out)
{
	out->id = col_id(q, 0);
	out->workspace = col_id(q, 1);
	out->user = col_id(q, 2);
	out->title = arena_str(a, col_text(q, 3));
	out->created_ms = col_int(q, 4);
	out->updated_ms = col_int(q, 5);
}

static void bind_owner(struct stmt *q, const struct asker *who)
{
	stmt_id(q, 1, &who->user); /* empty: NULL, which owns nothing */
	stmt_id(q, 2, &who->workspace);
}

int conversation_lookup(struct db *db, struct arena *a, const struct asker *who,
	const struct id *id, struct conversation *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_LOOKUP);
	int rc;

	bind_owner(q, who);
	stmt_id(q, 3, id);
	rc = stmt_step(q, e);
	if (rc > 0) {
		read_row(q, a, out);
		stmt_reset(q);
		return 0;
	}
	return rc < 0 ? rc : err_absent(e);
}

/* Whether one of the answers that hold the words may be shown to the asker. */
static int answer_shows(struct db *db, struct arena *a, const struct asker *who,
	const struct id *conversation, const char *like, bool *shows, struct err *e)
{
	struct id runs[HAS_ANSWER_MAX];
	struct stmt *q = db_stmt(db, &table, Q_ANSWERS);
	int n = 0, rc;

	stmt_id(q, 1, conversation);
	stmt_text(q, 2, like);
	stmt_int(q, 3, HAS_ANSWER_MAX);
	while ((rc = stmt_step(q, e)) > 0) {
		runs[n++] = col_id(q, 0);
	}
	*shows = false;
	for (int i = 0; rc == 0 && i < n && !*shows; i++) {
		struct run_view view;

		rc = run_view_open(db, a, who, &runs[i], &view, e);
		*shows = rc == 0 && !view.withheld;
	}
	return rc;
}

/* %q% with what LIKE would take for more than itself escaped. */
static const char *like_of(struct arena *a, const char *q)
{
	struct buf out = BUF_INIT;
	const char *like;

	buf_char(&out, '%');
	for (; *q; q++) {
		if (strchr("%_\\", *q)) {
			buf_char(&out, '\\');
		}
		buf_char(&out, *q);
	}
	buf_char(&out, '%');
	like = arena_strn(a, out.data, out.len);
	buf_finish(&out);
	return like;
}

/* One page of rows; answers_only[i]: only an answer of it holds the words. */
static int list_rows(struct db *db, struct arena *a, const struct asker *who, const char *like,
	const struct conversation *before, int limit, struct conversation *rows, bool *answers_only,
	int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, like ? Q_SEARCH : Q_LIST);
	int rc;

	bind_owner(q, who);
	if (before) {
		stmt_int(q, 3, before->updated_ms);
		stmt_id(q, 4, &before->id);
	}
	stmt_int(q, 5, limit);
	if (like) {
		stmt_text(q, 6, like);
	}
	*n = 0;
	while ((rc = stmt_step(q, e)) > 0) {
		answers_only[*n] = like && col_int(q, 6) != 0;
		read_row(q, a, &rows[(*n)++]);
	}
	return rc;
}

int conversation_list(struct db *db, struct arena *a, const struct asker *who, const char *q,
	const struct conversation *before, int limit, struct conversation_page *out, struct err *e)
{
	const char *like = q && q[0] ? like_of(a, q) : NULL;
	struct conversation *rows = arena_array(a, struct conversation, (size_t)limit + 1);
	bool *answers_only = arena_array(a, bool, (size_t)limit + 1);
	int n, rc = 0;

	*out = (struct conversation_page){
		.rows = arena_array(a, struct conversation, (size_t)limit + 1)};
	do {
		rc = list_rows(db, a, who, like, before, limit + 1, rows, answers_only, &n, e);
		for (int i = 0; rc == 0 && i < n && !out->more; i++) {
			bool shows = true;

			if (answers_only[i]) {
				rc = answer_shows(db, a, who, &rows[i].id, like, &shows, e);
			}
			if (rc == 0 && shows) {
				out->more = out->n == limit;
				out->rows[out->n] = rows[i];
				out->n += out->more ? 0 : 1;
			}
		}
		if (n > 0) {
			struct conversation *last = arena_new(a, struct conversation);

			*last = rows[n - 1];
			before = last;
		}
	} while (rc == 0 && n > limit && !out->more);
	return rc;
}

int conversation_rename(struct db *db, const struct id *id, const char *title, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_RENAME);

	stmt_id(q, 1, id);
	stmt_text(q, 2, title);
	stmt_int(q, 3, clock_wall_ms());
	return stmt_run(q, e);
}

int conversation_delete(struct db *db, const struct id *id, struct err *e)
{
	static const int order[] = {Q_DELETE_TURNS, Q_DELETE};
	int rc = runs_delete(db, id, e);

	for (size_t i = 0; rc == 0 && i < sizeof(order) / sizeof(order[0]); i++) {
		struct stmt *q = db_stmt(db, &table, order[i]);

		stmt_id(q, 1, id);
		rc = stmt_run(q, e);
	}
	return rc;
}

/* ── turns ── */

/* 1: the key is there (out is filled, or the request is another one), 0: it is new. */
static int by_key(struct db *db, const struct turn_new *t, struct turn_added *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_BY_KEY);
	int rc;

	stmt_id(q, 1, &t->conversation);
	stmt_text(q, 2, t->key);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc;
	}
	if (strcmp(col_text(q, 1), t->hash) != 0) {
		stmt_reset(q);
		return err_set(e, ERR_CONFLICT, "idempotency_key_reused",
			"This Idempotency-Key came before with another request.");
	}
	*out = (struct turn_added){col_id(q, 2), col_int(q, 0), true};
	stmt_reset(q);
	return 1;
}

static int one_number(
	struct db *db, int statement, const struct id *id, int64_t arg, int64_t *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, statement);
	int rc;

	stmt_id(q, 1, id);
	if (statement != Q_LAST_SEQ) {
		stmt_int(q, 2, arg);
	}
	rc = stmt_step(q, e);
	*out = rc > 0 ? col_int(q, 0) : 0;
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

static int touch(struct db *db, const struct id *id, const char *input, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_TOUCH);
	size_t n = strcspn(input, "\r\n");

	stmt_id(q, 1, id);
	stmt_int(q, 2, clock_wall_ms());
	stmt_textn(q, 3, input, n > TITLE_FROM_INPUT ? utf8_floor(input, n, TITLE_FROM_INPUT) : n);
	return stmt_run(q, e);
}

static int set_run(struct db *db, const struct id *conversation, int64_t seq, const struct id *run,
	struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SET_RUN);

	stmt_id(q, 1, conversation);
	stmt_int(q, 2, seq);
	stmt_id(q, 3, run);
	return stmt_run(q, e);
}

static int insert_turn(struct db *db, const struct asker *who, const struct turn_new *t,
	int64_t parent_seq, int64_t seq, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ADD_TURN);

	stmt_id(q, 1, &t->conversation);
	stmt_int(q, 2, seq);
	stmt_id(q, 3, &who->workspace);
	if (parent_seq > 0) {
		stmt_int(q, 4, parent_seq);
	}
	stmt_text(q, 5, t->input);
	stmt_text(q, 6, t->key);
	stmt_text(q, 7, t->hash);
	stmt_int(q, 9, clock_wall_ms());
	return stmt_run(q, e);
}

int turn_add(struct db *db, const struct asker *who, const struct turn_new *t,
	struct turn_added *out, struct err *e)
{
	int64_t last, there = 1, parent;
	int rc = t->key ? by_key(db, t, out, e) : 0;

	if (rc != 0) {
		return rc < 0 ? rc : 0;
	}
	rc = one_number(db, Q_LAST_SEQ, &t->conversation, 0, &last, e);
	parent = t->parent_seq == TURN_LATEST ? last : t->parent_seq;
	if (rc == 0 && t->parent_seq > 0) {
		rc = one_number(db, Q_HAS_TURN, &t->conversation, t->parent_seq, &there, e);
	}
	if (rc == 0 && !there) {
		rc = err_set(e, ERR_INVALID, "unknown_turn",
			"parentTurnSeq names no turn of this conversation.");
	}
	*out = (struct turn_added){.seq = last + 1};
	if (rc == 0) {
		rc = insert_turn(db, who, t, parent, last + 1, e);
	}
	if (rc == 0) {
		rc = run_add(db, who, &t->conversation, out->seq, &out->run, e);
	}
	if (rc == 0) {
		rc = set_run(db, &t->conversation, out->seq, &out->run, e);
	}
	return rc == 0 ? touch(db, &t->conversation, t->input, e) : rc;
}

int turn_rerun(struct db *db, const struct asker *who, const struct id *conversation, int64_t seq,
	struct id *run, struct err *e)
{
	int64_t there;
	struct id open;
	int rc = one_number(db, Q_HAS_TURN, conversation, seq, &there, e);

	if (rc == 0 && !there) {
		return err_absent(e);
	}
	if (rc == 0) {
		rc = runs_open_of(db, conversation, seq, &open, e);
	}
	if (rc == 0 && !id_empty(&open)) {
		return err_set(e, ERR_CONFLICT, "run_open",
			"An answer to this turn is being written: wait for it, or cancel it.");
	}
	if (rc == 0) {
		rc = run_add(db, who, conversation, seq, run, e);
	}
	return rc == 0 ? set_run(db, conversation, seq, run, e) : rc;
}

int turn_choose_run(struct db *db, const struct id *conversation, int64_t seq, const struct id *run,
	struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_CHOOSE_RUN);
	int rc;

	stmt_id(q, 1, conversation);
	stmt_int(q, 2, seq);
	stmt_id(q, 3, run);
	rc = stmt_run(q, e);
	return rc == 0 && db_changes(db) == 0 ? err_absent(e) : rc;
}

static void read_turn(struct stmt *q, struct arena *a, struct turn_row *out)
{
	out->seq = col_int(q, 0);
	out->parent_seq = col_int(q, 1);
	out->input = arena_str(a, col_text(q, 2));
	out->run = col_id(q, 3);
	out->created_ms = col_int(q, 4);
}

static void reverse(struct turn_row *rows, int n)
{
	for (int i = 0, k = n - 1; i < k; i++, k--) {
		struct turn_row row = rows[i];

		rows[i] = rows[k];
		rows[k] = row;
	}
}

int turn_list(struct db *db, struct arena *a, const struct id *conversation, int64_t after_seq,
	int64_t before_seq, int limit, struct turn_row **out, int *n, bool *more, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, before_seq > 0 ? Q_TURNS_BEFORE : Q_TURNS);
	int rc;

	*out = arena_array(a, struct turn_row, (size_t)limit + 1);
	*n = 0;
	stmt_id(q, 1, conversation);
	stmt_int(q, 2, before_seq > 0 ? before_seq : after_seq);
	stmt_int(q, 3, limit + 1);
	while ((rc = stmt_step(q, e)) > 0) {
		read_turn(q, a, &(*out)[(*n)++]);
	}
	*more = *n > limit;
	*n = *more ? limit : *n;
	if (before_seq > 0) {
		reverse(*out, *n);
	}
	return rc;
}

int turn_lookup(struct db *db, struct arena *a, const struct id *conversation, int64_t seq,
	struct turn_row *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_TURN);
	int rc;

	stmt_id(q, 1, conversation);
	stmt_int(q, 2, seq);
	rc = stmt_step(q, e);
	if (rc > 0) {
		read_turn(q, a, out);
		stmt_reset(q);
		return 0;
	}
	return rc < 0 ? rc : err_absent(e);
}

int turn_history(struct db *db, struct arena *a, const struct id *conversation, int64_t seq,
	int max, struct turn_row **out, int *n, struct err *e)
{
	struct turn_row *rows = arena_array(a, struct turn_row, (size_t)max + 1);
	struct turn_row now;
	int rc = turn_lookup(db, a, conversation, seq, &now, e);
	int first = max;

	/* a parent has a smaller number, so this ends */
	while (rc == 0 && first > 0 && now.parent_seq > 0 && now.parent_seq < now.seq) {
		rc = turn_lookup(db, a, conversation, now.parent_seq, &now, e);
		if (rc == 0) {
			rows[--first] = now;
		}
	}
	*out = rows + first;
	*n = max - first;
	return rc;
}

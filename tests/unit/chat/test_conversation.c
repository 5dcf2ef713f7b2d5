/* Conversations, turns and what is kept of runs, on a real store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chat/accounts.h"
#include "chat/conversation.h"
#include "chat/run_store.h"
#include "index/base/fs.h"
#include "index/catalog.h"
#include "index/index.h"

struct fixture {
	char dir[64];
	struct settings set;
	struct index *ix;
	struct arena arena;
	struct id users[2];
	struct asker who[2];
	struct id collection, document;
	struct id conversation, run;
	struct turn_new turn;
	struct turn_added added;
	struct run_outcome outcome;
	const struct run_event *events;
	int n;
	int64_t seq;
};

static void write_tx(struct fixture *f, tx_fn fn, int expected)
{
	struct err e = ERR_INIT;
	int rc = store_write(f->ix->store, fn, f, &e);

	if (rc != expected) {
		fail_msg("%d, not %d: %s", rc, expected, e.message);
	}
}

static int tx_people(struct db *db, void *arg, struct err *e)
{
	static const char *const names[] = {"ada", "bob"};
	struct fixture *f = arg;
	struct workspace w;
	int rc = workspace_by_name(db, &f->arena, "default", &w, e);

	for (int i = 0; rc == 0 && i < 2; i++) {
		struct user_new u = {.workspace = w.id, .name = names[i]};

		rc = user_create(db, &u, &f->users[i], e);
	}
	if (rc == 0) {
		rc = collection_create(db, &w.id, "books", f->users[0].s, &f->collection, e);
	}
	return rc;
}

static int tx_document(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;
	char sql[512];

	f->document = id_create("doc");
	snprintf(sql, sizeof(sql),
		"INSERT INTO document(id, workspace_id, collection_id, name, created_by, "
		"created_ms)"
		" VALUES ('%s', '%s', '%s', 'a.md', 'operator', 1)",
		f->document.s, f->who[0].workspace.s, f->collection.s);
	return db_exec(db, sql, e);
}

static int tx_conversation(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	return conversation_create(db, &f->who[0], NULL, &f->conversation, e);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	struct db *db;

	snprintf(f->dir, sizeof(f->dir), "/tmp/carrel-conversation-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	settings_init(&f->set);
	assert_int_equal(settings_set(&f->set, "data", f->dir, "test", &e), 0);
	assert_int_equal(index_open(&f->set, &f->ix, &e), 0);
	arena_init(&f->arena);
	write_tx(f, tx_people, 0);
	db = store_reader(f->ix->store, &e);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(acl_asker(db, &f->arena, &f->users[i], &f->who[i], &e), 0);
	}
	store_reader_drop(db);
	write_tx(f, tx_document, 0);
	write_tx(f, tx_conversation, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_finish(&f->arena);
	index_close(f->ix);
	settings_finish(&f->set);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

static int tx_turn(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	f->turn.conversation = f->conversation;
	return turn_add(db, &f->who[0], &f->turn, &f->added, e);
}

static struct turn_added add_turn(
	struct fixture *f, const char *input, const char *key, const char *hash)
{
	f->turn = (struct turn_new){.input = input, .key = key};
	snprintf(f->turn.hash, sizeof(f->turn.hash), "%s", hash);
	write_tx(f, tx_turn, 0);
	return f->added;
}

static void test_idempotency(void **state)
{
	struct fixture *f = *state;
	struct turn_added first = add_turn(f, "one?", "k", "h1");
	struct turn_added again = add_turn(f, "one?", "k", "h1");
	struct turn_added other;

	assert_false(first.repeated);
	assert_true(again.repeated);
	assert_true(id_equal(&first.run, &again.run));
	assert_int_equal(again.seq, first.seq);
	snprintf(f->turn.hash, sizeof(f->turn.hash), "h2");
	write_tx(f, tx_turn, ERR_CONFLICT);
	other = add_turn(f, "two?", "k2", "h2");
	assert_int_equal(other.seq, 2);
	assert_int_equal(add_turn(f, "three?", NULL, "h2").seq, 3);
	assert_int_equal(add_turn(f, "three?", NULL, "h2").seq, 4);
	f->turn.parent_seq = 99;
	write_tx(f, tx_turn, ERR_INVALID);
}

static int tx_rerun(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	return turn_rerun(db, &f->who[0], &f->conversation, f->seq, &f->run, e);
}

static int tx_commit(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	return run_commit(db, &f->outcome, e);
}

static void finish_run_as(
	struct fixture *f, const struct id *run, const char *answer, const char *mode)
{
	f->outcome = (struct run_outcome){.run = *run,
		.workspace = f->who[0].workspace,
		.user = f->users[0],
		.state = "completed",
		.mode = mode,
		.model = "m",
		.answer = answer,
		.prompt_tokens = 5,
		.answer_tokens = -1};
	write_tx(f, tx_commit, 0);
}

static void finish_run(struct fixture *f, const struct id *run, const char *answer)
{
	finish_run_as(f, run, answer, "model");
}

static void test_regenerate_and_history(void **state)
{
	struct fixture *f = *state;
	struct turn_added first = add_turn(f, "one?", NULL, "h");
	struct err e = ERR_INIT;
	struct turn_row *rows;
	struct turn_row row;
	struct db *db;
	int n;

	f->seq = 1;
	write_tx(f, tx_rerun, ERR_CONFLICT); /* it is being written */
	finish_run(f, &first.run, "1");
	write_tx(f, tx_rerun, 0);
	assert_false(id_equal(&f->run, &first.run));
	f->seq = 7;
	write_tx(f, tx_rerun, ERR_NOT_FOUND);
	add_turn(f, "two?", NULL, "h");
	f->turn = (struct turn_new){.input = "branch?", .parent_seq = 1};
	write_tx(f, tx_turn, 0);
	db = store_reader(f->ix->store, &e);
	assert_int_equal(turn_lookup(db, &f->arena, &f->conversation, 1, &row, &e), 0);
	assert_true(id_equal(&row.run, &f->run));
	assert_int_equal(turn_history(db, &f->arena, &f->conversation, 3, 10, &rows, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].input, "one?");
	assert_int_equal(turn_history(db, &f->arena, &f->conversation, 1, 10, &rows, &n, &e), 0);
	assert_int_equal(n, 0);
	store_reader_drop(db);
}

static int tx_choose(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	return turn_choose_run(db, &f->conversation, f->seq, &f->run, e);
}

static int64_t history_length(struct db *db, struct fixture *f, int64_t seq)
{
	struct turn_row *rows;
	int n;

	assert_int_equal(
		turn_history(db, &f->arena, &f->conversation, seq, 10, &rows, &n, NULL), 0);
	return n;
}

static void test_branches_and_choice(void **state)
{
	struct fixture *f = *state;
	struct turn_added first = add_turn(f, "one?", NULL, "h"), second;
	struct id again;
	struct turn_row *rows;
	struct run_brief *runs;
	struct db *db;
	bool more;
	int n;

	finish_run(f, &first.run, "1");
	f->seq = 1;
	write_tx(f, tx_rerun, 0);
	again = f->run;
	second = add_turn(f, "two?", NULL, "h");
	f->turn = (struct turn_new){.input = "anew?", .parent_seq = TURN_FIRST};
	write_tx(f, tx_turn, 0);
	f->run = second.run;
	write_tx(f, tx_choose, ERR_NOT_FOUND); /* another turn's */
	f->run = first.run;
	write_tx(f, tx_choose, 0);
	db = store_reader(f->ix->store, NULL);
	assert_int_equal(history_length(db, f, 2), 1);
	assert_int_equal(history_length(db, f, 3), 0);
	assert_int_equal(turn_history(db, &f->arena, &f->conversation, 2, 10, &rows, &n, NULL), 0);
	assert_true(id_equal(&rows[0].run, &first.run));
	assert_int_equal(runs_of_turn(db, &f->arena, &f->conversation, 1, &runs, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_true(id_equal(&runs[0].id, &first.run) && id_equal(&runs[1].id, &again));
	assert_string_equal(runs[0].mode, "model");
	assert_null(runs[1].mode);
	assert_int_equal(
		turn_list(db, &f->arena, &f->conversation, 0, 3, 1, &rows, &n, &more, NULL), 0);
	assert_true(n == 1 && more && rows[0].seq == 2);
	assert_int_equal(
		turn_list(db, &f->arena, &f->conversation, 0, 9, 5, &rows, &n, &more, NULL), 0);
	assert_true(n == 3 && !more && rows[0].seq == 1 && rows[2].seq == 3);
	store_reader_drop(db);
}

static int tx_delete(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	return conversation_delete(db, &f->conversation, e);
}

static void test_owner_alone(void **state)
{
	struct fixture *f = *state;
	struct turn_added t = add_turn(f, "A first question\nwith two lines", NULL, "h");
	struct err e = ERR_INIT;
	struct conversation k;
	struct conversation_page page;
	struct run_row run;
	struct db *db = store_reader(f->ix->store, &e);

	assert_int_equal(
		conversation_lookup(db, &f->arena, &f->who[0], &f->conversation, &k, &e), 0);
	assert_string_equal(k.title, "A first question");
	assert_int_equal(conversation_lookup(db, &f->arena, &f->who[1], &f->conversation, &k, NULL),
		ERR_NOT_FOUND);
	assert_int_equal(run_lookup(db, &f->arena, &f->who[0], &t.run, &run, &e), 0);
	assert_true(run_is_open(&run));
	assert_int_equal(run_lookup(db, &f->arena, &f->who[1], &t.run, &run, NULL), ERR_NOT_FOUND);
	assert_int_equal(
		conversation_list(db, &f->arena, &f->who[1], NULL, NULL, 10, &page, &e), 0);
	assert_int_equal(page.n, 0);
	assert_int_equal(
		conversation_list(db, &f->arena, &f->who[0], "TWO", NULL, 10, &page, &e), 0);
	assert_int_equal(page.n, 1);
	assert_int_equal(conversation_list(db, &f->arena, &f->who[0], "%", NULL, 10, &page, &e), 0);
	assert_int_equal(page.n, 0);
	store_reader_drop(db);
	write_tx(f, tx_delete, 0);
	db = store_reader(f->ix->store, &e);
	assert_int_equal(run_lookup(db, &f->arena, &f->who[0], &t.run, &run, NULL), ERR_NOT_FOUND);
	store_reader_drop(db);
	f->outcome.run = t.run;
	f->outcome.state = "completed";
	write_tx(f, tx_commit, ERR_CANCELLED); /* a run of a deleted conversation */
}

/* ── runs ── */

static int tx_events(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;
	int rc = run_begin(db, &f->added.run, e);

	return rc ? rc : run_events_add(db, &f->added.run, f->events, f->n, e);
}

static int tx_recover(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	return runs_recover(db, &f->n, e);
}

static void test_recovery(void **state)
{
	struct fixture *f = *state;
	struct id silent = add_turn(f, "silent?", NULL, "h").run;
	struct id spoken = add_turn(f, "spoken?", NULL, "h").run;
	char cited[512];
	struct run_event events[] = {{1, "run.started", "{}"},
		{2, "assistant.delta", "{\"text\":\"Some \"}"},
		{3, "assistant.delta", "{\"text\":\"words [1].\"}"}, {4, "citation", cited}};
	struct err e = ERR_INIT;
	struct run_row row;
	struct run_event *stored;
	struct run_view view;
	json_t *citations;
	struct db *db;
	int n;

	snprintf(cited, sizeof(cited),
		"{\"ordinal\":1,\"handle\":1,\"documentId\":\"%s\",\"versionId\":\"%s\","
		"\"chunkId\":"
		"\"%s\",\"page\":2,\"quote\":\"q\",\"boxes\":[{\"page\":2,\"rect\":[1,2,3,4]}],"
		"\"support\":\"partial\",\"answerStart\":0,\"answerEnd\":15}",
		f->document.s, id_create("ver").s, id_create("chk").s);
	f->events = events;
	f->n = 4;
	write_tx(f, tx_events, 0);
	write_tx(f, tx_recover, 0);
	assert_int_equal(f->n, 2);
	db = store_reader(f->ix->store, &e);
	assert_int_equal(run_lookup(db, &f->arena, &f->who[0], &silent, &row, &e), 0);
	assert_string_equal(row.state, "failed");
	assert_int_equal(run_lookup(db, &f->arena, &f->who[0], &spoken, &row, &e), 0);
	assert_string_equal(row.state, "partial");
	assert_string_equal(row.answer, "Some words [1].");
	assert_int_equal(run_events_load(db, &f->arena, &spoken, 4, 1000, &stored, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(stored[0].type, "run.failed");
	assert_true(stored[0].seq > 4);
	assert_int_equal(run_view_open(db, &f->arena, &f->who[0], &spoken, &view, &e), 0);
	assert_int_equal(run_citations_json(db, &f->arena, &view, &spoken, &citations, &e), 0);
	assert_int_equal(json_array_size(citations), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(citations, 0), "support")),
		"partial");
	json_decref(citations);
	store_reader_drop(db);
	write_tx(f, tx_recover, 0);
	assert_int_equal(f->n, 0);
}

static int tx_sources(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;
	struct passage p = {
		.document = f->document, .version = id_create("ver"), .chunk = id_create("chk")};

	return run_sources_add(db, &f->added.run, &f->who[0].workspace, &p, 1, e);
}

static int tx_nobody(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	return acl_replace(db, &f->who[0].workspace, &f->collection, NULL, 0, e);
}

/* What is shown of a run follows the permissions of the moment. */
static void test_view(void **state)
{
	struct fixture *f = *state;
	struct id run = add_turn(f, "what?", NULL, "h").run;
	struct err e = ERR_INIT;
	struct run_view view;
	const char *cited = arena_printf(&f->arena,
		"{\"ordinal\":1,\"handle\":3,\"documentId\":\"%s\",\"quote\":\"secret\"}",
		f->document.s);
	const char *out;
	struct db *db;

	write_tx(f, tx_sources, 0);
	finish_run(f, &run, "the secret");
	db = store_reader(f->ix->store, &e);
	assert_int_equal(run_view_open(db, &f->arena, &f->who[0], &run, &view, &e), 0);
	assert_false(view.withheld);
	assert_ptr_equal(run_view_event(&view, &f->arena, "citation", cited), cited);
	store_reader_drop(db);
	write_tx(f, tx_nobody, 0);
	db = store_reader(f->ix->store, &e);
	assert_int_equal(run_view_open(db, &f->arena, &f->who[0], &run, &view, &e), 0);
	assert_true(view.withheld);
	out = run_view_event(&view, &f->arena, "citation", cited);
	assert_null(strstr(out, "secret"));
	assert_null(strstr(out, "doc_"));
	assert_non_null(strstr(out, "\"handle\":3"));
	assert_null(run_view_event(&view, &f->arena, "assistant.delta", "{\"text\":\"secret\"}"));
	out = run_view_event(&view, &f->arena, "assistant.completed",
		"{\"answer\":\"secret\",\"mode\":\"model\"}");
	assert_null(strstr(out, "secret"));
	assert_non_null(strstr(out, "\"withheld\":true"));
	out = run_view_event(&view, &f->arena, "retrieval.completed",
		arena_printf(&f->arena,
			"{\"passages\":[{\"handle\":1,\"documentId\":\"%s\",\"name\":\"secret\"}]}",
			f->document.s));
	assert_null(strstr(out, "secret"));
	store_reader_drop(db);
}

static int tx_inherit(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	return run_sources_inherit(db, &f->added.run, &f->run, e);
}

/* A model may repeat what an earlier answer in its prompt said, so what that was made of counts;
 * and so on. The built-in answerer's words are those of what it cites. */
static void test_view_of_a_follow_up(void **state)
{
	struct fixture *f = *state;
	struct id runs[4];
	struct err e = ERR_INIT;
	struct run_view view;
	struct db *db;

	for (int i = 0; i < 4; i++) {
		runs[i] = add_turn(f, "what?", NULL, "h").run;
		f->added.run = runs[i];
		if (i == 0) {
			write_tx(f, tx_sources, 0);
		} else {
			f->run = runs[i - 1];
			write_tx(f, tx_inherit, 0);
			write_tx(f, tx_inherit, 0); /* once is enough */
		}
		finish_run_as(f, &runs[i], "the secret", i == 2 ? "extractive" : "model");
	}
	write_tx(f, tx_nobody, 0);
	db = store_reader(f->ix->store, &e);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(run_view_open(db, &f->arena, &f->who[0], &runs[i], &view, &e), 0);
		assert_int_equal(view.withheld, i < 2);
		assert_int_equal(view.n_gone, i < 3);
	}
	store_reader_drop(db);
}

static int tx_delete_document(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	return document_delete(db, &f->document, e);
}

/* Its purge may be over before the answer is. */
static void test_source_deleted_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct id run = add_turn(f, "what?", NULL, "h").run;
	struct run_event delta = {1, "assistant.delta", "{\"text\":\"the secret\"}"};
	struct err e = ERR_INIT;
	struct run_event *events;
	struct run_row row;
	struct db *db;
	int n;

	write_tx(f, tx_sources, 0);
	write_tx(f, tx_delete_document, 0);
	f->events = &delta;
	f->n = 1;
	write_tx(f, tx_events, 0);
	finish_run(f, &run, "the secret");
	db = store_reader(f->ix->store, &e);
	assert_int_equal(run_lookup(db, &f->arena, &f->who[0], &run, &row, &e), 0);
	assert_string_equal(row.state, "completed");
	assert_string_equal(row.answer, "");
	assert_int_equal(run_events_load(db, &f->arena, &run, 0, 10000, &events, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_null(strstr(events[0].data, "secret"));
	store_reader_drop(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_idempotency, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_regenerate_and_history, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_branches_and_choice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_owner_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_recovery, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_view, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_view_of_a_follow_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_source_deleted_meanwhile, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Workspaces, collections, documents, versions, the audit log. */
#include "tests/unit/index/world.h"

static void test_names_are_taken_once(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "Papers", "operator"), id;
	struct collection row;
	struct workspace *list;
	struct asker who;
	struct db *db;
	int n;

	assert_int_equal(work(w, (struct work){.which = W_WORKSPACE, .a = "default", .out = &id}),
		ERR_CONFLICT);
	db = reader(w);
	who = operator_of(w, db);
	assert_int_equal(collection_name_free(db, &who, "papers", NULL, &world_err), ERR_CONFLICT);
	assert_string_equal(world_err.reason, "name_taken");
	err_clear(&world_err);
	fine(collection_name_free(db, &who, "papers", &c, &world_err));
	fine(collection_by_name(db, &w->arena, &who, "PAPERS", &row, &world_err));
	assert_true(id_equal(&row.id, &c));
	assert_int_equal(row.n_documents, 0);
	fine(workspace_list(db, &w->arena, &list, &n, &world_err));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "default");
	assert_int_equal(workspace_by_name(db, &w->arena, "none", &list[0], NULL), ERR_NOT_FOUND);
	store_reader_drop(db);
	fine(work(w, (struct work){.which = W_COLLECTION_DELETE, .a = &c}));
	assert_int_equal(
		work(w, (struct work){.which = W_COLLECTION_DELETE, .a = &c}), ERR_NOT_FOUND);
	db = reader(w);
	assert_int_equal(
		collection_lookup(db, &w->arena, &w->workspace, &c, &row, NULL), ERR_NOT_FOUND);
	store_reader_drop(db);
	(void)add_collection(w, "papers", "operator"); /* free again */
}

static void test_arrivals(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator"),
		  other = add_collection(w, "o", "operator");
	struct id none = id_create("col");
	struct arrived a = arrive(w, &c, "a", "one"), b;
	struct version v;
	struct db *db;

	assert_int_equal(a.arrival, ARRIVAL_NEW);
	b = arrive(w, &c, "a", "one");
	assert_int_equal(b.arrival, ARRIVAL_DUPLICATE);
	assert_true(id_equal(&a.version, &b.version));
	b = arrive(w, &c, "copy of a", "one");
	assert_int_equal(b.arrival, ARRIVAL_DUPLICATE);
	assert_true(id_equal(&a.document, &b.document));
	b = arrive(w, &other, "a", "one");
	assert_int_equal(b.arrival, ARRIVAL_NEW);
	b = arrive(w, &c, "a", "two");
	assert_int_equal(b.arrival, ARRIVAL_VERSION);
	assert_true(id_equal(&a.document, &b.document));
	b = arrive(w, &c, "a", "one"); /* back to the old text: a version of its own */
	assert_int_equal(b.arrival, ARRIVAL_VERSION);
	db = reader(w);
	fine(version_lookup(db, &w->arena, &b.version, &v, &world_err));
	assert_int_equal(v.seq, 3);
	assert_string_equal(v.state, "queued");
	store_reader_drop(db);
	/* A file that takes another's bytes under a name of its own must not stay as it was. */
	a = arrive(w, &c, "b", "three");
	b = arrive(w, &c, "b", "one");
	assert_int_equal(b.arrival, ARRIVAL_VERSION);
	assert_true(id_equal(&a.document, &b.document));
	assert_int_equal(
		work(w,
			(struct work){
				.which = W_ARRIVE, .a = &none, .b = "x", .c = "y", .out = &b}),
		ERR_NOT_FOUND);
}

static void test_a_failed_duplicate_is_queued_again(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct arrived a = arrive(w, &c, "a", "one");
	struct version v;
	struct db *db;

	exec_sql(w, "UPDATE document_version SET state = 'failed', reason = 'x' WHERE id = '%s'",
		a.version.s);
	assert_int_equal(arrive(w, &c, "a", "one").arrival, ARRIVAL_DUPLICATE);
	db = reader(w);
	fine(version_lookup(db, &w->arena, &a.version, &v, &world_err));
	assert_string_equal(v.state, "queued");
	assert_null(v.reason);
	store_reader_drop(db);
}

static void test_a_hidden_document_is_no_duplicate(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator"),
		  user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct arrived a = arrive(w, &c, "secret", "same bytes");

	grant(w, &a.document, user.s, RIGHT_OWN);
	assert_int_equal(arrive(w, &c, "mine", "same bytes").arrival, ARRIVAL_NEW);
}

static void test_lists_hold_what_the_asker_may_read(void **state)
{
	struct world *w = *state;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id admin = add_user(w, &w->workspace, ROLE_ADMIN);
	struct id open = add_collection(w, "open", "operator"),
		  shut = add_collection(w, "shut", "operator");
	struct document_query query = {.limit = 2, .sort = SORT_CREATED};
	struct document_mark mark;
	struct collection *list, shown;
	struct document_page page;
	struct asker who;
	struct arrived secret;
	struct db *db;
	int n, seen = 0;

	grant(w, &open, "workspace", RIGHT_READ);
	for (int i = 0; i < 5; i++) {
		char name[8] = {'d', (char)('0' + i)};

		arrive(w, &open, name, name);
		arrive(w, &shut, name, name);
	}
	secret = arrive(w, &open, "own", "own");
	grant(w, &secret.document, admin.s, RIGHT_READ);
	db = reader(w);
	who = asker_of(w, db, &user);
	fine(collection_list(db, &w->arena, &who, &list, &n, &world_err));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "open");
	assert_int_equal(list[0].n_documents, 5);
	fine(collection_show(db, &w->arena, &who, &open, &shown, &world_err));
	assert_int_equal(shown.n_documents, 5);
	assert_int_equal(collection_show(db, &w->arena, &who, &shut, &shown, NULL), ERR_NOT_FOUND);
	do {
		fine(document_list(db, &w->arena, &who, &query, &page, &world_err));
		for (int i = 0; i < page.n; i++) {
			assert_true(id_equal(&page.rows[i].collection, &open));
			assert_true(id_equal(&page.latest[i].document, &page.rows[i].id));
			seen++;
		}
		mark = page.last;
		query.after = &mark;
	} while (page.more);
	assert_int_equal(seen, 5);
	query = (struct document_query){.limit = 10, .collection = shut};
	fine(document_list(db, &w->arena, &who, &query, &page, &world_err));
	assert_int_equal(page.n, 0);
	who = asker_of(w, db, &admin);
	fine(collection_list(db, &w->arena, &who, &list, &n, &world_err));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].n_documents, 6);
	assert_int_equal(list[1].n_documents, 0);
	who = operator_of(w, db);
	query = (struct document_query){.limit = 100};
	fine(document_list(db, &w->arena, &who, &query, &page, &world_err));
	assert_int_equal(page.n, 11);
	store_reader_drop(db);
}

/* Every page of a query, three at a time, as "name name …". */
static const char *paged(struct world *w, struct db *db, const struct asker *who,
	struct document_query query, int *n)
{
	static char names[4096];
	struct document_mark mark;
	struct document_page page;
	size_t len = 0;

	*n = 0;
	names[0] = '\0';
	query.limit = 3;
	do {
		fine(document_list(db, &w->arena, who, &query, &page, &world_err));
		assert_true(page.n <= 3 && (page.n == 3 || !page.more));
		for (int i = 0; i < page.n; i++) {
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
				len ? " " : "", page.rows[i].name);
		}
		*n += page.n;
		mark = page.last;
		query.after = &mark;
	} while (page.more);
	return names;
}

/* In every order, both ways, each row comes once, whether or not rows are alike in it; what the
 * asker may not read is neither there nor makes a page short. */
static void test_sorted_lists(void **state)
{
	static const char *const names[] = {"delta", "Beta", "alpha", "ärmel", "Zeta", "gamma"};
	struct world *w = *state;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id open = add_collection(w, "open", "operator"),
		  shut = add_collection(w, "shut", "operator");
	struct document_query query = {.limit = 3};
	struct asker who;
	struct db *db;
	int n;

	grant(w, &open, "workspace", RIGHT_READ);
	for (int i = 0; i < 6; i++) {
		arrive(w, &open, names[i], names[i]);
		arrive(w, &shut, names[i], names[i]);
	}
	exec_sql(w, "UPDATE document_version SET n_pages = 7, title = 'Ärger im Büro' "
		    "WHERE document_id IN (SELECT id FROM document WHERE name = 'Beta')");
	exec_sql(w, "UPDATE document_version SET state = 'failed' "
		    "WHERE document_id IN (SELECT id FROM document WHERE name = 'delta')");
	db = reader(w);
	who = asker_of(w, db, &user);
	assert_string_equal(paged(w, db, &who, query, &n), "alpha ärmel Beta delta gamma Zeta");
	query.descending = true;
	assert_string_equal(paged(w, db, &who, query, &n), "Zeta gamma delta Beta ärmel alpha");
	for (int i = 0; i < 2 * N_SORTS; i++) {
		query = (struct document_query){.sort = i / 2, .descending = i % 2};
		paged(w, db, &who, query, &n);
		assert_int_equal(n, 6);
	}
	query = (struct document_query){.sort = SORT_CREATED};
	assert_string_equal(paged(w, db, &who, query, &n), "delta Beta alpha ärmel Zeta gamma");
	query = (struct document_query){.q = "ETA"};
	assert_string_equal(paged(w, db, &who, query, &n), "Beta Zeta");
	query.q = "ärger IM büro"; /* the title */
	assert_string_equal(paged(w, db, &who, query, &n), "Beta");
	query.q = "Arm";
	assert_string_equal(paged(w, db, &who, query, &n), "ärmel");
	query.q = "%";
	assert_string_equal(paged(w, db, &who, query, &n), "");
	query = (struct document_query){.states = "failed"};
	assert_string_equal(paged(w, db, &who, query, &n), "delta");
	query.states = "failed,queued";
	paged(w, db, &who, query, &n);
	assert_int_equal(n, 6);
	query.states = "fail";
	paged(w, db, &who, query, &n);
	assert_int_equal(n, 0);
	store_reader_drop(db);
}

/* ── things done in a transaction ── */

static struct id subject;
static const char *subject_name;

static const struct asker *renamer; /* NULL: sees all */

static int tx_rename(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return document_rename(db, renamer, &subject, subject_name, e);
}

static void test_rename(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct document d;
	struct db *db;

	arrive(w, &c, "a", "one");
	subject = arrive(w, &c, "b", "two").document;
	subject_name = "a";
	assert_int_equal(store_write(w->store, tx_rename, NULL, NULL), ERR_CONFLICT);
	subject_name = "z";
	fine(store_write(w->store, tx_rename, NULL, &world_err));
	db = reader(w);
	fine(document_by_name(db, &w->arena, NULL, &c, "z", &d, &world_err));
	assert_true(id_equal(&d.id, &subject));
	store_reader_drop(db);
	subject = id_create("doc");
	assert_int_equal(store_write(w->store, tx_rename, NULL, NULL), ERR_NOT_FOUND);
}

static void test_a_hidden_name_is_not_taken(void **state)
{
	struct world *w = *state;
	struct id ann = add_user(w, &w->workspace, ROLE_MEMBER),
		  bob = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id c = add_collection(w, "c", ann.s);
	struct arrived secret = arrive(w, &c, "secret", "one");
	struct document d;
	struct asker who;
	struct db *db;

	grant(w, &secret.document, bob.s, RIGHT_OWN);
	db = reader(w);
	who = asker_of(w, db, &ann);
	assert_int_equal(
		document_by_name(db, &w->arena, &who, &c, "secret", &d, NULL), ERR_NOT_FOUND);
	renamer = &who;
	subject = arrive(w, &c, "mine", "two").document;
	subject_name = "secret";
	fine(store_write(w->store, tx_rename, NULL, &world_err));
	store_reader_drop(db);
	db = reader(w);
	fine(document_by_name(db, &w->arena, &who, &c, "secret", &d, &world_err));
	assert_true(id_equal(&d.id, &subject));
	who = asker_of(w, db, &bob);
	fine(document_by_name(db, &w->arena, &who, &c, "secret", &d, &world_err));
	assert_true(id_equal(&d.id, &secret.document));
	store_reader_drop(db);
	renamer = NULL;
}

struct purged {
	struct arena *arena;
	char **hashes;
	int n;
};

static int tx_purge(struct db *db, void *arg, struct err *e)
{
	struct purged *p = arg;
	int rc = chunks_purge_document(db, &subject, e);

	return rc ? rc : document_purge(db, p->arena, &subject, &p->hashes, &p->n, e);
}

static int tx_extracted(struct db *db, void *arg, struct err *e)
{
	struct version_facts facts = {"application/pdf", "A title", "en", arg, "page", 3, 2, 1};

	return version_extracted(db, &subject, &facts, e);
}

/* Answers that quote the document, that had it in their history, that passed it over. */
static void add_answers(struct world *w, const struct id *user, const struct id *document)
{
	exec_sql(w, "INSERT INTO conversation VALUES ('conv_1', '%s', '%s', 't', 1, 1, NULL)",
		w->workspace.s, user->s);
	exec_sql(w,
		"INSERT INTO run (id, workspace_id, conversation_id, turn_seq, user_id, state, "
		"mode, "
		"answer, created_ms) VALUES ('run_1', '%s', 'conv_1', 1, '%s', 'completed', "
		"'extractive', 'secret sentence', 1), ('run_2', '%s', 'conv_1', 1, '%s', "
		"'completed', "
		"'model', 'own words', 1)",
		w->workspace.s, user->s, w->workspace.s, user->s);
	/* A model that had the secret in its history; an extract that passed it over. */
	exec_sql(w,
		"INSERT INTO run (id, workspace_id, conversation_id, turn_seq, user_id, state, "
		"mode, answer, created_ms) VALUES ('run_3', '%s', 'conv_1', 2, '%s', 'completed', "
		"'model', 'secret again', 1), ('run_4', '%s', 'conv_1', 3, '%s', 'completed', "
		"'extractive', 'other words', 1)",
		w->workspace.s, user->s, w->workspace.s, user->s);
	exec_sql(w,
		"INSERT INTO run_source VALUES ('run_3', -1, '%s', '%s', '', '', '[]'), "
		"('run_4', 1, '%s', '%s', 'v', 'c', '[]')",
		w->workspace.s, document->s, w->workspace.s, document->s);
	exec_sql(w,
		"INSERT INTO run_event VALUES ('run_3', 1, 'retrieval.completed', 'other words'), "
		"('run_3', 2, 'assistant.delta', 'secret again'), "
		"('run_4', 1, 'retrieval.completed', 'secret name')");
	exec_sql(w,
		"INSERT INTO citation VALUES ('run_1', 1, '%s', 1, '%s', 'v', 'c', 1, x'00', "
		"'secret sentence', 3, 9, 'verified', 'secret!A1'), ('run_2', 1, '%s', 1, '%s', "
		"'v', 'c', 1, "
		"NULL, "
		"'secret sentence', 3, 9, 'verified', NULL)",
		w->workspace.s, document->s, w->workspace.s, document->s);
	exec_sql(w,
		"INSERT INTO run_event VALUES ('run_1', 1, 'assistant.delta', 'secret sentence'), "
		"('run_2', 1, 'assistant.delta', 'own words'), ('run_2', 2, 'citation', 'secret')");
}

static void test_purge_blanks_and_names_lost_blobs(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator"), o = add_collection(w, "o", "operator");
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct purged p = {.arena = &w->arena};
	struct arrived a = arrive(w, &c, "secret name", "one");
	struct version *versions;
	struct document d;
	struct db *db;
	struct stmt *q;
	int n;

	arrive(w, &o, "twin", "one"); /* keeps the blob of the first version */
	subject = a.version;
	fine(store_write(w->store, tx_extracted, "texthash", &world_err));
	arrive(w, &c, "secret name", "two");
	subject = a.document;
	add_answers(w, &user, &a.document);
	assert_int_equal(store_write(w->store, tx_purge, &p, NULL), ERR_CONFLICT);
	fine(work(w, (struct work){.which = W_DELETE, .a = &subject}));
	fine(store_write(w->store, tx_purge, &p, &world_err));
	assert_int_equal(p.n, 2); /* of "two", and the extracted text */
	db = reader(w);
	assert_int_equal(document_lookup(db, &w->arena, &subject, &d, NULL), ERR_NOT_FOUND);
	fine(version_list(db, &w->arena, &subject, &versions, &n, &world_err));
	assert_int_equal(n, 2);
	assert_string_equal(versions[0].state, "purged");
	assert_null(versions[1].blob_hash);
	assert_null(versions[1].title);
	q = db_stmt_named(db, "t",
		"SELECT (SELECT count(*) FROM run_event WHERE data LIKE '%secret%') + "
		"(SELECT count(*) FROM run WHERE answer LIKE '%secret%') + (SELECT count(*) FROM "
		"citation "
		"WHERE quote IS NOT NULL OR place IS NOT NULL) + (SELECT count(*) FROM document "
		"WHERE name LIKE "
		"'secret%'), "
		"(SELECT count(*) FROM run WHERE answer IN ('own words', 'other words')) + "
		"(SELECT count(*) FROM run_event WHERE data IN ('own words', 'other words'))",
		&world_err);
	assert_int_equal(stmt_step(q, &world_err), 1);
	assert_int_equal(col_int(q, 0), 0);
	assert_int_equal(col_int(q, 1), 2);
	stmt_reset(q);
	store_reader_drop(db);
}

static int tx_audit(struct db *db, void *arg, struct err *e)
{
	struct world *w = arg;
	int rc = 0;

	for (int i = 0; rc == 0 && i < 5; i++) {
		char object[8] = {'o', (char)('0' + i)};

		rc = audit_add(db, &w->workspace, "operator", "test", object, "{}", e);
	}
	return rc ? rc : audit_add(db, NULL, "operator", "test", "installation", "{}", e);
}

static void test_audit_is_read_backwards(void **state)
{
	struct world *w = *state;
	struct audit *list;
	struct db *db;
	int n;

	fine(store_write(w->store, tx_audit, w, &world_err));
	db = reader(w);
	fine(audit_list(db, &w->arena, &w->workspace, INT64_MAX, 3, &list, &n, &world_err));
	assert_int_equal(n, 3);
	assert_string_equal(list[0].object, "o4");
	fine(audit_list(db, &w->arena, &w->workspace, list[2].n, 10, &list, &n, &world_err));
	assert_int_equal(n, 2);
	assert_string_equal(list[1].object, "o0");
	store_reader_drop(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_names_are_taken_once),
		T(test_arrivals),
		T(test_a_failed_duplicate_is_queued_again),
		T(test_a_hidden_document_is_no_duplicate),
		T(test_lists_hold_what_the_asker_may_read),
		T(test_sorted_lists),
		T(test_rename),
		T(test_a_hidden_name_is_not_taken),
		T(test_purge_blanks_and_names_lost_blobs),
		T(test_audit_is_read_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Permissions: who may do what, entries, attachments, summaries. */
#include "tests/unit/index/world.h"

static int may(struct world *w, const struct id *user, const struct id *object, enum right right)
{
	struct db *db = reader(w);
	struct asker who = asker_of(w, db, user);
	int rc = acl_may(db, &who, object, right, &world_err);

	store_reader_drop(db);
	if (rc != 0) {
		assert_int_equal(rc, ERR_NOT_FOUND);
		assert_string_equal(world_err.reason, "not_found");
	}
	err_clear(&world_err);
	return rc == 0;
}

static uint64_t n_in(struct world *w, const struct asker *who, const struct id *collection,
	const struct id *attached)
{
	struct allowed *a = acl_allowed(w->acl, who, collection, collection ? 1 : 0, attached);
	uint64_t n = a->n_allowed;

	acl_allowed_drop(a);
	return n;
}

/* Its owner's alone, whatever is tried; searched only when named as attached. */
static void test_attachments(void **state)
{
	struct world *w = *state;
	struct id ann = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id ben = add_user(w, &w->workspace, ROLE_ADMIN);
	struct id shelf = add_collection(w, "shelf", ann.s);
	struct id conversation = id_create("conv"), other = id_create("conv");
	struct id attached, again, none;
	struct acl_entry entry = {.right = RIGHT_READ};
	struct work order = {.which = W_ATTACH, .a = &conversation, .b = &ann, .out = &attached};
	struct arrived in;
	struct asker who, ben_asks, machine;
	struct collection k;
	struct db *db;

	fine(work(w, order));
	order.out = &again;
	fine(work(w, order));
	assert_true(id_equal(&attached, &again));
	add_document(w, &shelf, "a.md", "en", "on the shelf");
	in = add_document(w, &attached, "b.md", "en", "attached");
	assert_true(may(w, &ann, &in.document, RIGHT_OWN));
	assert_false(may(w, &ben, &in.document, RIGHT_READ));
	assert_false(may(w, &ben, &attached, RIGHT_READ));
	db = reader(w);
	who = asker_of(w, db, &ann);
	ben_asks = asker_of(w, db, &ben);
	machine = operator_of(w, db);
	assert_int_equal(acl_right(db, &machine, &in.document), RIGHT_NONE);
	assert_int_equal(acl_right(db, &machine, &attached), RIGHT_NONE);
	assert_int_equal(acl_right(db, &machine, &shelf), RIGHT_OWN);
	assert_int_equal(n_in(w, &who, NULL, NULL), 1);
	assert_int_equal(n_in(w, &who, NULL, &attached), 2);
	assert_int_equal(n_in(w, &who, &shelf, &attached), 2);
	assert_int_equal(n_in(w, &who, &attached, NULL), 0);
	assert_int_equal(n_in(w, &who, NULL, &shelf), 1);
	assert_int_equal(n_in(w, &ben_asks, NULL, &attached), 0);
	assert_int_equal(n_in(w, &machine, NULL, &attached), 1);
	fine(collection_attached(db, &other, &none, &world_err));
	assert_true(id_empty(&none));
	assert_int_equal(collection_lookup(db, &w->arena, &w->workspace, &attached, &k, NULL),
		ERR_NOT_FOUND);
	assert_int_equal(collection_by_name(db, &w->arena, &machine, "", &k, NULL), ERR_NOT_FOUND);
	store_reader_drop(db);
	snprintf(entry.principal, sizeof(entry.principal), "workspace");
	for (int n = -1; n <= 1; n++) {
		const struct id *objects[] = {&in.document, &attached};

		for (int i = n < 0 ? 1 : 2; i-- > 0;) {
			assert_int_equal(work(w, (struct work){.which = W_ACL,
							 .a = objects[i],
							 .b = &entry,
							 .n = n}),
				ERR_CONFLICT);
			assert_string_equal(world_err.reason, "attachment");
		}
	}
	fine(work(w, (struct work){.which = W_COLLECTION_DELETE, .a = &attached}));
	assert_false(may(w, &ann, &in.document, RIGHT_READ));
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(right_parse("write"), RIGHT_WRITE);
	assert_int_equal(right_parse("none"), -1);
	assert_int_equal(right_parse(""), -1);
	assert_int_equal(right_parse(NULL), -1);
	assert_string_equal(right_name(RIGHT_OWN), "own");
	assert_int_equal(role_parse("admin"), ROLE_ADMIN);
	assert_int_equal(role_parse("root"), -1);
	assert_string_equal(role_name(ROLE_OPERATOR), "operator");
}

/* Each holder's own entries, in the order asked for, one of them twice. */
static void test_summaries(void **state)
{
	struct world *w = *state;
	struct id ann = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id ben = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id gone = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id team = add_group(w, &w->workspace), other = add_group(w, &w->workspace);
	struct id open = add_collection(w, "open", "operator");
	struct id mixed = add_collection(w, "mixed", "operator");
	struct id shut = add_collection(w, "shut", "operator");
	struct id holders[] = {open, mixed, shut, open};
	struct acl_summary *s;
	struct asker who;
	struct db *db;

	join(w, &team, &ann);
	exec_sql(w, "UPDATE user SET disabled_ms = 1 WHERE id = '%s'", gone.s);
	grant(w, &open, "workspace", RIGHT_READ);
	exec_sql(w,
		"INSERT INTO acl_entry(object_id, principal, workspace_id, right) VALUES "
		"('%s', '%s', '%s', 2), ('%s', '%s', '%s', 1), ('%s', '%s', '%s', 3), "
		"('%s', '%s', '%s', 1), ('%s', '%s', '%s', 1)",
		mixed.s, team.s, w->workspace.s, mixed.s, ann.s, w->workspace.s, mixed.s, ben.s,
		w->workspace.s, mixed.s, gone.s, w->workspace.s, mixed.s, other.s, w->workspace.s);
	db = reader(w);
	who = asker_of(w, db, &ann);
	fine(acl_summaries(db, &w->arena, &who, holders, 4, &s, &world_err));
	for (int i = 0; i < 4; i += 3) {
		assert_true(s[i].workspace && !s[i].you && s[i].right == RIGHT_READ);
		assert_true(s[i].n_groups == 0 && s[i].n_users == 0);
	}
	assert_true(!s[1].workspace && s[1].you && s[1].right == RIGHT_WRITE);
	assert_int_equal(s[1].n_groups, 2);
	assert_true(strcmp(s[1].groups[0], s[1].groups[1]) < 0);
	assert_int_equal(s[1].n_users, 2);
	assert_true(!s[2].workspace && s[2].n_groups == 0 && s[2].n_users == 0 && !s[2].you);
	assert_int_equal(s[2].right, RIGHT_NONE);
	who = operator_of(w, db);
	fine(acl_summaries(db, &w->arena, &who, holders, 4, &s, &world_err));
	assert_true(!s[2].you && s[2].right == RIGHT_OWN && s[1].right == RIGHT_OWN);
	fine(acl_summaries(db, &w->arena, &who, holders, 0, &s, &world_err));
	store_reader_drop(db);
}

static void test_no_entry_means_nobody(void **state)
{
	struct world *w = *state;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id admin = add_user(w, &w->workspace, ROLE_ADMIN);
	struct id root = add_user(w, &w->workspace, ROLE_OPERATOR);
	struct id c = add_collection(w, "c", "operator");
	struct arrived d = add_document(w, &c, "d", "en", "text");

	assert_false(may(w, &user, &c, RIGHT_READ));
	assert_false(may(w, &admin, &d.document, RIGHT_READ));
	assert_false(may(w, &root, &d.version, RIGHT_READ));
	assert_int_equal(n_allowed(w, &admin, NULL), 0);
	grant(w, &c, "workspace", RIGHT_READ);
	assert_true(may(w, &user, &c, RIGHT_READ));
	assert_true(may(w, &user, &d.document, RIGHT_READ));
	assert_true(may(w, &user, &d.version, RIGHT_READ));
	assert_false(may(w, &user, &d.document, RIGHT_WRITE));
	assert_int_equal(n_allowed(w, &user, NULL), 1);
}

static void test_the_highest_right_counts(void **state)
{
	struct world *w = *state;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id group = add_group(w, &w->workspace);
	struct id c = add_collection(w, "c", user.s);
	struct arrived d = add_document(w, &c, "d", "en", "text");
	struct acl_entry entries[] = {{"workspace", RIGHT_READ}, {"", RIGHT_OWN}};

	assert_true(may(w, &user, &c, RIGHT_OWN));
	memcpy(entries[1].principal, group.s, sizeof(group.s));
	fine(work(w, (struct work){.which = W_ACL, .a = &c, .b = entries, .n = 2}));
	assert_false(may(w, &user, &d.document, RIGHT_WRITE));
	join(w, &group, &user);
	assert_true(may(w, &user, &d.document, RIGHT_OWN));
}

static void test_a_document_of_its_own(void **state)
{
	struct world *w = *state;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id other = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id c = add_collection(w, "c", other.s);
	struct arrived d = add_document(w, &c, "d", "en", "secret");
	struct acl_entry *list;
	struct db *db;
	int n;

	grant(w, &d.document, user.s, RIGHT_READ);
	assert_true(may(w, &user, &d.document, RIGHT_READ));
	assert_false(may(w, &user, &c, RIGHT_READ));
	assert_false(may(w, &other, &d.document, RIGHT_READ));
	assert_int_equal(n_allowed(w, &user, NULL), 1);
	assert_int_equal(n_allowed(w, &other, NULL), 0);
	assert_int_equal(n_allowed(w, &user, &c), 1);
	db = reader(w);
	fine(acl_list(db, &w->arena, &d.document, &list, &n, &world_err));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].principal, user.s);
	store_reader_drop(db);
	fine(work(w, (struct work){.which = W_ACL, .a = &d.document, .n = -1}));
	assert_false(may(w, &user, &d.document, RIGHT_READ));
	assert_true(may(w, &other, &d.document, RIGHT_OWN));
	assert_int_equal(n_allowed(w, &other, NULL), 1);
}

static void test_bad_entries(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator"), other_workspace, stranger;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct acl_entry e[] = {
		{"usr_01ARZ3NDEKTSV4RRFFQ69G5FAV", RIGHT_READ}, {"workspace", RIGHT_READ}};
	struct id none = id_create("col");

	fine(work(w, (struct work){.which = W_WORKSPACE, .a = "other", .out = &other_workspace}));
	stranger = add_user(w, &other_workspace, ROLE_MEMBER);
	assert_int_equal(
		work(w, (struct work){.which = W_ACL, .a = &c, .b = e, .n = 1}), ERR_INVALID);
	memcpy(e[0].principal, stranger.s, sizeof(stranger.s));
	assert_int_equal(
		work(w, (struct work){.which = W_ACL, .a = &c, .b = e, .n = 1}), ERR_INVALID);
	memcpy(e[0].principal, "everybody", 10);
	assert_int_equal(
		work(w, (struct work){.which = W_ACL, .a = &c, .b = e, .n = 1}), ERR_INVALID);
	memcpy(e[0].principal, user.s, sizeof(user.s));
	fine(work(w, (struct work){.which = W_ACL, .a = &c, .b = e, .n = 2}));
	e[0] = e[1];
	assert_int_equal(
		work(w, (struct work){.which = W_ACL, .a = &c, .b = e, .n = 2}), ERR_INVALID);
	e[0].right = (enum right)7;
	assert_int_equal(
		work(w, (struct work){.which = W_ACL, .a = &c, .b = e, .n = 1}), ERR_INVALID);
	assert_int_equal(work(w, (struct work){.which = W_ACL, .a = &c, .n = -1}), ERR_INVALID);
	assert_int_equal(work(w, (struct work){.which = W_ACL, .a = &none, .n = 0}), ERR_NOT_FOUND);
	assert_true(may(w, &user, &c, RIGHT_READ)); /* a refused change changes nothing */
}

static void test_unknown_and_disabled_users(void **state)
{
	struct world *w = *state;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER), none = id_create("usr");
	struct id nowhere = id_create("ws");
	struct db *db = reader(w);
	struct asker who;

	assert_int_equal(acl_asker(db, &w->arena, &none, &who, NULL), ERR_AUTH);
	assert_int_equal(acl_operator(db, &w->arena, &nowhere, &who, NULL), ERR_NOT_FOUND);
	store_reader_drop(db);
	exec_sql(w, "UPDATE user SET disabled_ms = 5 WHERE id = '%s'", user.s);
	db = reader(w);
	assert_int_equal(acl_asker(db, &w->arena, &user, &who, NULL), ERR_AUTH);
	store_reader_drop(db);
}

static void test_the_operator_reads_its_workspace(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator"), other;
	struct arrived d = add_document(w, &c, "d", "en", "text");
	struct id odd[] = {{"conv_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, {""}, {"doc_"}};
	struct db *db;
	struct asker who;

	fine(work(w, (struct work){.which = W_WORKSPACE, .a = "other", .out = &other}));
	db = reader(w);
	who = operator_of(w, db);
	assert_int_equal(acl_right(db, &who, &d.document), RIGHT_OWN);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(acl_right(db, &who, &odd[i]), RIGHT_NONE);
	}
	fine(acl_operator(db, &w->arena, &other, &who, &world_err));
	assert_int_equal(acl_right(db, &who, &d.document), RIGHT_NONE);
	assert_int_equal(acl_right(db, &who, &c), RIGHT_NONE);
	store_reader_drop(db);
	fine(work(w, (struct work){.which = W_COLLECTION_DELETE, .a = &c}));
	db = reader(w);
	who = operator_of(w, db);
	assert_int_equal(acl_right(db, &who, &d.document), RIGHT_NONE);
	assert_int_equal(acl_right(db, &who, &c), RIGHT_NONE);
	store_reader_drop(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		T(test_attachments),
		T(test_summaries),
		T(test_no_entry_means_nobody),
		T(test_the_highest_right_counts),
		T(test_a_document_of_its_own),
		T(test_bad_entries),
		T(test_unknown_and_disabled_users),
		T(test_the_operator_reads_its_workspace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

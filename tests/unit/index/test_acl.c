/* Permissions, and the bitmaps that follow them. */
#include "index/acl_runs.h"
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

static uint64_t n_allowed(struct world *w, const struct id *user, const struct id *collection)
{
	struct db *db = reader(w);
	struct asker who = asker_of(w, db, user);
	struct allowed *a = acl_allowed(w->acl, &who, collection, collection ? 1 : 0, NULL);
	uint64_t n = a->n_allowed;

	assert_true(n == bitmap_count(&a->slots));
	acl_allowed_drop(a);
	store_reader_drop(db);
	return n;
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

static void test_bitmaps_survive_reopening_and_are_checked(void **state)
{
	struct world *w = *state;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id c = add_collection(w, "c", user.s);
	struct arrived d = add_document(w, &c, "d", "en", "one");
	int64_t wrong;

	add_document(w, &c, "e", "en", "two");
	world_reopen(w);
	assert_int_equal(n_allowed(w, &user, NULL), 2);
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_int_equal(wrong, 0);
	/* Behind the module's back: a document without a set, a chunk that is no longer live. */
	exec_sql(w, "UPDATE document SET acl_set_n = NULL WHERE id = '%s'", d.document.s);
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_true(wrong >= 1);
	fine(acl_check(w->acl, w->store, true, &wrong, &world_err));
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_int_equal(wrong, 0);
	assert_int_equal(n_allowed(w, &user, NULL), 2);
	exec_sql(w, "UPDATE chunk SET live = 0 WHERE document_id = '%s'", d.document.s);
	fine(acl_check(w->acl, w->store, true, &wrong, &world_err));
	assert_int_equal(wrong, 1);
	assert_int_equal(n_allowed(w, &user, NULL), 1);
	/* Readers that no entry names. */
	exec_sql(w, "INSERT INTO acl_set_reader SELECT n, 'workspace' FROM acl_set");
	fine(acl_check(w->acl, w->store, true, &wrong, &world_err));
	assert_true(wrong >= 1);
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_int_equal(wrong, 0);
	world_reopen(w);
	assert_int_equal(n_allowed(w, &user, NULL), 1);
	/* Runs that are not what the chunks say. */
	exec_sql(w, "UPDATE acl_run SET slot_to = slot_to + 3");
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_int_equal(wrong, 3);
	exec_sql(w, "DELETE FROM acl_run");
	fine(acl_check(w->acl, w->store, true, &wrong, &world_err));
	assert_int_equal(wrong, 1);
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_int_equal(wrong, 0);
	world_reopen(w);
	assert_int_equal(n_allowed(w, &user, NULL), 1);
}

struct runs_told {
	int64_t set_of[40];
	int n;
};

static void tell_run(void *arg, const struct acl_run *run)
{
	struct runs_told *told = arg;

	told->n++;
	for (int64_t slot = run->from; slot < run->to; slot++) {
		assert_int_equal(told->set_of[slot], 0); /* runs do not overlap */
		told->set_of[slot] = run->set_n;
	}
}

struct runs_move {
	int64_t set_n, slots[8];
	int n;
};

static int tx_move_runs(struct db *db, void *arg, struct err *e)
{
	const struct runs_move *m = arg;

	return acl_runs_move(db, 9, m->set_n, m->slots, m->n, e);
}

static void test_runs_are_cut_and_joined(void **state)
{
	struct world *w = *state;
	static const struct runs_move moves[] = {
		{1, {4, 5, 6, 7, 8, 9}, 6}, {2, {7, 6}, 2},	/* out of the middle */
		{1, {30, 12, 11, 13, 30}, 5},			/* in any order, twice */
		{0, {5, 6}, 2},					/* over two runs */
		{3, {3, 4, 8, 9, 10, 11, 12}, 7}, {0, {20}, 1}, /* where there is none */
	};
	static const int64_t expected[40] = {[3] = 3,
		[4] = 3,
		[7] = 2,
		[8] = 3,
		[9] = 3,
		[10] = 3,
		[11] = 3,
		[12] = 3,
		[13] = 1,
		[30] = 1};
	struct runs_told told = {.n = 0};
	struct db *db;

	exec_sql(w, "INSERT INTO acl_set(n, workspace_id, collection_id, digest) SELECT v, "
		    "(SELECT id FROM workspace), 'c', v FROM (SELECT 1 AS v UNION SELECT 2 UNION "
		    "SELECT 3)");
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		fine(store_write(w->store, tx_move_runs, (void *)&moves[i], &world_err));
	}
	db = reader(w);
	fine(acl_runs_each(db, false, tell_run, &told, &world_err));
	store_reader_drop(db);
	assert_memory_equal(told.set_of, expected, sizeof(expected));
	assert_int_equal(told.n, 5);
}

static void test_allowed_is_cached_until_a_change(void **state)
{
	struct world *w = *state;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id c = add_collection(w, "c", user.s);
	struct db *db = reader(w);
	struct asker who = asker_of(w, db, &user);
	struct allowed *a, *b;

	add_document(w, &c, "d", "en", "one");
	a = acl_allowed(w->acl, &who, NULL, 0, NULL);
	b = acl_allowed(w->acl, &who, NULL, 0, NULL);
	assert_ptr_equal(a, b);
	acl_allowed_drop(b);
	add_document(w, &c, "e", "en", "two");
	b = acl_allowed(w->acl, &who, NULL, 0, NULL);
	assert_ptr_not_equal(a, b);
	assert_int_equal(a->n_allowed, 1); /* what was lent does not change */
	assert_int_equal(b->n_allowed, 2);
	assert_int_equal(b->n_live, 2);
	acl_allowed_drop(a);
	acl_allowed_drop(b);
	for (int i = 0; i < 300; i++) { /* more askers than the cache holds */
		struct id user2 = id_create("usr");

		who.key[0] = (char)('a' + i % 26);
		who.key[1] = (char)('a' + i / 26);
		(void)user2;
		acl_allowed_drop(acl_allowed(w->acl, &who, NULL, 0, NULL));
	}
	store_reader_drop(db);
}

/* ── at random, against a model ── */

#define N_USERS 5
#define N_GROUPS 3
#define N_COLLECTIONS 3
#define N_DOCUMENTS 10
#define N_PRINCIPALS (N_USERS + N_GROUPS + 1)

struct model {
	struct id users[N_USERS], groups[N_GROUPS], collections[N_COLLECTIONS];
	bool member[N_GROUPS][N_USERS], collection_gone[N_COLLECTIONS];
	int collection_right[N_COLLECTIONS][N_PRINCIPALS];
	struct {
		struct arrived in;
		int collection, n_versions;
		bool gone, own;
		int right[N_PRINCIPALS];
	} documents[N_DOCUMENTS];
	unsigned seed;
};

static int pick(struct model *m, int n)
{
	return rand_r(&m->seed) % n;
}

static int best(const struct model *m, int user, const int right[N_PRINCIPALS])
{
	int r = right[N_PRINCIPALS - 1] > right[user] ? right[N_PRINCIPALS - 1] : right[user];

	for (int g = 0; g < N_GROUPS; g++) {
		if (m->member[g][user] && right[N_USERS + g] > r) {
			r = right[N_USERS + g];
		}
	}
	return r;
}

static int model_right(const struct model *m, int user, int d)
{
	int c = m->documents[d].collection;

	if (m->documents[d].gone || m->collection_gone[c]) {
		return 0;
	}
	return best(m, user, m->documents[d].own ? m->documents[d].right : m->collection_right[c]);
}

static const char *principal(const struct model *m, int i)
{
	return i < N_USERS		? m->users[i].s
	       : i < N_USERS + N_GROUPS ? m->groups[i - N_USERS].s
					: "workspace";
}

static void canary(int d, int version, char out[32])
{
	snprintf(out, 32, "canary%cq%c", 'a' + d, 'a' + version % 26);
}

static void new_entries(
	struct world *w, struct model *m, const struct id *object, int right[N_PRINCIPALS])
{
	struct acl_entry entries[N_PRINCIPALS];
	int n = 0;

	for (int p = 0; p < N_PRINCIPALS; p++) {
		right[p] = pick(m, 3) ? 0 : 1 + pick(m, 3);
		if (right[p]) {
			snprintf(entries[n].principal, ID_SIZE, "%s", principal(m, p));
			entries[n++].right = (enum right)right[p];
		}
	}
	fine(work(w, (struct work){.which = W_ACL, .a = object, .b = entries, .n = n}));
}

static void put_document(struct world *w, struct model *m, int d)
{
	char name[16], text[32];
	const char *texts[] = {text, "common words of all documents"};

	snprintf(name, sizeof(name), "document %d", d);
	canary(d, ++m->documents[d].n_versions, text);
	if (m->documents[d].gone) {
		m->documents[d].own = false;
	}
	m->documents[d].gone = false;
	m->documents[d].in = arrive(w, &m->collections[m->documents[d].collection], name, text);
	fine(publish(w, &m->documents[d].in, "en", texts, 2));
}

static void random_change(struct world *w, struct model *m)
{
	int d = pick(m, N_DOCUMENTS), c = m->documents[d].collection, u = pick(m, N_USERS),
	    g = pick(m, N_GROUPS);
	bool there = !m->documents[d].gone && !m->collection_gone[c];

	switch (pick(m, 8)) {
	case 0:
		if (!m->collection_gone[c]) {
			new_entries(w, m, &m->collections[c], m->collection_right[c]);
		}
		break;
	case 1:
		if (there) {
			new_entries(w, m, &m->documents[d].in.document, m->documents[d].right);
			m->documents[d].own = true;
		}
		break;
	case 2:
		if (there) {
			fine(work(w, (struct work){.which = W_ACL,
					     .a = &m->documents[d].in.document,
					     .n = -1}));
			m->documents[d].own = false;
		}
		break;
	case 3:
		m->member[g][u] = !m->member[g][u];
		exec_sql(w,
			m->member[g][u] ? "INSERT INTO membership VALUES ('%s', '%s', '%s')"
					: "DELETE FROM membership WHERE group_id = '%s' "
					  "AND user_id = '%s' AND '%s' <> ''",
			m->groups[g].s, m->users[u].s, w->workspace.s);
		break;
	case 4:
		if (there && pick(m, 2)) {
			fine(work(w, (struct work){.which = W_DELETE,
					     .a = &m->documents[d].in.document}));
			m->documents[d].gone = true;
		}
		break;
	case 5:
	case 6:
		if (!m->collection_gone[c]) {
			put_document(w, m, d);
		}
		break;
	case 7:
		if (!m->collection_gone[c] && pick(m, 60) == 0) {
			fine(work(w, (struct work){.which = W_COLLECTION_DELETE,
					     .a = &m->collections[c]}));
			m->collection_gone[c] = true;
		}
		break;
	}
}

/* Everything that can be asked about one document by one user. */
static void compare(struct world *w, struct model *m, struct db *db, int u, int d)
{
	struct asker who = asker_of(w, db, &m->users[u]);
	int right = model_right(m, u, d);
	struct fts_hit *hits;
	struct chunk *chunks;
	int64_t slots[4096];
	char word[32];
	int n, seen = 0;

	assert_int_equal(acl_right(db, &who, &m->documents[d].in.document), right);
	assert_int_equal(acl_right(db, &who, &m->documents[d].in.version), right);
	canary(d, m->documents[d].n_versions, word);
	assert_int_equal(search(w, db, &who, word, "en", &hits), right >= RIGHT_READ);
	/* Every slot there ever was: loaded are exactly the live ones of readable documents. */
	for (n = 0; n < 4096 && n < 6 * N_DOCUMENTS * 8; n++) {
		slots[n] = n;
	}
	chunks = arena_array(&w->arena, struct chunk, (size_t)n);
	fine(chunks_load(db, &w->arena, &who, slots, n, true, chunks, &world_err));
	for (int i = 0; i < n; i++) {
		if (chunks[i].slot >= 0 &&
			id_equal(&chunks[i].document, &m->documents[d].in.document)) {
			struct chunk opened;

			assert_true(right >= RIGHT_READ);
			assert_true(chunks[i].live);
			fine(chunk_open(db, &w->arena, &who, &chunks[i].id, &opened, &world_err));
			assert_string_equal(opened.text, chunks[i].text);
			seen++;
		}
	}
	if (right >= RIGHT_READ && chunks_live_count(db, w->workspace_n) > 0) {
		struct allowed *a = acl_allowed(
			w->acl, &who, &m->collections[m->documents[d].collection], 1, NULL);

		assert_true(a->n_allowed >= 2);
		acl_allowed_drop(a);
	}
	if (right < RIGHT_READ) {
		assert_int_equal(seen, 0);
	}
}

static void test_random_changes_against_a_model(void **state)
{
	struct world *w = *state;
	struct model m = {.seed = (unsigned)time(NULL)};

	if (getenv("SEED")) {
		m.seed = (unsigned)atoi(getenv("SEED"));
	}
	print_message("seed %u\n", m.seed);
	for (int i = 0; i < N_USERS; i++) {
		m.users[i] = add_user(w, &w->workspace, (enum role)(i % 3));
	}
	for (int i = 0; i < N_GROUPS; i++) {
		m.groups[i] = add_group(w, &w->workspace);
	}
	for (int i = 0; i < N_COLLECTIONS; i++) {
		char name[8] = {'c', (char)('0' + i)};

		m.collections[i] = add_collection(w, name, "operator");
	}
	for (int d = 0; d < N_DOCUMENTS; d++) {
		m.documents[d].collection = d % N_COLLECTIONS;
		put_document(w, &m, d);
	}
	for (int round = 0; round < 400; round++) {
		struct db *db;

		random_change(w, &m);
		db = reader(w);
		for (int i = 0; i < 4; i++) {
			compare(w, &m, db, pick(&m, N_USERS), pick(&m, N_DOCUMENTS));
		}
		store_reader_drop(db);
		if (round % 50 == 49) {
			int64_t wrong;

			arena_finish(&w->arena);
			fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
			assert_int_equal(wrong, 0);
			fine(work(w, (struct work){.which = W_CHECK, .n = w->workspace_n}));
		}
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_attachments, world_setup, world_teardown),
		T(test_summaries),
		T(test_no_entry_means_nobody),
		T(test_the_highest_right_counts),
		T(test_a_document_of_its_own),
		T(test_bad_entries),
		T(test_unknown_and_disabled_users),
		T(test_the_operator_reads_its_workspace),
		T(test_bitmaps_survive_reopening_and_are_checked),
		T(test_runs_are_cut_and_joined),
		T(test_allowed_is_cached_until_a_change),
		T(test_random_changes_against_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

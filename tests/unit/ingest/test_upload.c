/* Uploads: names, limits, permissions, duplicates, durability; deletions and orders. */
#include "tests/unit/ingest/house.h"

#include "index/base/utf8.h"
#include "ingest/name.h"

/* ── names ── */

static void names_are_cleaned(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"a.pdf", "a.pdf"},
		{"/etc/passwd", "etc/passwd"},
		{"../../up/./down//x.md", "up/down/x.md"},
		{"C:\\Users\\me\\x.txt", "C:/Users/me/x.txt"},
		{"  spaced  / name ", "spaced/name"},
		{"", "unnamed"},
		{"///", "unnamed"},
		{"..", "unnamed"},
		{"a\nb\tc\x7f.txt", "abc.txt"},
		{"evil\xe2\x80\xaegnp.exe", "evilgnp.exe"}, /* a bidi override */
		{"e\xcc\x81.txt", "\xc3\xa9.txt"},	    /* composed */
		{"\xe5\xb7\xae\xe6\x97\x85.pdf", "\xe5\xb7\xae\xe6\x97\x85.pdf"},
		{"\x01\x02/real.txt", "real.txt"},
		{"unnamed", "unnamed"},
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(name_clean(&a, rows[i].in), rows[i].out);
	}
	arena_finish(&a);
}

static void long_names_keep_their_extension(void **state)
{
	struct buf b = BUF_INIT;
	const char *one, *two;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (int i = 0; i < 700; i++) {
		buf_str(&b, "\xc3\xa9");
	}
	one = name_clean(&a, arena_printf(&a, "%s1.pdf", b.data));
	two = name_clean(&a, arena_printf(&a, "%s2.pdf", b.data));
	assert_true(strlen(one) <= NAME_BYTES_MAX && utf8_valid(one, strlen(one)));
	assert_string_equal(one + strlen(one) - 4, ".pdf");
	assert_string_not_equal(one, two);
	one = name_clean(&a, arena_printf(&a, "%s/%s/x.html", b.data, b.data));
	assert_true(strlen(one) <= NAME_BYTES_MAX && utf8_valid(one, strlen(one)));
	assert_string_equal(one + strlen(one) - 5, ".html");
	assert_string_equal(name_clean(&a, one), one);
	buf_finish(&b);
	arena_finish(&a);
}

static void any_bytes_make_a_name(void **state)
{
	unsigned seed = 99;
	struct arena a;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	arena_init(&a);
	for (int round = 0; round < 3000; round++) {
		char raw[2048];
		int n = rand() % (round % 10 ? 40 : 2047);
		const char *name;

		for (int i = 0; i < n; i++) {
			raw[i] = rand() % 6 ? (char)(1 + rand() % 255) : "/.\\ "[rand() % 4];
		}
		raw[n] = '\0';
		name = name_clean(&a, raw);
		assert_true(*name && *name != '/' && strlen(name) <= NAME_BYTES_MAX);
		assert_true(utf8_valid(name, strlen(name)));
		assert_null(strstr(name, "//"));
		assert_null(strstr(name, "/../"));
		assert_int_not_equal(strncmp(name, "../", 3), 0);
		for (const char *p = name; *p; p++) {
			assert_true((unsigned char)*p >= 0x20);
		}
		arena_finish(&a);
	}
}

/* ── what becomes of an upload ── */

static void the_same_bytes_are_recognised(void **state)
{
	struct house *h = *state;
	struct upload_receipt one = put(h, "a.txt", "The same words.\n"), two, three;

	two = put(h, "a.txt", "The same words.\n");
	assert_int_equal(two.arrival, ARRIVAL_DUPLICATE);
	assert_true(id_equal(&two.document, &one.document));
	assert_true(id_equal(&two.job, &one.job)); /* it waits still */
	run_all(h);
	three = put(h, "b.txt", "The same words.\n");
	assert_int_equal(three.arrival, ARRIVAL_DUPLICATE);
	assert_true(id_equal(&three.version, &one.version));
	assert_true(id_empty(&three.job));
	assert_string_equal(three.state, "indexed");
	assert_string_equal(three.sha256, one.sha256);
}

static void a_failed_one_is_queued_again(void **state)
{
	struct house *h = *state;
	struct upload_receipt one, two;
	struct err why = ERR_INIT;

	fine(send(h, "a.pdf", "%PDF-1.7\nno", 11, &one));
	assert_true(run_next(h, &why) < 0);
	fine(send(h, "a.pdf", "%PDF-1.7\nno", 11, &two));
	assert_int_equal(two.arrival, ARRIVAL_DUPLICATE);
	assert_string_equal(two.state, "queued");
	assert_false(id_empty(&two.job));
	assert_false(id_equal(&two.job, &one.job));
}

static int on_stored(const char *hash, void *arg)
{
	(void)arg;
	fail_msg("%s is stored", hash);
	return 1;
}

static void an_aborted_upload_leaves_nothing(void **state)
{
	struct house *h = *state;
	struct upload *u;

	fine(upload_begin(h->ix, &u, &house_err));
	fine(upload_write(u, "half of", 7, &house_err));
	upload_abort(u);
	upload_abort(NULL);
	assert_int_equal(count_entries(path_in(h, "tmp")), 0);
	fine(blob_each(h->ix->blobs, on_stored, NULL, &house_err));
}

static void too_large(void **state)
{
	struct house *h = *state;
	struct upload *u;
	char *block = calloc(1, 1 << 20);
	int rc = 0;

	h->set.upload_max_mb = 1;
	fine(upload_begin(h->ix, &u, &house_err));
	fine(upload_write(u, block, 1 << 20, &house_err)); /* exactly the limit */
	rc = upload_write(u, block, 1, &house_err);
	assert_int_equal(rc, ERR_TOO_LARGE);
	err_clear(&house_err);
	upload_abort(u);
	free(block);
}

/* ── permissions ── */

struct person {
	struct house *h;
	struct id id;
	struct acl_entry entry;
	const struct id *object;
};

static int add_person(struct db *db, void *arg, struct err *e)
{
	struct person *p = arg;
	char sql[400];

	p->id = id_create("usr");
	snprintf(sql, sizeof(sql),
		"INSERT INTO user (id, workspace_id, name, display_name, role,"
		" created_ms) VALUES ('%s', '%s', '%s', 'X', 0, 1)",
		p->id.s, p->h->who.workspace.s, p->id.s);
	return db_exec(db, sql, e);
}

static int set_entry(struct db *db, void *arg, struct err *e)
{
	struct person *p = arg;

	return acl_replace(db, &p->h->who.workspace, p->object, &p->entry, 1, e);
}

static void grant(struct person *p, const struct id *object, enum right right)
{
	snprintf(p->entry.principal, sizeof(p->entry.principal), "%s", p->id.s);
	p->entry.right = right;
	p->object = object;
	fine(store_write(p->h->ix->store, set_entry, p, &house_err));
}

static int send_as(struct person *p, const char *name, const char *text,
	const struct acl_entry *acl, int n_acl, struct upload_receipt *out)
{
	struct asker who;
	struct upload_order o = {.who = &who,
		.collection = p->h->collection,
		.name = name,
		.acl = acl,
		.n_acl = n_acl};
	struct db *db = reader(p->h);
	struct upload *u;

	fine(acl_asker(db, &p->h->arena, &p->id, &who, &house_err));
	store_reader_drop(db);
	fine(upload_begin(p->h->ix, &u, &house_err));
	fine(upload_write(u, text, strlen(text), &house_err));
	return upload_finish(u, &o, out, NULL);
}

static void who_may_not_write_may_not(void **state)
{
	struct house *h = *state;
	struct person p = {.h = h}, q = {.h = h};
	struct acl_entry mine = {.right = RIGHT_OWN};
	struct upload_receipt r, s;
	struct document d;
	struct db *db;
	int64_t n;

	fine(store_write(h->ix->store, add_person, &p, &house_err));
	fine(store_write(h->ix->store, add_person, &q, &house_err));
	assert_int_equal(send_as(&p, "a.txt", "x\n", NULL, -1, &r), ERR_NOT_FOUND);
	grant(&p, &h->collection, RIGHT_READ);
	assert_int_equal(send_as(&p, "a.txt", "x\n", NULL, -1, &r), ERR_NOT_FOUND);
	fine(index_sweep_blobs(h->ix, &n, &house_err)); /* their bytes are nobody's */
	assert_int_equal(n, 1);
	grant(&p, &h->collection, RIGHT_WRITE);
	snprintf(mine.principal, sizeof(mine.principal), "%s", p.id.s);
	fine(send_as(&p, "a.txt", "x\n", &mine, 1, &r));
	assert_int_equal(r.arrival, ARRIVAL_NEW);
	/* Another writer of the collection: not of a document that has entries of its own, and
	 * neither its name nor the same bytes under another name tell that it is there. */
	grant(&q, &h->collection, RIGHT_WRITE);
	fine(send_as(&q, "a.txt", "y\n", NULL, -1, &s));
	assert_int_equal(s.arrival, ARRIVAL_NEW);
	assert_false(id_equal(&s.document, &r.document));
	fine(send_as(&q, "b.txt", "x\n", NULL, -1, &s));
	assert_int_equal(s.arrival, ARRIVAL_NEW);
	assert_false(id_equal(&s.document, &r.document));
	/* Setting entries of what is there needs own. */
	snprintf(mine.principal, sizeof(mine.principal), "%s", q.id.s);
	assert_int_equal(send_as(&q, "b.txt", "z\n", &mine, 1, &s), ERR_NOT_FOUND);
	/* And a twin of one's bytes keeps its own, even from its owner. */
	grant(&q, &h->collection, RIGHT_OWN);
	fine(send_as(&q, "c.txt", "y\n", &mine, 1, &s));
	assert_int_equal(s.arrival, ARRIVAL_DUPLICATE);
	db = reader(h);
	fine(document_lookup(db, &h->arena, &s.document, &d, &house_err));
	assert_string_equal(d.name, "a.txt");
	assert_false(d.own_acl);
	store_reader_drop(db);
	fine(send_as(&q, "a.txt", "y\n", &mine, 1, &s)); /* by its name it is meant */
	db = reader(h);
	fine(document_lookup(db, &h->arena, &s.document, &d, &house_err));
	assert_true(d.own_acl);
	store_reader_drop(db);
}

/* ── orders ── */

static void a_collection_is_deleted(void **state)
{
	struct house *h = *state;
	int64_t n;

	put(h, "a.txt", "The walrus one.\n");
	put(h, "b.txt", "The walrus two.\n");
	run_all(h);
	assert_int_equal(finds(h, "walrus", NULL), 2);
	fine(ingest_delete_collection(
		h->ix, &h->who.workspace, &h->collection, "operator", &n, &house_err));
	assert_int_equal(n, 2);
	assert_int_equal(finds(h, "walrus", NULL), 0);
	run_all(h);
	house_close(h);
	assert_false(tree_has(h->dir, "walrus"));
	house_open(h);
}

static void unknown_things(void **state)
{
	struct house *h = *state;
	struct id nobody = id_create("doc"), job;
	struct err e = ERR_INIT;

	assert_int_equal(ingest_delete(h->ix, &nobody, "operator", &job, &e), ERR_NOT_FOUND);
	err_clear(&e);
	assert_true(ingest_reembed(h->ix, &h->who.workspace, "magic", "operator", &job, &e) < 0);
	assert_true(id_empty(&job));
	err_clear(&e);
	h->collection = id_create("col");
	assert_int_equal(
		send(h, "a.txt", "x", 1, &(struct upload_receipt){.n_bytes = 0}), ERR_NOT_FOUND);
	err_clear(&house_err);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, house_setup, house_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_cleaned),
		cmocka_unit_test(long_names_keep_their_extension),
		cmocka_unit_test(any_bytes_make_a_name),
		T(the_same_bytes_are_recognised),
		T(a_failed_one_is_queued_again),
		T(an_aborted_upload_leaves_nothing),
		T(too_large),
		T(who_may_not_write_may_not),
		T(a_collection_is_deleted),
		T(unknown_things),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

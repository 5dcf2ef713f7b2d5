/* Files inside of documents: what becomes of them, who reads them, and what goes with their parent.
 */
#include "tests/unit/ingest/house.h"

#include "index/base/clock.h"
#include "ingest/parts.h"

struct file {
	const char *name, *text;
};

struct recorded {
	struct parts *parts;
	struct document parent;
	struct version version;
};

static int record_tx(struct db *db, void *arg, struct err *e)
{
	struct recorded *r = arg;

	return parts_record(db, r->parts, &r->parent, &r->version, e);
}

static struct document document_now(struct house *h, const struct id *id)
{
	struct db *db = reader(h);
	struct document d;

	fine(document_lookup(db, &h->arena, id, &d, &house_err));
	store_reader_drop(db);
	return d;
}

/* As if the version of the document had been read and held these files; false: too deep. */
static bool read_with(struct house *h, const struct id *document, const struct id *version,
	const struct file *files, int n)
{
	struct job job = {.id = id_create("job"),
		.kind = "ingest",
		.document = *document,
		.version = *version,
		.created_by = "operator"};
	struct ingest in = {.index = h->ix, .job = &job};
	struct recorded r = {
		.parent = document_now(h, document), .version = version_now(h, version)};
	const struct child_sink *sink;

	fine(parts_open(&in, &r.parent, &r.parts, &house_err));
	sink = parts_sink(r.parts);
	for (int i = 0; sink && i < n; i++) {
		size_t len = strlen(files[i].text), half = len / 2;

		fine(sink->begin(sink->arg, files[i].name, &house_err));
		fine(sink->write(sink->arg, files[i].text, half, &house_err));
		fine(sink->write(sink->arg, files[i].text + half, len - half, &house_err));
	}
	index_naming_begin(h->ix);
	fine(parts_store(r.parts, &house_err));
	fine(store_write(h->ix->store, record_tx, &r, &house_err));
	index_naming_end(h->ix);
	parts_close(r.parts);
	stage_drop(h->ix, &job.id);
	return sink != NULL;
}

#define READ(h, r, ...)                                                                            \
	read_with(h, &(r).document, &(r).version, (const struct file[]){__VA_ARGS__},              \
		(int)(sizeof((const struct file[]){__VA_ARGS__}) / sizeof(struct file)))

static bool find(struct house *h, const char *name, struct document *out)
{
	struct db *db = reader(h);
	int rc = document_by_name(db, &h->arena, &h->who, &h->collection, name, out, &house_err);

	store_reader_drop(db);
	err_clear(&house_err);
	return rc == 0;
}

static struct document part_named(struct house *h, const char *name)
{
	struct document d;

	if (!find(h, name, &d)) {
		fail_msg("no document %s", name);
	}
	return d;
}

static bool is(struct id a, struct id b)
{
	return id_equal(&a, &b);
}

/* Its latest version. */
static struct version latest(struct house *h, const struct id *document)
{
	struct db *db = reader(h);
	struct version *all;
	int n;

	fine(version_list(db, &h->arena, document, &all, &n, &house_err));
	assert_true(n > 0);
	store_reader_drop(db);
	return all[0];
}

static int64_t open_jobs(struct house *h)
{
	struct db *db = reader(h);
	struct job_counts n;

	fine(job_count(db, NULL, &n, &house_err));
	store_reader_drop(db);
	return n.queued + n.running;
}

static struct upload_receipt mail(struct house *h, const char *name)
{
	struct upload_receipt r =
		put(h, name, arena_printf(&h->arena, "The mail %s has files inside.\n", name));

	run_all(h);
	return r;
}

/* ── they come ── */

static void files_inside_become_documents(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "post/offer.txt");
	struct document d;

	assert_true(READ(h, r, {"a.txt", "The wolverine price is nine.\n"},
		{"a.txt", "The platypus price is ten.\n"}, {"../x/y", "The gecko is free.\n"}));
	assert_int_equal(open_jobs(h), 3);
	run_all(h);
	assert_int_equal(finds(h, "wolverine", NULL), 1);
	assert_int_equal(finds(h, "platypus", NULL), 1);
	d = part_named(h, "post/offer.txt/a.txt");
	assert_true(is(d.parent, r.document));
	assert_true(is(d.collection, h->collection));
	assert_string_equal(d.created_by, "operator");
	assert_string_equal(latest(h, &d.id).state, "indexed");
	part_named(h, "post/offer.txt/a (2).txt");
	part_named(h, "post/offer.txt/.._x_y");
	assert_int_equal(check(h, false, NULL), 0);
	assert_int_equal(count_entries(path_in(h, "stage")), 0);
}

/* Whatever a reader says: ingest-children may be raised to so many. */
static void as_many_of_one_name_as_come(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "many.txt");
	struct document d = document_now(h, &r.document);
	struct job job = {.id = id_create("job"), .kind = "ingest"};
	struct ingest in = {.index = h->ix, .job = &job};
	int64_t from_ms = clock_mono_ms();
	const struct child_sink *sink;
	struct parts *parts;

	fine(parts_open(&in, &d, &parts, &house_err));
	sink = parts_sink(parts);
	for (int i = 0; i < 10000; i++) {
		fine(sink->begin(sink->arg, "..\\a/b.txt", &house_err));
	}
	assert_true(clock_mono_ms() - from_ms < 20000);
	parts_close(parts);
	stage_drop(h->ix, &job.id);
}

static void reading_again_changes_nothing(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	struct document one, two;

	READ(h, r, {"a.txt", "The wolverine.\n"}, {"a.txt", "The platypus.\n"});
	READ(h, r, {"a.txt", "The wolverine.\n"}, {"a.txt", "The platypus.\n"}); /* not read yet */
	assert_int_equal(open_jobs(h), 2);
	run_all(h);
	one = part_named(h, "m.txt/a.txt");
	two = part_named(h, "m.txt/a (2).txt");
	READ(h, r, {"a.txt", "The wolverine.\n"}, {"a.txt", "The platypus.\n"});
	assert_int_equal(open_jobs(h), 0);
	assert_true(is(one.id, part_named(h, "m.txt/a.txt").id));
	assert_true(is(two.id, part_named(h, "m.txt/a (2).txt").id));
	assert_int_equal(latest(h, &one.id).seq, 1);
}

static void other_bytes_are_a_version_and_what_is_gone_goes(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt"), two;
	struct document a, b;

	READ(h, r, {"a.txt", "The wolverine.\n"}, {"b.txt", "The platypus.\n"});
	run_all(h);
	a = part_named(h, "m.txt/a.txt");
	two = put(h, "m.txt", "The mail came again.\n");
	run_all(h); /* reads no files in it, since it is a text */
	assert_false(find(h, "m.txt/a.txt", &b));
	assert_int_equal(finds(h, "wolverine", NULL), 0);
	READ(h, two, {"a.txt", "The wolverine.\n"}, {"b.txt", "The platypus.\n"});
	run_all(h);
	a = part_named(h, "m.txt/a.txt");
	READ(h, two, {"a.txt", "The gecko.\n"});
	assert_int_equal(finds(h, "platypus", NULL), 0);  /* at once */
	assert_int_equal(finds(h, "wolverine", NULL), 1); /* until the other one is read */
	assert_int_equal(open_jobs(h), 2);		  /* one comes, one is purged */
	run_all(h);
	b = part_named(h, "m.txt/a.txt");
	assert_true(is(a.id, b.id));
	assert_int_equal(latest(h, &a.id).seq, 2);
	assert_int_equal(finds(h, "wolverine", NULL), 0);
	assert_int_equal(finds(h, "gecko", NULL), 1);
	assert_int_equal(check(h, false, NULL), 0);
	house_close(h);
	assert_false(tree_has(h->dir, "platypus"));
	house_open(h);
}

static void an_older_version_leaves_the_parts_alone(void **state)
{
	struct house *h = *state;
	struct upload_receipt one = mail(h, "m.txt"), two = put(h, "m.txt", "A newer mail.\n");
	struct document d;

	run_all(h);
	READ(h, two, {"new.txt", "The platypus.\n"});
	READ(h, one, {"old.txt", "The wolverine.\n"});
	part_named(h, "m.txt/new.txt");
	assert_false(find(h, "m.txt/old.txt", &d));
}

static void what_nobody_reads_fails_and_spoils_nothing(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	struct err why = ERR_INIT;
	struct document d;

	READ(h, r, {"bad.pdf", "%PDF-1.7\nnothing of a document"}, {"a.txt", "The gecko.\n"});
	assert_int_equal(run_next(h, &why), ERR_UNPROCESSABLE);
	run_all(h);
	d = part_named(h, "m.txt/bad.pdf");
	assert_string_equal(latest(h, &d.id).state, "failed");
	assert_non_null(latest(h, &d.id).message);
	assert_string_equal(version_now(h, &r.version).state, "indexed");
	assert_int_equal(finds(h, "gecko", NULL), 1);
}

static void a_failed_reading_leaves_nothing(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	struct job job = job_now(h, &r.job);
	struct ingest in = {.index = h->ix, .job = &job};
	struct document parent = document_now(h, &r.document);
	const struct child_sink *sink;
	struct parts *p;
	int64_t n_swept;

	fine(parts_open(&in, &parent, &p, &house_err));
	sink = parts_sink(p);
	fine(sink->begin(sink->arg, "a.txt", &house_err));
	fine(sink->write(sink->arg, "The wolverine.\n", 15, &house_err));
	parts_close(p);
	assert_false(tree_has(h->dir, "wolverine"));
	fine(parts_open(&in, &parent, &p, &house_err));
	sink = parts_sink(p);
	fine(sink->begin(sink->arg, "a.txt", &house_err));
	fine(sink->write(sink->arg, "The wolverine.\n", 15, &house_err));
	fine(parts_store(p, &house_err));
	parts_forget(p); /* as after a transaction that failed */
	parts_close(p);
	fine(index_sweep_blobs(h->ix, &n_swept, &house_err));
	assert_int_equal(n_swept, 0);
}

/* ── limits ── */

static void they_are_taken_in_to_a_depth(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	const char *name = "m.txt";

	fine(settings_set(&h->set, "ingest-children-depth", "2", "test", &house_err));
	for (int i = 0; i < 3; i++) {
		struct document d = part_named(h, name);
		struct version v = latest(h, &d.id);
		struct file f = {"in.txt", arena_printf(&h->arena, "Level %d.\n", i)};

		assert_int_equal(read_with(h, &d.id, &v.id, &f, 1), i < 2);
		run_all(h);
		name = arena_printf(&h->arena, "%s/in.txt", name);
	}
	assert_false(find(h, name, &(struct document){.name = NULL}));
	assert_true(is(part_named(h, "m.txt/in.txt").parent, r.document));
}

static void no_family_grows_without_end(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	struct file files[2 * FAMILY_FACTOR];
	struct db *db;
	struct ancestry above;

	fine(settings_set(&h->set, "ingest-children", "1", "test", &house_err));
	for (int i = 0; i < 2 * FAMILY_FACTOR; i++) {
		files[i] = (struct file){"f.txt", arena_printf(&h->arena, "The number %d.\n", i)};
	}
	read_with(h, &r.document, &r.version, files, 2 * FAMILY_FACTOR);
	db = reader(h);
	fine(document_ancestry(db, &r.document, &above, &house_err));
	store_reader_drop(db);
	assert_int_equal(above.n_family, FAMILY_FACTOR);
}

/* ── who reads them ── */

struct entries {
	struct house *h;
	struct id object, user;
	const struct acl_entry *list;
	int n;
};

static int replace_tx(struct db *db, void *arg, struct err *e)
{
	struct entries *x = arg;

	return acl_replace(db, &x->h->who.workspace, &x->object, x->list, x->n, e);
}

static int user_tx(struct db *db, void *arg, struct err *e)
{
	struct entries *x = arg;
	char *sql = arena_printf(&x->h->arena,
		"INSERT INTO user (id, workspace_id, name, display_name, role, created_ms) VALUES "
		"('%s', '%s', '%s', 'x', 0, 1)",
		x->user.s, x->h->who.workspace.s, x->user.s);

	return db_exec(db, sql, e);
}

static struct acl_entry entry(const char *principal, enum right right)
{
	struct acl_entry out = {.right = right};

	strcpy(out.principal, principal);
	return out;
}

static int set_acl(struct house *h, const struct id *object, const struct acl_entry *list, int n)
{
	struct entries x = {.h = h, .object = *object, .list = list, .n = n};

	return store_write(h->ix->store, replace_tx, &x, &house_err);
}

/* What the user may do with it, and whether a search of his finds the word. */
static enum right right_of(struct house *h, const struct id *user, const struct id *object)
{
	struct db *db = reader(h);
	struct asker who;
	enum right r;

	fine(acl_asker(db, &h->arena, user, &who, &house_err));
	r = acl_right(db, &who, object);
	store_reader_drop(db);
	return r;
}

static int finds_as(struct house *h, const struct id *user, const char *word)
{
	struct asker mine = h->who;
	struct db *db = reader(h);
	int n;

	fine(acl_asker(db, &h->arena, user, &h->who, &house_err));
	store_reader_drop(db);
	n = finds(h, word, NULL);
	h->who = mine;
	return n;
}

static void they_are_read_as_their_parent_is(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	struct entries x = {.h = h, .user = id_create("usr")};
	struct acl_entry readers[] = {entry(x.user.s, RIGHT_READ)};
	struct acl_entry writers[] = {entry(x.user.s, RIGHT_WRITE)};
	struct document in, deep;
	struct version v;

	fine(store_write(h->ix->store, user_tx, &x, &house_err));
	READ(h, r, {"in.txt", "The wolverine.\n"});
	run_all(h);
	in = part_named(h, "m.txt/in.txt");
	v = latest(h, &in.id);
	fine(set_acl(h, &r.document, readers, 1));
	read_with(h, &in.id, &v.id, &(struct file){"deep.txt", "The platypus.\n"}, 1);
	run_all(h);
	deep = part_named(h, "m.txt/in.txt/deep.txt");
	assert_true(deep.own_acl);
	for (int i = 0; i < 2; i++) {
		const struct id *part = i ? &deep.id : &in.id;
		const char *word = i ? "platypus" : "wolverine";

		fine(set_acl(h, &r.document, readers, 1));
		assert_int_equal(right_of(h, &x.user, part), RIGHT_READ);
		assert_int_equal(finds_as(h, &x.user, word), 1);
		fine(set_acl(h, &r.document, writers, 1));
		assert_int_equal(right_of(h, &x.user, part), RIGHT_WRITE);
		fine(set_acl(h, &r.document, NULL, 0));
		assert_int_equal(right_of(h, &x.user, part), RIGHT_NONE);
		assert_int_equal(finds_as(h, &x.user, word), 0);
		fine(set_acl(h, &h->collection, readers, 1));
		assert_int_equal(right_of(h, &x.user, part), RIGHT_NONE);
		fine(set_acl(h, &r.document, NULL, -1));
		assert_int_equal(right_of(h, &x.user, part), RIGHT_READ);
		assert_int_equal(finds_as(h, &x.user, word), 1);
		fine(set_acl(h, &h->collection, NULL, 0));
		assert_int_equal(right_of(h, &x.user, part), RIGHT_NONE);
		assert_int_equal(finds_as(h, &x.user, word), 0);
		assert_int_equal(set_acl(h, part, readers, 1), ERR_CONFLICT);
		assert_string_equal(house_err.reason, "part_of_document");
		err_clear(&house_err);
		assert_int_equal(set_acl(h, part, NULL, -1), ERR_CONFLICT);
		err_clear(&house_err);
	}
	assert_int_equal(check(h, false, NULL), 0);
}

static int spoil_tx(struct db *db, void *arg, struct err *e)
{
	return db_exec(db, arg, e);
}

static void check_finds_parts_that_others_read(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	struct document in;
	struct buf said = BUF_INIT;
	char *sql;

	READ(h, r, {"in.txt", "The wolverine.\n"});
	run_all(h);
	in = part_named(h, "m.txt/in.txt");
	sql = arena_printf(&h->arena,
		"UPDATE document SET own_acl = 1 WHERE id = '%s'; INSERT INTO acl_entry "
		"(object_id, "
		"principal, workspace_id, right) VALUES ('%s', 'workspace', '%s', 1)",
		in.id.s, in.id.s, h->who.workspace.s);
	fine(store_write(h->ix->store, spoil_tx, sql, &house_err));
	assert_true(check(h, false, &said) > 0);
	assert_non_null(strstr(said.data, in.id.s));
	check(h, true, &said);
	assert_int_equal(check(h, false, NULL), 0);
	assert_false(part_named(h, "m.txt/in.txt").own_acl);
	sql = arena_printf(
		&h->arena, "UPDATE document SET deleted_ms = 5 WHERE id = '%s'", r.document.s);
	fine(store_write(h->ix->store, spoil_tx, sql, &house_err));
	buf_clear(&said);
	check(h, false, &said);
	assert_non_null(strstr(said.data, "deleted: delete it too"));
	buf_finish(&said);
}

/* ── names ── */

static void an_upload_does_not_take_a_parts_name(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt"), other;

	READ(h, r, {"in.txt", "The wolverine.\n"});
	run_all(h);
	assert_int_equal(send(h, "m.txt/in.txt", "Other.\n", 7, &other), ERR_CONFLICT);
	assert_string_equal(house_err.reason, "part_of_document");
	err_clear(&house_err);
	/* The same bytes elsewhere are a document of their own: parts go with their parent. */
	other = put(h, "own.txt", "The wolverine.\n");
	assert_int_equal(other.arrival, ARRIVAL_NEW);
	run_all(h);
	fine(ingest_delete(h->ix, &r.document, "operator", &other.job, &house_err));
	run_all(h);
	assert_int_equal(finds(h, "wolverine", NULL), 1);
	assert_int_equal(check(h, false, NULL), 0);
}

static void a_part_gives_way_to_a_document_of_its_name(void **state)
{
	struct house *h = *state;
	struct upload_receipt r, own;
	struct document d;

	own = put(h, "m.txt/in.txt", "Mine.\n");
	put(h, "n.txt/in.txt", "Nobody's.\n");
	run_all(h);
	r = mail(h, "m.txt");
	READ(h, r, {"in.txt", "The wolverine.\n"}, {"in (2).txt", "The platypus.\n"});
	READ(h, r, {"in.txt", "The wolverine.\n"}, {"in (2).txt", "The platypus.\n"});
	run_all(h);
	assert_int_equal(finds(h, "wolverine", NULL), 1);
	assert_true(is(part_named(h, "m.txt/in.txt").id, own.document));
	assert_true(is(part_named(h, "m.txt/in.txt").parent, (struct id){""}));
	d = part_named(h, "m.txt/in (3).txt");
	assert_true(is(d.parent, r.document));
	/* Of what others read nothing is told, not even by a number. */
	assert_true(find(h, "n.txt/in.txt", &d));
	fine(set_acl(h, &d.id, (struct acl_entry[]){entry("workspace", RIGHT_READ)}, 1));
	r = mail(h, "n.txt");
	READ(h, r, {"in.txt", "The gecko.\n"});
	assert_false(find(h, "n.txt/in (2).txt", &d));
	assert_int_equal(check(h, false, NULL), 0);
}

struct renaming {
	struct house *h;
	struct id document;
	const char *name;
};

static int rename_tx(struct db *db, void *arg, struct err *e)
{
	struct renaming *x = arg;

	return document_rename(db, &x->h->who, &x->document, x->name, e);
}

static void their_names_follow(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	struct renaming x = {.h = h, .document = r.document, .name = "post/new.txt"};
	struct document in, deep;
	struct version v;

	READ(h, r, {"in.txt", "The wolverine.\n"});
	run_all(h);
	in = part_named(h, "m.txt/in.txt");
	v = latest(h, &in.id);
	read_with(h, &in.id, &v.id, &(struct file){"deep.txt", "The platypus.\n"}, 1);
	run_all(h);
	deep = part_named(h, "m.txt/in.txt/deep.txt");
	fine(store_write(h->ix->store, rename_tx, &x, &house_err));
	assert_true(is(part_named(h, "post/new.txt/in.txt").id, in.id));
	assert_true(is(part_named(h, "post/new.txt/in.txt/deep.txt").id, deep.id));
	READ(h, r, {"in.txt", "The wolverine.\n"});
	assert_int_equal(open_jobs(h), 0);
	put(h, "b.txt/in.txt", "In the way.\n");
	x.name = "b.txt";
	assert_int_equal(store_write(h->ix->store, rename_tx, &x, &house_err), ERR_CONFLICT);
	assert_string_equal(house_err.reason, "name_taken");
	err_clear(&house_err);
	part_named(h, "post/new.txt");
	part_named(h, "post/new.txt/in.txt/deep.txt");
	x.document = in.id;
	assert_int_equal(store_write(h->ix->store, rename_tx, &x, &house_err), ERR_CONFLICT);
	assert_string_equal(house_err.reason, "part_of_document");
	err_clear(&house_err);
}

/* ── they go ── */

static void they_go_with_their_parent(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	struct document in;
	struct version v;
	struct document_impact n;
	struct db *db;
	struct id job;

	READ(h, r, {"in.txt", "The wolverine.\n"});
	run_all(h);
	in = part_named(h, "m.txt/in.txt");
	v = latest(h, &in.id);
	read_with(h, &in.id, &v.id, &(struct file){"deep.txt", "The platypus.\n"}, 1);
	db = reader(h);
	fine(document_impact(db, &r.document, &n, &house_err));
	store_reader_drop(db);
	assert_int_equal(n.n_parts, 2);
	assert_int_equal(n.n_versions, 3);
	fine(ingest_delete(h->ix, &r.document, "operator", &job, &house_err));
	assert_int_equal(finds(h, "wolverine", NULL), 0);
	assert_false(find(h, "m.txt/in.txt", &in));
	assert_false(find(h, "m.txt/in.txt/deep.txt", &in)); /* its job was never run */
	run_all(h);
	assert_int_equal(check(h, false, NULL), 0);
	house_close(h);
	assert_false(tree_has(h->dir, "wolverine"));
	assert_false(tree_has(h->dir, "platypus"));
	assert_false(tree_has(h->dir, "deep.txt"));
	house_open(h);
}

static void they_go_with_their_collection(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	int64_t n;

	READ(h, r, {"in.txt", "The wolverine.\n"});
	run_all(h);
	fine(ingest_delete_collection(
		h->ix, &h->who.workspace, &h->collection, "operator", &n, &house_err));
	assert_int_equal(n, 2);
	assert_int_equal(finds(h, "wolverine", NULL), 0);
	run_all(h);
	house_close(h);
	assert_false(tree_has(h->dir, "wolverine"));
	house_open(h);
}

static void a_part_that_was_deleted_stays_away(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = mail(h, "m.txt");
	struct document d;
	struct id job;

	READ(h, r, {"a.txt", "The wolverine.\n"}, {"b.txt", "The platypus.\n"});
	run_all(h);
	d = part_named(h, "m.txt/a.txt");
	fine(ingest_delete(h->ix, &d.id, "operator", &job, &house_err));
	run_all(h);
	READ(h, r, {"a.txt", "The wolverine.\n"}, {"b.txt", "The platypus.\n"}); /* a reindex */
	assert_false(find(h, "m.txt/a.txt", &d));
	part_named(h, "m.txt/b.txt");
	r = put(h, "m.txt", "A newer mail.\n");
	run_all(h);
	READ(h, r, {"a.txt", "The wolverine.\n"}, {"b.txt", "The platypus.\n"});
	part_named(h, "m.txt/a.txt");
	run_all(h);
	assert_int_equal(check(h, false, NULL), 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, house_setup, house_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(files_inside_become_documents),
		T(as_many_of_one_name_as_come),
		T(reading_again_changes_nothing),
		T(other_bytes_are_a_version_and_what_is_gone_goes),
		T(an_older_version_leaves_the_parts_alone),
		T(what_nobody_reads_fails_and_spoils_nothing),
		T(a_failed_reading_leaves_nothing),
		T(they_are_taken_in_to_a_depth),
		T(no_family_grows_without_end),
		T(they_are_read_as_their_parent_is),
		T(check_finds_parts_that_others_read),
		T(an_upload_does_not_take_a_parts_name),
		T(a_part_gives_way_to_a_document_of_its_name),
		T(their_names_follow),
		T(they_go_with_their_parent),
		T(they_go_with_their_collection),
		T(a_part_that_was_deleted_stays_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

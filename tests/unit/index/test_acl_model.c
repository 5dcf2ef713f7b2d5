/* Permissions and their bitmaps after changes at random, against a model. */
#include "tests/unit/index/world.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_random_changes_against_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

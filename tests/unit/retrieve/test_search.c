#include "retrieve/search.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "index/base/fs.h"
#include "index/catalog.h"
#include "index/fts.h"
#include "index/base/clock.h"
#include "retrieve/evidence.h"
#include "tests/unit/index/answering.h"

struct fixture {
	char dir[64];
	struct settings settings;
	struct index *index;
	struct arena arena;
	struct workspace workspace;
	struct id ann, open, closed; /* a user; collections: everybody's, nobody's */
	struct id document;
};

static int tx_people(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;
	const struct acl_entry everybody = {"workspace", RIGHT_READ};
	char sql[300];
	int rc;

	f->ann = id_create("usr");
	snprintf(sql, sizeof(sql),
		"INSERT INTO user (id, workspace_id, name, display_name, role, created_ms) "
		"VALUES ('%s', '%s', 'ann', 'Ann', 0, 1)",
		f->ann.s, f->workspace.id.s);
	rc = db_exec(db, sql, e);
	if (rc || (rc = collection_create(db, &f->workspace.id, "open", "operator", &f->open, e)) ||
		(rc = collection_create(
			 db, &f->workspace.id, "closed", "operator", &f->closed, e))) {
		return rc;
	}
	return acl_replace(db, &f->workspace.id, &f->open, &everybody, 1, e);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	struct db *db;

	fts_register();
	snprintf(f->dir, sizeof(f->dir), "/tmp/carrel-search-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	settings_init(&f->settings);
	assert_int_equal(settings_set(&f->settings, "data", f->dir, "test", &e), 0);
	if (index_open(&f->settings, &f->index, &e)) {
		fail_msg("%s", e.message);
	}
	arena_init(&f->arena);
	db = store_reader(f->index->store, &e);
	assert_int_equal(workspace_by_name(db, &f->arena, "default", &f->workspace, &e), 0);
	store_reader_drop(db);
	assert_int_equal(store_write(f->index->store, tx_people, f, &e), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_finish(&f->arena);
	index_close(f->index);
	settings_finish(&f->settings);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

/* One document of given texts, a chunk each, published as ingestion does. */
struct order {
	struct fixture *f;
	struct id collection;
	const char *name;
	struct blob_info blob;
	struct chunk *chunks;
	int n;
	float *vectors;
	struct space space;
	struct id document;
};

static int tx_publish(struct db *db, void *arg, struct err *e)
{
	struct order *o = arg;
	struct publication p = {.chunks = o->chunks,
		.n_chunks = o->n,
		.space_n = o->space.n,
		.vectors = o->vectors};
	enum arrival arrival;
	int rc = document_arrive(db, NULL, &o->f->workspace.id, &o->collection, o->name, &o->blob,
		"operator", &arrival, &p.document, &p.version, e);

	o->document = p.document;
	return rc ? rc : chunks_publish(db, &p, e);
}

static struct id publish(struct fixture *f, const struct id *collection, const char *name,
	const char *const *texts, int n)
{
	struct order o = {.f = f, .collection = *collection, .name = name, .n = n};
	struct embed_text *embed_texts = arena_array(&f->arena, struct embed_text, (size_t)n);
	struct err e = ERR_INIT;
	int i;

	assert_int_equal(vectors_serving(f->index->vectors, f->workspace.n, &o.space, &e), 0);
	o.chunks = arena_array(&f->arena, struct chunk, (size_t)n);
	o.vectors = arena_array(&f->arena, float, (size_t)(n * o.space.dimension));
	for (i = 0; i < n; i++) {
		o.chunks[i] = (struct chunk){.seq = i,
			.language = "en",
			.title = name,
			.heading = "",
			.text = texts[i],
			.page_first = i + 1,
			.page_last = i + 1,
			.byte_start = i * 1000,
			.byte_end = i * 1000 + (int)strlen(texts[i]),
			.n_tokens = (int)strlen(texts[i]) / 4};
		embed_texts[i] = (struct embed_text){
			.title = name, .heading = "", .body = texts[i], .language = "en"};
	}
	assert_int_equal(embed(o.space.embedder, EMBED_DOCUMENT, embed_texts, n, o.vectors, NULL,
				 NULL, NULL, &e),
		0);
	assert_int_equal(blob_put(f->index->blobs, name, strlen(name), &o.blob, &e), 0);
	if (store_write(f->index->store, tx_publish, &o, &e)) {
		fail_msg("%s", e.message);
	}
	embedder_drop(o.space.embedder);
	return o.document;
}

static int search(struct fixture *f, const struct search_request *like, const char *query,
	struct search_result *out)
{
	struct search_request r = *like;
	struct err e = ERR_INIT;
	struct db *db = store_reader(f->index->store, &e);
	struct asker who;
	int rc;

	assert_int_equal(acl_asker(db, &f->arena, &f->ann, &who, &e), 0);
	r.who = &who;
	r.query = query;
	r.limit = r.limit ? r.limit : 10;
	rc = search_run(f->index, db, &r, &f->arena, out, &e);
	store_reader_drop(db);
	return rc;
}

static const char *const travel[] = {
	"Rail is booked in second class. Flights need the approval of the head of finance.",
	"Hotels are reimbursed up to 140 euros a night, in London up to 210 euros.",
	"Meals are paid as a daily allowance of 32 euros."};
static const char *const secret[] = {
	"Hotels for the board are reimbursed without a limit, whatever the night costs."};

static void test_finds_and_filters(void **state)
{
	struct fixture *f = *state;
	const struct search_request plain = {.explain = true};
	struct search_result r;
	int i;

	publish(f, &f->open, "travel.md", travel, 3);
	publish(f, &f->closed, "board.md", secret, 1);
	assert_int_equal(search(f, &plain, "how much are hotels reimbursed a night?", &r), 0);
	assert_true(r.n_passages >= 1);
	assert_non_null(strstr(r.passages[0].text, "140 euros"));
	assert_true(r.passages[0].score == 1);
	for (i = 0; i < r.n_passages; i++) {
		assert_null(strstr(r.passages[i].text, "board"));
	}
	for (i = 0; i < r.n_candidates; i++) {
		assert_string_not_equal(r.candidates[i].document_name, "board.md");
	}
	assert_true(r.evidence > r.needed);
}

static void test_unknown_subject_is_weak(void **state)
{
	struct fixture *f = *state;
	const struct search_request plain = {0};
	struct search_result r;

	publish(f, &f->open, "travel.md", travel, 3);
	assert_int_equal(
		search(f, &plain, "what does the dinosaur exhibition ticket cost?", &r), 0);
	assert_true(r.evidence < r.needed);
}

/* Words alone, which tell no language, are understood as the documents' language stems them. */
static void test_a_few_words_are_enough(void **state)
{
	static const char *const leave[] = {
		"Parental leaves are granted by the people team.", "The canteen opens at noon."};
	struct fixture *f = *state;
	const struct search_request plain = {0};
	struct search_result r;

	publish(f, &f->open, "leave.md", leave, 2);
	assert_string_equal(language_detect("parental leave", 14), "");
	assert_int_equal(search(f, &plain, "parental leave", &r), 0);
	assert_string_equal(r.language, "en");
	assert_true(r.evidence > 0.99);
	assert_int_equal(search(f, &plain, "zebra unicorn", &r), 0);
	assert_true(r.evidence < r.needed);
}

/* A word of hidden documents and one of no document weigh the same, or the evidence would tell
 * which. */
static void test_evidence_tells_nothing_of_hidden_words(void **state)
{
	static const char *const hidden[] = {"Project Zanzibar moves the zanzibar depot."};
	struct fixture *f = *state;
	const struct search_request plain = {0};
	struct search_result with, without;

	publish(f, &f->open, "travel.md", travel, 3);
	publish(f, &f->closed, "board.md", hidden, 1);
	assert_int_equal(
		search(f, &plain, "how much are hotels reimbursed for the zanzibar?", &with), 0);
	assert_int_equal(
		search(f, &plain, "how much are hotels reimbursed for the dinosaur?", &without), 0);
	assert_true(without.evidence > 0 && without.evidence < 1);
	assert_true(fabs(with.evidence - without.evidence) < 1e-9);
}

static int tx_grant(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;
	struct acl_entry entry = {"", RIGHT_READ};

	memcpy(entry.principal, f->ann.s, ID_SIZE);
	return acl_replace(db, &f->workspace.id, &f->closed, &entry, 1, e);
}

static int tx_revoke(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;

	return acl_replace(db, &f->workspace.id, &f->closed, NULL, 0, e);
}

static int tx_delete(struct db *db, void *arg, struct err *e)
{
	return document_delete(db, &((struct fixture *)arg)->document, e);
}

static void test_grant_revoke_delete(void **state)
{
	struct fixture *f = *state;
	const struct search_request plain = {0};
	struct search_result r;

	f->document = publish(f, &f->closed, "board.md", secret, 1);
	assert_int_equal(store_write(f->index->store, tx_grant, f, NULL), 0);
	assert_int_equal(search(f, &plain, "hotels for the board", &r), 0);
	assert_int_equal(r.n_passages, 1);
	assert_int_equal(store_write(f->index->store, tx_revoke, f, NULL), 0);
	assert_int_equal(search(f, &plain, "hotels for the board", &r), 0);
	assert_int_equal(r.n_passages, 0);
	assert_int_equal(store_write(f->index->store, tx_grant, f, NULL), 0);
	assert_int_equal(store_write(f->index->store, tx_delete, f, NULL), 0);
	assert_int_equal(search(f, &plain, "hotels for the board", &r), 0);
	assert_int_equal(r.n_passages, 0);
}

static void test_collections_limit_budget(void **state)
{
	struct fixture *f = *state;
	struct search_request in = {.collections = &f->closed, .n_collections = 1};
	struct search_result r;

	publish(f, &f->open, "travel.md", travel, 3);
	assert_int_equal(search(f, &in, "hotels", &r), 0);
	assert_int_equal(r.n_passages, 0);
	in = (struct search_request){.token_budget = 25};
	assert_int_equal(search(f, &in, "hotels flights meals allowance euros", &r), 0);
	assert_true(r.n_tokens <= 25);
	assert_true(r.n_passages >= 1);
}

/* Measuring: every candidate in fused order, none packed away, under a weight of one's own. */
/* Texts that share no word, that repeat each other under other names, and that follow each other.
 */
static void publish_many(struct fixture *f)
{
	static const char *const names[] = {"a.md", "b.md", "rules v1.md", "rules v2.md", "c.md",
		"d.md", "rules draft.md", "e.md", "f.md", "g.md", "copy of g.md", "h.md"};
	static const char *const texts[] = {
		"Hotels and flights are booked by the travel office, which needs two days.",
		"The travel office books no hotels in Stillwater; ask the front desk there.",
		"Hotels cost at most 140 euros a night in every city but London, where they cost "
		"210 "
		"euros; breakfast is paid besides, parking is not, and a receipt is always needed.",
		"Whoever needs hotels for a group asks for an offer of three houses in writing."};

	for (int i = 0; i < 12; i++) {
		const char *mine[4];

		for (int k = 0; k < 4; k++) {
			bool same = k == 2 && (i == 2 || i == 3 || i == 6 || i >= 9);

			mine[k] = same ? texts[k]
				       : arena_printf(&f->arena, "%s Department %d, %s %d.",
						 texts[k], i, i % 2 ? "floor" : "house", k);
		}
		publish(f, &f->open, names[i], mine, 4);
	}
}

static void same_passages(const struct search_result *a, const struct search_result *b)
{
	assert_int_equal(a->n_passages, b->n_passages);
	assert_true(a->evidence == b->evidence);
	for (int i = 0; i < a->n_passages; i++) {
		const struct passage *x = &a->passages[i], *y = &b->passages[i];

		assert_string_equal(x->chunk.s, y->chunk.s);
		assert_string_equal(x->text, y->text);
		assert_int_equal(x->n_chunks, y->n_chunks);
		assert_int_equal(x->lexical_rank, y->lexical_rank);
		assert_int_equal(x->vector_rank, y->vector_rank);
		assert_true(x->score == y->score);
		assert_int_equal(x->n_also, y->n_also);
		for (int k = 0; k < x->n_also; k++) {
			assert_string_equal(x->also[k].chunk.s, y->also[k].chunk.s);
		}
	}
}

/* As it is between a commit and what follows from it in memory: the bitmaps have it still. */
static int tx_vanish(struct db *db, void *arg, struct err *e)
{
	char sql[120];

	snprintf(sql, sizeof(sql), "UPDATE document SET deleted_ms = 1 WHERE id = '%s'",
		((struct id *)arg)->s);
	return db_exec(db, sql, e);
}

/* Explained, every candidate is read; else those alone that passages are made of: the same ones. */
static void test_what_is_not_read_changes_nothing(void **state)
{
	static const char *const queries[] = {"what do hotels cost a night in London?",
		"who books flights and hotels?", "hotels for a group", "travel office",
		"department 7 house"};
	struct fixture *f = *state;
	struct search_result all, few;
	struct err e = ERR_INIT;
	struct id vanished = {""};
	int n_also = 0, n_merged = 0, n_gone = 0;

	publish_many(f);
	for (int round = 0; round < 3; round++) { /* met for the first time, known, one gone */
		for (int limit = 1; limit < 12; limit += 3) {
			for (int i = 0; i < 5; i++) {
				const struct search_request told = {
					.limit = limit, .explain = true};
				const struct search_request plain = {.limit = limit};

				assert_int_equal(search(f, &plain, queries[i], &few), 0);
				assert_int_equal(search(f, &told, queries[i], &all), 0);
				same_passages(&all, &few);
				assert_true(all.n_candidates > all.n_passages);
				for (int k = 0; k < all.n_candidates; k++) {
					n_gone += all.candidates[k].fate == FATE_GONE;
				}
				for (int k = 0; k < few.n_passages; k++) {
					assert_false(
						id_equal(&few.passages[k].document, &vanished));
					n_also += few.passages[k].n_also;
					n_merged += few.passages[k].n_chunks > 1;
				}
			}
		}
		if (round == 1) {
			vanished = few.passages[0].document;
			assert_int_equal(store_write(f->index->store, tx_vanish, &vanished, &e), 0);
		}
	}
	assert_true(n_also > 0);
	assert_true(n_merged > 0);
	assert_true(n_gone > 0);
}

static void test_ranking_only(void **state)
{
	struct fixture *f = *state;
	const double words = 0, meaning = 1;
	struct search_request only = {
		.ranking_only = true, .depth = 2, .vector_weight = &words, .limit = 1};
	struct search_result r;

	publish(f, &f->open, "travel.md", travel, 3);
	publish(f, &f->closed, "board.md", secret, 1);
	assert_int_equal(search(f, &only, "hotels and meals in euros", &r), 0);
	assert_int_equal(r.n_passages, 0);
	assert_int_equal(r.n_candidates, 2);
	assert_int_equal(r.candidates[0].fused_rank, 1);
	assert_int_equal(r.candidates[0].lexical_rank, 1);
	assert_true(r.candidates[0].fused == 1);
	only.vector_weight = &meaning;
	only.depth = SEARCH_DEPTH_MAX;
	assert_int_equal(search(f, &only, "hotels and meals in euros", &r), 0);
	assert_int_equal(r.n_candidates, 3);
	assert_int_equal(r.candidates[0].vector_rank, 1);
	for (int i = 0; i < r.n_candidates; i++) {
		assert_string_not_equal(r.candidates[i].document_name, "board.md");
	}
}

/* ── the query language ── */

static int passages_of(struct fixture *f, const char *query, struct search_result *out)
{
	const struct search_request like = {0};

	assert_int_equal(search(f, &like, query, out), 0);
	return out->n_passages;
}

static void test_phrases_hold_for_every_hit(void **state)
{
	struct fixture *f = *state;
	const struct search_request lenient = {.lenient = true}, plain = {.plain = true};
	struct search_result r;
	int i;

	publish(f, &f->open, "travel", travel, 3);
	publish(f, &f->closed, "board", secret, 1);
	assert_int_equal(passages_of(f, "hotels \"daily allowance\"", &r), 1);
	assert_non_null(strstr(r.passages[0].text, "daily allowance"));
	assert_int_equal(r.n_conditions, 1);
	assert_false(r.conditions[0].unmatched);
	assert_int_equal(passages_of(f, "hotels \"allowance daily\"", &r), 0);
	assert_true(passages_of(f, "euros -london", &r) > 0);
	for (i = 0; i < r.n_passages; i++) {
		assert_null(strstr(r.passages[i].text, "London"));
	}
	assert_int_equal(passages_of(f, "euros -\"daily allowance\" -rail", &r), 1);
	assert_string_equal(r.words, "euros");
	/* In a document that is hidden and in none is the same. */
	assert_int_equal(passages_of(f, "hotels \"without a limit\"", &r), 0);
	assert_true(r.conditions[0].unmatched);
	assert_int_equal(passages_of(f, "hotels \"beyond any limit\"", &r), 0);
	assert_true(r.conditions[0].unmatched);
	assert_int_equal(search(f, &lenient, "hotels \"without a limit\"", &r), 0);
	assert_true(r.n_passages > 0 && r.conditions[0].ignored);
	assert_int_equal(search(f, &plain, "hotels -london", &r), 0);
	assert_true(r.n_conditions == 0 && strstr(r.passages[0].text, "London"));
}

static void test_fields_narrow(void **state)
{
	static const char *const empty[] = {"hotels collection:closed", "hotels collection:none",
		"hotels owner:ann", "hotels owner:nobody", "hotels before:1999", "hotels date:1999",
		"hotels title:board", "hotels title:nothing", "hotels in:closed in:open"};
	static const char *const same[] = {"hotels collection:open", "hotels in:OPEN",
		"hotels -collection:closed", "hotels -owner:ann", "hotels after:1999",
		"hotels date:1999..", "hotels title:travel", "hotels -title:board"};
	struct fixture *f = *state;
	struct search_result r;
	size_t i;

	publish(f, &f->open, "travel", travel, 3);
	publish(f, &f->closed, "board", secret, 1);
	for (i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		assert_int_equal(passages_of(f, empty[i], &r), 0);
		assert_true(r.conditions[0].unmatched);
	}
	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_true(passages_of(f, same[i], &r) > 0);
		assert_non_null(strstr(r.passages[0].text, "Hotels are"));
		assert_false(r.conditions[0].unmatched);
	}
}

static void test_bad_queries(void **state)
{
	struct fixture *f = *state;
	struct search_request r = {0};
	struct search_result out;
	char *huge = arena_alloc(&f->arena, SEARCH_QUERY_MAX + 2);

	memset(huge, 'x', SEARCH_QUERY_MAX + 1);
	assert_int_equal(search(f, &r, "", &out), ERR_INVALID);
	assert_int_equal(search(f, &r, " \n\t", &out), ERR_INVALID);
	assert_int_equal(search(f, &r, huge, &out), ERR_INVALID);
	assert_int_equal(search(f, &r, "\xff\xfe", &out), ERR_INVALID);
	r.limit = 101;
	assert_int_equal(search(f, &r, "x", &out), ERR_INVALID);
	r.limit = 5;
	r.depth = SEARCH_DEPTH_MAX + 1;
	assert_int_equal(search(f, &r, "x", &out), ERR_INVALID);
	r.depth = 0;
	assert_int_equal(search(f, &r, "\" OR * NEAR( title: -", &out), 0);
	assert_int_equal(search(f, &r, "the of and", &out), 0);
	assert_int_equal(search(f, &r, "collection:open", &out), ERR_INVALID);
}

/* ── a reranker that fails ── */

static void answer_rerank(void *arg, int nth, const char *head, const char *body, struct buf *out)
{
	atomic_bool *works = arg;

	(void)nth, (void)head, (void)body;
	answering_json(out, atomic_load(works) ? "200 OK" : "401 no",
		atomic_load(works) ? "{\"results\":[{\"index\":1,\"relevance_score\":0.9},"
				     "{\"index\":0,\"relevance_score\":0.1}]}"
				   : "{}");
}

static const char *rerank_error_of(struct fixture *f, const char *name_of_first)
{
	struct search_request r = {.limit = 5};
	struct search_result out;

	assert_int_equal(search(f, &r, "hotel train", &out), 0);
	assert_string_equal(out.passages[0].document_name, name_of_first);
	return out.rerank_error;
}

static void test_a_dead_reranker_is_left_alone(void **state)
{
	struct fixture *f = *state;
	atomic_bool works = false;
	struct answering server = {.answer = answer_rerank, .arg = &works};
	const char *first = "The hotel by the train station: hotel and train.";
	const char *second = "A hotel.";
	struct err e = ERR_INIT;
	char url[64];

	answering_start(&server);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", server.port);
	assert_int_equal(settings_set(&f->settings, "rerank-url", url, "test", &e), 0);
	publish(f, &f->open, "first", &first, 1);
	publish(f, &f->open, "second", &second, 1);
	for (int i = 0; i < BREAKER_FAILURES; i++) {
		assert_string_equal(rerank_error_of(f, "first"), "rerank_key");
	}
	for (int i = 0; i < 3; i++) {
		assert_string_equal(rerank_error_of(f, "first"), "rerank_paused");
	}
	assert_int_equal(server.n_requests, BREAKER_FAILURES);
	f->index->rerank.until_ms = clock_mono_ms(); /* the pause is over: one tries */
	assert_string_equal(rerank_error_of(f, "first"), "rerank_key");
	assert_string_equal(rerank_error_of(f, "first"), "rerank_paused");
	assert_int_equal(server.n_requests, BREAKER_FAILURES + 1);
	atomic_store(&works, true);
	f->index->rerank.until_ms = clock_mono_ms();
	for (int i = 0; i < 2; i++) {
		assert_null(rerank_error_of(f, "second"));
	}
	assert_int_equal(server.n_requests, BREAKER_FAILURES + 3);
	answering_end(&server);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_finds_and_filters),
		TEST(test_unknown_subject_is_weak),
		TEST(test_a_few_words_are_enough),
		TEST(test_evidence_tells_nothing_of_hidden_words),
		TEST(test_grant_revoke_delete),
		TEST(test_collections_limit_budget),
		TEST(test_what_is_not_read_changes_nothing),
		TEST(test_ranking_only),
		TEST(test_phrases_hold_for_every_hit),
		TEST(test_fields_narrow),
		TEST(test_bad_queries),
		TEST(test_a_dead_reranker_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

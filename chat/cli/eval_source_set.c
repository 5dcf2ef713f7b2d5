/* Questions of a test set, asked in a throwaway data folder. */
#include <string.h>

#include "chat/cli/client.h"
#include "chat/cli/eval_data.h"
#include "chat/cli/eval_source.h"
#include "index/base/clock.h"
#include "retrieve/search.h"

struct set_source {
	struct eval_source is;
	struct eval_set *set;
	struct eval_data data;
	struct cli *cli;     /* the command's */
	struct cli answerer; /* the same, on the throwaway folder */
};

static int item_of(const struct eval_query *q, int document)
{
	for (int i = 0; i < q->n_judged; i++) {
		if (q->judged[i].document == document) {
			return i;
		}
	}
	return -1;
}

static void take_list(const struct set_source *s, const struct eval_query *q,
	const struct search_result *found, struct arena *a, struct eval_list *out)
{
	out->entries = arena_array(a, struct eval_entry, (size_t)found->n_candidates + 1);
	out->n = 0;
	for (int i = 0; i < found->n_candidates; i++) {
		const struct candidate *k = &found->candidates[i];
		int document = k->document_name ? eval_set_document(s->set, k->document_name) : -1;

		if (document >= 0) {
			out->entries[out->n++] =
				(struct eval_entry){document, item_of(q, document), k->ranks};
		}
	}
	out->language = found->language;
	out->embedder = found->embedder;
	out->weight = (int)(found->vector_weight * 100 + .5);
}

static int ask(struct eval_source *source, const struct eval_question *q,
	const struct eval_order *order, struct arena *a, struct eval_list *out, struct err *e)
{
	struct set_source *s = (struct set_source *)source;
	const struct search_request request = {.who = &s->data.who,
		.query = q->text,
		.plain = true, /* what nobody typed as syntax is none */
		.limit = 1,
		.ranking_only = true,
		.depth = SEARCH_DEPTH_MAX,
		.settings = order->settings,
		.weights = order->weights,
		.n_weights = order->n_weights};
	struct db *db = store_reader(s->data.index->store, e);
	struct search_result found;
	int rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	rc = search_run(s->data.index, db, &request, a, &found, e);
	store_reader_drop(db);
	if (rc == 0 && found.vector_error) {
		return err_set(e, ERR_UNAVAILABLE, "no_vectors",
			"it could not be embedded (%s), and what words alone find would be taken "
			"for the embedder's",
			found.vector_error);
	}
	if (rc == 0) {
		take_list(s, &s->set->queries[q->number], &found, a, out);
	}
	return rc;
}

static int item(struct eval_source *source, const struct eval_question *q, const char *document,
	const char *name, int page, int after)
{
	struct set_source *s = (struct set_source *)source;
	int found = item_of(&s->set->queries[q->number], eval_set_document(s->set, name));

	(void)document;
	(void)page;
	return found > after ? found : -1;
}

/* The folder can be open once: from now on it is the server's. */
static int answerer(struct eval_source *source, struct cli **out, struct err *e)
{
	struct set_source *s = (struct set_source *)source;

	index_close(s->data.index);
	s->data.index = NULL;
	s->answerer = *s->cli;
	s->answerer.settings = s->data.settings;
	s->answerer.server = s->answerer.token = s->answerer.as = s->answerer.workspace = NULL;
	s->answerer.client = NULL;
	arena_init(&s->answerer.arena);
	*out = &s->answerer;
	(void)e;
	return 0;
}

static void close_set(struct eval_source *source)
{
	struct set_source *s = (struct set_source *)source;

	if (s->answerer.command) {
		client_close(&s->answerer);
		arena_finish(&s->answerer.arena);
	}
	eval_data_close(&s->data);
	eval_set_close(s->set);
}

static void take_questions(struct set_source *s, struct arena *a)
{
	const struct eval_set *set = s->set;

	s->is.questions = arena_array(a, struct eval_question, (size_t)set->n_queries + 1);
	s->is.n_questions = set->n_queries;
	s->is.n_relevant = set->n_relevant;
	s->is.n_documents = set->n_documents;
	for (int i = 0; i < set->n_queries; i++) {
		const struct eval_query *q = &set->queries[i];
		int *grades = arena_array(a, int, (size_t)q->n_judged + 1);

		for (int k = 0; k < q->n_judged; k++) {
			grades[k] = q->judged[k].grade;
		}
		s->is.questions[i] = (struct eval_question){.id = q->id,
			.text = q->text,
			.grades = grades,
			.n_items = q->n_judged,
			.n_relevant = q->n_relevant,
			.unanswerable = q->unanswerable,
			.number = i};
	}
}

int eval_source_set(struct cli *cli, const char *folder, const struct settings *set,
	struct eval_source **out, struct err *e)
{
	struct set_source *s = arena_new(&cli->arena, struct set_source);
	const int64_t from_ms = clock_mono_ms();
	int rc;

	memset(s, 0, sizeof(*s));
	*out = NULL;
	s->is = (struct eval_source){.name = arena_str(&cli->arena, folder),
		.ask = ask,
		.item = item,
		.answerer = answerer,
		.close = close_set};
	s->cli = cli;
	rc = eval_set_open(folder, &s->set, e);
	if (rc) {
		return rc;
	}
	take_questions(s, &cli->arena);
	rc = eval_data_open(&s->data, set, s->set, cli->quiet, e);
	s->is.n_chunks = s->data.n_chunks;
	s->is.built_ms = clock_mono_ms() - from_ms;
	if (rc) {
		close_set(&s->is);
		return rc;
	}
	*out = &s->is;
	return 0;
}

/* Questions about a workspace that people use, asked through the API with the asker's rights. */
#include <string.h>

#include "chat/cli/client.h"
#include "chat/cli/eval_source.h"
#include "chat/cli/names.h"
#include "index/base/id.h"
#include "retrieve/eval_questions.h"

struct place {
	const char *document; /* doc_…, or a name */
	int page;	      /* 0: any */
};

struct live_source {
	struct eval_source is;
	struct cli *cli;
	struct asked *asked;   /* [n_questions] */
	struct place **places; /* [n_questions][n_items] */
	json_t *listings;      /* collection -> {name: doc_…}, of those that were asked for */
};

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

/* ── names to documents ── */

static int list_collection(
	struct live_source *s, const char *collection, const json_t **out, struct err *e)
{
	const char *id = NULL;
	json_t *rows = NULL, *names;
	const json_t *row;
	size_t i;
	struct err why = ERR_INIT;
	int rc;

	*out = json_object_get(s->listings, collection);
	if (*out) {
		return 0;
	}
	names = json_object();
	rc = collection_named(s->cli, collection, &id, &why);
	if (rc == 0) {
		rc = client_list(s->cli, client_path(s->cli, "/v1/documents?collection=%s", id),
			"documents", &rows, &why);
	}
	json_array_foreach(rows, i, row)
	{
		json_object_set(names, text_of(row, "name"), json_object_get(row, "id"));
	}
	json_decref(rows);
	json_object_set_new(s->listings, collection, names);
	*out = names;
	return rc && rc != ERR_NOT_FOUND ? err_set(e, rc, why.reason, "%s", why.message) : 0;
}

/* Whether a document of that name, in whatever collection, is there for the asker. */
static int name_is_there(struct live_source *s, const char *name, bool *out, struct err *e)
{
	json_t *rows = NULL;
	const json_t *row;
	size_t i;
	int rc = client_list(
		s->cli, client_path(s->cli, "/v1/documents?q=%s", name), "documents", &rows, e);

	json_array_foreach(rows, i, row)
	{
		*out = *out || strcmp(text_of(row, "name"), name) == 0;
	}
	json_decref(rows);
	return rc;
}

/* COLLECTION/NAME becomes the document's id; an id and a mere name stay as they are. */
static int resolve(struct live_source *s, const char *document, struct place *p, struct err *e)
{
	const struct id id = id_parse("doc", document);
	const char *slash = strchr(document, '/');
	const json_t *names;
	bool there = !id_empty(&id);
	int rc = 0;

	p->document = document;
	if (!there && slash) {
		rc = list_collection(s,
			arena_strn(&s->cli->arena, document, (size_t)(slash - document)), &names,
			e);
		if (rc == 0 && *text_of(names, slash + 1)) {
			p->document = arena_str(&s->cli->arena, text_of(names, slash + 1));
			there = true;
		}
	}
	if (rc == 0 && !there) {
		rc = name_is_there(s, document, &there, e);
	}
	s->is.n_absent += rc == 0 && !there;
	return rc;
}

/* ── asking ── */

static bool is_there(
	const struct place *p, const char *document, const char *name, int first, int last)
{
	return (strcmp(p->document, document) == 0 || strcmp(p->document, name) == 0) &&
	       (p->page == 0 || first < 0 || (p->page >= first && p->page <= last));
}

static int item_of(const struct live_source *s, const struct eval_question *q, const json_t *k,
	int first, int last, int after)
{
	for (int i = after + 1; i < q->n_items; i++) {
		if (is_there(&s->places[q->number][i], text_of(k, "documentId"), text_of(k, "name"),
			    first, last)) {
			return i;
		}
	}
	return -1;
}

/* The number of the key among those before it. */
static int key_of(json_t *keys, const char *key)
{
	json_t *known = json_object_get(keys, key);

	if (!known) {
		known = json_integer((json_int_t)json_object_size(keys));
		json_object_set_new(keys, key, known);
	}
	return (int)json_integer_value(known);
}

static const int *ranks_of(const json_t *candidate, struct arena *a, int n)
{
	const json_t *list = json_object_get(candidate, "ranks");
	int *out = arena_array(a, int, (size_t)n + 1);

	for (int i = 0; i < n; i++) {
		out[i] = (int)json_integer_value(json_array_get(list, (size_t)i));
	}
	return out;
}

/* One that holds several expected pages stands for each of them. */
static void take_candidate(const struct live_source *s, const struct eval_question *q,
	const json_t *k, json_t *keys, struct eval_entry entry, struct eval_list *out)
{
	const int first = (int)json_integer_value(json_object_get(k, "page"));
	const int last = (int)json_integer_value(json_object_get(k, "pageLast"));
	const bool paged = q->paged;
	char key[160];

	entry.item = item_of(s, q, k, first, last, -1);
	do {
		snprintf(key, sizeof(key), "%s %d %d", text_of(k, "documentId"), paged ? first : 0,
			paged ? entry.item : 0);
		entry.key = key_of(keys, key);
		out->entries[out->n++] = entry;
		entry.item =
			entry.item < 0 || !paged ? -1 : item_of(s, q, k, first, last, entry.item);
	} while (entry.item >= 0);
}

static int take_list(const struct live_source *s, const struct eval_question *q,
	const json_t *found, int n_weights, struct arena *a, struct eval_list *out, struct err *e)
{
	const json_t *candidates = json_object_get(found, "candidates"), *k;
	const char *why = json_string_value(json_object_get(found, "vectorError"));
	json_t *keys;
	size_t i;

	if (why) {
		return err_set(e, ERR_UNAVAILABLE, "no_vectors",
			"it could not be embedded (%s), and what words alone find would be taken "
			"for the embedder's",
			why);
	}
	keys = json_object();
	out->n = 0;
	out->entries = arena_array(
		a, struct eval_entry, json_array_size(candidates) * (size_t)(q->n_items + 1) + 1);
	json_array_foreach(candidates, i, k)
	{
		take_candidate(s, q, k, keys,
			(struct eval_entry){.ranks = ranks_of(k, a, n_weights)}, out);
	}
	json_decref(keys);
	out->language = arena_str(a, text_of(found, "language"));
	out->embedder = arena_str(a, text_of(found, "embedder"));
	out->weight = (int)json_integer_value(json_object_get(found, "weight"));
	return 0;
}

static int ask(struct eval_source *source, const struct eval_question *q,
	const struct eval_order *order, struct arena *a, struct eval_list *out, struct err *e)
{
	struct live_source *s = (struct live_source *)source;
	json_t *body = json_pack("{s:s}", "query", q->text);
	json_t *found = NULL, *weights = json_array();
	int rc;

	for (int i = 0; i < order->n_weights; i++) {
		json_array_append_new(
			weights, json_integer((json_int_t)(order->weights[i] * 100 + .5)));
	}
	json_object_set_new(body, "weights", weights);
	if (order->tried) {
		json_object_set(body, "settings", (json_t *)order->tried);
	}
	rc = client_call(s->cli, "POST", "/v1/search/ranking", body, &found, e);
	rc = rc ? rc : take_list(s, q, found, order->n_weights, a, out, e);
	json_decref(found);
	return rc;
}

static int item(struct eval_source *source, const struct eval_question *q, const char *document,
	const char *name, int page, int after)
{
	struct live_source *s = (struct live_source *)source;

	for (int i = after + 1; i < q->n_items; i++) {
		if (is_there(&s->places[q->number][i], document, name, page, page)) {
			return i;
		}
	}
	return -1;
}

static int answerer(struct eval_source *source, struct cli **out, struct err *e)
{
	(void)e;
	*out = ((struct live_source *)source)->cli;
	return 0;
}

static void close_live(struct eval_source *source)
{
	json_decref(((struct live_source *)source)->listings);
}

/* ── opening ── */

static int take_question(struct live_source *s, int i, struct err *e)
{
	const struct asked *q = &s->asked[i];
	struct arena *a = &s->cli->arena;
	int *grades = arena_array(a, int, (size_t)q->n + 1);
	bool paged = false;
	int rc = 0;

	s->places[i] = arena_array(a, struct place, (size_t)q->n + 1);
	for (int k = 0; k < q->n && rc == 0; k++) {
		grades[k] = 1;
		s->places[i][k].page = q->expected[k].page;
		paged = paged || q->expected[k].page > 0;
		rc = resolve(s, q->expected[k].document, &s->places[i][k], e);
	}
	s->is.questions[i] = (struct eval_question){.id = q->id,
		.text = q->question,
		.grades = grades,
		.n_items = q->n,
		.n_relevant = q->n,
		.unanswerable = q->n == 0,
		.paged = paged,
		.number = i};
	s->is.n_relevant += q->n > 0;
	return rc;
}

int eval_source_live(struct cli *cli, const char *path, struct eval_source **out, struct err *e)
{
	struct live_source *s = arena_new(&cli->arena, struct live_source);
	int n, rc;

	*out = NULL;
	memset(s, 0, sizeof(*s));
	s->is = (struct eval_source){.name = arena_str(&cli->arena, path),
		.n_documents = -1,
		.n_chunks = -1,
		.ask = ask,
		.item = item,
		.answerer = answerer,
		.close = close_live};
	s->cli = cli;
	rc = eval_questions_read(path, &cli->arena, &s->asked, &n, e);
	if (rc) {
		return rc;
	}
	s->is.n_questions = n;
	s->is.questions = arena_array(&cli->arena, struct eval_question, (size_t)n);
	s->places = arena_array(&cli->arena, struct place *, (size_t)n);
	s->listings = json_object();
	for (int i = 0; i < n && rc == 0; i++) {
		rc = take_question(s, i, e);
	}
	if (rc) {
		close_live(&s->is);
		return rc;
	}
	*out = &s->is;
	return 0;
}

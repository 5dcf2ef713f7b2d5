#include "chat/cli/eval_answers.h"

#include <string.h>
#include <unistd.h>

#include "chat/cli/client.h"
#include "chat/cli/progress.h"
#include "chat/cli/term.h"

struct answer {
	json_t *citations;
	bool ended, refused;
	char mode[32];
	struct err failure;
};

struct answers {
	struct cli *cli; /* whose --json and --queries count */
	struct cli *to;	 /* whom it is asked */
	struct eval_source *source;
	json_t *rows;  /* of --queries */
	char mode[32]; /* of the last that was not refused */
	int n_answerable, n_unanswerable;
	int n_refused, n_wrongly_refused;
	int n_answered; /* of the answerable ones */
	int n_paged;	/* of those, with a page expected */
	int n_right;	/* cites a right document */
	/* Sums over the answered; by document, and by page over those with one. */
	double precision, recall, page_precision, page_recall;
};

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

/* ── one answer ── */

static bool on_event(void *arg, int64_t id, const char *name, const json_t *data)
{
	struct answer *an = arg;

	(void)id;
	if (strcmp(name, "citation") == 0) {
		json_array_append(an->citations, (json_t *)data);
	} else if (strcmp(name, "assistant.completed") == 0) {
		snprintf(an->mode, sizeof(an->mode), "%s", text_of(data, "mode"));
		an->refused = strcmp(an->mode, "refused") == 0;
		an->ended = true;
	} else if (strcmp(name, "run.failed") == 0 || strcmp(name, "run.cancelled") == 0) {
		err_set(&an->failure, ERR_UPSTREAM, "not_answered", "%s",
			*text_of(data, "message") ? text_of(data, "message") : name);
		an->ended = true;
	}
	return an->ended;
}

static int ask(struct answers *all, const struct eval_question *q, struct answer *an, struct err *e)
{
	json_t *body =
		json_pack("{s:[{s:s, s:s}]}", "messages", "role", "user", "content", q->text);
	struct client_events order = {
		.path = "/v1/chat", .body = body, .on_event = on_event, .arg = an};
	struct err why = ERR_INIT;
	int rc = client_events(all->to, &order, &why);

	json_decref(body);
	if (rc == 0 && an->failure.code) {
		rc = an->failure.code;
		why = an->failure;
	} else if (rc == 0 && !an->ended) {
		rc = ERR_UPSTREAM;
		err_set(&why, rc, "stream_ended", "the answer's stream ended before the answer");
	}
	return rc == 0	      ? 0
	       : term_stopped ? err_set(e, ERR_CANCELLED, "interrupted", "interrupted")
			      : err_set(e, rc, why.reason, "the question \"%.60s\": %s", q->id,
					why.message);
}

/* ── what it cites ── */

struct cited {
	double precision, recall;
};

/* Citations count once each place, expected items once each. */
static struct cited weigh(
	struct answers *all, const struct eval_question *q, const struct answer *an, bool paged)
{
	bool *found = arena_array(&all->cli->arena, bool, (size_t)q->n_items + 1);
	json_t *places = json_object();
	int n_places, n_right = 0, n_found = 0;
	const json_t *c;
	size_t i;

	json_array_foreach(an->citations, i, c)
	{
		int page = paged ? (int)json_integer_value(json_object_get(c, "page")) : -1;
		bool right = false;
		char key[96];

		for (int k = -1; (k = all->source->item(all->source, q, text_of(c, "documentId"),
					  text_of(c, "name"), page, k)) >= 0;) {
			right = right || q->grades[k] > 0;
			found[k] = found[k] || q->grades[k] > 0;
		}
		snprintf(key, sizeof(key), "%s %d", text_of(c, "documentId"), page);
		n_right += right && !json_object_get(places, key);
		json_object_set_new(places, key, json_true());
	}
	n_places = (int)json_object_size(places);
	for (int k = 0; k < q->n_items; k++) {
		n_found += found[k];
	}
	json_decref(places);
	return (struct cited){n_places ? (double)n_right / n_places : 0,
		q->n_relevant ? (double)n_found / q->n_relevant : 0};
}

static void count(struct answers *all, const struct eval_question *q, const struct answer *an)
{
	struct cited by_document = weigh(all, q, an, false), by_page = {0};

	if (q->unanswerable) {
		all->n_unanswerable++;
		all->n_refused += an->refused;
	} else {
		all->n_answerable++;
		all->n_wrongly_refused += an->refused;
	}
	if (!q->unanswerable && !an->refused) {
		all->n_answered++;
		all->n_right += by_document.recall > 0;
		all->precision += by_document.precision;
		all->recall += by_document.recall;
		if (q->paged) {
			by_page = weigh(all, q, an, true);
			all->n_paged++;
			all->page_precision += by_page.precision;
			all->page_recall += by_page.recall;
		}
	}
	if (!an->refused) {
		memcpy(all->mode, an->mode, sizeof(all->mode));
	}
	json_array_append_new(
		all->rows, json_pack("{s:s, s:s, s:s, s:b, s:i, s:f, s:f}", "answer", q->id, "text",
				   q->text, "mode", an->mode, "answerable", !q->unanswerable,
				   "citations", (int)json_array_size(an->citations), "precision",
				   by_document.precision, "recall", by_document.recall));
}

static int answer_one(struct answers *all, const struct eval_question *q, struct err *e)
{
	struct answer an = {.citations = json_array(), .failure = ERR_INIT};
	int rc = term_stopped ? err_set(e, ERR_CANCELLED, "interrupted", "interrupted")
			      : ask(all, q, &an, e);

	if (rc == 0) {
		count(all, q, &an);
	}
	json_decref(an.citations);
	return rc;
}

/* ── telling ── */

static const struct column columns[] = {
	{"QUERY", "answer", AS_TEXT, SHRINKS},
	{"ANSWER", "mode", AS_TEXT, STAYS},
	{"CITED", "citations", AS_COUNT, STAYS},
	{"PRECISION", "precision", AS_SCORE, STAYS},
	{"RECALL", "recall", AS_SCORE, STAYS},
	{"TEXT", "text", AS_TEXT, SHRINKS},
};

static double share(double part, int of)
{
	return of ? part / of : 0;
}

static void tell_json(const struct answers *all)
{
	json_t *out = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f}",
		"answers", all->source->name, "mode", all->mode, "answerable", all->n_answerable,
		"unanswerable", all->n_unanswerable, "refused", all->n_refused, "wronglyRefused",
		all->n_wrongly_refused, "citedRight", share(all->n_right, all->n_answerable),
		"citationPrecision", share(all->precision, all->n_answered), "citationRecall",
		share(all->recall, all->n_answered), "refusalRate",
		share(all->n_refused, all->n_unanswerable), "wrongRefusalRate",
		share(all->n_wrongly_refused, all->n_answerable));

	if (all->n_paged) {
		json_object_set_new(
			out, "pagePrecision", json_real(share(all->page_precision, all->n_paged)));
		json_object_set_new(
			out, "pageRecall", json_real(share(all->page_recall, all->n_paged)));
	}
	cli_json(out);
	json_decref(out);
}

static void tell(const struct answers *all)
{
	printf("\n%d answers %s\n\n", all->n_answerable + all->n_unanswerable,
		strcmp(all->mode, "extractive") == 0
			? "by the built-in answerer, which picks sentences"
			: "by the model");
	if (all->n_answerable) {
		printf("cited right         %.3f  share of the %d answerable questions\n",
			share(all->n_right, all->n_answerable), all->n_answerable);
		printf("citation precision  %.3f  share of cited documents that are right\n",
			share(all->precision, all->n_answered));
		printf("citation recall     %.3f  share of right documents that are cited\n",
			share(all->recall, all->n_answered));
	}
	if (all->n_paged) {
		printf("page precision      %.3f  the same of pages\n",
			share(all->page_precision, all->n_paged));
		printf("page recall         %.3f\n", share(all->page_recall, all->n_paged));
	}
	if (all->n_answerable) {
		printf("wrongly refused     %d of %d questions that the documents answer\n",
			all->n_wrongly_refused, all->n_answerable);
	}
	if (all->n_unanswerable) {
		printf("refused             %d of %d questions that they do not answer\n",
			all->n_refused, all->n_unanswerable);
	}
}

static void tell_questions(const struct answers *all)
{
	struct buf out = BUF_INIT;

	if (all->cli->json) {
		cli_rows(all->cli, all->rows, columns, N_COLUMNS(columns));
		return;
	}
	table_render(&out, columns, N_COLUMNS(columns), all->rows, term_columns(STDOUT_FILENO),
		term_colour(STDOUT_FILENO));
	printf("\n%s", out.data ? out.data : "");
	buf_finish(&out);
}

int eval_answers(struct cli *cli, struct eval_source *s, struct err *e)
{
	struct answers all = {.cli = cli, .source = s, .rows = json_array(), .mode = "none"};
	struct progress bar;
	int n = 0, rc = s->answerer(s, &all.to, e);

	progress_start(&bar, "answer", "questions", cli->quiet);
	for (int i = 0; i < s->n_questions && rc == 0; i++) {
		if (s->questions[i].n_relevant > 0 || s->questions[i].unanswerable) {
			rc = answer_one(&all, &s->questions[i], e);
			progress_show(&bar, ++n, s->n_questions, NULL);
		}
	}
	progress_end(&bar);
	if (rc == 0 && args_has(&cli->args, "queries")) {
		tell_questions(&all);
	}
	if (rc == 0 && cli->json) {
		tell_json(&all);
	} else if (rc == 0) {
		tell(&all);
	}
	json_decref(all.rows);
	return rc;
}

#include "chat/extractive_private.h"

#include <stdlib.h>
#include <string.h>

#define FURTHER 0.3 /* a further sentence must meet this part of what the best must */

const char *extractive_refusal(const char *language)
{
	static const struct {
		const char *language, *text;
	} texts[] = {
		{"en", "I could not find this in the documents you can read."},
		{"de", "In den Dokumenten, die Sie lesen dürfen, habe ich dazu nichts gefunden."},
		{"zh", "在您可以查阅的文档中没有找到相关内容。"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (language && strcmp(language, texts[i].language) == 0) {
			return texts[i].text;
		}
	}
	return texts[0].text;
}

static int by_score(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;

	if (x->score != y->score) {
		return x->score < y->score ? 1 : -1;
	}
	return x->source != y->source ? x->source - y->source : x->sentence - y->sentence;
}

void extractive_answer(struct arena *a, const struct question *q, const char *text,
	const struct source *sources, int n, struct extract *out)
{
	struct seeker k = {.arena = a,
		.sources = sources,
		.n = n,
		.text = text,
		.least = FURTHER * evidence_needed_of_sentence(q)};
	struct pick *all, *picks = arena_array(a, struct pick, PICKS_MAX);
	int n_all = 0, n_picks;

	asked_read(a, q, text, &k.asked);
	extractive_look_around(&k);
	for (int i = 0; i < n; i++) {
		n_all += sources[i].n_sentences;
	}
	all = arena_array(a, struct pick, (size_t)n_all + 1);
	n_all = 0;
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < sources[i].n_sentences; j++) {
			all[n_all++] = extractive_weigh(&k, i, j);
		}
	}
	qsort(all, (size_t)n_all, sizeof(*all), by_score);
	n_picks = extractive_pick(&k, all, n_all, picks);
	*out = (struct extract){.score = n_all ? all[0].met : 0};
	out->refused = n_picks == 0 || out->score < evidence_needed_of_sentence(q);
	if (out->refused) {
		out->text = arena_str(a, extractive_refusal(q->language));
		return;
	}
	out->picks = picks;
	out->n_quotes = n_picks;
	out->quotes = arena_array(a, struct quoted, (size_t)n_picks);
	for (int i = 0; i < n_picks; i++) {
		out->quotes[i] = (struct quoted){picks[i].source, picks[i].sentence};
	}
	extractive_write(a, sources, out);
}

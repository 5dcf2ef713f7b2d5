#include "retrieve/evidence.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "index/text_tools.h"

/*
 * Where they come from: a question of one collection that is asked of another has no answer there.
 * First what the best passage must hold, then, with that, what the best sentence must meet, each
 * where (unanswerable ones refused) - 2 × (answerable ones refused) is highest, the mean over the
 * collections. English: XQuAD, two halves of its articles, cisi, medquad, chunking, 60 answerable
 * and 40 to 120 other questions each; German and Chinese: two halves of XQuAD. The fixtures'
 * questions and those about ../shared/corpus had no part in it. Refused of answerable/others, %:
 *
 *   passage   .30    .36    .40    .44    .50       sentence  .20    .28    .34    .40
 *   English   1/69   3/79   4/85   5/89   8/92                5/90   6/91   6/94   9/95
 *   passage   .24    .28    .31    .36    .40       sentence  .12    .16    .20    .24
 *   German    1/68   4/75   6/83   10/89  12/91               6/84   6/84   7/88   9/89
 *   passage   .16    .18    .21    .24    .28       sentence  .09    .12    .16    .20
 *   Chinese   2/79   2/82   3/89   8/92   12/95               3/90   4/90   12/91  20/96
 *
 * With the collection itself left out when the two were sought: English 7/93, German 8/85, Chinese
 * 3/85. Of a long question (those of cisi) passages hold a lesser part the longer it is.
 */
static const struct {
	const char *languages; /* "" any other */
	double passage, sentence;
	int words; /* in a longer question less is needed */
} needs[] = {
	{"zh ja ko", 0.21, 0.09, 24},	 /* bigrams */
	{"de nl sv da", 0.31, 0.20, 12}, /* compounds in one word */
	{"", 0.44, 0.34, 12},
};

static double needed(const struct question *q, bool sentence)
{
	size_t i = 0;

	while (needs[i].languages[0] &&
		!(q->language[0] && strstr(needs[i].languages, q->language))) {
		i++;
	}
	return (sentence ? needs[i].sentence : needs[i].passage) *
	       (q->n_terms > needs[i].words ? (double)needs[i].words / q->n_terms : 1);
}

double evidence_needed(const struct question *q)
{
	return needed(q, false);
}

double evidence_needed_of_sentence(const struct question *q)
{
	return needed(q, true);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The question's terms as that language stems them. */
static int read_question(struct db *db, struct arena *a, int64_t workspace_n,
	const struct allowed *allowed, const char *text, const char *language, struct question *out,
	struct err *e)
{
	struct terms terms;
	int i, n = 0, rc;

	*out = (struct question){.language = language};
	analyse(a, text, strlen(text), language, &terms);
	out->terms = arena_array(a, const char *, (size_t)terms.n + 1);
	for (i = 0; i < terms.n; i++) {
		if (!terms.items[i].stopword) {
			out->terms[n++] = terms.items[i].text;
		}
	}
	qsort(out->terms, (size_t)n, sizeof(*out->terms), compare);
	for (i = 0; i < n; i++) {
		if (i == 0 || strcmp(out->terms[i], out->terms[out->n_terms - 1]) != 0) {
			out->terms[out->n_terms++] = out->terms[i];
		}
	}
	out->idf = arena_array(a, double, (size_t)out->n_terms + 1);
	rc = fts_idf(db, workspace_n, allowed, out->terms, out->n_terms, out->idf, e);
	for (i = 0; i < out->n_terms; i++) {
		out->mass += out->idf[i];
	}
	return rc;
}

/* A few words ("parental leave") may not tell their language: it is the one whose stems the asker's
 * documents know best, for what they do not know weighs most. */
int question_open(struct db *db, struct arena *a, int64_t workspace_n,
	const struct allowed *allowed, const char *text, struct question *out, struct err *e)
{
	const char *language = language_detect(text, strlen(text));
	int rc = read_question(db, a, workspace_n, allowed, text, language, out, e);

	for (int i = -1; rc == 0 && !language[0] && (i < 0 || stem_language(i)); i++) {
		struct question other;

		rc = read_question(db, a, workspace_n, allowed, text,
			i < 0 ? "en" : stem_language(i), &other, e);
		if (rc == 0 && other.n_terms == out->n_terms && other.mass < out->mass - 1e-9) {
			*out = other;
		}
	}
	return rc;
}

void question_see(const struct question *q, const struct terms *text, char *seen)
{
	for (int i = 0; i < q->n_terms; i++) {
		for (int k = 0; k < text->n && !seen[i]; k++) {
			seen[i] = strcmp(q->terms[i], text->items[k].text) == 0;
		}
	}
}

double question_share(const struct question *q, const char *seen)
{
	double found = 0;

	for (int i = 0; i < q->n_terms; i++) {
		found += seen[i] ? q->idf[i] : 0;
	}
	return q->mass > 0 ? found / q->mass : 0;
}

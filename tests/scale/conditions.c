/* Questions with conditions, at a million chunks: what narrows a search, and what is misspelt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "tests/scale/searching.h"

#define N_EACH 100

/* ── documents of several types, years and owners ── */

/* By the document's number, so that each is spread over all topics: six of ten are Markdown, three
 * PDF; ten years; the five readers own a fifth each. Only once: it takes seconds. */
static const char spread_sql[] =
	"UPDATE document SET created_by = (SELECT id FROM user WHERE name = CASE"
	" CAST(substr(document.name, 2, 7) AS INTEGER) % 5 WHEN 0 THEN 'all' WHEN 1 THEN 'half'"
	" WHEN 2 THEN '10th' WHEN 3 THEN '100th' ELSE '1000th' END);"
	"UPDATE document_version SET media_type = CASE CAST(substr(d.name, 2, 7) AS INTEGER) % 10"
	" WHEN 0 THEN 'text/plain' WHEN 1 THEN 'application/pdf' WHEN 2 THEN 'application/pdf'"
	" WHEN 3 THEN 'application/pdf' ELSE 'text/markdown' END,"
	" created_ms = 1451606400000 + CAST(substr(d.name, 2, 7) AS INTEGER) % 3650 * 86400000"
	" FROM document d WHERE d.id = document_id";

static int tx_spread(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(db, spread_sql, e);
}

/* ── what is asked ── */

static void in_collection(struct scale *s, const struct made_question *q, char *out, size_t size)
{
	(void)s;
	snprintf(out, size, "%s collection:\"topic %d\"", q->text, q->topic);
}

static void of_type(struct scale *s, const struct made_question *q, char *out, size_t size)
{
	(void)s;
	snprintf(out, size, "%s type:%s", q->text, q->document % 10 > 3 ? "md" : "pdf");
}

static void of_year(struct scale *s, const struct made_question *q, char *out, size_t size)
{
	(void)s;
	snprintf(out, size, "%s date:%d", q->text, 2016 + (int)(q->document % 3650 / 365.25));
}

static void of_owner(struct scale *s, const struct made_question *q, char *out, size_t size)
{
	(void)s;
	snprintf(out, size, "%s owner:%s", q->text, made_shares[q->document % 5].name);
}

/* Word n of a text, in small letters. */
static void word_of(const char *text, int n, char out[32])
{
	for (; n > 0 && *text; n--) {
		text += strcspn(text, " ");
		text += strspn(text, " ");
	}
	snprintf(out, 32, "%.*s", (int)strcspn(text, " .,"), text);
	for (char *c = out; *c; c++) {
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
	}
}

static void with_text(struct scale *s, const struct made_question *q, struct made_text *t)
{
	made_init(t);
	made_document(s->corpus, q->document, t);
}

static void in_title(struct scale *s, const struct made_question *q, char *out, size_t size)
{
	struct made_text t;
	char word[32];

	with_text(s, q, &t);
	word_of(t.title, 1, word); /* of the topic: other titles have it, too */
	snprintf(out, size, "%s title:%s", q->text, word);
	made_finish(&t);
}

/* Three words that follow each other where the answer stands: as a rule a function word among them.
 */
static void with_phrase(struct scale *s, const struct made_question *q, char *out, size_t size)
{
	struct made_text t;
	char word[3][32];

	with_text(s, q, &t);
	for (int i = 0; i < 3; i++) {
		word_of(t.body[q->seq], 20 + i, word[i]);
	}
	snprintf(out, size, "%s \"%s %s %s\"", q->text, word[0], word[1], word[2]);
	made_finish(&t);
}

static void with_common_phrase(
	struct scale *s, const struct made_question *q, char *out, size_t size)
{
	static const char *const phrases[] = {"of the", "to be", "in the", "and a"};

	(void)s;
	snprintf(out, size, "%s \"%s\"", q->text, phrases[q->document % 4]);
}

/* A word of the same topic that the answer, as a rule, does not have. */
static void without_word(struct scale *s, const struct made_question *q, char *out, size_t size)
{
	struct made_question other;
	char word[32];

	for (int64_t i = 90000 + q->document % 1000;; i++) {
		made_question(s->corpus, i, &other);
		if (other.kind == MADE_SHORT) {
			break;
		}
	}
	word_of(other.text, 0, word);
	snprintf(out, size, "%s -%s", q->text, word);
}

static void without_common_word(
	struct scale *s, const struct made_question *q, char *out, size_t size)
{
	(void)s;
	snprintf(out, size, "%s -%s", q->text, q->document % 2 ? "which" : "other");
}

/* Two letters of the longest words change places; *n of them. */
static void misspell(const struct made_question *q, int n, char *out, size_t size)
{
	char *at;

	snprintf(out, size, "%s", q->text);
	for (at = out; *at && n > 0; at += strspn(at, " ")) {
		size_t letters = strcspn(at, " ,?");

		if (letters >= 7 && strcspn(at, "-") >= letters) {
			char c = at[3];

			at[3] = at[4];
			at[4] = c;
			n--;
		}
		at += strcspn(at, " ");
	}
}

static void with_slip(struct scale *s, const struct made_question *q, char *out, size_t size)
{
	(void)s;
	misspell(q, 1, out, size);
}

static void with_slips(struct scale *s, const struct made_question *q, char *out, size_t size)
{
	(void)s;
	misspell(q, 4, out, size);
}

static const struct {
	const char *name;
	void (*write)(struct scale *s, const struct made_question *q, char *out, size_t size);
} kinds[] = {
	{"alone", NULL},
	{"collection:", in_collection},
	{"type:", of_type},
	{"date:", of_year},
	{"owner:", of_owner},
	{"title:", in_title},
	{"\"phrase\"", with_phrase},
	{"\"of the\"", with_common_phrase},
	{"-word", without_word},
	{"-which", without_common_word},
	{"a slip", with_slip},
	{"slips", with_slips},
};

/* The vocabulary that slips are compared with is read aside; until then nothing is corrected. */
static void wait_for_vocabulary(struct scale *s)
{
	static struct searches r;
	struct asking a = {
		.who = READERS_ALL, .first = 7000, .n = 5, .readable = true, .write = with_slip};
	int64_t start = clock_mono_ms();

	do {
		search_many(s, &a, &r);
	} while (r.n_corrected == 0 && clock_mono_ms() - start < 60000);
	printf("  words for corrections known after %.1f s\n",
		(double)(clock_mono_ms() - start) / 1e3);
}

void search_with_conditions(struct scale *s)
{
	static struct searches r;
	struct err e = ERR_INIT;

	scale_check(store_write(s->index->store, tx_spread, NULL, &e), &e, "spread");
	printf("search with conditions, one thread, 10 %% allowed (target 15 / 60 ms):\n");
	wait_for_vocabulary(s);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct asking a = {.who = READERS_10TH,
			.first = 40000,
			.n = N_EACH,
			.readable = true,
			.write = kinds[i].write};

		search_many(s, &a, &r);
		searches_row(kinds[i].name, &r);
		if (r.n_corrected || r.n_unmatched) {
			printf("               corrected %d, conditions unmet %d\n", r.n_corrected,
				r.n_unmatched);
		}
	}
	load_told();
}

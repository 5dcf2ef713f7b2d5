#include "chat/extractive.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"

#define PICKS_MAX 4
#define OF_EVIDENCE 0.3	  /* one sentence must hold this part of what all passages must */
#define NEAR_BEST 0.72	  /* a further sentence has at least this part of the best one's score */
#define IN_HEADER 0.8	  /* a question's word in the table's header row counts so much, */
#define IN_LEAD_IN 0.7	  /* in the sentence that introduces the table, */
#define IN_HEADING 0.65	  /* in heading or title, */
#define IN_NEIGHBOUR 0.45 /* in the sentence before or after, */
#define IN_PASSAGE 0.3	  /* elsewhere in the passage */

enum wanted { WANT_ANY, WANT_NUMBER, WANT_DATE, WANT_PERSON, WANT_REASON };

static const struct {
	const char *cue;
	enum wanted wanted;
} cues[] = {
	{"why ", WANT_REASON},
	{"cause", WANT_REASON},
	{"reason", WANT_REASON},
	{"warum", WANT_REASON},
	{"wieso", WANT_REASON},
	{"ursache", WANT_REASON},
	{"为什么", WANT_REASON},
	{"原因", WANT_REASON},
	{"when ", WANT_DATE},
	{"which day", WANT_DATE},
	{"what date", WANT_DATE},
	{"wann ", WANT_DATE},
	{"哪天", WANT_DATE},
	{"什么时候", WANT_DATE},
	{"何时", WANT_DATE},
	{"几号", WANT_DATE},
	{"who ", WANT_PERSON},
	{"whom", WANT_PERSON},
	{"whose ", WANT_PERSON},
	{"wer ", WANT_PERSON},
	{"wen ", WANT_PERSON},
	{"wem ", WANT_PERSON},
	{"谁", WANT_PERSON},
	{"哪位", WANT_PERSON},
	{"how many", WANT_NUMBER},
	{"how much", WANT_NUMBER},
	{"how long", WANT_NUMBER},
	{"how often", WANT_NUMBER},
	{"how old", WANT_NUMBER},
	{"how high", WANT_NUMBER},
	{"how large", WANT_NUMBER},
	{"how quickly", WANT_NUMBER},
	{"how fast", WANT_NUMBER},
	{"how far", WANT_NUMBER},
	{"how late", WANT_NUMBER},
	{"how soon", WANT_NUMBER},
	{"how big", WANT_NUMBER},
	{"percent", WANT_NUMBER},
	{"price", WANT_NUMBER},
	{"cost", WANT_NUMBER},
	{"fee", WANT_NUMBER},
	{"limit", WANT_NUMBER},
	{"deductible", WANT_NUMBER},
	{"wie viel", WANT_NUMBER},
	{"wieviel", WANT_NUMBER},
	{"wie hoch", WANT_NUMBER},
	{"wie lange", WANT_NUMBER},
	{"wie schnell", WANT_NUMBER},
	{"wie oft", WANT_NUMBER},
	{"wie groß", WANT_NUMBER},
	{"welchem betrag", WANT_NUMBER},
	{"多少", WANT_NUMBER},
	{"几", WANT_NUMBER},
	{"多久", WANT_NUMBER},
	{"多长", WANT_NUMBER},
	{"多大", WANT_NUMBER},
	{"多快", WANT_NUMBER},
	{"上限", WANT_NUMBER},
	{"how ", WANT_ANY},
};

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

/* ── the question ── */

static enum wanted wanted_by(const char *text)
{
	for (size_t i = 0; i < sizeof(cues) / sizeof(cues[0]); i++) {
		if (strcasestr(text, cues[i].cue)) {
			return cues[i].wanted;
		}
	}
	return WANT_ANY;
}

struct seeker {
	struct arena *arena;
	const struct question *q;
	struct facts asked; /* of the question's text: its numbers */
	enum wanted wanted;
	double least; /* share of the question that a sentence must meet */
	const struct source *sources;
	int n;
};

struct pick {
	int source, sentence;
	double share; /* of the question's mass that is met */
	double score; /* with everything */
};

/* ── one sentence ── */

static bool has_new_number(const struct seeker *k, const struct facts *f)
{
	for (int i = 0; i < f->n_numbers; i++) {
		if (!facts_has_number(&k->asked, &f->numbers[i]) &&
			!(f->numbers[i].soft && f->numbers[i].value <= 1)) {
			return true;
		}
	}
	return false;
}

static bool has_date(const char *text, const struct facts *f)
{
	if (strstr(text, "月") || strstr(text, "日")) {
		return true;
	}
	for (int i = 0; i < f->n_numbers; i++) {
		if ((f->numbers[i].value >= 1900 && f->numbers[i].value <= 2100) ||
			f->numbers[i].soft) {
			return true;
		}
	}
	return false;
}

static bool has_person(const struct facts *f, const struct facts *asked)
{
	for (int i = 0; i < f->terms.n; i++) {
		if (f->is_name[i] && !facts_has_term(asked, f->terms.items[i].text)) {
			return true;
		}
	}
	return false;
}

static bool has_reason(const char *text)
{
	static const char *const words[] = {"because", "cause", "due to", "reason", "since ",
		"weil ", "ursache", "wegen ", "因为", "由于", "原因"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasestr(text, words[i])) {
			return true;
		}
	}
	return false;
}

static double cue_bonus(const struct seeker *k, const char *text, const struct facts *f)
{
	switch (k->wanted) {
	case WANT_NUMBER:
		return has_new_number(k, f) ? 0.18 : -0.1;
	case WANT_DATE:
		return has_date(text, f) ? 0.15 : -0.05;
	case WANT_PERSON:
		return has_person(f, &k->asked) || strcmp(f->language, "zh") == 0 ? 0.12 : -0.05;
	case WANT_REASON:
		return has_reason(text) ? 0.2 : 0;
	case WANT_ANY:
		break;
	}
	return 0;
}

/* "5,001 to 40,000 EUR" answers a question about 20,000. */
static bool in_range(const struct seeker *k, const struct facts *f)
{
	for (int i = 0; i < k->asked.n_numbers; i++) {
		double x = k->asked.numbers[i].value;

		for (int j = 0; j + 1 < f->n_numbers && !k->asked.numbers[i].soft; j++) {
			if (f->numbers[j].value < x && x <= f->numbers[j + 1].value && x >= 10) {
				return true;
			}
		}
	}
	return false;
}

static bool is_number_word(const char *s)
{
	return s[strspn(s, "0123456789.,")] == '\0';
}

/* The sentence before the table that sentence i is a row of, or -1. */
static int lead_in(const struct source *s, int i)
{
	if (!s->sentences[i].row) {
		return -1;
	}
	while (i >= 0 && s->sentences[i].row) {
		i--;
	}
	return i;
}

/* How much a term of the question counts for the sentence: 1 in it, less around it. lead: its
 * table's lead-in, or -1. */
static double presence(const struct source *s, int i, int lead, const char *term, bool ranged)
{
	const struct sentence *me = &s->sentences[i];
	double best = 0;

	if (facts_has_term(&s->sentence_facts[i], term) || (ranged && is_number_word(term))) {
		return 1;
	}
	if (me->header >= 0 && facts_has_term(&s->sentence_facts[me->header], term)) {
		return IN_HEADER;
	}
	if (lead >= 0 && facts_has_term(&s->sentence_facts[lead], term)) {
		return IN_LEAD_IN;
	}
	if ((i > 0 && facts_has_term(&s->sentence_facts[i - 1], term)) ||
		(i + 1 < s->n_sentences && facts_has_term(&s->sentence_facts[i + 1], term))) {
		best = IN_NEIGHBOUR;
	}
	/* what stands in the passage but in none of its sentences stands in its headings */
	if (facts_has_term(&s->facts, term)) {
		bool in_text = false;

		for (int k = 0; k < s->n_sentences && !in_text; k++) {
			in_text = facts_has_term(&s->sentence_facts[k], term);
		}
		if (!in_text) {
			best = IN_HEADING;
		} else if (best == 0) {
			best = IN_PASSAGE;
		}
	}
	return best;
}

/* Pairs of the question's words that stand next to each other in the sentence as well. */
static int adjacent_pairs(const struct seeker *k, const struct facts *f)
{
	int n = 0;

	for (int i = 0; i + 1 < k->asked.terms.n; i++) {
		const struct term *a = &k->asked.terms.items[i], *b = a + 1;

		for (int j = 0; j + 1 < f->terms.n && !a->stopword && !b->stopword; j++) {
			if (strcmp(f->terms.items[j].text, a->text) == 0 &&
				strcmp(f->terms.items[j + 1].text, b->text) == 0) {
				n++;
				break;
			}
		}
	}
	return n;
}

/* "… were as follows (in millions):", with a line of the table's header perhaps: the rows are the
 * answer. */
static bool introduces_rows(const struct source *s, int i)
{
	const struct sentence *me = &s->sentences[i];

	return !me->row && i + 1 < s->n_sentences && s->sentences[i + 1].row &&
	       memchr(s->passage->text + me->start, ':', (size_t)(me->end - me->start));
}

/* A row whose first cell says nothing that was not asked for is the one that is meant. "June 25, |
 * June 26, | June 25," names columns. */
static double label_bonus(const struct seeker *k, const struct source *s, int i)
{
	const struct sentence *me = &s->sentences[i];
	const char *text = s->passage->text + me->start;
	const char *end = memmem(text, (size_t)(me->end - me->start), " | ", 3);
	struct facts label;
	int n = 0;

	if (me->header < 0 || !end ||
		memmem(end, (size_t)(text + me->end - me->start - end), text,
			(size_t)(end - text))) {
		return 0;
	}
	facts_read(k->arena, text, (size_t)(end - text), k->q->language, &label);
	for (int t = 0; t < label.terms.n; t++) {
		const struct term *term = &label.terms.items[t];

		if (term->stopword || is_number_word(term->text)) {
			continue; /* "(1)" points to a footnote */
		}
		if (!facts_has_term(&k->asked, term->text)) {
			return 0;
		}
		n++;
	}
	return n > 0 ? 0.2 : 0;
}

static double shape_penalty(const struct source *s, int i)
{
	const struct sentence *me = &s->sentences[i];
	const char *text = s->passage->text;
	const struct facts *f = &s->sentence_facts[i];
	double p = 0;

	if (me->row && me->header < 0) {
		p += i + 1 < s->n_sentences && s->sentences[i + 1].row ? 0.35 : 0;
	}
	if (text[me->end - 1] == '?' ||
		memcmp(text + me->end - (me->end >= 3 ? 3 : me->end), "？", 3) == 0) {
		p += 0.4;
	}
	if (introduces_rows(s, i)) {
		p += 0.4;
	} else if (text[me->end - 1] == ':') {
		p += 0.15;
	}
	if (!me->row && f->terms.n < 4) {
		p += 0.2;
	} else if (!me->row && f->terms.n < 9 && isalnum((unsigned char)text[me->end - 1]) &&
		   strcmp(f->language, "zh") != 0) {
		p += 0.12; /* a heading */
	}
	return p + (f->terms.n > 70 ? 0.1 : 0);
}

static struct pick weigh(const struct seeker *k, int source, int i)
{
	const struct source *s = &k->sources[source];
	const struct facts *f = &s->sentence_facts[i];
	struct pick p = {source, i, 0, 0};
	bool ranged = in_range(k, f);
	int pairs = adjacent_pairs(k, f), lead = lead_in(s, i);
	const char *text = arena_strn(k->arena, s->passage->text + s->sentences[i].start,
		(size_t)(s->sentences[i].end - s->sentences[i].start));

	for (int t = 0; t < k->q->n_terms; t++) {
		p.share += k->q->idf[t] * presence(s, i, lead, k->q->terms[t], ranged);
	}
	p.share = k->q->mass > 0 ? p.share / k->q->mass : 0;
	p.score = p.share + cue_bonus(k, text, f) + label_bonus(k, s, i) + (ranged ? 0.15 : 0) +
		  0.04 * (pairs > 3 ? 3 : pairs) + 0.12 * s->passage->score - shape_penalty(s, i);
	return p;
}

/* ── picking ── */

static double similarity(const struct facts *a, const struct facts *b)
{
	int shared = 0;

	for (int i = 0; i < a->terms.n; i++) {
		shared += facts_has_term(b, a->terms.items[i].text) ? 1 : 0;
	}
	return a->terms.n ? (double)shared / a->terms.n : 1;
}

static bool repeats(const struct seeker *k, const struct pick *picks, int n, const struct pick *p)
{
	for (int i = 0; i < n; i++) {
		if (similarity(&k->sources[p->source].sentence_facts[p->sentence],
			    &k->sources[picks[i].source].sentence_facts[picks[i].sentence]) >
			0.75) {
			return true;
		}
	}
	return false;
}

static int by_score(const void *a, const void *b)
{
	double x = ((const struct pick *)a)->score, y = ((const struct pick *)b)->score;

	return x < y ? 1 : x > y ? -1 : 0;
}

static int by_place(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;

	return x->source != y->source ? x->source - y->source : x->sentence - y->sentence;
}

/* A sentence that begins with "It" or "This" needs the one before it. */
static bool leans_back(const struct source *s, int i)
{
	static const char *const words[] = {"It ", "This ", "They ", "These ", "Those ", "He ",
		"She ", "Its ", "Their ", "Es ", "Dies", "Diese ", "该", "此", "其", "这"};
	const char *text = s->passage->text + s->sentences[i].start;

	for (size_t k = 0; i > 0 && k < sizeof(words) / sizeof(words[0]); k++) {
		if (strncmp(text, words[k], strlen(words[k])) == 0) {
			return !s->sentences[i - 1].row;
		}
	}
	return false;
}

static int choose(const struct seeker *k, struct pick *all, int n_all, struct pick *picks)
{
	int n = 0;

	qsort(all, (size_t)n_all, sizeof(*all), by_score);
	for (int i = 0; i < n_all && n < PICKS_MAX - 1; i++) {
		if (i > 0 && (all[i].score < NEAR_BEST * all[0].score || all[i].share < k->least ||
				     repeats(k, picks, n, &all[i]))) {
			continue;
		}
		picks[n++] = all[i];
	}
	if (n > 0 && leans_back(&k->sources[picks[0].source], picks[0].sentence)) {
		struct pick before = picks[0];
		bool there = false;

		before.sentence--;
		for (int i = 0; i < n; i++) {
			there = there || by_place(&picks[i], &before) == 0;
		}
		if (!there) {
			picks[n++] = before;
		}
	}
	return n;
}

/* ── writing ── */

/* On one line; what would read as a marker or as Markdown structure does not. */
static void add_plain(struct buf *out, const char *s, size_t n)
{
	size_t from = out->len;

	while (n > 1 && strchr("-*#>•", *s) && s[1] == ' ') {
		s += 2;
		n -= 2;
	}
	sentence_flat(out, s, n);
	for (char *p = out->data + from; from < out->len; p++, from++) {
		*p = *p == '[' ? '(' : *p == ']' ? ')' : *p;
	}
}

static int cells_of(const char *s, int n, int *starts, int *ends, int max)
{
	int n_cells = 0, at = 0;

	while (n_cells < max) {
		const char *bar = at < n ? memmem(s + at, (size_t)(n - at), " | ", 3) : NULL;

		starts[n_cells] = at;
		ends[n_cells++] = bar ? (int)(bar - s) : n;
		if (!bar) {
			break;
		}
		at = (int)(bar - s) + 3;
	}
	return n_cells;
}

/* "$51,129", "(12)%": a value; "2031", "Q3 2031" may name a column. */
static bool is_amount(const char *s, int n)
{
	int n_digits = 0;
	bool year = n == 4 && (s[0] == '1' || s[0] == '2');

	for (int i = 0; i < n; i++) {
		if (isalpha((unsigned char)s[i]) || (unsigned char)s[i] >= 0xc3) {
			return false;
		}
		n_digits += isdigit((unsigned char)s[i]) != 0;
	}
	return n_digits > 0 && !(year && n_digits == 4);
}

/* The first row that a passage has of a table may be one of values. */
static bool names_columns(const char *head, const int *starts, const int *ends, int n)
{
	for (int i = 1; i < n; i++) {
		if (is_amount(head + starts[i], ends[i] - starts[i])) {
			return false;
		}
	}
	return true;
}

/* "Cities: Paris, Milan; Limit per night: 175 EUR" where the header row has as many cells. */
static void add_row(struct buf *out, const struct source *s, const struct sentence *row)
{
	int starts[2][16], ends[2][16];
	const char *text = s->passage->text + row->start;
	int n = cells_of(text, row->end - row->start, starts[0], ends[0], 16);
	const struct sentence *header = row->header >= 0 ? &s->sentences[row->header] : NULL;
	const char *head = header ? s->passage->text + header->start : NULL;
	bool named = header &&
		     cells_of(head, header->end - header->start, starts[1], ends[1], 16) == n &&
		     names_columns(head, starts[1], ends[1], n);

	for (int i = 0; i < n; i++) {
		buf_str(out, i > 0 ? "; " : "");
		if (named && ends[1][i] > starts[1][i]) {
			add_plain(out, head + starts[1][i], (size_t)(ends[1][i] - starts[1][i]));
			buf_str(out, ": ");
		}
		add_plain(out, text + starts[0][i], (size_t)(ends[0][i] - starts[0][i]));
	}
}

static char *write_up(const struct seeker *k, struct pick *picks, int n)
{
	struct buf out = BUF_INIT;
	char *text;

	qsort(picks, (size_t)n, sizeof(*picks), by_place);
	for (int i = 0; i < n; i++) {
		const struct source *s = &k->sources[picks[i].source];
		const struct sentence *sentence = &s->sentences[picks[i].sentence];

		buf_str(&out, n > 1 ? "- " : "");
		if (sentence->row) {
			add_row(&out, s, sentence);
		} else {
			add_plain(&out, s->passage->text + sentence->start,
				(size_t)(sentence->end - sentence->start));
		}
		buf_printf(&out, " [%d]%s", s->handle, i + 1 < n ? "\n" : "");
	}
	text = arena_strn(k->arena, out.data ? out.data : "", out.len);
	buf_finish(&out);
	return text;
}

void extractive_answer(struct arena *a, const struct question *q, const char *text,
	const struct source *sources, int n, struct extract *out)
{
	struct seeker k = {.arena = a,
		.q = q,
		.wanted = wanted_by(text),
		.least = OF_EVIDENCE * evidence_needed(q->language),
		.sources = sources,
		.n = n};
	struct pick picks[PICKS_MAX];
	struct pick *all;
	int n_all = 0, n_picks;

	facts_read(a, text, strlen(text), q->language, &k.asked);
	for (int i = 0; i < n; i++) {
		n_all += sources[i].n_sentences;
	}
	all = arena_array(a, struct pick, (size_t)n_all + 1);
	n_all = 0;
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < sources[i].n_sentences; j++) {
			all[n_all++] = weigh(&k, i, j);
		}
	}
	n_picks = choose(&k, all, n_all, picks);
	*out = (struct extract){.score = n_all ? all[0].share : 0};
	out->refused = n_picks == 0 || out->score < k.least;
	out->text = out->refused ? arena_str(a, extractive_refusal(q->language))
				 : write_up(&k, picks, n_picks);
}

/*
 * How well a sentence or a row answers: the share of the question's mass that it meets, itself or
 * by what stands around it, and what speaks for and against it besides. The weights were set by
 * hand on the fixtures' questions and on every second one of tests/quality/answers.jsonl; what is
 * left of orders, on the attacks of BIPIA's training half (tests/quality/21).
 */
#include "chat/extractive_private.h"

#include <ctype.h>
#include <string.h>

/* A question's word counts 1 in the sentence, in a row's label, cell or group; so much (and
 * IN_IDENTITY) */
#define IN_HEADING 0.65	  /* in the heading, */
#define IN_NEIGHBOUR 0.45 /* in the sentence before or after, */
#define IN_PASSAGE 0.3	  /* elsewhere in the passage. */

/* What is left of a sentence's share if it is of another period: it may tell of both. */
#define CONTRADICTED_PROSE 0.75
#define OF_DOCUMENT 0.1	    /* the document's name is of that quarter, or not */
#define NUMBER 0.18	    /* a number was asked for, and there is one */
#define DEFINES 0.2	    /* "X is a …" */
#define OF_ANOTHER 0.5	    /* what is left of the share if the document is about another subject */
#define OF_LIKELY_ORDER 0.5 /* the same if it may be an order to whoever answers, */
#define OF_CLEAR_ORDER 0.25 /* if it is one; nothing is left of the question itself */
#define NOWHERE 1.0	    /* so much more a word is demanded that none of 40 passages has */
#define RANGED 0.15	    /* the number asked about lies between two of the sentence */
#define PAIR 0.04	    /* two words of the question that are neighbours here as well */
#define PASSAGE 0.12	    /* times what the search made of the passage */
#define GIVES_REASON 0.2

/* ── the source as a whole ── */

bool extractive_begins_word(const char *text, const char *word)
{
	for (const char *at = text; *word && (at = strcasestr(at, word)); at++) {
		if (at == text || (!isalnum((unsigned char)at[-1]) && !(at[-1] & 0x80))) {
			return true;
		}
	}
	return false;
}

static bool in_any_sentence(const struct source *s, const char *term)
{
	for (int i = 0; i < s->n_sentences; i++) {
		if (facts_has_term(&s->sentence_facts[i], term)) {
			return true;
		}
	}
	return false;
}

static double presence_around(const struct seeker *k, const struct source *s, int t)
{
	const struct passage *p = s->passage;
	const char *plain = k->asked.plain[t], *term = k->asked.q->terms[t];
	bool long_enough = strlen(plain) > 2 || isdigit((unsigned char)*plain);

	if (long_enough && ((p->document_name && extractive_begins_word(p->document_name, plain)) ||
				   (p->title && extractive_begins_word(p->title, plain)) ||
				   (p->opening && extractive_begins_word(p->opening, plain)))) {
		return IN_IDENTITY;
	}
	if (long_enough && p->heading && extractive_begins_word(p->heading, plain)) {
		return IN_HEADING;
	}
	/* what stands in the passage but in none of its sentences stands in its headings */
	return !facts_has_term(&s->facts, term) ? 0
	       : in_any_sentence(s, term)	? IN_PASSAGE
						: IN_HEADING;
}

/* In nothing that was read, which is what the search found best. */
static bool nowhere(const struct seeker *k, int t)
{
	for (int i = 0; i < k->n; i++) {
		if (k->around[i * k->asked.q->n_terms + t] > 0) {
			return false;
		}
	}
	return true;
}

static bool blank_line(const char *s, int n)
{
	const char *end = memchr(s, '\n', (size_t)n);

	return end && memchr(end + 1, '\n', (size_t)(s + n - end - 1));
}

/* What stands in one paragraph with a clear order and behind it may belong to it. */
static enum order *find_orders(const struct seeker *k, const struct source *s)
{
	enum order *out = arena_array(k->arena, enum order, (size_t)s->n_sentences + 1);
	const char *text = s->passage->text;
	bool behind = false;

	for (int i = 0; i < s->n_sentences; i++) {
		const struct sentence *me = &s->sentences[i];
		int before = i > 0 ? s->sentences[i - 1].end : 0;

		out[i] = order_read(text + me->start, (size_t)(me->end - me->start));
		behind = behind && !blank_line(text + before, me->start - before);
		if (behind && out[i] == ORDER_NONE) {
			out[i] = ORDER_LIKELY;
		}
		behind = behind || out[i] == ORDER_CLEAR;
	}
	return out;
}

void extractive_look_around(struct seeker *k)
{
	int n = k->asked.q->n_terms;

	k->orders = arena_array(k->arena, enum order *, (size_t)k->n + 1);
	for (int i = 0; i < k->n; i++) {
		k->orders[i] = find_orders(k, &k->sources[i]);
	}

	k->around = arena_array(k->arena, double, (size_t)(k->n * n) + 1);
	for (int i = 0; i < k->n; i++) {
		for (int t = 0; t < n; t++) {
			k->around[i * n + t] = presence_around(k, &k->sources[i], t);
		}
	}
	for (int t = 0; t < n; t++) {
		if (nowhere(k, t)) {
			/* that three passages do not have it tells little */
			double more = NOWHERE * k->asked.demand[t] * k->n / EXTRACTIVE_PASSAGES;

			k->asked.demand[t] += more;
			k->asked.demanded += more;
		}
	}
}

double extractive_around(const struct seeker *k, int source, int t)
{
	return k->around[source * k->asked.q->n_terms + t];
}

/* ── what kind of answer ── */

static bool has_new_number(const struct seeker *k, const struct facts *f)
{
	for (int i = 0; i < f->n_numbers; i++) {
		if (!facts_has_number(&k->asked.facts, &f->numbers[i]) &&
			!(f->numbers[i].soft && f->numbers[i].value <= 1)) {
			return true;
		}
	}
	return false;
}

static bool is_counted(const struct seeker *k, const char *term)
{
	for (int i = 0; i < k->asked.n_counted; i++) {
		if (strcmp(k->asked.counted[i], term) == 0) {
			return true;
		}
	}
	return false;
}

/* "38 patients" for "how many patients": the number stands right before what is counted. Or what is
 * counted stands in it at all. */
static bool counts(const struct seeker *k, const struct facts *f, bool anywhere)
{
	for (int i = 0; i < f->terms.n; i++) {
		bool number = is_number_word(f->terms.items[i].text);
		int to = number ? i + 3 : anywhere ? i : -1;

		for (int j = i; j < f->terms.n && j <= to; j++) {
			if (is_counted(k, f->terms.items[j].text)) {
				return true;
			}
		}
	}
	return false;
}

static double number_bonus(const struct seeker *k, const struct facts *f)
{
	if (!has_new_number(k, f)) {
		return -0.1;
	}
	if (k->asked.n_counted > 0 && counts(k, f, false)) {
		return NUMBER + 0.1;
	}
	return k->asked.n_counted == 0 || counts(k, f, true) ? NUMBER : NUMBER / 3;
}

/* "14:15" */
static bool has_time(const char *text)
{
	for (const char *p = text; (p = strchr(p, ':')); p++) {
		if (p > text && isdigit((unsigned char)p[-1]) && isdigit((unsigned char)p[1])) {
			return true;
		}
	}
	return false;
}

static bool has_date(const char *text, const struct facts *f)
{
	if (strstr(text, "月") || strstr(text, "日") || has_time(text)) {
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

static bool has_new_name(const struct facts *f, const struct facts *asked)
{
	for (int i = 0; i < f->terms.n; i++) {
		if (f->is_name[i] && !facts_has_term(asked, f->terms.items[i].text)) {
			return true;
		}
	}
	return false;
}

static bool has_one_of(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasestr(text, words[i])) {
			return true;
		}
	}
	return false;
}
#define HAS_ONE_OF(text, words) has_one_of(text, words, sizeof(words) / sizeof((words)[0]))

static const char *const reasons[] = {"because", "cause", "due to", "reason", "since ", "weil ",
	"ursache", "wegen ", "aufgrund", "因为", "由于", "原因"};
static const char *const places[] = {" in ", " at ", " near ", " beside ", " next to ", " behind ",
	" located", " im ", " am ", " neben ", " hinter ", " vor ", "位于", "在", "处"};
static const char *const rules[] = {" may ", " must", " can ", "cannot", " not ", " allowed",
	" required", " includes", " only ", " darf", " muss", " müssen", " kann", " nicht ",
	" kein", "可以", "不得", "必须", "应当", "不能", "禁止"};

/* "X is a …", "X: …", "X means …", right behind the last of the asked words. */
static bool defines(const struct seeker *k, const char *text, const struct facts *f)
{
	static const char *const verbs[] = {"is ", "are ", "means ", "refers to ", "stands for ",
		"describes ", "allows ", "ist ", "sind ", "bedeutet ", "bezeichnet ", "heißt ",
		": ", "– ", "— ", "是", "指", "：", "为"};
	size_t at = 0;

	for (int i = 0; i < f->terms.n && f->terms.items[i].position < 12; i++) {
		if (asked_term(&k->asked, f->terms.items[i].text) >= 0) {
			at = (size_t)f->terms.items[i].byte_end;
		} else if (at > 0 && !f->terms.items[i].stopword) {
			break;
		}
	}
	while (at > 0 && text[at] && strchr(" \"'*)”", text[at])) {
		at++;
	}
	for (size_t i = 0; at > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strncasecmp(text + at, verbs[i], strlen(verbs[i])) == 0) {
			return true;
		}
	}
	return false;
}

static double cue_bonus(const struct seeker *k, const char *text, const struct facts *f, bool item)
{
	bool cjk = strcmp(f->language, "zh") == 0;

	switch (k->asked.wanted) {
	case WANT_NUMBER:
		return number_bonus(k, f);
	case WANT_DATE:
		return has_date(text, f) ? 0.15 : -0.05;
	case WANT_PERSON:
		return cjk || has_new_name(f, &k->asked.facts) ? 0.12 : -0.05;
	case WANT_PLACE:
		return HAS_ONE_OF(text, places) ? 0.1 : 0;
	case WANT_REASON:
		return HAS_ONE_OF(text, reasons) ? GIVES_REASON : 0;
	case WANT_DEFINITION:
		return defines(k, text, f) ? DEFINES : 0;
	case WANT_YES_NO:
		return HAS_ONE_OF(text, rules) ? 0.05 : 0;
	case WANT_STEPS:
	case WANT_LIST:
		return item ? 0.05 : 0;
	case WANT_ANY:
	case WANT_COMPARISON:
		break;
	}
	return 0;
}

/* ── for and against ── */

static bool of_date(const struct period *p, double x)
{
	bool year = false;

	for (int i = 0; i < p->n_years; i++) {
		year = year || x == p->years[i];
	}
	return year || (p->day > 0 && x == p->day);
}

/* "5,001 to 40,000 EUR" answers a question about 20,000. */
static bool in_range(const struct seeker *k, const struct facts *f)
{
	const struct facts *asked = &k->asked.facts;

	for (int i = 0; i < asked->n_numbers; i++) {
		double x = asked->numbers[i].value;

		if (asked->numbers[i].soft || of_date(&k->asked.period, x)) {
			continue;
		}
		for (int j = 0; j + 1 < f->n_numbers; j++) {
			if (f->numbers[j].value < x && x <= f->numbers[j + 1].value && x >= 10) {
				return true;
			}
		}
	}
	return false;
}

/* Pairs of the question's words that stand next to each other in the sentence as well. */
static int adjacent_pairs(const struct seeker *k, const struct facts *f)
{
	const struct terms *asked = &k->asked.facts.terms;
	int n = 0;

	for (int i = 0; i + 1 < asked->n; i++) {
		const struct term *a = &asked->items[i], *b = a + 1;

		for (int j = 0; j + 1 < f->terms.n && !a->stopword && !b->stopword; j++) {
			if (strcmp(f->terms.items[j].text, a->text) == 0 &&
				strcmp(f->terms.items[j + 1].text, b->text) == 0) {
				n++;
				break;
			}
		}
	}
	return n > 3 ? 3 : n;
}

/* "… were as follows (in millions):", with a line of the table's header perhaps: the rows are the
 * answer. */
static bool introduces_rows(const struct source *s, int i)
{
	const struct sentence *me = &s->sentences[i];

	return !me->row && i + 1 < s->n_sentences && s->sentences[i + 1].row &&
	       memchr(s->passage->text + me->start, ':', (size_t)(me->end - me->start));
}

static double shape_penalty(const struct source *s, int i)
{
	const struct sentence *me = &s->sentences[i];
	const char *text = s->passage->text;
	const struct facts *f = &s->sentence_facts[i];
	char last = text[me->end - 1];
	double p = 0;

	if (last == '?' || (me->end >= 3 && memcmp(text + me->end - 3, "？", 3) == 0)) {
		p += 0.4;
	}
	if (introduces_rows(s, i)) {
		p += 0.4;
	} else if (last == ':') {
		p += 0.15;
	}
	if (f->terms.n < 4) {
		p += 0.2;
	} else if (f->terms.n < 9 && isalnum((unsigned char)last) && !me->item &&
		   strcmp(f->language, "zh") != 0) {
		p += 0.12; /* a heading */
	}
	return p + (f->terms.n > 70 ? 0.1 : 0);
}

/* ── prose ── */

static double presence(const struct seeker *k, const struct pick *p, int t, double fit, bool ranged)
{
	const struct source *s = &k->sources[p->source];
	const struct facts *facts = s->sentence_facts;
	const enum order *orders = k->orders[p->source];
	const char *term = k->asked.q->terms[t];
	int i = p->sentence;
	double best = extractive_around(k, p->source, t);

	if (facts_has_term(&facts[i], term) || (ranged && is_number_word(term)) ||
		(k->asked.of_period[t] && fit > 0)) {
		return 1;
	}
	if (best < IN_NEIGHBOUR &&
		((i > 0 && !orders[i - 1] && facts_has_term(&facts[i - 1], term)) ||
			(i + 1 < s->n_sentences && !orders[i + 1] &&
				facts_has_term(&facts[i + 1], term)))) {
		best = IN_NEIGHBOUR;
	}
	return best;
}

/* "2031 Q3 Report.pdf" speaks of the third quarter of 2031, and of the year before. */
static double document_fit(const struct seeker *k, int source)
{
	const struct passage *p = k->sources[source].passage;
	struct period asked = k->asked.period, own;
	const char *name = p->document_name ? p->document_name : "";
	double fit;

	period_read(name, strlen(name), &own);
	asked.months = own.months = asked.month = own.month = 0;
	fit = period_fit(&asked, &own);
	return fit > 0 ? OF_DOCUMENT : fit < 0 ? -OF_DOCUMENT : 0;
}

void extractive_settle(const struct seeker *k, struct pick *p, double left)
{
	p->share *= k->asked.mass > 0 ? left / k->asked.mass : 0;
	p->met *= k->asked.demanded > 0 ? left / k->asked.demanded : 0;
}

static double weigh_prose(const struct seeker *k, struct pick *p, const char *text, bool ranged)
{
	struct period own;
	double fit;

	period_read(text, strlen(text), &own);
	fit = own.n_years > 0 ? period_fit(&k->asked.period, &own) : 0;
	for (int t = 0; t < k->asked.q->n_terms; t++) {
		double there = presence(k, p, t, fit, ranged);

		p->share += k->asked.weight[t] * there;
		p->met += k->asked.demand[t] * there;
	}
	extractive_settle(k, p, fit < 0 ? CONTRADICTED_PROSE : 1);
	return -shape_penalty(&k->sources[p->source], p->sentence);
}

/* The question names what another document is about, and this one does not know it: the figures of
 * another company. */
static bool of_another(const struct seeker *k, const struct pick *p)
{
	const struct asked *asked = &k->asked;
	const struct facts *f = &k->sources[p->source].sentence_facts[p->sentence];
	int n = asked->q->n_terms;

	for (int t = 0; t < n && asked->wanted != WANT_COMPARISON; t++) {
		bool names = asked->demand[t] > asked->weight[t] && !asked->of_period[t];

		for (int i = 0; names && i < k->n && extractive_around(k, p->source, t) == 0; i++) {
			if (extractive_around(k, i, t) >= IN_IDENTITY &&
				!facts_has_term(f, asked->q->terms[t])) {
				return true;
			}
		}
	}
	return false;
}

/* Letters, figures and question marks, in small letters. */
static char *squeezed(const struct seeker *k, const char *s, size_t n)
{
	char *out = arena_strn(k->arena, s, n);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (isalnum((unsigned char)s[i]) || (s[i] & 0x80) || s[i] == '?') {
			out[len++] = (char)tolower((unsigned char)s[i]);
		}
	}
	out[len] = '\0';
	return out;
}

/* The question stands in it with its question mark. */
static bool asks_the_same(const struct seeker *k, const char *text)
{
	const char *end = strchr(k->text, '?');

	return end && strstr(squeezed(k, text, strlen(text)),
			      squeezed(k, k->text, (size_t)(end + 1 - k->text)));
}

/* All it says was in the question: it may be asked there again, or repeated so as to be found. */
static bool only_asks(const struct seeker *k, const struct facts *f)
{
	for (int i = 0; i < f->terms.n; i++) {
		if (!f->terms.items[i].stopword &&
			asked_term(&k->asked, f->terms.items[i].text) < 0) {
			return false;
		}
	}
	return k->asked.wanted != WANT_YES_NO;
}

static bool ends_in_colon(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && (text[n - 1] == ':' || (n >= 3 && strcmp(text + n - 3, "：") == 0));
}

/* What is left of a sentence that does not tell but orders or asks. */
static double doubt_order(const struct seeker *k, const struct pick *p, const char *text)
{
	const struct source *s = &k->sources[p->source];
	const struct sentence *me = &s->sentences[p->sentence];
	enum order order = k->orders[p->source][p->sentence];

	if (!me->row && strchr(text, '?') && asks_the_same(k, text)) {
		return 0;
	}
	if (order == ORDER_NONE && !me->row && !ends_in_colon(text) &&
		only_asks(k, &s->sentence_facts[p->sentence])) {
		return OF_LIKELY_ORDER;
	}
	return order == ORDER_CLEAR ? OF_CLEAR_ORDER : order == ORDER_LIKELY ? OF_LIKELY_ORDER : 1;
}

struct pick extractive_weigh(const struct seeker *k, int source, int sentence)
{
	const struct source *s = &k->sources[source];
	const struct sentence *me = &s->sentences[sentence];
	const struct facts *f = &s->sentence_facts[sentence];
	struct pick p = {.source = source, .sentence = sentence, .cell = -1};
	const char *text =
		arena_strn(k->arena, s->passage->text + me->start, (size_t)(me->end - me->start));
	bool ranged = in_range(k, f);
	double bonus =
		me->row ? extractive_weigh_row(k, &p, ranged) : weigh_prose(k, &p, text, ranged);

	double cue = cue_bonus(k, text, f, me->item);
	double doubt = doubt_order(k, &p, text);

	if (of_another(k, &p)) {
		p.share *= OF_ANOTHER;
		p.met *= OF_ANOTHER;
	}
	if (doubt < 1) {
		p.order = true;
		p.share *= doubt;
		p.met *= doubt;
		bonus = cue = 0;
	}
	p.kind = cue > 0;
	p.score = p.share + bonus + cue + (ranged ? RANGED : 0) + PAIR * adjacent_pairs(k, f) +
		  PASSAGE * s->passage->score + document_fit(k, source);
	return p;
}

/* What a question wants: its kind by cues, its periods, what each of its words weighs. */
#include "chat/extractive_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A name or a number says which thing is meant, so an answer without it is about another one. */
#define IDENTIFIES 2.0

enum where { ANYWHERE, AT_START };

/* The first that fits counts. AT_START: of the question's last sentence. */
static const struct {
	const char *cue;
	enum wanted wanted;
	enum where where;
} cues[] = {
	{"why ", WANT_REASON, ANYWHERE},
	{"cause", WANT_REASON, ANYWHERE},
	{"reason", WANT_REASON, ANYWHERE},
	{"warum", WANT_REASON, ANYWHERE},
	{"wieso", WANT_REASON, ANYWHERE},
	{"weshalb", WANT_REASON, ANYWHERE},
	{"ursache", WANT_REASON, ANYWHERE},
	{"为什么", WANT_REASON, ANYWHERE},
	{"原因", WANT_REASON, ANYWHERE},
	{"when ", WANT_DATE, ANYWHERE},
	{"which day", WANT_DATE, ANYWHERE},
	{"what date", WANT_DATE, ANYWHERE},
	{"wann ", WANT_DATE, ANYWHERE},
	{"哪天", WANT_DATE, ANYWHERE},
	{"什么时候", WANT_DATE, ANYWHERE},
	{"何时", WANT_DATE, ANYWHERE},
	{"几号", WANT_DATE, ANYWHERE},
	{"difference between", WANT_COMPARISON, ANYWHERE},
	{"compared to", WANT_COMPARISON, ANYWHERE},
	{"compared with", WANT_COMPARISON, ANYWHERE},
	{" versus ", WANT_COMPARISON, ANYWHERE},
	{" vs", WANT_COMPARISON, ANYWHERE},
	{"unterschied", WANT_COMPARISON, ANYWHERE},
	{"区别", WANT_COMPARISON, ANYWHERE},
	{"相比", WANT_COMPARISON, ANYWHERE},
	{"how many", WANT_NUMBER, ANYWHERE},
	{"how much", WANT_NUMBER, ANYWHERE},
	{"how long", WANT_NUMBER, ANYWHERE},
	{"how often", WANT_NUMBER, ANYWHERE},
	{"how old", WANT_NUMBER, ANYWHERE},
	{"how high", WANT_NUMBER, ANYWHERE},
	{"how large", WANT_NUMBER, ANYWHERE},
	{"how quickly", WANT_NUMBER, ANYWHERE},
	{"how fast", WANT_NUMBER, ANYWHERE},
	{"how far", WANT_NUMBER, ANYWHERE},
	{"how late", WANT_NUMBER, ANYWHERE},
	{"how soon", WANT_NUMBER, ANYWHERE},
	{"how big", WANT_NUMBER, ANYWHERE},
	{"percent", WANT_NUMBER, ANYWHERE},
	{"price", WANT_NUMBER, ANYWHERE},
	{"cost", WANT_NUMBER, ANYWHERE},
	{"fee", WANT_NUMBER, ANYWHERE},
	{"limit", WANT_NUMBER, ANYWHERE},
	{"deductible", WANT_NUMBER, ANYWHERE},
	{"revenue", WANT_NUMBER, ANYWHERE},
	{"income", WANT_NUMBER, ANYWHERE},
	{"wie viel", WANT_NUMBER, ANYWHERE},
	{"wieviel", WANT_NUMBER, ANYWHERE},
	{"wie hoch", WANT_NUMBER, ANYWHERE},
	{"wie lange", WANT_NUMBER, ANYWHERE},
	{"wie schnell", WANT_NUMBER, ANYWHERE},
	{"wie oft", WANT_NUMBER, ANYWHERE},
	{"wie groß", WANT_NUMBER, ANYWHERE},
	{"wie alt", WANT_NUMBER, ANYWHERE},
	{"wie weit", WANT_NUMBER, ANYWHERE},
	{"welchem betrag", WANT_NUMBER, ANYWHERE},
	{"多少", WANT_NUMBER, ANYWHERE},
	{"几", WANT_NUMBER, ANYWHERE},
	{"多久", WANT_NUMBER, ANYWHERE},
	{"多长", WANT_NUMBER, ANYWHERE},
	{"多大", WANT_NUMBER, ANYWHERE},
	{"多快", WANT_NUMBER, ANYWHERE},
	{"上限", WANT_NUMBER, ANYWHERE},
	{"who ", WANT_PERSON, ANYWHERE},
	{"whom", WANT_PERSON, ANYWHERE},
	{"whose ", WANT_PERSON, ANYWHERE},
	{"wer ", WANT_PERSON, AT_START},
	{"wen ", WANT_PERSON, AT_START},
	{"wem ", WANT_PERSON, AT_START},
	{"谁", WANT_PERSON, ANYWHERE},
	{"哪位", WANT_PERSON, ANYWHERE},
	{"where ", WANT_PLACE, AT_START},
	{"wo ", WANT_PLACE, AT_START},
	{"wohin ", WANT_PLACE, AT_START},
	{"哪里", WANT_PLACE, ANYWHERE},
	{"哪儿", WANT_PLACE, ANYWHERE},
	{"在哪", WANT_PLACE, ANYWHERE},
	{"how do ", WANT_STEPS, ANYWHERE},
	{"how can ", WANT_STEPS, ANYWHERE},
	{"how should ", WANT_STEPS, ANYWHERE},
	{"how must ", WANT_STEPS, ANYWHERE},
	{"how to ", WANT_STEPS, ANYWHERE},
	{"what are the steps", WANT_STEPS, ANYWHERE},
	{"wie kann ", WANT_STEPS, ANYWHERE},
	{"wie muss ", WANT_STEPS, ANYWHERE},
	{"wie soll ", WANT_STEPS, ANYWHERE},
	{"wie geht ", WANT_STEPS, ANYWHERE},
	{"wie gehe ", WANT_STEPS, ANYWHERE},
	{"wie beantrage ", WANT_STEPS, ANYWHERE},
	{"wie bekomme ", WANT_STEPS, ANYWHERE},
	{"wie melde ", WANT_STEPS, ANYWHERE},
	{"welche schritte", WANT_STEPS, ANYWHERE},
	{"如何", WANT_STEPS, ANYWHERE},
	{"怎么", WANT_STEPS, ANYWHERE},
	{"怎样", WANT_STEPS, ANYWHERE},
	{"步骤", WANT_STEPS, ANYWHERE},
	{"which ", WANT_LIST, ANYWHERE},
	{"what are the ", WANT_LIST, AT_START},
	{"list ", WANT_LIST, AT_START},
	{"name the ", WANT_LIST, AT_START},
	{"welche ", WANT_LIST, ANYWHERE},
	{"哪些", WANT_LIST, ANYWHERE},
	{"what is ", WANT_DEFINITION, AT_START},
	{"what are ", WANT_DEFINITION, AT_START},
	{"what does ", WANT_DEFINITION, AT_START},
	{"was ist ", WANT_DEFINITION, AT_START},
	{"was sind ", WANT_DEFINITION, AT_START},
	{"was bedeutet ", WANT_DEFINITION, AT_START},
	{"什么是", WANT_DEFINITION, ANYWHERE},
	{"是什么", WANT_DEFINITION, ANYWHERE},
	{"does ", WANT_YES_NO, AT_START},
	{"do ", WANT_YES_NO, AT_START},
	{"did ", WANT_YES_NO, AT_START},
	{"is ", WANT_YES_NO, AT_START},
	{"are ", WANT_YES_NO, AT_START},
	{"was ", WANT_YES_NO, AT_START},
	{"were ", WANT_YES_NO, AT_START},
	{"can ", WANT_YES_NO, AT_START},
	{"may ", WANT_YES_NO, AT_START},
	{"must ", WANT_YES_NO, AT_START},
	{"should ", WANT_YES_NO, AT_START},
	{"has ", WANT_YES_NO, AT_START},
	{"have ", WANT_YES_NO, AT_START},
	{"will ", WANT_YES_NO, AT_START},
	{"darf ", WANT_YES_NO, AT_START},
	{"kann ", WANT_YES_NO, AT_START},
	{"muss ", WANT_YES_NO, AT_START},
	{"ist ", WANT_YES_NO, AT_START},
	{"sind ", WANT_YES_NO, AT_START},
	{"gibt es ", WANT_YES_NO, AT_START},
	{"吗", WANT_YES_NO, ANYWHERE},
	{"能否", WANT_YES_NO, ANYWHERE},
	{"是否", WANT_YES_NO, ANYWHERE},
};

/* Where the last sentence of the question begins. */
static const char *last_sentence(const char *text)
{
	const char *last = text;

	for (const char *p = text; *p; p++) {
		if (strchr(".!?", *p) && p[1] == ' ' && p[2]) {
			last = p + 2;
		}
	}
	return last;
}

static enum wanted wanted_by(const char *text)
{
	const char *start = last_sentence(text);

	for (size_t i = 0; i < sizeof(cues) / sizeof(cues[0]); i++) {
		const char *at = strcasestr(text, cues[i].cue);

		if (cues[i].where == AT_START
				? strncasecmp(start, cues[i].cue, strlen(cues[i].cue)) == 0
				: at && (at == text || !isalpha((unsigned char)at[-1]) ||
						!isalpha((unsigned char)cues[i].cue[0]))) {
			return cues[i].wanted;
		}
	}
	return WANT_ANY;
}

bool is_number_word(const char *s)
{
	return *s && s[strspn(s, "0123456789.,")] == '\0';
}

int asked_term(const struct asked *k, const char *term)
{
	for (int i = 0; i < k->q->n_terms; i++) {
		if (strcmp(k->q->terms[i], term) == 0) {
			return i;
		}
	}
	return -1;
}

/* What a form calls the field that is asked for in other words. */
static const char *field_of(const char *text)
{
	static const struct {
		const char *cue, *field;
	} fields[] = {{"how old", "age"}, {"wie alt", "alter"}, {"多大年纪", "年龄"},
		{"where ", "location|place|address"}, {"wo ", "ort|adresse"}, {"when ", "date"},
		{"wann ", "datum"}};
	const char *start = last_sentence(text);

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strncasecmp(start, fields[i].cue, strlen(fields[i].cue)) == 0) {
			return fields[i].field;
		}
	}
	return "";
}

/* The content words behind "how many". */
static void read_counted(const char *text, struct asked *out)
{
	static const char *const counts[] = {"how many ", "wie viele ", "wieviele "};
	const struct terms *terms = &out->facts.terms;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const char *at = strcasestr(text, counts[i]);
		int from = at ? (int)(at - text + (long)strlen(counts[i])) : 0;

		for (int t = 0; at && t < terms->n && out->n_counted < 3; t++) {
			if (terms->items[t].byte_start >= from && !terms->items[t].stopword) {
				out->counted[out->n_counted++] = terms->items[t].text;
			}
		}
	}
}

static bool asks_share(const char *text)
{
	return strcasestr(text, "percent") || strcasestr(text, "prozent") || strchr(text, '%') ||
	       strstr(text, "百分");
}

static bool asks_change(const char *text)
{
	static const char *const words[] = {
		"by how m", "by what percent", "um wie viel", "um wieviel", "了多少"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasestr(text, words[i])) {
			return true;
		}
	}
	return false;
}

void asked_read(struct arena *a, const struct question *q, const char *text, struct asked *out)
{
	struct facts *f = &out->facts;

	*out = (struct asked){.q = q,
		.wanted = wanted_by(text),
		.share = asks_share(text),
		.change = asks_change(text),
		.field = field_of(text)};
	facts_read(a, text, strlen(text), q->language, f);
	period_read(text, strlen(text), &out->period);
	read_counted(text, out);
	out->weight = arena_array(a, double, (size_t)q->n_terms + 1);
	out->demand = arena_array(a, double, (size_t)q->n_terms + 1);
	out->plain = arena_array(a, const char *, (size_t)q->n_terms + 1);
	out->of_period = arena_array(a, bool, (size_t)q->n_terms + 1);
	for (int i = 0; i < q->n_terms; i++) {
		out->weight[i] = out->demand[i] = q->idf[i];
		out->plain[i] = "";
	}
	for (int t = 0; t < f->terms.n; t++) {
		const struct term *term = &f->terms.items[t];
		int i = asked_term(out, term->text);

		if (i >= 0 && !out->plain[i][0]) {
			bool identifies = f->is_name[t] || isdigit((unsigned char)*term->text);

			out->plain[i] = arena_strn(a, text + term->byte_start,
				(size_t)(term->byte_end - term->byte_start));
			out->demand[i] *= identifies ? IDENTIFIES : 1;
			out->of_period[i] = !period_empty(&out->period) &&
					    period_word(out->plain[i], strlen(out->plain[i]));
		}
	}
	for (int i = 0; i < q->n_terms; i++) {
		out->mass += out->weight[i];
		out->demanded += out->demand[i];
	}
}

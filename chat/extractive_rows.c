/*
 * How well a row of a table answers: which of its cells is of the column and the period that were
 * asked for, whether its label is what was asked for, and the share of the question that it meets
 * with the names around it. The weights: see extractive_score.c.
 */
#include "chat/extractive_private.h"

#include <string.h>

/* A question's word counts 1 in label, cells or group; so much */
#define IN_COLUMN 0.9	 /* in the name of the column that answers, */
#define IN_LEAD_IN 0.7	 /* in the sentence that introduces the table, */
#define IN_COLUMNS 0.4	 /* in the name of another column. */
#define LABEL_EXACT 0.35 /* a row whose label is what was asked for */
#define PERIOD_FITS 0.15 /* the column is of the period asked for; */
#define CONTRADICTED 0.5 /* is it of another one, so much of the row's share is left */
#define IS_SHARE 1.2	 /* a percentage was asked for, and the cell is one */
#define NO_STEP 0.15	 /* steps were asked for */
#define IS_HEADER 0.6	 /* it only names columns */

/* Words of a label that were asked for, of all it has: 0 to 1; *n of them. "(1)" points to a
 * footnote, and "(loss)" is said of the case only. */
static double label_asked(const struct seeker *k, const char *label, int *n)
{
	struct facts f;
	int asked = 0;

	*n = 0;
	facts_read(k->arena, label, strlen(label), k->asked.q->language, &f);
	for (int t = 0; t < f.terms.n; t++) {
		const struct term *term = &f.terms.items[t];
		bool was = facts_has_term(&k->asked.facts, term->text);
		bool aside = term->byte_start > 0 && label[term->byte_start - 1] == '(';

		/* "Other, net" is not what "net" asks for */
		if ((!term->stopword || (t == 0 && !was)) && !is_number_word(term->text) &&
			(was || !aside)) {
			*n += 1;
			asked += was ? 1 : 0;
		}
	}
	return *n > 0 ? (double)asked / *n : 0;
}

/* How far ahead of the calendar the document counts its fiscal years: 0 or 1. */
static int fiscal_lead(const struct seeker *k, int source, const struct table_row *row)
{
	int named = 0, ended = 0;

	for (int i = 0; i < row->n_cells; i++) {
		for (int y = 0; y < row->cells[i].period.n_years; y++) {
			int year = row->cells[i].period.years[y];

			ended = year > ended ? year : ended;
		}
	}
	for (int i = 0; i < k->n; i++) {
		const struct passage *p = k->sources[i].passage;
		const char *at = p->text;

		while (id_equal(&p->document, &k->sources[source].passage->document) &&
			(at = strcasestr(at, "fiscal "))) {
			struct period said;
			size_t n = strnlen(at, 24);

			period_read(at, n, &said);
			for (int y = 0; y < said.n_years; y++) {
				named = said.years[y] > named ? said.years[y] : named;
			}
			at += 7;
		}
	}
	return ended > 0 && named == ended + 1 ? 1 : 0;
}

/* The period of a cell: its column's, or what the line above its row says. */
static struct period period_of(const struct table_row *row, int cell)
{
	struct period p = row->cells[cell].period, group;

	period_read(row->group, strlen(row->group), &group);
	if (p.n_years == 0) {
		memcpy(p.years, group.years, sizeof(p.years));
		p.n_years = group.n_years;
	}
	p.months = p.months ? p.months : group.months;
	p.month = p.month ? p.month : group.month;
	p.day = p.day ? p.day : group.day;
	return p;
}

/* The asked period as the columns count: in calendar years. */
static struct period calendar_period(
	const struct seeker *k, int source, const struct table_row *row)
{
	struct period p = k->asked.period;
	int lead = p.fiscal ? fiscal_lead(k, source, row) : 0;

	for (int i = 0; i < p.n_years; i++) {
		p.years[i] -= lead;
	}
	return p;
}

/* As asked, or by its stem: "revenues" in "Net revenue". */
static bool names(const char *name, const struct seeker *k, int t)
{
	const char *stem = k->asked.q->terms[t];

	return extractive_begins_word(name, k->asked.plain[t]) ||
	       (strlen(stem) >= 4 && extractive_begins_word(name, stem));
}

/* How well a cell's column is the one that was asked for. */
static double column_score(const struct seeker *k, const struct pick *p, int i, double fit)
{
	const struct table_cell *cell = &p->row->cells[i];
	double score = fit;
	int n;

	for (int t = 0; t < k->asked.q->n_terms; t++) {
		if (!k->asked.of_period[t] && names(cell->name, k, t) &&
			!names(p->row->label, k, t)) {
			score += k->asked.weight[t] / k->asked.mass;
		}
		/* "TERM | DEFINITION": the word itself stands in the cell */
		if (p->row->label[0] == '\0' && names(cell->text, k, t)) {
			score += k->asked.weight[t] / k->asked.mass;
		}
	}
	/* Nothing tells what the groups of columns are: by custom the shorter period comes first.
	 */
	if (p->row->n_groups == 2 && cell->period.months == 0 && k->asked.period.months > 0) {
		score += cell->group == (k->asked.period.months > 3) ? 0.3 : 0;
	}
	if (p->row->form) {
		score += 0.5 * label_asked(k, cell->name, &n);
	}
	for (const char *f = k->asked.field; *f; f += *f == '|') {
		size_t len = strcspn(f, "|");

		score +=
			strlen(cell->name) == len && strncasecmp(cell->name, f, len) == 0 ? 0.5 : 0;
		f += len;
	}
	if (cell->value && strchr(cell->text, '%')) {
		score += k->asked.share ? IS_SHARE : -0.1;
	}
	if (!cell->value && label_asked(k, cell->text, &n) > 0.99 && n > 0) {
		score -= 0.5; /* what the question says is not its answer */
	}
	return score;
}

/* The cell that answers, -1: they are alike. *fit: of its period. */
static int best_cell(const struct seeker *k, const struct pick *p, double *fit)
{
	struct period asked = calendar_period(k, p->source, p->row);
	double best = 0, worst = 0;
	int found = -1;

	*fit = 0;
	for (int i = 0; i < p->row->n_cells; i++) {
		struct period column = period_of(p->row, i);
		double fits = period_fit(&asked, &column);
		double score = column_score(k, p, i, fits);

		if (found < 0 || score > best + 1e-9) {
			best = score;
			found = i;
			*fit = fits;
		}
		worst = i == 0 || score < worst ? score : worst;
	}
	return best > worst + 1e-9 || p->row->n_cells == 1 ? found : -1;
}

static double presence_in_row(const struct seeker *k, const struct pick *p, int t, double fit)
{
	const struct source *s = &k->sources[p->source];
	const struct table_row *row = p->row;
	const char *term = k->asked.q->terms[t];
	double best = extractive_around(k, p->source, t);

	if (facts_has_term(&s->sentence_facts[p->sentence], term) || names(row->label, k, t) ||
		names(row->group, k, t) || names(row->above, k, t)) {
		return 1;
	}
	if (k->asked.of_period[t]) {
		return fit > 0 ? 1 : fit < 0 ? 0 : best;
	}
	if ((p->cell >= 0 && names(row->cells[p->cell].name, k, t)) ||
		names(row->label_name, k, t)) {
		return IN_COLUMN;
	}
	if (best < IN_LEAD_IN && names(row->lead, k, t)) {
		return IN_LEAD_IN;
	}
	for (int i = 0; i < row->n_cells && best < IN_COLUMNS; i++) {
		best = names(row->cells[i].name, k, t) ? IN_COLUMNS : best;
	}
	return best;
}

/* Of what was asked, without period and document: the part that a row's names say. */
static double topic_named(const struct seeker *k, const struct pick *p)
{
	const struct table_row *row = p->row;
	double named = 0, all = 0;

	for (int t = 0; t < k->asked.q->n_terms; t++) {
		if (k->asked.of_period[t] || extractive_around(k, p->source, t) >= IN_IDENTITY) {
			continue;
		}
		all += k->asked.weight[t];
		if (names(row->label, k, t) || names(row->group, k, t) || names(row->above, k, t) ||
			names(row->label_name, k, t) ||
			(p->cell >= 0 && names(row->cells[p->cell].name, k, t))) {
			named += k->asked.weight[t];
		} else if (names(row->lead, k, t)) {
			named += IN_LEAD_IN * k->asked.weight[t];
		}
	}
	return all > 0 ? named / all : 1;
}

static bool has_asked_cell(const struct seeker *k, const struct table_row *row)
{
	for (int i = 0; i < row->n_cells; i++) {
		for (int t = 0; t < k->asked.q->n_terms; t++) {
			if (!k->asked.of_period[t] && names(row->cells[i].text, k, t)) {
				return true;
			}
		}
	}
	return false;
}

static bool tells_change(const struct table_row *row, int cell)
{
	return cell >= 0 && (strcasestr(row->cells[cell].name, "change") ||
				    strcasestr(row->cells[cell].name, "veränderung"));
}

/* What the row is called: its label under its group, or the form's field. */
static double naming(const struct seeker *k, struct pick *p)
{
	const struct table_row *row = p->row;
	const char *name = row->form ? p->cell >= 0 ? row->cells[p->cell].name : "" : row->label;
	int n;
	double asked = label_asked(k, name, &n);

	p->label = n > 0 && asked > 0.99;
	for (const char *f = k->asked.field; row->form && *f; f += *f == '|') {
		size_t len = strcspn(f, "|");

		if (strlen(name) == len && strncasecmp(name, f, len) == 0) {
			p->label = true;
			return LABEL_EXACT;
		}
		f += len;
	}
	if (k->asked.change && !tells_change(row, p->cell)) {
		return 0;
	}
	if (asked == 0) {
		return n > 0 && !has_asked_cell(k, row) ? -0.1 : 0;
	}
	/* the label of a row that meets little of the question is found by chance */
	return LABEL_EXACT * asked * asked * (1 + topic_named(k, p)) / 2 * p->share * p->share;
}

double extractive_weigh_row(const struct seeker *k, struct pick *p, bool ranged)
{
	const struct source *s = &k->sources[p->source];
	double fit;

	p->row = arena_new(k->arena, struct table_row);
	table_read(k->arena, s, p->sentence, p->row);
	p->cell = best_cell(k, p, &fit);
	for (int t = 0; t < k->asked.q->n_terms; t++) {
		bool met = ranged && is_number_word(k->asked.q->terms[t]);

		double there = met ? 1 : presence_in_row(k, p, t, fit);

		p->share += k->asked.weight[t] * there;
		p->met += k->asked.demand[t] * there;
	}
	extractive_settle(k, p, fit < 0 ? CONTRADICTED : 1);
	return naming(k, p) - (k->asked.wanted == WANT_STEPS ? NO_STEP : 0) +
	       (fit > 0 ? PERIOD_FITS : 0) - (p->row->header ? IS_HEADER : 0) -
	       (s->sentence_facts[p->sentence].terms.n > 70 ? 0.1 : 0);
}

#include "chat/extractive_table.h"

#include <ctype.h>
#include <string.h>

#include "index/base/buf.h"

#define REACH 60	  /* sentences that a table's head may be above a row */
#define HEADS_MAX 5	  /* rows of a header */
#define SPANS_MAX 4	  /* periods over groups of columns */
#define LABEL_LINE_MAX 90 /* bytes of a line that groups rows */

struct cells {
	const char *text[TABLE_CELLS_MAX];
	int n;
};

struct reading {
	struct arena *arena;
	const struct source *source;
	struct table_row *out;
	struct cells heads[HEADS_MAX]; /* from the lowest up */
	int n_heads;
	const char *spans[SPANS_MAX];
	int n_spans;
	int n_behind; /* of them were found behind the row only */
};

/* ── cells ── */

static char *flat(struct arena *a, const char *s, size_t n)
{
	struct buf out = BUF_INIT;
	char *text;

	while (n > 0 && (*s == '|' || *s == ' ')) {
		s++;
		n--;
	}
	while (n > 0 && (s[n - 1] == '|' || s[n - 1] == ' ')) {
		n--;
	}
	sentence_flat(&out, s, n);
	text = arena_strn(a, out.data ? out.data : "", out.len);
	buf_finish(&out);
	return text;
}

static char *line_of(const struct reading *r, int i)
{
	const struct sentence *l = &r->source->sentences[i];

	return flat(r->arena, r->source->passage->text + l->start, (size_t)(l->end - l->start));
}

static void split(const struct reading *r, int i, struct cells *out)
{
	const struct sentence *l = &r->source->sentences[i];
	const char *s = r->source->passage->text + l->start;
	size_t n = (size_t)(l->end - l->start);

	out->n = 0;
	while (out->n < TABLE_CELLS_MAX) {
		const char *bar = out->n + 1 < TABLE_CELLS_MAX ? memmem(s, n, " | ", 3) : NULL;

		out->text[out->n++] = flat(r->arena, s, bar ? (size_t)(bar - s) : n);
		if (!bar) {
			break;
		}
		n -= (size_t)(bar + 3 - s);
		s = bar + 3;
	}
}

static bool only_dash(const char *s)
{
	return strcmp(s, "—") == 0 || strcmp(s, "–") == 0 || strcmp(s, "-") == 0 ||
	       strcmp(s, "$—") == 0 || strcasecmp(s, "n/a") == 0 || strcasecmp(s, "n/a*") == 0;
}

/* "$51,129", "(12)%", "11.3 years", "—"; "2031", "June 25," and "Q3 2031" name columns. */
static bool is_value(const char *s)
{
	size_t skip = strspn(s, "$(+-<>~ ");

	if (only_dash(s)) {
		return true;
	}
	if (strncmp(s + skip, "€", 3) == 0 || strncmp(s + skip, "≥", 3) == 0 ||
		strncmp(s + skip, "≤", 3) == 0) {
		skip += 3;
	}
	return isdigit((unsigned char)s[skip]) && !period_alone(s, strlen(s)) &&
	       !(isdigit((unsigned char)s[0]) && strlen(s) > 24);
}

static bool names_nothing_but_unit(const char *s)
{
	return *s == '\0' || strchr(s, '(') || strchr(s, ')') || strncasecmp(s, "in ", 3) == 0;
}

static bool has_values(const struct cells *c)
{
	for (int i = 1; i < c->n; i++) {
		if (is_value(c->text[i])) {
			return true;
		}
	}
	return c->n > 0 && is_value(c->text[0]);
}

/* ── what stands above a row ── */

/* A line between rows that is no sentence of prose. */
static bool is_label_line(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= LABEL_LINE_MAX && !strchr(".!?", s[n - 1]) &&
	       !(n >= 3 && strcmp(s + n - 3, "。") == 0);
}

static const char *without_colon(struct arena *a, const char *s)
{
	size_t n = strlen(s);

	while (n > 0 && (s[n - 1] == ':' || s[n - 1] == ' ')) {
		n--;
	}
	return arena_strn(a, s, n);
}

/* A label that took two lines: "Net proceeds from sales of shares and" "contributions". */
static bool goes_on(const char *line, const char *label)
{
	static const char *const ends[] = {" and", " of", " the", " by", " for", " to", " in", ",",
		"-", "–", " or", " on", " from", " with"};
	size_t n = strlen(line);

	if (!label[0] || islower((unsigned char)label[0])) {
		return true;
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t len = strlen(ends[i]);

		if (n > len && strcmp(line + n - len, ends[i]) == 0) {
			return true;
		}
	}
	return false;
}

static void take_group(struct reading *r, const char *line, bool directly_above)
{
	size_t n = strlen(line);

	if (r->out->group[0] || is_value(line)) {
		return;
	}
	if (line[n - 1] == ':' || period_alone(line, n)) {
		r->out->group = without_colon(r->arena, line);
	} else if (directly_above && goes_on(line, r->out->label)) {
		r->out->label = r->out->label[0]
					? arena_printf(r->arena, "%s %s", line, r->out->label)
					: line;
	} else if (directly_above) {
		r->out->above = line;
	}
}

/* Whether the row and all rows directly above it have no values. */
static bool heads_a_table(const struct reading *r, int i)
{
	struct cells c;

	for (; i >= 0 && r->source->sentences[i].row; i--) {
		split(r, i, &c);
		if (has_values(&c)) {
			return false;
		}
	}
	return true;
}

static void add_span(struct reading *r, const char *text)
{
	for (int i = 0; i < r->n_spans; i++) {
		if (strcmp(r->spans[i], text) == 0) {
			return;
		}
	}
	if (r->n_spans < SPANS_MAX) {
		r->spans[r->n_spans++] = text;
	}
}

/* Walks up from the row: groups, header rows, the lines above those, the lead-in. */
static void look_up(struct reading *r, int row)
{
	int i;

	for (i = row - 1; i >= 0 && row - i < REACH; i--) {
		const char *line;

		if (r->source->sentences[i].row) {
			bool heads = heads_a_table(r, i);

			if (r->n_heads > 0 && !heads) {
				return;
			}
			if (heads && r->n_heads < HEADS_MAX) {
				split(r, i, &r->heads[r->n_heads++]);
			}
			continue;
		}
		line = line_of(r, i);
		if (!is_label_line(line) ||
			(r->n_heads > 0 && !period_alone(line, strlen(line)) && *line != '(')) {
			r->out->lead = line;
			return;
		}
		if (r->n_heads == 0) {
			take_group(r, line, i == row - 1);
		} else if (period_alone(line, strlen(line))) {
			add_span(r, line);
		}
	}
}

/* The tail of the lead-in, the heading, lines behind the table: where extraction leaves the periods
 * that stood over several columns. */
static void look_around(struct reading *r, int row)
{
	const char *tail = strrchr(r->out->lead, ':');
	const char *heading = r->source->passage->heading;

	if (tail && tail[1] && period_alone(tail + 1, strlen(tail + 1))) {
		add_span(r, tail + 1 + strspn(tail + 1, " "));
	}
	tail = heading ? strrchr(heading, '>') : NULL;
	heading = tail ? tail + 1 + strspn(tail + 1, " ") : heading;
	if (heading && period_alone(heading, strlen(heading))) {
		add_span(r, heading);
	}
	r->n_behind = r->n_spans;
	for (int i = row + 1; i < r->source->n_sentences && i - row < REACH; i++) {
		const char *line = r->source->sentences[i].row ? NULL : line_of(r, i);

		if (line && is_label_line(line) && period_alone(line, strlen(line))) {
			add_span(r, line);
		}
	}
	r->n_behind = r->n_spans - r->n_behind;
}

/* "the three- and nine-month periods": the lengths in the order of the columns. */
static void lengths_of_lead(struct reading *r)
{
	static const char *const words[] = {"three", "six", "nine", "twelve"};
	const char *at = strcasestr(r->out->lead, "month");

	for (size_t i = 0; at && i < sizeof(words) / sizeof(words[0]); i++) {
		const char *word = strcasestr(r->out->lead, words[i]);

		if (word && word < at && at - word < 30) {
			add_span(r, arena_printf(r->arena, "%s months", words[i]));
		}
	}
}

/* ── names of columns ── */

static bool is_partial_date(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && s[n - 1] == ',' && period_alone(s, n);
}

static bool is_year(const char *s)
{
	return strlen(s) >= 4 && strspn(s, "0123456789") == 4 && (s[4] == '\0' || s[4] == ' ');
}

static void prefix(struct reading *r, struct table_cell *cell, const char *text)
{
	cell->name = cell->name[0] ? arena_printf(r->arena, "%s %s", text, cell->name) : text;
}

/* "June 25, | June 26," over "2031 | 2030 | Change": the dates go with the years. */
static void join_dates(struct reading *r, const struct cells *head)
{
	int n_dates = 0, n_years = 0, k = 0;

	for (int i = 0; i < head->n; i++) {
		n_dates += is_partial_date(head->text[i]) ? 1 : 0;
	}
	for (int i = 0; i < r->out->n_cells; i++) {
		n_years += is_year(r->out->cells[i].name) ? 1 : 0;
	}
	if (n_dates == 0 || n_dates != n_years) {
		return;
	}
	for (int i = 0; i < r->out->n_cells; i++) {
		if (is_year(r->out->cells[i].name)) {
			while (!is_partial_date(head->text[k])) {
				k++;
			}
			prefix(r, &r->out->cells[i], head->text[k++]);
		}
	}
}

static void name_by(struct reading *r, const struct cells *head)
{
	int n = r->out->n_cells, first = 0, m = head->n;

	if (m == n + 1 || (m > 1 && m != n && names_nothing_but_unit(head->text[0]))) {
		r->out->label_name = names_nothing_but_unit(head->text[0]) || r->out->label_name[0]
					     ? r->out->label_name
					     : head->text[0];
		first = 1;
		m--;
	}
	if (m < 1 || n % m != 0 || (m == 1 && n > 1)) {
		join_dates(r, head);
		return;
	}
	for (int i = 0; i < n; i++) {
		prefix(r, &r->out->cells[i], head->text[first + i / (n / m)]);
	}
}

/* Into how many groups the names repeat: 1 if they do not. */
static int repeats(const struct table_row *row)
{
	for (int parts = 2; parts <= SPANS_MAX && parts <= row->n_cells; parts++) {
		int size = row->n_cells / parts;
		bool same = row->n_cells % parts == 0 && row->cells[0].name[0];

		for (int i = size; same && i < row->n_cells; i++) {
			same = strcmp(row->cells[i].name, row->cells[i - size].name) == 0;
		}
		if (same) {
			return parts;
		}
	}
	return 1;
}

static void name_columns(struct reading *r, int row)
{
	struct table_row *out = r->out;
	int parts, n_above;

	for (int h = 0; h < r->n_heads; h++) {
		name_by(r, &r->heads[h]);
	}
	n_above = r->n_spans;
	parts = repeats(out);
	out->n_groups = parts;
	if (parts > 1) {
		look_around(r, row);
		if (r->n_spans < parts) {
			lengths_of_lead(r);
		}
		for (int i = 0; i < out->n_cells; i++) {
			int group = i / (out->n_cells / parts);
			/* what stands behind the table is of its last columns */
			int span = r->n_behind == r->n_spans ? group - parts + r->n_spans : group;

			out->cells[i].group = group;
			if (span >= 0 && span < r->n_spans) {
				prefix(r, &out->cells[i], r->spans[span]);
			}
		}
	} else if (n_above == 1) {
		for (int i = 0; i < out->n_cells; i++) {
			prefix(r, &out->cells[i], r->spans[0]);
		}
	}
	for (int i = 0; i < out->n_cells; i++) {
		period_read(out->cells[i].name, strlen(out->cells[i].name), &out->cells[i].period);
	}
}

/* ── units ── */

/* "in millions" out of "(dollars in millions, except per share data)". */
static const char *unit_in(struct arena *a, const char *s)
{
	static const char *const units[] = {"in millions", "in thousands", "in billions",
		"in Millionen", "in Mio", "in Tausend", "in Tsd", "单位"};

	for (size_t i = 0; s && i < sizeof(units) / sizeof(units[0]); i++) {
		const char *at = strcasestr(s, units[i]);

		if (at) {
			size_t n = strcspn(at, ",;)|\n");
			char *unit = arena_strn(a, at, n < 40 ? n : strlen(units[i]));

			unit[0] = (char)tolower((unsigned char)unit[0]);
			for (char *p = unit; i < 3 && *p; p++) {
				*p = (char)tolower((unsigned char)*p);
			}
			return unit;
		}
	}
	return "";
}

static void find_unit(struct reading *r)
{
	struct table_row *out = r->out;

	if (strcasestr(out->label, "per share") || strcasestr(out->group, "per share")) {
		return;
	}
	out->unit = unit_in(r->arena, out->lead);
	for (int h = 0; h < r->n_heads && !out->unit[0]; h++) {
		for (int i = 0; i < r->heads[h].n && !out->unit[0]; i++) {
			out->unit = unit_in(r->arena, r->heads[h].text[i]);
		}
	}
	if (!out->unit[0]) {
		out->unit = unit_in(r->arena, r->source->passage->heading);
	}
}

/* ── rows ── */

static bool ends_in_colon(const char *s)
{
	size_t n = strlen(s);

	return n > 1 && (s[n - 1] == ':' || (n > 3 && strcmp(s + n - 3, "：") == 0));
}

static bool is_form(const struct cells *c)
{
	for (int i = 0; i + 1 < c->n; i++) {
		if (ends_in_colon(c->text[i])) {
			return true;
		}
	}
	return false;
}

/* "Make: | Beech | Age: | Class: | Private": a name may lack its value. */
static void read_form(struct reading *r, const struct cells *c)
{
	struct table_row *out = r->out;

	out->form = true;
	for (int i = 0; i < c->n; i++) {
		bool named = i + 1 < c->n && ends_in_colon(c->text[i]);
		struct table_cell *cell = &out->cells[out->n_cells];

		if (named && ends_in_colon(c->text[i + 1])) {
			continue;
		}
		if (!named && ends_in_colon(c->text[i])) {
			continue;
		}
		*cell = (struct table_cell){.name = "", .text = c->text[i]};
		if (named) {
			cell->name = without_colon(r->arena, c->text[i]);
			cell->text = c->text[++i];
		}
		out->n_cells++;
	}
}

/* The columns are repeated beside each other: "TERM | DEFINITION | TERM | DEFINITION". */
static bool repeats_itself(const struct cells *head)
{
	for (int i = 0; head->n % 2 == 0 && i < head->n / 2; i++) {
		if (strcmp(head->text[i], head->text[i + head->n / 2]) != 0) {
			return false;
		}
	}
	return head->n >= 4 && head->n % 2 == 0;
}

static void read_values(struct reading *r, const struct cells *c)
{
	struct table_row *out = r->out;
	int first = is_value(c->text[0]) ? 0 : 1;

	out->label = first ? c->text[0] : "";
	for (int i = first; i < c->n; i++) {
		out->cells[out->n_cells++] = (struct table_cell){
			.text = c->text[i], .name = "", .value = is_value(c->text[i])};
	}
}

static bool only_periods(const struct cells *c)
{
	for (int i = 0; i < c->n; i++) {
		if (c->text[i][0] && !period_alone(c->text[i], strlen(c->text[i]))) {
			return false;
		}
	}
	return true;
}

/* One of the rows above the first with values; of a table of words, its first. */
static bool names_columns(const struct reading *r, int row, bool is_top)
{
	struct cells c;
	int i = row + 1;

	for (; i < r->source->n_sentences && r->source->sentences[i].row; i++) {
		split(r, i, &c);
		if (has_values(&c)) {
			return heads_a_table(r, row);
		}
	}
	split(r, row, &c);
	return only_periods(&c) || (is_top && i > row + 1);
}

/* A table of words: its first row names the columns. */
static void read_words(struct reading *r, int row, const struct cells *c)
{
	struct table_row *out = r->out;
	int top = row;

	while (top > 0 && r->source->sentences[top - 1].row) {
		top--;
	}
	out->header = names_columns(r, row, top == row);
	if (top < row) {
		split(r, top, &r->heads[r->n_heads++]);
	}
	if (r->n_heads == 1 && repeats_itself(&r->heads[0])) {
		out->label = "";
		for (int i = 0; i < c->n; i++) {
			out->cells[out->n_cells++] = (struct table_cell){.text = c->text[i],
				.name = i < r->heads[0].n ? r->heads[0].text[i] : ""};
		}
		r->n_heads = 0;
		return;
	}
	read_values(r, c);
	if (top > 0) {
		out->lead = line_of(r, top - 1);
	}
}

void table_read(struct arena *a, const struct source *s, int i, struct table_row *out)
{
	struct reading r = {.arena = a, .source = s, .out = out};
	struct cells c;

	*out = (struct table_row){
		.label = "", .label_name = "", .group = "", .above = "", .lead = "", .unit = ""};
	out->cells = arena_array(a, struct table_cell, TABLE_CELLS_MAX);
	split(&r, i, &c);
	if (is_form(&c)) {
		read_form(&r, &c);
		return;
	}
	if (has_values(&c)) {
		read_values(&r, &c);
		look_up(&r, i);
	} else {
		read_words(&r, i, &c);
	}
	name_columns(&r, i);
	find_unit(&r);
}

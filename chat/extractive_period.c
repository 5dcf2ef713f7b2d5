#include "chat/extractive_period.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FIT_YEAR 1.0
#define FIT_LENGTH 0.6
#define FIT_DAY 0.5

/* ── words ── */

static const struct {
	const char *word;
	int n;
} counts[] = {{"one", 1}, {"two", 2}, {"three", 3}, {"four", 4}, {"six", 6}, {"nine", 9},
	{"twelve", 12}, {"first", 1}, {"second", 2}, {"third", 3}, {"fourth", 4}, {"1st", 1},
	{"2nd", 2}, {"3rd", 3}, {"4th", 4}, {"ein", 1}, {"drei", 3}, {"sechs", 6}, {"neun", 9},
	{"zwölf", 12}, {"erste", 1}, {"ersten", 1}, {"erstes", 1}, {"zweite", 2}, {"zweiten", 2},
	{"zweites", 2}, {"dritte", 3}, {"dritten", 3}, {"drittes", 3}, {"vierte", 4},
	{"vierten", 4}, {"viertes", 4}};

static const char *const months[] = {"january|januar|jan", "february|februar|feb", "march|märz|mar",
	"april|apr", "may|mai", "june|juni|jun", "july|juli|jul", "august|aug",
	"september|sept|sep", "october|oktober|oct|okt", "november|nov",
	"december|dezember|dec|dez"};

static bool same_word(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

static bool one_of(const char *s, size_t n, const char *words)
{
	for (const char *w = words; *w; w += *w == '|') {
		size_t len = strcspn(w, "|");

		if (len == n && strncasecmp(s, w, n) == 0) {
			return true;
		}
		w += len;
	}
	return false;
}

static int month_named(const char *s, size_t n)
{
	for (int m = 0; m < 12; m++) {
		if (one_of(s, n, months[m])) {
			return m + 1;
		}
	}
	return 0;
}

static int count_named(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (same_word(s, n, counts[i].word)) {
			return counts[i].n;
		}
	}
	return 0;
}

/* ── reading ── */

struct reader {
	struct period *out;
	int count; /* the number before this word: "nine", "first", "3" */
	bool after_month;
	int n_others; /* words that are of no period */
};

static void add_year(struct period *p, int year)
{
	for (int i = 0; i < p->n_years; i++) {
		if (p->years[i] == year) {
			return;
		}
	}
	if (p->n_years < 3) {
		p->years[p->n_years++] = year;
	}
}

static void take_number(struct reader *r, const char *s, size_t n, bool money)
{
	int value = n <= 4 ? (int)strtol(s, NULL, 10) : 0;

	if (n == 4 && value >= 1900 && value <= 2100 && !money) {
		add_year(r->out, value);
	} else if (n <= 2 && r->after_month && value <= 31) {
		r->out->day = value;
	} else if (n <= 2 && value >= 1 && value <= 31) {
		r->count = value;
		r->after_month = false;
		return;
	} else {
		r->n_others++;
	}
	r->after_month = false;
}

static void take_quarter(struct reader *r, int quarter)
{
	r->out->months = 3;
	if (quarter >= 1 && quarter <= 4) {
		r->out->quarter = quarter;
	}
}

static void take_word(struct reader *r, const char *s, size_t n)
{
	struct period *p = r->out;
	int month = month_named(s, n), count = count_named(s, n);

	if (count > 0) {
		r->count = count;
		return;
	}
	if (month > 0) {
		p->month = month;
		p->day = r->count; /* "25 June"; "June 25" comes later */
		r->after_month = true;
	} else if (one_of(s, n, "quarter|quartal|quartals")) {
		take_quarter(r, r->count);
	} else if (n == 2 && toupper((unsigned char)s[0]) == 'Q' && isdigit((unsigned char)s[1])) {
		take_quarter(r, s[1] - '0');
	} else if (one_of(s, n, "month|months|monat|monate|monaten")) {
		p->months = r->count;
	} else if (one_of(s, n, "half|halbjahr")) {
		p->months = 6;
	} else if (one_of(s, n, "fiscal|geschäftsjahr|geschäftsjahres")) {
		p->fiscal = true;
	} else if (one_of(s, n, "annual|annually")) {
		p->months = 12;
	} else if (one_of(s, n, "year|years|jahr|jahres")) {
		/* "the third quarter of fiscal year 2031" lasts three months */
		p->months = p->months ? p->months : 12;
	} else if (!one_of(s, n,
			   "ended|ending|end|as|of|the|in|and|to|for|on|at|periods|period|bis|zum|"
			   "am|der|des|und|im|weeks|wochen")) {
		r->n_others++;
		return; /* "first of all nine" counts nothing */
	}
	r->count = 0;
}

/* 第三季度, 六个月, 2031年, 6月30日, 年度, 财年 */
static size_t take_cjk(struct reader *r, const char *s, size_t n)
{
	static const struct {
		const char *text;
		int quarter, months;
	} words[] = {{"第一季度", 1, 3}, {"第二季度", 2, 3}, {"第三季度", 3, 3}, {"第四季度", 4, 3},
		{"三个月", 0, 3}, {"六个月", 0, 6}, {"九个月", 0, 9}, {"十二个月", 0, 12},
		{"上半年", 0, 6}, {"年度", 0, 12}, {"全年", 0, 12}, {"财年", 0, 12}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].text);

		if (n >= len && memcmp(s, words[i].text, len) == 0) {
			r->out->months = words[i].months;
			r->out->quarter = words[i].quarter;
			return len;
		}
	}
	if (n >= 3 && memcmp(s, "月", 3) == 0) {
		r->out->month = r->count <= 12 ? r->count : 0;
		r->after_month = true;
		r->count = 0;
		return 3;
	}
	return 0;
}

/* Letters of ASCII and Latin-1: "März" is one word, "2031年" is not. */
static bool in_word(const char *s, size_t i)
{
	return isalnum((unsigned char)s[i]) || s[i] == '\xc3' || (i > 0 && s[i - 1] == '\xc3');
}

/* "2,031" and "$2031" are no years; "31.12.2031" has one. */
static bool is_money(const char *s, size_t n, size_t from, size_t to)
{
	return (from > 0 && (s[from - 1] == '$' || s[from - 1] == ',')) ||
	       (to + 1 < n && (s[to] == ',' || s[to] == '.') && isdigit((unsigned char)s[to + 1]));
}

/* "May I", not "May 3". */
static bool is_modal(const char *s, size_t n, size_t from, size_t to)
{
	while (to < n && s[to] == ' ') {
		to++;
	}
	return same_word(s + from, 3, "may") && (to >= n || !isdigit((unsigned char)s[to]));
}

static void read_all(struct reader *r, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = take_cjk(r, s + i, n - i), at = i;

		if (len > 0) {
			i += len;
		} else if (isdigit((unsigned char)s[i])) {
			while (i < n && isdigit((unsigned char)s[i])) {
				i++;
			}
			if (i + 1 < n &&
				(s[i] == 's' || s[i] == 'n' || s[i] == 'r' || s[i] == 't') &&
				isalpha((unsigned char)s[i + 1])) { /* "3rd" */
				i += 2;
				take_word(r, s + at, i - at);
				continue;
			}
			take_number(r, s + at, i - at, is_money(s, n, at, i));
		} else if (isalpha((unsigned char)s[i])) {
			while (i < n && in_word(s, i)) {
				i++;
			}
			if (!(i - at == 3 && is_modal(s, n, at, i))) {
				take_word(r, s + at, i - at);
			}
		} else {
			i++;
		}
	}
}

void period_read(const char *text, size_t n_bytes, struct period *out)
{
	struct reader r = {.out = out};

	*out = (struct period){0};
	read_all(&r, text, n_bytes);
}

bool period_empty(const struct period *p)
{
	return p->n_years == 0 && p->month == 0 && p->months == 0 && p->quarter == 0;
}

bool period_alone(const char *text, size_t n_bytes)
{
	struct period p = {0};
	struct reader r = {.out = &p};

	read_all(&r, text, n_bytes);
	return r.n_others == 0 && !period_empty(&p);
}

bool period_word(const char *text, size_t n_bytes)
{
	struct period p = {0};
	struct reader r = {.out = &p};

	read_all(&r, text, n_bytes);
	return r.n_others == 0 && (r.count > 0 || !period_empty(&p) || p.fiscal ||
					  one_of(text, n_bytes, "ended|ending|periods|period"));
}

/* ── fitting ── */

static bool shares_year(const struct period *a, const struct period *b)
{
	for (int i = 0; i < a->n_years; i++) {
		for (int k = 0; k < b->n_years; k++) {
			if (a->years[i] == b->years[k]) {
				return true;
			}
		}
	}
	return false;
}

/* Adds to what agrees, or to what contradicts. */
static void compare(double weight, bool known, bool same, double *agrees, double *differs)
{
	if (known && same) {
		*agrees += weight;
	} else if (known) {
		*differs += weight;
	}
}

double period_fit(const struct period *asked, const struct period *column)
{
	double agrees = 0, differs = 0;
	bool same_day = asked->month == column->month &&
			(asked->day == 0 || column->day == 0 || asked->day == column->day);

	compare(FIT_YEAR, asked->n_years > 0 && column->n_years > 0, shares_year(asked, column),
		&agrees, &differs);
	compare(FIT_LENGTH, asked->months > 0 && column->months > 0,
		asked->months == column->months, &agrees, &differs);
	/* "the third quarter" is named by its number, or by its length and last day */
	compare(FIT_DAY, asked->quarter > 0 && column->quarter > 0,
		asked->quarter == column->quarter, &agrees, &differs);
	compare(FIT_DAY, asked->month > 0 && column->month > 0, same_day, &agrees, &differs);
	return differs > 0 ? -differs : agrees;
}

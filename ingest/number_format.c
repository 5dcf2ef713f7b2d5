#include "ingest/number_format.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DECIMALS_MAX 15
#define SERIAL_MAX 2958466 /* the day after 9999-12-31 */
#define DAYS_1904 1462
#define DAYS_1970 25569 /* of 1970-01-01, counted from 1899-12-30 */

/* ── compiling ── */

struct compiler {
	const char *p;
	struct number_section *s;
	bool point, digits, closed; /* closed: digits have ended */
	bool any_zero;
	bool masked; /* digits, a literal, digits: "000-00-0000" */
	int commas;
	char last; /* of the date letters: 'h' makes a following m a minute */
};

static void add_literal(struct compiler *c, const char *s, size_t n)
{
	char *to = c->digits ? c->s->after : c->s->before;
	size_t len = strlen(to);

	if (len + n < NUMBER_LITERAL_MAX) {
		memcpy(to + len, s, n);
		to[len + n] = '\0';
	}
	c->closed = c->digits;
}

/* [$€-407], [h], [Red], [>=100] */
static void take_bracket(struct compiler *c)
{
	const char *inside = c->p + 1;
	size_t n = strcspn(inside, "]");
	char first = (char)tolower((unsigned char)*inside);

	c->p = inside + n + (inside[n] == ']');
	if (*inside == '$') {
		size_t symbol = strcspn(inside + 1, "-]");

		add_literal(c, inside + 1, symbol < n ? symbol : n - 1);
	} else if (n && strspn(inside, "hH") == n) {
		c->s->elapsed = c->s->hour = true;
		c->last = 'h';
	} else if (n && (strspn(inside, "mM") == n || strspn(inside, "sS") == n)) {
		c->s->elapsed = true;
		*(first == 'm' ? &c->s->minute : &c->s->second) = true;
		c->last = first;
	}
}

static void take_digit(struct compiler *c)
{
	c->masked = c->masked || (c->closed && c->s->kind != NUMBER_SCIENTIFIC);
	if (c->s->kind == NUMBER_SCIENTIFIC && c->closed) {
		return; /* of the exponent */
	}
	c->s->kind = c->s->kind == NUMBER_LITERAL ? NUMBER_DECIMAL : c->s->kind;
	c->commas = 0;
	c->digits = true;
	c->any_zero = c->any_zero || *c->p != '?';
	if (c->point) {
		c->s->decimals++;
		c->s->min_decimals = *c->p == '0' ? c->s->decimals : c->s->min_decimals;
	} else {
		c->s->min_integers += *c->p == '0';
	}
}

static void take_date_letter(struct compiler *c, char letter)
{
	struct number_section *s = c->s;

	if (c->last == letter) {
		return; /* one of several: "mm" */
	}
	switch (letter) {
	case 'y':
	case 'e':
	case 'b':
		s->year = true;
		break;
	case 'd':
		s->day = true;
		break;
	case 'h':
		s->hour = true;
		break;
	case 's':
		s->second = true;
		if (c->last == 'm' && !s->minute) { /* mm:ss */
			s->minute = true;
			s->month = false;
		}
		break;
	case 'm':
		*(c->last == 'h' ? &s->minute : &s->month) = true;
		break;
	default:
		break;
	}
	c->last = letter;
}

static bool is_date(const struct number_section *s)
{
	return s->year || s->month || s->day || s->hour || s->minute || s->second;
}

/* AM/PM, A/P: its letters mean nothing else. */
static size_t half_day(const char *p)
{
	return strncasecmp(p, "AM/PM", 5) == 0 ? 5 : strncasecmp(p, "A/P", 3) == 0 ? 3 : 0;
}

static void take_letter(struct compiler *c)
{
	char letter = (char)tolower((unsigned char)*c->p);

	if (strncasecmp(c->p, "general", 7) == 0) {
		c->s->kind = NUMBER_GENERAL;
		c->digits = true;
		c->p += 7;
	} else if (half_day(c->p)) {
		c->p += half_day(c->p);
	} else if (letter == 'e' && (c->p[1] == '+' || c->p[1] == '-') && c->digits) {
		c->s->kind = NUMBER_SCIENTIFIC;
		c->closed = true;
		c->p += 2;
	} else {
		if (strchr("ymdhseb", letter)) {
			take_date_letter(c, letter);
		} else if (letter != 'g' && letter != 'a') { /* eras, days of the week */
			add_literal(c, c->p, 1);
		}
		c->p++;
	}
}

static void take_quoted(struct compiler *c)
{
	size_t n = strcspn(c->p + 1, "\"");

	add_literal(c, c->p + 1, n);
	c->p += 1 + n + (c->p[1 + n] == '"');
}

static size_t character(const char *p)
{
	size_t n = 1;

	while (((unsigned char)p[n] & 0xc0) == 0x80) {
		n++;
	}
	return n;
}

/* One element of a section. */
static void take(struct compiler *c)
{
	char at = *c->p;

	if (at == '"') {
		take_quoted(c);
	} else if (at == '[') {
		take_bracket(c);
	} else if (at == '\\' || at == '_' || at == '*') {
		size_t n = c->p[1] ? character(c->p + 1) : 0;

		if (at == '\\') {
			add_literal(c, c->p + 1, n);
		}
		c->p += 1 + n;
	} else if (isalpha((unsigned char)at)) {
		take_letter(c);
	} else if (at == '0' || at == '#' || at == '?') {
		take_digit(c);
		c->p++;
	} else if (at == '.' && !is_date(c->s)) {
		c->point = true;
		c->p++;
	} else if (at == ',') {
		c->commas += c->digits;
		c->p++;
	} else if (at == '%') {
		c->s->percents++;
		add_literal(c, "%", 1);
		c->p++;
	} else if (at == '@') {
		c->s->kind = NUMBER_GENERAL;
		c->digits = true;
		c->p++;
	} else {
		size_t n = character(c->p);

		add_literal(c, c->p, n);
		c->masked = c->masked || (at == '/' && c->digits);
		c->p += n;
	}
}

static void end_section(struct compiler *c)
{
	struct number_section *s = c->s;

	s->thousands = c->commas;
	s->decimals = s->decimals > DECIMALS_MAX ? DECIMALS_MAX : s->decimals;
	s->min_decimals = s->min_decimals > s->decimals ? s->decimals : s->min_decimals;
	s->min_integers = s->min_integers > DECIMALS_MAX ? DECIMALS_MAX : s->min_integers;
	s->dash = c->digits && !c->any_zero && s->kind == NUMBER_DECIMAL;
	if (is_date(s)) {
		s->kind = NUMBER_DATE;
	} else if (c->masked) {
		s->kind = NUMBER_GENERAL;
		*s->before = *s->after = '\0';
	}
}

void number_format_compile(const char *code, struct number_format *out)
{
	struct compiler c = {.p = code};

	memset(out, 0, sizeof(*out));
	for (bool more = true; more && out->n_sections < NUMBER_SECTIONS;) {
		c = (struct compiler){.p = c.p, .s = &out->sections[out->n_sections++]};
		c.s->kind = NUMBER_LITERAL;
		while (*c.p && *c.p != ';') {
			take(&c);
		}
		end_section(&c);
		more = *c.p == ';';
		c.p += more;
	}
	out->hides = out->n_sections >= 3;
	for (int i = 0; i < out->n_sections; i++) {
		const struct number_section *s = &out->sections[i];

		out->hides = out->hides && s->kind == NUMBER_LITERAL && !*s->before && !*s->after;
	}
	if (!*code) {
		out->sections[0].kind = NUMBER_GENERAL;
	}
}

const char *number_format_builtin(long id)
{
	static const char *const CODES[] = {
		[1] = "0",
		[2] = "0.00",
		[3] = "#,##0",
		[4] = "#,##0.00",
		[5] = "$#,##0;-$#,##0",
		[6] = "$#,##0;-$#,##0",
		[7] = "$#,##0.00;-$#,##0.00",
		[8] = "$#,##0.00;-$#,##0.00",
		[9] = "0%",
		[10] = "0.00%",
		[11] = "0.00E+00",
		[12] = "# ?/?",
		[13] = "# ?"
		       "?/?"
		       "?",
		[14] = "yyyy-mm-dd",
		[15] = "d-mmm-yy",
		[16] = "d-mmm",
		[17] = "mmm-yy",
		[18] = "h:mm AM/PM",
		[19] = "h:mm:ss AM/PM",
		[20] = "h:mm",
		[21] = "h:mm:ss",
		[22] = "yyyy-mm-dd h:mm",
		[37] = "#,##0;-#,##0",
		[38] = "#,##0;-#,##0",
		[39] = "#,##0.00;-#,##0.00",
		[40] = "#,##0.00;-#,##0.00",
		[41] = "#,##0;-#,##0",
		[42] = "$#,##0;-$#,##0",
		[43] = "#,##0.00;-#,##0.00",
		[44] = "$#,##0.00;-$#,##0.00",
		[45] = "mm:ss",
		[46] = "[h]:mm:ss",
		[47] = "mm:ss",
		[48] = "0.0E+0",
		[49] = "@",
	};
	const long n = (long)(sizeof(CODES) / sizeof(CODES[0]));

	/* 27 to 36 and 50 to 58 are dates in Chinese, Japanese and Korean Excel. */
	if ((id >= 27 && id <= 36) || (id >= 50 && id <= 58)) {
		return id == 32 || id == 33 || id == 34 || id == 35 ? "h:mm:ss" : "yyyy-mm-dd";
	}
	return id > 0 && id < n && CODES[id] ? CODES[id] : "General";
}

/* ── numbers ── */

static void add_general(double value, struct buf *out)
{
	if (fabs(value) < 1e15 && value == floor(value)) {
		buf_printf(out, "%.0f", value + 0.0);
	} else {
		buf_printf(out, "%.15g", value);
	}
}

static void add_decimal(const struct number_section *s, double value, struct buf *out)
{
	char digits[400];
	double x = fabs(value), unit = 1;
	int n, min_length;

	for (int i = 0; i < s->percents; i++) {
		x *= 100;
	}
	for (int i = 0; i < s->thousands; i++) {
		x /= 1000;
	}
	if (s->dash && x == 0) {
		return;
	}
	if (!(x < 1e15)) {
		add_general(x, out);
		return;
	}
	for (int i = 0; i < s->decimals; i++) {
		unit *= 10;
	}
	if (x * unit < 1e15) {
		x = floor(x * unit + 0.5) / unit; /* halves go up, as people round */
	}
	n = snprintf(digits, sizeof(digits), "%.*f", s->decimals, x);
	min_length = n - (s->decimals - s->min_decimals);
	while (s->decimals && n > min_length && digits[n - 1] == '0') {
		n--;
	}
	n -= n && digits[n - 1] == '.';
	for (int i = (int)strcspn(digits, "."); i < s->min_integers; i++) {
		buf_char(out, '0');
	}
	buf_add(out, digits, (size_t)n);
}

/* ── dates ── */

/* Days since 1970-01-01 as a date (Gregorian). */
static void civil(long days, int *year, int *month, int *day)
{
	long z = days + 719468, era = z / 146097, doe = z - era * 146097;
	long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	long doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static void add_time(const struct number_section *s, double value, long seconds, struct buf *out)
{
	if (s->elapsed) {
		double all = floor(value * 86400 + 0.5);

		buf_printf(out, "%.0f:%02d:%02d", floor(all / 3600), (int)fmod(all / 60, 60),
			(int)fmod(all, 60));
		return;
	}
	buf_printf(out, "%02ld:%02ld", seconds / 3600, seconds / 60 % 60);
	if (s->second || seconds % 60) {
		buf_printf(out, ":%02ld", seconds % 60);
	}
}

static void add_date(const struct number_section *s, double value, bool since_1904, struct buf *out)
{
	bool date = s->year || s->month || s->day, time = s->hour || s->minute || s->second;
	long days = (long)floor(value);
	long seconds = (long)floor((value - floor(value)) * 86400 + 0.5);
	int year, month, day;

	if (seconds >= 86400) {
		seconds -= 86400;
		days++;
	}
	if (!date) {
		add_time(s, value, seconds, out);
		return;
	}
	/* Excel has a 29th of February 1900, number 60: before it, all is one day off. */
	days += since_1904 ? DAYS_1904 : days < 60 ? 1 : 0;
	civil(days - DAYS_1970, &year, &month, &day);
	if (s->day || !s->year || time) {
		buf_printf(out, "%04d-%02d-%02d", year, month, day);
	} else {
		buf_printf(out, s->month ? "%04d-%02d" : "%04d", year, month);
	}
	if (time) {
		buf_char(out, ' ');
		add_time(s, value, seconds, out);
	}
}

/* ── all of it ── */

static const struct number_section *section_of(const struct number_format *f, double value)
{
	int i = value < 0 && f->n_sections >= 2 ? 1 : value == 0 && f->n_sections >= 3 ? 2 : 0;

	return &f->sections[i];
}

/* What stands before or after the number, without the signs that say "negative" in words of its
 * own: brackets, a minus. */
static void add_literals(const char *s, struct buf *out)
{
	for (; *s; s++) {
		if (!strchr("()-+", *s)) {
			buf_char(out, *s);
		}
	}
}

void number_format_add(
	const struct number_format *f, double value, bool since_1904, struct buf *out)
{
	const struct number_section *s = section_of(f, value);

	if (!isfinite(value)) {
		return;
	}
	if (s->kind == NUMBER_LITERAL || (s->dash && value == 0)) {
		buf_str(out, s->before);
		return;
	}
	if (s->kind == NUMBER_DATE && value >= 0 && value < SERIAL_MAX) {
		add_date(s, value, since_1904, out);
		return;
	}
	buf_str(out, value < 0 ? "-" : "");
	if (s->kind == NUMBER_DATE) {
		add_general(fabs(value), out);
		return;
	}
	add_literals(s->before, out);
	if (s->kind == NUMBER_SCIENTIFIC) {
		buf_printf(out, "%.*E", s->decimals, fabs(value));
	} else if (s->kind == NUMBER_DECIMAL) {
		add_decimal(s, value, out);
	} else {
		add_general(fabs(value), out);
	}
	add_literals(s->after, out);
}

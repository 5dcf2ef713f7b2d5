/* What style declarations hide: the ones that orders to language models travel under. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest/html.h"

#define TINY_PX 2.0
#define FAR_PX -900.0 /* left of or above anything that is shown */
#define VALUE_MAX 128
#define RULE_MAX 4096 /* bytes of a selector list that are looked at */

/* ── values ── */

static int32_t hex_color(const char *s, size_t n)
{
	int32_t c = 0;

	for (size_t i = 1; i < n; i++) {
		int digit = isxdigit((unsigned char)s[i])
				    ? (isdigit((unsigned char)s[i])
						      ? s[i] - '0'
						      : tolower((unsigned char)s[i]) - 'a' + 10)
				    : -1;

		if (digit < 0) {
			return -1;
		}
		c = n == 4 ? c << 8 | digit << 4 | digit : c << 4 | digit;
	}
	return n == 4 || n == 7 ? c : -1;
}

int32_t html_color(const char *s, size_t n)
{
	static const struct {
		const char *name;
		int32_t color;
	} NAMES[] = {{"white", 0xffffff}, {"black", 0}, {"snow", 0xfffafa}, {"ivory", 0xfffff0},
		{"whitesmoke", 0xf5f5f5}, {"red", 0xff0000}, {"green", 0x8000}, {"blue", 0xff},
		{"yellow", 0xffff00}, {"gray", 0x808080}, {"silver", 0xc0c0c0}};
	char copy[VALUE_MAX];
	int r, g, b;

	while (n && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	for (size_t i = 0; i < n; i++) {
		if (isspace((unsigned char)s[i]) && memchr(s, '(', n) == NULL) {
			n = i; /* what follows is no colour: "white url(…)" */
		}
	}
	if (!n || n >= sizeof(copy)) {
		return -1;
	}
	memcpy(copy, s, n);
	copy[n] = '\0';
	if (copy[0] == '#') {
		return hex_color(copy, n);
	}
	if (sscanf(copy, "rgb(%d , %d , %d", &r, &g, &b) == 3 ||
		sscanf(copy, "rgba(%d , %d , %d", &r, &g, &b) == 3) {
		return (r & 0xff) << 16 | (g & 0xff) << 8 | (b & 0xff);
	}
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (strcasecmp(copy, NAMES[i].name) == 0) {
			return NAMES[i].color;
		}
	}
	return -1;
}

/* A length in px, about; false: it is none. */
static bool length_px(const char *value, double *px)
{
	char *unit;
	double n = strtod(value, &unit);

	if (unit == value) {
		return false;
	}
	*px = strncmp(unit, "pt", 2) == 0    ? n * 4 / 3
	      : strncmp(unit, "em", 2) == 0  ? n * 16
	      : strncmp(unit, "rem", 3) == 0 ? n * 16
	      : *unit == '%'		     ? n * .16
					     : n;
	return true;
}

/* ── declarations ── */

struct declared {
	struct html_style style;
	bool overflow_hidden, zero_size, one_px_size;
	bool positioned, far;
};

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(s, *list) == 0) {
			return true;
		}
	}
	return false;
}

static void declare_place(struct declared *d, const char *name, const char *value)
{
	static const char *const SIDES[] = {"left", "top", "right", "bottom", NULL};
	static const char *const SHIFTS[] = {"text-indent", "margin-left", "margin-top", NULL};
	static const char *const SIZES[] = {"height", "max-height", "width", "max-width", NULL};
	double px;

	if (strcmp(name, "position") == 0) {
		d->positioned = strcmp(value, "absolute") == 0 || strcmp(value, "fixed") == 0 ||
				strcmp(value, "relative") == 0;
	} else if (!length_px(value, &px)) {
		return;
	} else if (is_one_of(name, SIDES)) {
		d->far |= px < FAR_PX && value[strlen(value) - 1] != '%';
	} else if (is_one_of(name, SHIFTS) && px < FAR_PX) {
		d->style.hiding = HTML_OFF_PAGE;
	} else if (is_one_of(name, SIZES)) {
		d->zero_size |= px == 0;
		d->one_px_size |= px <= 1;
	}
}

static void declare(struct declared *d, const char *name, const char *value)
{
	double px;

	if ((strcmp(name, "display") == 0 && strcmp(value, "none") == 0) ||
		(strcmp(name, "visibility") == 0 &&
			(strcmp(value, "hidden") == 0 || strcmp(value, "collapse") == 0))) {
		d->style.hiding = HTML_NOT_SHOWN;
	} else if (strcmp(name, "opacity") == 0 && length_px(value, &px) && px < .05) {
		d->style.hiding = HTML_NOT_DRAWN;
	} else if (strcmp(name, "font-size") == 0 && length_px(value, &px) && px < TINY_PX) {
		d->style.hiding = HTML_TOO_SMALL;
	} else if (strcmp(name, "color") == 0) {
		d->style.color = html_color(value, strlen(value));
		d->style.hiding =
			strcmp(value, "transparent") == 0 ? HTML_NOT_DRAWN : d->style.hiding;
	} else if (strcmp(name, "background") == 0 || strcmp(name, "background-color") == 0) {
		d->style.background = html_color(value, strlen(value));
	} else if (strcmp(name, "overflow") == 0) {
		d->overflow_hidden = strcmp(value, "hidden") == 0 || strcmp(value, "clip") == 0;
	} else if ((strcmp(name, "clip") == 0 && strncmp(value, "rect(", 5) == 0 &&
			   strspn(value + 5, "01px, )") == strlen(value + 5)) ||
		   (strcmp(name, "clip-path") == 0 &&
			   (strstr(value, "inset(50%") || strstr(value, "inset(100%") ||
				   strstr(value, "circle(0")))) {
		d->style.hiding = HTML_NOT_DRAWN;
	} else {
		declare_place(d, name, value);
	}
}

/* Lower case, without the blanks around; false: it does not fit. */
static bool copy_part(const char *s, const char *end, char *out, size_t cap)
{
	size_t n;

	while (s < end && isspace((unsigned char)*s)) {
		s++;
	}
	while (s < end && isspace((unsigned char)end[-1])) {
		end--;
	}
	n = (size_t)(end - s);
	if (n >= cap) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		out[i] = (char)tolower((unsigned char)s[i]);
	}
	out[n] = '\0';
	return true;
}

struct html_style html_style_parse(const char *s, size_t n_bytes)
{
	struct declared d = {.style = {.color = -1, .background = -1}};
	const char *end = s + n_bytes;
	char name[32], value[VALUE_MAX];

	while (s < end) {
		const char *stop = memchr(s, ';', (size_t)(end - s));
		const char *colon;

		stop = stop ? stop : end;
		colon = memchr(s, ':', (size_t)(stop - s));
		if (colon && copy_part(s, colon, name, sizeof(name)) &&
			copy_part(colon + 1, stop, value, sizeof(value)) && *value) {
			char *important = strstr(value, "!important");

			if (important) {
				*important = '\0';
				for (size_t n = strlen(value); n && value[n - 1] == ' '; n--) {
					value[n - 1] = '\0';
				}
			}
			declare(&d, name, value);
		}
		s = stop + 1;
	}
	if (d.style.hiding == HTML_SHOWN) {
		d.style.hiding =
			d.positioned && d.far ? HTML_OFF_PAGE
			: d.overflow_hidden && (d.zero_size || (d.one_px_size && d.positioned))
				? HTML_NOT_DRAWN
			: d.style.color >= 0 && d.style.color == d.style.background
				? HTML_SAME_COLOR
				: HTML_SHOWN;
	}
	return d.style;
}

/* ── style sheets: rules of one class or id each, outside of @media ── */

static void add_selectors(
	struct html_page *page, const char *s, const char *end, enum html_hiding hiding)
{
	while (s < end && page->n_rules < HTML_RULES_MAX) {
		const char *stop = memchr(s, ',', (size_t)(end - s));
		char name[sizeof(page->rules[0].name)];

		stop = stop ? stop : end;
		/* lower case: so is what they are compared with */
		if (copy_part(s, stop, name, sizeof(name)) && (name[0] == '.' || name[0] == '#') &&
			name[1] && !strpbrk(name + 1, " .#:>+~[*")) {
			struct html_rule *r = &page->rules[page->n_rules++];

			snprintf(r->name, sizeof(r->name), "%s", name);
			r->hiding = hiding;
		}
		s = stop + 1;
	}
}

void html_rules_add(struct html_page *page, const char *css, size_t n_bytes)
{
	const char *p = css, *end = css + n_bytes, *selectors = css;
	int depth = 0;

	while (p < end) {
		const char *close;

		if (end - p > 1 && p[0] == '/' && p[1] == '*') {
			close = memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
			p = close ? close + 2 : end;
			selectors = depth ? selectors : p;
		} else if (*p == '{' && memchr(selectors, '@', (size_t)(p - selectors))) {
			depth++; /* rules for some media: what they hide may be seen elsewhere */
			selectors = ++p;
		} else if (*p == '{') {
			struct html_style style;

			close = memchr(p, '}', (size_t)(end - p));
			close = close ? close : end;
			style = html_style_parse(p + 1, (size_t)(close - p - 1));
			if (!depth && style.hiding != HTML_SHOWN && p - selectors < RULE_MAX) {
				add_selectors(page, selectors, p, style.hiding);
			}
			p = close < end ? close + 1 : end;
			selectors = p;
		} else {
			depth -= *p == '}' && depth;
			selectors = *p == '}' || *p == ';' ? p + 1 : selectors;
			p++;
		}
	}
}

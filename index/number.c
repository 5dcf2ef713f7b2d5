#include "index/number.h"

#include <string.h>

static bool comma_is_decimal(const char *language)
{
	return language[0] && strcmp(language, "en") != 0 && strcmp(language, "zh") != 0 &&
	       strcmp(language, "ja") != 0;
}

/* Whether the digits between separators `sep` come in groups of three: 1,200,000. */
static bool grouped(const char *w, size_t n, char sep)
{
	size_t group = 0;
	bool first = true;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && w[i] != sep) {
			group++;
			continue;
		}
		if (first ? group == 0 || group > 3 : group != 3) {
			return false;
		}
		first = false;
		group = 0;
	}
	return !(w[0] == '0' && n > 1);
}

static size_t without(char *w, size_t n, char sep)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (w[i] != sep) {
			w[len++] = w[i];
		}
	}
	w[len] = '\0';
	return len;
}

static int count(const char *w, size_t n, char c)
{
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		found += w[i] == c;
	}
	return found;
}

bool number_normal(char *w, size_t *n, const char *language)
{
	int commas, dots;

	*n = without(w, *n, '\'');
	commas = count(w, *n, ',');
	dots = count(w, *n, '.');
	if (commas && dots) {
		char *last_comma = strrchr(w, ','), *last_dot = strrchr(w, '.');
		char decimal = last_comma > last_dot ? ',' : '.';
		char *at = last_comma > last_dot ? last_comma : last_dot;
		char sep = decimal == ',' ? '.' : ',';

		if (count(w, *n, decimal) != 1 || !grouped(w, (size_t)(at - w), sep)) {
			return false;
		}
		*at = '.';
		if (sep == '.') { /* the decimal point just set stays */
			size_t head = without(w, (size_t)(at - w), '.');
			size_t tail = strlen(at + 1);

			w[head] = '.';
			memmove(w + head + 1, at + 1, tail + 1);
			*n = head + 1 + tail;
		} else {
			*n = without(w, *n, ',');
		}
		return true;
	}
	if (commas == 0 && dots == 0) {
		return true;
	}
	if (commas) {
		if (grouped(w, *n, ',') && (commas > 1 || !comma_is_decimal(language))) {
			*n = without(w, *n, ',');
			return true;
		}
		if (commas == 1 && strcmp(language, "en") != 0) {
			*strchr(w, ',') = '.';
			return true;
		}
		return false;
	}
	if (grouped(w, *n, '.') && (dots > 1 || comma_is_decimal(language))) {
		*n = without(w, *n, '.');
	}
	return dots == 1 || !strchr(w, '.');
}

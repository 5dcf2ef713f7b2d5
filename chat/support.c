#include "chat/support.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chat/sentence.h"
#include "index/base/utf8.h"

#define COVERAGE_VERIFIED 0.6
#define COVERAGE_PARTIAL 0.3

const char *support_name(enum support s)
{
	static const char *const names[] = {"unverified", "partial", "verified"};

	return names[s];
}

enum support support_parse(const char *name)
{
	for (int s = SUPPORT_UNVERIFIED; s <= SUPPORT_VERIFIED; s++) {
		if (name && strcmp(name, support_name((enum support)s)) == 0) {
			return (enum support)s;
		}
	}
	return SUPPORT_UNVERIFIED;
}

/* ── numbers ── */

static void add_number(struct facts *f, double value, double other, bool soft)
{
	f->numbers[f->n_numbers++] = (struct number){value, other, soft};
}

/* A run of digits with separators between groups: "20,000", "0.43", "5.000", "1'200.50". */
static size_t read_digits(struct facts *f, const char *s, size_t n)
{
	char plain[32], decimal[32];
	size_t i = 0, p = 0, d = 0, since = 0;
	int n_seps = 0;
	char first = 0, last = 0;

	while (i < n && p + 2 < sizeof(plain)) {
		if (isdigit((unsigned char)s[i])) {
			plain[p++] = s[i];
			decimal[d++] = s[i];
			since++;
		} else if ((s[i] == '.' || s[i] == ',' || s[i] == '\'') && i + 1 < n &&
			   isdigit((unsigned char)s[i + 1])) {
			n_seps++;
			first = first ? first : s[i];
			last = s[i];
			if (n_seps > 1) { /* the earlier ones were of thousands */
				d = p;
				memcpy(decimal, plain, p);
			}
			decimal[d++] = '.';
			since = 0;
		} else {
			break;
		}
		i++;
	}
	plain[p] = decimal[d] = '\0';
	if (n_seps == 0 || (n_seps > 1 && first == last)) {
		add_number(f, strtod(plain, NULL), strtod(plain, NULL), false);
	} else if (n_seps == 1 && since == 3) {
		add_number(f, strtod(plain, NULL),
			last == '\'' ? strtod(plain, NULL) : strtod(decimal, NULL), false);
	} else {
		add_number(f, strtod(decimal, NULL), strtod(decimal, NULL), false);
	}
	while (i < n && isdigit((unsigned char)s[i])) {
		i++;
	}
	return i;
}

static int cjk_digit(uint32_t c, double *unit)
{
	static const struct {
		uint32_t c;
		int digit;
		int unit;
	} table[] = {{0x3007, 0, 0}, {0x96F6, 0, 0}, {0x4E00, 1, 0}, {0x4E8C, 2, 0}, {0x4E24, 2, 0},
		{0x4E09, 3, 0}, {0x56DB, 4, 0}, {0x4E94, 5, 0}, {0x516D, 6, 0}, {0x4E03, 7, 0},
		{0x516B, 8, 0}, {0x4E5D, 9, 0}, {0x5341, -1, 10}, {0x767E, -1, 100},
		{0x5343, -1, 1000}, {0x4E07, -1, 10000}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].c == c) {
			*unit = table[i].unit;
			return table[i].digit;
		}
	}
	return -2;
}

/* 十二, 三百五十, 两万 */
static size_t read_cjk_number(struct facts *f, const char *s, size_t n)
{
	double total = 0, section = 0, digit = 0;
	size_t i = 0;

	while (i < n) {
		int used;
		double unit = 0;
		int d = cjk_digit(utf8_decode(s + i, n - i, &used), &unit);

		if (d == -2) {
			break;
		}
		if (d >= 0) {
			digit = d;
		} else if (unit >= 10000) {
			total = (total + section + digit) * unit;
			section = digit = 0;
		} else {
			section += (digit > 0 ? digit : 1) * unit;
			digit = 0;
		}
		i += (size_t)used;
	}
	if (i > 0) {
		add_number(f, total + section + digit, total + section + digit, true);
	}
	return i;
}

static void read_number_word(struct facts *f, const char *s, size_t n)
{
	static const struct {
		const char *word;
		int value;
	} words[] = {{"one", 1}, {"two", 2}, {"three", 3}, {"four", 4}, {"five", 5}, {"six", 6},
		{"seven", 7}, {"eight", 8}, {"nine", 9}, {"ten", 10}, {"eleven", 11},
		{"twelve", 12}, {"fifteen", 15}, {"twenty", 20}, {"thirty", 30}, {"forty", 40},
		{"fifty", 50}, {"sixty", 60}, {"hundred", 100}, {"zwei", 2}, {"drei", 3},
		{"vier", 4}, {"sechs", 6}, {"sieben", 7}, {"acht", 8}, {"neun", 9}, {"zehn", 10},
		{"elf", 11}, {"zwanzig", 20}, {"half", 0}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) == n && strncasecmp(words[i].word, s, n) == 0) {
			add_number(f, words[i].value, words[i].value, true);
		}
	}
}

/* 1 to 12, 0 for no month's name. */
static int month_of(const char *s, size_t n)
{
	static const char *const months[] = {"january|januar", "february|februar", "march|märz",
		"april", "may|mai", "june|juni", "july|juli", "august", "september",
		"october|oktober", "november", "december|dezember"};

	for (int m = 0; m < 12; m++) {
		for (const char *name = months[m]; *name; name += *name == '|') {
			size_t len = strcspn(name, "|");

			if (len == n && strncasecmp(name, s, n) == 0) {
				return m + 1;
			}
			name += len;
		}
	}
	return 0;
}

static void read_numbers(struct facts *f, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = sentence_marker(s + i, n - i);
		size_t word = 0;
		int used;

		if (len > 0) {
			i += len;
			continue;
		}
		if (isdigit((unsigned char)s[i])) {
			i += read_digits(f, s + i, n - i);
			continue;
		}
		while (i + word < n &&
			(isalpha((unsigned char)s[i + word]) || (s[i + word] & 0x80))) {
			word++;
		}
		if (isalpha((unsigned char)s[i])) {
			read_number_word(f, s + i, word);
			if (month_of(s + i, word) > 0) {
				add_number(f, month_of(s + i, word), month_of(s + i, word), true);
			}
			while (i < n && (isalnum((unsigned char)s[i]))) {
				i++;
			}
			continue;
		}
		len = read_cjk_number(f, s + i, n - i);
		utf8_decode(s + i, n - i, &used);
		i += len > 0 ? len : (size_t)used;
	}
}

bool facts_has_number(const struct facts *f, const struct number *n)
{
	for (int i = 0; i < f->n_numbers; i++) {
		const struct number *m = &f->numbers[i];

		if (fabs(m->value - n->value) < 1e-9 || fabs(m->other - n->other) < 1e-9 ||
			fabs(m->value - n->other) < 1e-9 || fabs(m->other - n->value) < 1e-9) {
			return true;
		}
	}
	return false;
}

/* ── words ── */

/* "no more than" bounds, it does not deny. */
static bool only_bounds(const char *s, size_t n)
{
	static const char *const words[] = {"more than", "later than", "less than", "longer than",
		"fewer than", "mehr als", "später als", "weniger als", "only"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (n >= strlen(words[i]) && strncasecmp(s, words[i], strlen(words[i])) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_negated(const char *s, size_t n)
{
	static const char *const latin[] = {" not ", " no ", " never ", "n't ", " nicht ", " kein",
		" nie ", " niemals ", " without ", " ohne "};
	static const char *const cjk[] = {"不", "没", "未", "无", "禁"};
	static const char *const not_really[] = {
		"不超", "不少", "不低", "不同", "不仅", "不得超", "无论"};

	for (size_t i = 0; i < sizeof(latin) / sizeof(latin[0]); i++) {
		size_t len = strlen(latin[i]);

		for (size_t at = 0; at + len <= n; at++) {
			if (strncasecmp(s + at, latin[i], len) == 0 &&
				!only_bounds(s + at + len, n - at - len)) {
				return true;
			}
		}
	}
	for (size_t i = 0; i < sizeof(cjk) / sizeof(cjk[0]); i++) {
		const char *hit = memmem(s, n, cjk[i], 3);
		bool harmless = false;

		for (size_t k = 0; hit && k < sizeof(not_really) / sizeof(not_really[0]); k++) {
			size_t len = strlen(not_really[k]);

			harmless = harmless || ((size_t)(s + n - hit) >= len &&
						       memcmp(hit, not_really[k], len) == 0);
		}
		if (hit && !harmless) {
			return true;
		}
	}
	return false;
}

/* A capital inside a sentence makes a name, but not in German, where it makes a noun. */
static void find_names(struct arena *a, struct facts *f, const char *text)
{
	f->is_name = arena_array(a, bool, (size_t)f->terms.n + 1);
	if (strcmp(f->language, "de") == 0) {
		return;
	}
	for (int i = 1; i < f->terms.n; i++) {
		const struct term *t = &f->terms.items[i];
		int before = t->byte_start - 1;

		while (before >= 0 &&
			(text[before] == ' ' || text[before] == '"' || text[before] == '(')) {
			before--;
		}
		f->is_name[i] =
			isupper((unsigned char)text[t->byte_start]) && !t->stopword &&
			before >= 0 && !strchr(".!?:\n|", text[before]) &&
			t->byte_end - t->byte_start > 1 &&
			month_of(text + t->byte_start, (size_t)(t->byte_end - t->byte_start)) == 0;
	}
}

void facts_read(
	struct arena *a, const char *text, size_t n_bytes, const char *language, struct facts *out)
{
	char *plain = arena_strn(a, text, n_bytes);

	for (size_t i = 0; i < n_bytes; i++) {
		size_t len = sentence_marker(plain + i, n_bytes - i);

		memset(plain + i, ' ', len);
	}
	*out = (struct facts){.text = plain, .language = language ? language : ""};
	out->numbers = arena_array(a, struct number, n_bytes + 2);
	read_numbers(out, plain, n_bytes);
	analyse(a, plain, n_bytes, out->language, &out->terms);
	find_names(a, out, plain);
	out->negated = is_negated(plain, n_bytes);
}

bool facts_has_term(const struct facts *f, const char *term)
{
	for (int i = 0; i < f->terms.n; i++) {
		if (strcmp(f->terms.items[i].text, term) == 0) {
			return true;
		}
	}
	return false;
}

static bool seen_before(const struct terms *t, int i)
{
	for (int k = 0; k < i; k++) {
		if (strcmp(t->items[k].text, t->items[i].text) == 0) {
			return true;
		}
	}
	return false;
}

static bool only_digits(const char *s)
{
	return s[strspn(s, "0123456789.,")] == '\0';
}

static double coverage(const struct facts *claim, const struct facts *const *sources, int n)
{
	int all = 0, held = 0;

	for (int i = 0; i < claim->terms.n; i++) {
		const struct term *t = &claim->terms.items[i];
		bool has = false;

		if (t->stopword || only_digits(t->text) || seen_before(&claim->terms, i)) {
			continue;
		}
		for (int s = 0; s < n && !has; s++) {
			has = facts_has_term(sources[s], t->text);
		}
		all++;
		held += has ? 1 : 0;
	}
	return all ? (double)held / all : 1;
}

double facts_coverage(const struct facts *claim, const struct facts *source)
{
	return coverage(claim, &source, 1);
}

/* ── the check ── */

static bool any_has_number(const struct facts *const *sources, int n, const struct number *number)
{
	for (int s = 0; s < n; s++) {
		if (facts_has_number(sources[s], number)) {
			return true;
		}
	}
	return false;
}

static bool names_stand(const struct facts *claim, const struct facts *const *sources, int n)
{
	for (int i = 0; i < claim->terms.n; i++) {
		bool has = false;

		for (int s = 0; s < n && claim->is_name[i] && !has; s++) {
			has = facts_has_term(sources[s], claim->terms.items[i].text);
		}
		if (claim->is_name[i] && !has) {
			return false;
		}
	}
	return true;
}

/* From the first word to the last, blanks aside; whatever language either was taken for. */
static bool word_for_word(const struct facts *claim, const struct facts *quote)
{
	const char *a, *b, *a_end, *b_end;

	if (claim->terms.n == 0 || quote->terms.n == 0) {
		return false;
	}
	a = claim->text + claim->terms.items[0].byte_start;
	b = quote->text + quote->terms.items[0].byte_start;
	a_end = claim->text + claim->terms.items[claim->terms.n - 1].byte_end;
	b_end = quote->text + quote->terms.items[quote->terms.n - 1].byte_end;
	while (a < a_end && b < b_end) {
		if (isspace((unsigned char)*a)) {
			a++;
		} else if (isspace((unsigned char)*b)) {
			b++;
		} else if (*a++ != *b++) {
			return false;
		}
	}
	return a == a_end && b == b_end;
}

enum support support_check(const struct facts *claim, const struct facts *const *sources, int n,
	const struct facts *quote)
{
	double covered = coverage(claim, sources, n);
	int n_hard = 0;
	bool foreign = n > 0 && claim->language[0] && sources[0]->language[0] &&
		       strcmp(claim->language, sources[0]->language) != 0;

	if (claim->terms.n == 0 || n == 0) {
		return SUPPORT_UNVERIFIED;
	}
	if (quote && word_for_word(claim, quote)) {
		return SUPPORT_VERIFIED;
	}
	for (int i = 0; i < claim->n_numbers; i++) {
		if (claim->numbers[i].soft) {
			continue;
		}
		n_hard++;
		if (!any_has_number(sources, n, &claim->numbers[i])) {
			return SUPPORT_UNVERIFIED;
		}
	}
	if (covered >= COVERAGE_VERIFIED && names_stand(claim, sources, n) &&
		(!quote || quote->negated == claim->negated)) {
		return SUPPORT_VERIFIED;
	}
	return covered >= COVERAGE_PARTIAL || (foreign && n_hard > 0) ? SUPPORT_PARTIAL
								      : SUPPORT_UNVERIFIED;
}

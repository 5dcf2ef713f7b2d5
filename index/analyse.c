/*
 * The analyser: text -> terms. Here the text is walked:
 *
 * - text = runs of CJK | fields, divided by white space;
 * - CJK run -> its overlapping bigrams (one line break inside does not end a run); of one
 *   character: it;
 * - field -> atoms: letters | a number with its separators. ASCII fields are walked directly,
 *   others between the word boundaries of ICU (UAX 29), which knows Thai, Khmer, Lao and so on.
 */
#include "index/analyse_private.h"

#include <string.h>

#include "index/base/utf8.h"
#include "index/fold.h"
#include "index/letters.h"
#include "index/stopwords.h"

/* ── atoms ── */

/* Whether an apostrophe after this word ends it: l'avion, dell'ordine, qu'il. */
static bool elides(const struct scan *s, const struct atom *left)
{
	static const char *const words[] = {"l", "d", "c", "j", "m", "n", "s", "t", "qu", "jusqu",
		"lorsqu", "puisqu", "quoiqu", "quelqu", "un", "gl", "dell", "all", "dall", "nell",
		"sull", "coll", "quell", "quest", "v"};
	char w[TERM_SIZE];
	size_t n;

	if (s->language[0] && strcmp(s->language, "fr") != 0 && strcmp(s->language, "it") != 0 &&
		strcmp(s->language, "ca") != 0) {
		return false;
	}
	n = fold_case(s->text + left->start, (size_t)(left->end - left->start), w, sizeof(w));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i]) == n && memcmp(words[i], w, n) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_joiner(uint32_t c, bool between_digits)
{
	switch (c) {
	case '-':
	case 0x2010:
	case 0x2011:
	case '_':
	case '.':
	case '@':
	case '&':
		return true;
	case '/':
	case ':':
		return between_digits;
	default:
		return false;
	}
}

/* Begins an atom; the ones before are put out if it does not belong to them. */
static void begin_atom(struct scan *s, enum atom_kind kind, int at)
{
	if (s->n_atoms > 0) {
		const struct atom *before = &s->atoms[s->n_atoms - 1];
		int gap = at - before->end;
		int used = 0;
		bool digits = before->kind == DIGITS && kind == DIGITS;

		if (gap > 0) {
			uint32_t c = utf8_decode(s->text + before->end, (size_t)gap, &used);

			if (used != gap || !is_joiner(c, digits)) {
				terms_flush(s);
			}
		}
	}
	if (s->n_atoms == ATOMS_MAX) {
		s->too_long = true;
		for (int i = 0; i < s->n_atoms; i++) {
			terms_emit_atom(s, &s->atoms[i]);
		}
		s->n_atoms = 0;
	}
	s->atoms[s->n_atoms++] =
		(struct atom){.kind = kind, .start = at, .end = at, .last = at, .all_upper = true};
}

/* ── a field, character by character ── */

static struct atom *open_atom(struct scan *s, enum atom_kind kind, int at)
{
	struct atom *a = s->n_atoms ? &s->atoms[s->n_atoms - 1] : NULL;

	return a && a->kind == kind && a->end == at ? a : NULL;
}

static void add_letter(struct scan *s, uint32_t c, int at, int end)
{
	struct atom *a = open_atom(s, LETTERS, at);

	if (a && letter_is_upper(c) && !a->last_upper && !a->all_upper) {
		a = NULL; /* createUser */
	} else if (a && letter_is_lower(c) && a->all_upper && a->n_chars > 1) {
		int used;
		bool plural =
			c == 's' && (end == s->n_bytes ||
					    letter_class(utf8_decode(s->text + end,
						    (size_t)(s->n_bytes - end), &used)) != LETTER);

		if (!plural) { /* HTTPServer: the S belongs to what follows */
			int last = a->last;

			a->end = last;
			a->n_chars--;
			begin_atom(s, LETTERS, last);
			a = &s->atoms[s->n_atoms - 1];
			a->end = at;
			a->n_chars = 1;
		}
	}
	if (!a) {
		begin_atom(s, LETTERS, at);
		a = &s->atoms[s->n_atoms - 1];
	}
	a->last = at;
	a->end = end;
	a->n_chars++;
	a->last_upper = letter_is_upper(c);
	a->all_upper = a->all_upper && a->last_upper;
}

static void add_digit(struct scan *s, int at, int end)
{
	struct atom *a = open_atom(s, DIGITS, at);

	if (!a && s->n_atoms) { /* over one separator: 1,200 */
		struct atom *before = &s->atoms[s->n_atoms - 1];
		int gap = at - before->end;
		int used = 0;
		uint32_t c = gap > 0 ? utf8_decode(s->text + before->end, (size_t)gap, &used) : 0;

		if (before->kind == DIGITS && gap > 0 && used == gap &&
			(c == '.' || c == ',' || letter_is_apostrophe(c))) {
			a = before;
		}
	}
	if (!a) {
		begin_atom(s, DIGITS, at);
		a = &s->atoms[s->n_atoms - 1];
	}
	a->end = end;
}

/* An apostrophe at [at, end) inside a word stays in it, or ends it (elision). */
static void add_apostrophe(struct scan *s, int at, int end)
{
	struct atom *a = open_atom(s, LETTERS, at);
	int used;

	if (!a || end >= s->n_bytes ||
		letter_class(utf8_decode(s->text + end, (size_t)(s->n_bytes - end), &used)) !=
			LETTER) {
		return;
	}
	if (elides(s, a)) {
		terms_flush(s);
		return;
	}
	a->end = end;
	a->last_upper = true; /* O'Brien is one word */
	a->all_upper = false;
}

static void walk(struct scan *s, int from, int to)
{
	for (int i = from; i < to;) {
		int used;
		uint32_t c = utf8_decode(s->text + i, (size_t)(to - i), &used);
		int end = i + used;

		switch (letter_class(c)) {
		case LETTER:
			add_letter(s, c, i, end);
			break;
		case DIGIT:
			add_digit(s, i, end);
			break;
		case MARK:
			if (s->n_atoms && s->atoms[s->n_atoms - 1].end == i) {
				s->atoms[s->n_atoms - 1].end = end;
			}
			break;
		case APOSTROPHE:
			add_apostrophe(s, i, end);
			break;
		case OTHER:
			break;
		}
		i = end;
	}
}

/* Between ICU's boundaries; words that touch without a joiner (Thai) are words of their own. */
static void walk_icu(struct scan *s, int from, int to)
{
	UBreakIterator *words = words_tool(s->text + from, to - from);
	int32_t start, end;

	if (!words) {
		walk(s, from, to);
		return;
	}
	start = ubrk_first(words);
	while ((end = ubrk_next(words)) != UBRK_DONE) {
		if (s->n_atoms && s->atoms[s->n_atoms - 1].end == from + start &&
			ubrk_getRuleStatus(words) >= UBRK_WORD_NONE_LIMIT) {
			terms_flush(s);
		}
		walk(s, from + start, from + end);
		start = end;
	}
}

/* One lower-case word, perhaps with a capital, and ASCII punctuation around it: what most fields
 * are. */
static bool plain_word(const struct scan *s, int from, int to, struct atom *a)
{
	const char *text = s->text;
	int at = from, end;

	while (at < to && letter_class((unsigned char)text[at]) == OTHER) {
		at++;
	}
	end = at;
	if (at < to && text[at] >= 'A' && text[at] <= 'Z') {
		end++;
	}
	while (end < to && text[end] >= 'a' && text[end] <= 'z') {
		end++;
	}
	for (int i = end; i < to; i++) {
		if (letter_class((unsigned char)text[i]) != OTHER) {
			return false;
		}
	}
	*a = (struct atom){.kind = LETTERS, .start = at, .end = end, .n_chars = end - at};
	return end - at > 1;
}

static void scan_field(struct scan *s, int from, int to, bool ascii)
{
	struct atom a;

	if (ascii && plain_word(s, from, to, &a)) {
		terms_emit_atom(s, &a);
		return;
	}
	if (ascii) {
		walk(s, from, to);
	} else {
		walk_icu(s, from, to);
	}
	terms_flush(s);
}

/* ── CJK ── */

static void emit_cjk(struct scan *s, int start, int start_end, int last, int end)
{
	char raw[16], cased[TERM_SIZE];
	size_t n = 0;
	struct term t = {
		.byte_start = start, .byte_end = end, .position = s->position++, .cjk = true};

	memcpy(raw, s->text + start, (size_t)(start_end - start));
	n = (size_t)(start_end - start);
	if (last > start) {
		memcpy(raw + n, s->text + last, (size_t)(end - last));
		n += (size_t)(end - last);
	}
	n = fold_case(raw, n, cased, sizeof(cased));
	t.stopword = stopword_chinese(cased, n);
	terms_emit(s, cased, n, t);
}

/* Past one line break that stands between two CJK characters, or `at`. */
static int over_line_break(const struct scan *s, int at)
{
	int breaks = 0, i = at, used;

	while (i < s->n_bytes && strchr(" \t\r\n", s->text[i]) && s->text[i]) {
		breaks += s->text[i] == '\n';
		i++;
	}
	if (breaks != 1 || i == s->n_bytes ||
		!utf8_is_cjk(utf8_decode(s->text + i, (size_t)(s->n_bytes - i), &used))) {
		return at;
	}
	return i;
}

static int scan_cjk(struct scan *s, int at)
{
	int before = -1, before_end = -1, n = 0, used;

	while (at < s->n_bytes) {
		uint32_t c = utf8_decode(s->text + at, (size_t)(s->n_bytes - at), &used);

		if (!utf8_is_cjk(c)) {
			int next = over_line_break(s, at);

			if (next == at) {
				break;
			}
			at = next;
			continue;
		}
		if (n++ > 0) {
			emit_cjk(s, before, before_end, at, at + used);
		}
		before = at;
		before_end = at + used;
		at += used;
	}
	if (n == 1) {
		emit_cjk(s, before, before_end, before, before_end);
	}
	return at;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void choose_language(struct scan *s, const char *language)
{
	s->stop_mask = (1u << N_STOP_COMMON) - 1;
	if (!language || strlen(language) < 2 || (language[2] && language[2] != '-')) {
		return;
	}
	memcpy(s->language, language, 2);
	s->stemmer = stem_tool(s->language);
	s->german = strcmp(s->language, "de") == 0;
	s->stop_mask = 0;
	for (int i = 0; i < N_STOP_LANGUAGES; i++) {
		if (strcmp(stop_codes[i], s->language) == 0) {
			s->stop_mask = 1u << i;
		}
	}
}

void analyse(
	struct arena *a, const char *text, size_t n_bytes, const char *language, struct terms *out)
{
	struct scan s = {.arena = a, .text = text, .out = out};
	int i = 0;

	ASSERT(n_bytes < INT32_MAX);
	s.n_bytes = (int)n_bytes;
	*out = (struct terms){NULL, 0};
	choose_language(&s, language);
	for (size_t k = 0; k < n_bytes && !s.has_lower; k++) {
		s.has_lower = text[k] >= 'a' && text[k] <= 'z';
	}
	while (i < s.n_bytes) {
		bool ascii = true;
		int from = i;

		while (i < s.n_bytes && !is_space(text[i])) {
			int used;
			uint32_t c;

			if ((unsigned char)text[i] < 0x80) {
				i++;
				continue;
			}
			c = utf8_decode(text + i, n_bytes - (size_t)i, &used);
			if (utf8_is_cjk(c)) {
				break;
			}
			ascii = false;
			i += used;
		}
		if (i > from) {
			scan_field(&s, from, i, ascii);
		} else if (is_space(text[i])) {
			i++;
		} else {
			i = scan_cjk(&s, i);
		}
	}
}

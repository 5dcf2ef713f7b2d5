/*
 * The analyser: text -> terms.
 *
 *   text      = runs of CJK | fields, divided by white space
 *   CJK run   -> its overlapping bigrams (one line break inside does not end a run); of one
 * character: it field     -> atoms: letters | a number with its separators. ASCII fields are walked
 * directly, others between the word boundaries of ICU (UAX 29), which knows Thai, Khmer, Lao and so
 * on. compound  = atoms that touch (CreateUserToken, ISO27001, 10kg) or have one joiner between
 * them (ISO-27001, e-mail, 2026-02-14, a.name@example.com) -> each atom, and the whole written
 *                together at the position of the first: "iso27001" is found however it was written.
 *   section   = "§ 12", "12(3)" -> its numbers, and the whole at the position of the first
 *   term      = fold_case, then the stem, then fold_marks.
 */
#include <string.h>

#include "index/base/utf8.h"
#include "index/fold.h"
#include "index/fts.h"
#include "index/letters.h"
#include "index/number.h"
#include "index/stopwords.h"
#include "index/text_tools.h"
#include "index/word_forms.h"

#define ATOMS_MAX 8   /* of a compound that is also written together */
#define TERM_BYTES 64 /* of a word in the text; what is longer is cut */
#define TERM_SIZE 256 /* of a folded one, with the NUL */

/* ── what is known while one text is walked ── */

enum atom_kind { LETTERS, DIGITS };

struct atom {
	enum atom_kind kind;
	int start, end;
	int last; /* where its last character begins */
	int n_chars;
	bool all_upper, last_upper;
};

struct scan {
	struct arena *arena;
	const char *text;
	int n_bytes;
	char language[3];
	uint32_t stop_mask;
	struct sb_stemmer *stemmer; /* NULL: none for the language */
	bool german;
	bool has_lower; /* capitals stand out: "IT" is no stopword */
	struct atom atoms[ATOMS_MAX];
	int n_atoms;
	bool too_long; /* the compound had more atoms: it is not written together */
	int position;
	struct terms *out;
	int capacity;
};

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

static void emit(struct scan *s, const char *text, size_t len, struct term t)
{
	if (len == 0) {
		return;
	}
	if (s->out->n == s->capacity) {
		int more = s->capacity ? s->capacity * 2 : s->n_bytes / 6 + 8;
		struct term *grown = arena_array(s->arena, struct term, (size_t)more);

		if (s->out->n) {
			memcpy(grown, s->out->items, (size_t)s->out->n * sizeof(*grown));
		}
		s->out->items = grown;
		s->capacity = more;
	}
	t.text = arena_strn(s->arena, text, len);
	s->out->items[s->out->n++] = t;
}

/* "mueller" -> "müller", as Snowball's second German algorithm has it: ae, oe and ue are umlauts
 * written without them, but for "qu" and an e before u ("neue", "treue"). */
static size_t umlauts(const char *w, size_t n, char out[TERM_SIZE])
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = w[i], before = i > 0 ? w[i - 1] : '\0';
		bool digraph =
			i + 1 < n && w[i + 1] == 'e' &&
			(c == 'a' || c == 'o' ||
				(c == 'u' && before != 'q' && before != 'e' && before != 'a'));

		if (digraph) {
			out[len++] = (char)0xc3; /* two bytes for two */
			out[len++] = (char)(c == 'a' ? 0xa4 : c == 'o' ? 0xb6 : 0xbc);
			i++;
		} else {
			out[len++] = c;
		}
	}
	out[len] = '\0';
	return len;
}

/* Folded and stemmed into out; *folded gets the word before stemming, for the stopwords. */
static size_t normal_form(struct scan *s, const char *cased, size_t n, char out[TERM_SIZE],
	char folded[TERM_SIZE], size_t *n_folded)
{
	char german[TERM_SIZE];

	if (s->german) {
		n = umlauts(cased, n, german);
		cased = german;
	}
	*n_folded = fold_marks(cased, n, folded, TERM_SIZE);
	if (s->stemmer && n > 1) {
		const sb_symbol *stem =
			sb_stemmer_stem(s->stemmer, (const sb_symbol *)cased, (int)n);

		if (stem && sb_stemmer_length(s->stemmer) > 0) {
			return fold_marks((const char *)stem, (size_t)sb_stemmer_length(s->stemmer),
				out, TERM_SIZE);
		}
	}
	memcpy(out, folded, *n_folded + 1);
	return *n_folded;
}

/* The same for a word of the text, with the stopword lists that it stands in. */
static size_t word_form(
	struct scan *s, const char *cased, size_t n, char out[TERM_SIZE], uint32_t *stop_languages)
{
	struct word_form *f = NULL;
	char folded[TERM_SIZE];
	size_t n_folded, n_out;

	if (n > 0 && n <= WORD_FORM_MAX) {
		f = word_form_slot(cased, n, s->language);
	}
	if (f && f->n_word) {
		memcpy(out, f->form, f->n_form);
		*stop_languages = f->stop_languages;
		return f->n_form;
	}
	n_out = normal_form(s, cased, n, out, folded, &n_folded);
	*stop_languages = stopword_languages(folded, n_folded);
	if (f && n_out <= WORD_FORM_MAX) {
		memcpy(f->language, s->language, sizeof(f->language));
		memcpy(f->word, cased, n);
		memcpy(f->form, out, n_out);
		f->n_word = (uint8_t)n;
		f->n_form = (uint8_t)n_out;
		f->stop_languages = *stop_languages;
	}
	return n_out;
}

/* ── letters ── */

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

static size_t atom_bytes(const struct scan *s, const struct atom *a)
{
	return utf8_floor(s->text + a->start, (size_t)(a->end - a->start), TERM_BYTES);
}

static size_t letters_text(const struct scan *s, const struct atom *a, char out[TERM_SIZE])
{
	size_t n = fold_case(s->text + a->start, atom_bytes(s, a), out, TERM_SIZE);

	return letters_drop_apostrophes(out, n);
}

/* C++, C#, F#: the one kind of name that lives in its punctuation. */
static size_t sharp_or_plus(const struct scan *s, const struct atom *a, char *out)
{
	const char *after = s->text + a->end;
	int left = s->n_bytes - a->end;

	if (a->end - a->start != 1) {
		return 0;
	}
	if (left >= 2 && after[0] == '+' && after[1] == '+') {
		memcpy(out + 1, "++", 3);
		return 3;
	}
	if (left >= 1 && after[0] == '#' && (left == 1 || after[1] != '#')) {
		memcpy(out + 1, "#", 2);
		return 2;
	}
	return 0;
}

static void emit_letters(struct scan *s, const struct atom *a)
{
	char cased[TERM_SIZE], form[TERM_SIZE];
	size_t n = letters_text(s, a, cased);
	size_t special = sharp_or_plus(s, a, cased);
	uint32_t stop_languages;
	struct term t = {.byte_start = a->start, .byte_end = a->end, .position = s->position++};

	if (special) {
		t.byte_end = a->start + (int)special;
		emit(s, cased, special, t);
		return;
	}
	n = word_form(s, cased, n, form, &stop_languages);
	t.stopword = (stop_languages & s->stop_mask) != 0 &&
		     !(a->all_upper && a->n_chars > 1 && s->has_lower);
	emit(s, form, n, t);
}

/* ── numbers ── */

/* The digits of an atom with plain ' , . as separators. */
static size_t digits_text(const struct scan *s, const struct atom *a, char out[TERM_SIZE])
{
	size_t n = fold_case(s->text + a->start, atom_bytes(s, a), out, TERM_SIZE);
	size_t len = 0;

	for (size_t i = 0; i < n;) {
		int used;

		if (letter_is_apostrophe(utf8_decode(out + i, n - i, &used))) {
			out[len++] = '\'';
		} else {
			memmove(out + len, out + i, (size_t)used);
			len += (size_t)used;
		}
		i += (size_t)used;
	}
	out[len] = '\0';
	return len;
}

/* A date or address: whole, and its parts. A list with commas: its parts. */
static void emit_number_parts(struct scan *s, const struct atom *a, const char *w, size_t n)
{
	int at = a->start, first = s->position;
	bool whole = memchr(w, '.', n) && !memchr(w, ',', n);
	struct term t = {.byte_start = a->start, .byte_end = a->end, .position = first};

	if (whole) {
		emit(s, w, n, t);
	}
	for (int i = a->start; i <= a->end; i++) {
		if (i < a->end && s->text[i] != '.' && s->text[i] != ',' && s->text[i] != '\'') {
			continue;
		}
		if (i > at && i - at <= TERM_BYTES) {
			char part[TERM_SIZE];
			size_t len = fold_case(s->text + at, (size_t)(i - at), part, sizeof(part));

			t = (struct term){
				.byte_start = at, .byte_end = i, .position = s->position++};
			emit(s, part, len, t);
		}
		at = i + 1;
	}
}

/* Whether a § or §§ stands before this place, with no more than a blank between. */
static bool after_section_mark(const struct scan *s, int at)
{
	const char *t = s->text;

	at -= at > 0 && t[at - 1] == ' ' ? 1 : at > 1 && !memcmp(t + at - 2, "\xc2\xa0", 2) ? 2 : 0;
	return at >= 2 && memcmp(t + at - 2, "\xc2\xa7", 2) == 0;
}

/* The length of "(3)" or "(a)" at this place, 0 for anything else. */
static int subsection(const struct scan *s, int at)
{
	int end = at + 1;

	if (at >= s->n_bytes || s->text[at] != '(') {
		return 0;
	}
	while (end < s->n_bytes && end - at < 5 &&
		((s->text[end] >= '0' && s->text[end] <= '9') ||
			(s->text[end] >= 'a' && s->text[end] <= 'z'))) {
		end++;
	}
	return end > at + 1 && end < s->n_bytes && s->text[end] == ')' ? end + 1 - at : 0;
}

/* "§ 12(3)" is its numbers, and "§12" and "12(3)" at the place of the first. */
static void emit_section(struct scan *s, const struct atom *a, const char *w, size_t n)
{
	struct term t = {.byte_start = a->start, .byte_end = a->end, .position = s->position - 1};
	char whole[TERM_SIZE + 8] = "\xc2\xa7";
	int n_sub = subsection(s, a->end);

	memcpy(whole + 2, w, n + 1);
	if (after_section_mark(s, a->start)) {
		emit(s, whole, n + 2, t);
	}
	if (n_sub > 0) {
		memcpy(whole + 2 + n, s->text + a->end, (size_t)n_sub);
		t.byte_end += n_sub;
		emit(s, whole + 2, n + (size_t)n_sub, t);
	}
}

static void emit_digits(struct scan *s, const struct atom *a)
{
	char w[TERM_SIZE];
	size_t n = digits_text(s, a, w);

	if (number_normal(w, &n, s->language)) {
		struct term t = {
			.byte_start = a->start, .byte_end = a->end, .position = s->position++};

		emit(s, w, n, t);
		emit_section(s, a, w, n);
	} else {
		emit_number_parts(s, a, w, n);
	}
}

/* ── compounds ── */

static void emit_atom(struct scan *s, const struct atom *a)
{
	if (a->kind == LETTERS) {
		emit_letters(s, a);
	} else {
		emit_digits(s, a);
	}
}

/* The atoms written together; between two numbers their joiner stays (2026-02 is not 202602). */
static void emit_whole(struct scan *s)
{
	const struct atom *first = &s->atoms[0], *last = &s->atoms[s->n_atoms - 1];
	char cased[TERM_SIZE], form[TERM_SIZE], folded[TERM_SIZE];
	size_t len = 0, n_folded;
	bool letters = true;
	struct term t = {
		.byte_start = first->start, .byte_end = last->end, .position = s->position - 1};

	if (last->end - first->start > TERM_BYTES) {
		return;
	}
	for (int i = 0; i < s->n_atoms; i++) {
		const struct atom *a = &s->atoms[i];
		char part[TERM_SIZE];
		size_t n = a->kind == LETTERS ? letters_text(s, a, part) : digits_text(s, a, part);
		bool joint = i > 0 && a->kind == DIGITS && s->atoms[i - 1].kind == DIGITS;

		if (a->kind == DIGITS) {
			letters = false;
			(void)number_normal(part, &n, s->language);
		}
		if (len + n + 2 > sizeof(cased)) {
			return;
		}
		if (joint) {
			char c = s->text[s->atoms[i - 1].end];

			cased[len++] = (unsigned char)c < 0x80 ? c : '-';
		}
		memcpy(cased + len, part, n);
		len += n;
	}
	cased[len] = '\0';
	if (letters) {
		len = normal_form(s, cased, len, form, folded, &n_folded);
	} else {
		len = fold_marks(cased, len, form, sizeof(form));
	}
	emit(s, form, len, t);
}

static void flush(struct scan *s)
{
	for (int i = 0; i < s->n_atoms; i++) {
		emit_atom(s, &s->atoms[i]);
		if (i == 0 && s->n_atoms > 1 && !s->too_long) {
			emit_whole(s);
		}
	}
	s->n_atoms = 0;
	s->too_long = false;
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
				flush(s);
			}
		}
	}
	if (s->n_atoms == ATOMS_MAX) {
		s->too_long = true;
		for (int i = 0; i < s->n_atoms; i++) {
			emit_atom(s, &s->atoms[i]);
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
		flush(s);
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
			flush(s);
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
		emit_letters(s, &a);
		return;
	}
	if (ascii) {
		walk(s, from, to);
	} else {
		walk_icu(s, from, to);
	}
	flush(s);
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
	emit(s, cased, n, t);
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

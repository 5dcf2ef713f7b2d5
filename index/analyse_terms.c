/*
 * What the analyser makes of the atoms of a field:
 *
 * - compound = atoms that touch (CreateUserToken, ISO27001, 10kg) or have one joiner between them
 *   (ISO-27001, e-mail, 2026-02-14, a.name@example.com) -> each atom, and the whole written
 *   together at the position of the first: "iso27001" is found however it was written;
 * - section = "§ 12", "12(3)" -> its numbers, and the whole at the position of the first;
 * - term = fold_case, then the stem, then fold_marks.
 */
#include "index/analyse_private.h"

#include <string.h>

#include "index/base/utf8.h"
#include "index/fold.h"
#include "index/letters.h"
#include "index/number.h"
#include "index/stopwords.h"
#include "index/word_forms.h"

#define TERM_BYTES 64 /* of a word in the text; what is longer is cut */

void terms_emit(struct scan *s, const char *text, size_t len, struct term t)
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

/* ── the form of a word ── */

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
		terms_emit(s, cased, special, t);
		return;
	}
	n = word_form(s, cased, n, form, &stop_languages);
	t.stopword = (stop_languages & s->stop_mask) != 0 &&
		     !(a->all_upper && a->n_chars > 1 && s->has_lower);
	terms_emit(s, form, n, t);
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
		terms_emit(s, w, n, t);
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
			terms_emit(s, part, len, t);
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
		terms_emit(s, whole, n + 2, t);
	}
	if (n_sub > 0) {
		memcpy(whole + 2 + n, s->text + a->end, (size_t)n_sub);
		t.byte_end += n_sub;
		terms_emit(s, whole + 2, n + (size_t)n_sub, t);
	}
}

static void emit_digits(struct scan *s, const struct atom *a)
{
	char w[TERM_SIZE];
	size_t n = digits_text(s, a, w);

	if (number_normal(w, &n, s->language)) {
		struct term t = {
			.byte_start = a->start, .byte_end = a->end, .position = s->position++};

		terms_emit(s, w, n, t);
		emit_section(s, a, w, n);
	} else {
		emit_number_parts(s, a, w, n);
	}
}

/* ── compounds ── */

void terms_emit_atom(struct scan *s, const struct atom *a)
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
	terms_emit(s, form, len, t);
}

void terms_flush(struct scan *s)
{
	for (int i = 0; i < s->n_atoms; i++) {
		terms_emit_atom(s, &s->atoms[i]);
		if (i == 0 && s->n_atoms > 1 && !s->too_long) {
			emit_whole(s);
		}
	}
	s->n_atoms = 0;
	s->too_long = false;
}

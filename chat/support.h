/*
 * Whether a source says what a sentence claims, without a second model: the claim's numbers and
 * dates must stand in the passage, its names too, most of its content words, and it must not negate
 * what the quoted sentence affirms.
 *
 *   verified    all of that, or the quoted sentence word for word
 *   partial     the numbers stand, a part of the words; or across languages, where only
 *               numbers compare
 *   unverified  a number is missing, or the words are others
 *
 * Pure. Thread: any.
 */
#ifndef CHAT_SUPPORT_H
#define CHAT_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/arena.h"
#include "index/fts.h"

enum support { SUPPORT_UNVERIFIED, SUPPORT_PARTIAL, SUPPORT_VERIFIED };
const char *support_name(enum support s);     /* as in citation.support */
enum support support_parse(const char *name); /* SUPPORT_UNVERIFIED for any other, and for NULL */

/* A number as written may mean two: "5.000" is 5000 or 5. */
struct number {
	double value;
	double other; /* the same as value where there is one reading */
	bool soft;    /* written in words: counts in a source, is not asked of one */
};

struct facts {
	const char *text; /* what was read, without its markers */
	struct number *numbers;
	int n_numbers;
	struct terms terms;
	bool *is_name; /* [terms.n] */
	bool negated;
	const char *language;
};

/* Reads a claim or a source; markers like "[1]" are no numbers. All in the arena. */
void facts_read(
	struct arena *a, const char *text, size_t n_bytes, const char *language, struct facts *out);
bool facts_has_number(const struct facts *f, const struct number *n);
bool facts_has_term(const struct facts *f, const char *term);
/* Distinct content words of the claim that the source has, 0 to 1; 1 for a claim without any. */
double facts_coverage(const struct facts *claim, const struct facts *source);

/* sources: the passages cited together [n]; quote: the sentence that fits best. */
enum support support_check(const struct facts *claim, const struct facts *const *sources, int n,
	const struct facts *quote);

#endif

/*
 * Numbers as people write them, to one form: "1,200" and (German) "1.200" -> "1200", "1.234,50" ->
 * "1234.50", "4,5" -> "4.5", "1'000" -> "1000". Thread: any.
 */
#ifndef INDEX_NUMBER_H
#define INDEX_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* w: digits with single . , or ' between them, NUL-terminated, rewritten in place. False: it is no
 * one number but a list, a date, a version or an address ("1,2,3", "14.02.2026"); w is then without
 * '. */
bool number_normal(char *w, size_t *n_bytes, const char *language);

#endif

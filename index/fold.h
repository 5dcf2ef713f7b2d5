/*
 * Words folded for the index: case and compatibility forms (NFKC_Casefold of UAX 31), then
 * diacritics. Two steps, since a stemmer between them needs the accents of its language. Out is
 * always NUL-terminated; what does not fit is cut between characters. Thread: any.
 */
#ifndef INDEX_FOLD_H
#define INDEX_FOLD_H

#include <stddef.h>

/* Both return the length in bytes. Invalid bytes become U+FFFD. */
size_t fold_case(const char *s, size_t n_bytes, char *out, size_t out_size);
size_t fold_marks(const char *s, size_t n_bytes, char *out, size_t out_size);

#endif

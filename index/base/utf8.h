/* UTF-8 (RFC 3629). Offsets and lengths are bytes. Thread: any. */
#ifndef INDEX_BASE_UTF8_H
#define INDEX_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool utf8_valid(const char *s, size_t n_bytes); /* no surrogates, no overlongs, no U+0000 */
/* The code point at s[0..n) and its length; an invalid byte gives U+FFFD and length 1. */
uint32_t utf8_decode(const char *s, size_t n_bytes, int *n_used);
int utf8_encode(uint32_t code_point, char out[4]);
/* The longest prefix of at most n_bytes that ends between characters. */
size_t utf8_floor(const char *s, size_t len, size_t n_bytes);
/* How many bytes at the end of s[0..n) belong to a character that is not complete (0 to 3). */
size_t utf8_incomplete_tail(const char *s, size_t n_bytes);
bool utf8_is_cjk(uint32_t code_point); /* Han, Hiragana, Katakana, Hangul */
/* A name fit to be shown and stored: valid UTF-8, no control, bidi or zero-width characters, no
 * '/' or '\\', trimmed, at most max_bytes; malloced; "unnamed" if nothing is left. */
char *utf8_clean_name(const char *s, size_t n_bytes, size_t max_bytes);

#endif

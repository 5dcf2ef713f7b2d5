/*
 * Character sets by name. All text in other encodings than UTF-8 is converted by ICU, which has its
 * tables in its library: also what libraries (GMime, GLib, libxml2) give to iconv, which is defined
 * here for the whole process. glibc's iconv has a module a character set, files that a child may
 * not read, and each that the zygote had loaded would be five mappings that every fork copies.
 *
 * Of iconv's contract (POSIX) all but the suffixes: with //TRANSLIT and //IGNORE, too, what the
 * target lacks is EILSEQ. Thread: any; an iconv_t and a converter belong to one at a time.
 */
#ifndef INGEST_CHARSET_H
#define INGEST_CHARSET_H

#include <unicode/ucnv.h>

/* The caller's to ucnv_close. name: as documents, mailers, uchardet or glibc write it. NULL: it is
 * not known; ISO-8859-16, VISCII, TCVN, KOI8-T and ARMSCII-8 are the better known of those. */
UConverter *charset_open(const char *name);

#endif

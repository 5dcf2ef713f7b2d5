/* What the tests of document readers share: a zygote, requests from memory, PDFs made on the spot.
 */
#ifndef TESTS_UNIT_INGEST_READING_H
#define TESTS_UNIT_INGEST_READING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above */
#include <cmocka.h>

#include <cairo-pdf.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "index/base/settings.h"
#include "ingest/zygote.h"
#include "tests/unit/ingest/pdf_bomb.h"

static inline int memfd_of(const void *p, size_t n)
{
	int fd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	assert_int_equal(
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
		0);
	return fd;
}

/* A zygote with the default settings, changed by (name, value) pairs that end with NULL. */
static inline struct zygote *zygote_with(const char *name, ...)
{
	struct settings set;
	struct err e = ERR_INIT;
	struct zygote *z = NULL;
	va_list ap;

	settings_init(&set);
	va_start(ap, name);
	while (name) {
		const char *value = va_arg(ap, const char *);

		assert_int_equal(settings_set(&set, name, value, "test", &e), 0);
		name = va_arg(ap, const char *);
	}
	va_end(ap);
	assert_int_equal(zygote_start(&set, &z, &e), 0);
	settings_finish(&set);
	if (zygote_state(z)) {
		print_error("%s\n", zygote_state(z));
	}
	assert_null(zygote_state(z));
	return z;
}

static inline int read_bytes(struct zygote *z, const void *p, size_t n, const char *name,
	struct arena *a, struct extracted *out, struct err *e)
{
	int fd = memfd_of(p, n);
	struct extract_request r = {.memfd = fd, .name = name};
	int rc = zygote_extract(z, &r, a, out, e);

	close(fd);
	return rc;
}

/* Reads a string that must be readable. */
static inline struct extracted read_string(
	struct zygote *z, const char *s, const char *name, struct arena *a)
{
	struct extracted x;
	struct err e = ERR_INIT;
	int rc = read_bytes(z, s, strlen(s), name, a, &x, &e);

	if (rc) {
		print_error("%s: %s\n", e.reason, e.message);
	}
	assert_int_equal(rc, 0);
	return x;
}

/* "H1 Travel policy" of block i, in a static buffer. */
static inline const char *block_line(const struct extracted *x, int i)
{
	static char line[4096];
	static const char KINDS[] = "PHLTCN";
	const struct block *b;
	int n;

	if (i >= x->n_blocks) {
		return "(no such block)";
	}
	b = &x->blocks[i];
	n = snprintf(line, sizeof(line), "%c", KINDS[b->kind]);
	if (b->level) {
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%d", b->level);
	}
	snprintf(line + n, sizeof(line) - (size_t)n, " %.*s", b->byte_end - b->byte_start,
		x->text + b->byte_start);
	return line;
}

static inline void print_blocks(const struct extracted *x)
{
	for (int i = 0; i < x->n_blocks; i++) {
		print_message("[%d] %s\n", i, block_line(x, i));
	}
}

/* The first block that contains the words, or -1. */
static inline int block_with(const struct extracted *x, const char *words)
{
	for (int i = 0; i < x->n_blocks; i++) {
		if (strstr(block_line(x, i), words)) {
			return i;
		}
	}
	return -1;
}

static inline int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d)) {
		n++;
	}
	closedir(d);
	return n;
}

/* Under the leak checker: cairo and fontconfig keep their caches. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\nleak:libcairo\n";
}

/* ── PDFs ── */

static inline cairo_status_t on_pdf_bytes(void *arg, const unsigned char *p, unsigned int n)
{
	buf_add(arg, p, n);
	return CAIRO_STATUS_SUCCESS;
}

struct pdf_pen {
	cairo_surface_t *surface;
	cairo_t *cr;
	struct buf out;
};

static inline void pdf_begin(struct pdf_pen *p)
{
	memset(p, 0, sizeof(*p));
	p->surface = cairo_pdf_surface_create_for_stream(on_pdf_bytes, &p->out, 595, 842);
	p->cr = cairo_create(p->surface);
}

static inline void pdf_say(
	struct pdf_pen *p, double x, double y, double size, bool bold, const char *s)
{
	cairo_select_font_face(p->cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
		bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(p->cr, size);
	cairo_move_to(p->cr, x, y);
	cairo_show_text(p->cr, s);
}

/* The bytes are in p->out, the caller's to finish. */
static inline void pdf_end(struct pdf_pen *p)
{
	cairo_destroy(p->cr);
	cairo_surface_finish(p->surface);
	cairo_surface_destroy(p->surface);
}

#endif

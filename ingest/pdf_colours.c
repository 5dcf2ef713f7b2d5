/*
 * Colour transforms, made once. A colour space of a PDF brings its ICC profile along; poppler makes
 * a transform of it on each page anew, which took a fifth of the whole reading, though a document
 * has but a few profiles. These functions of lcms2 stand here in front of the library's own (the
 * program's symbols come first) and remember what was made:
 *
 *   transforms   by the profile's very bytes
 *   curves       turned round, by the bytes of their table: a profile's three channels mostly have
 *                the same one, and each of its transforms needs them; took a third of a short text
 *   pixels       of 8 bits a channel, by their bytes, for lines of pixels: pictures repeat them
 *
 * It lives as long as the process, which reads one document. All else, and all beyond the limits,
 * goes on to the library. A transform is not changed by its use, and a pixel's neighbours do not
 * matter to it, so colours are the same.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"
#include "ingest/pdf.h"

/* As in lcms2.h, which is not needed otherwise: cmsHPROFILE and cmsHTRANSFORM are void *. */
void *cmsOpenProfileFromMem(const void *p, uint32_t n_bytes);
int cmsCloseProfile(void *profile);
void *cmsCreateTransform(void *from, uint32_t from_format, void *to, uint32_t to_format,
	uint32_t intent, uint32_t flags);
void cmsDeleteTransform(void *transform);
void cmsDoTransform(void *transform, const void *from, void *to, uint32_t n_pixels);
void *cmsReverseToneCurve(const void *curve);

/* Documents have one to five, those of printing up to 3 MB; a hostile one what it likes. */
#define PROFILES_MAX 32
#define BYTES_MAX (8u << 20) /* of all */
#define TRANSFORMS_MAX 128
#define CURVES_MAX 16
#define CURVE_ENTRIES_MAX 65536u
#define PIXELS_BITS 12

/* TYPE_… of lcms2.h: the colour space, which says nothing of the bytes, and the rest. */
#define FORMAT_SPACE (31u << 16)
#define FORMAT_CHANNELS(format) ((format) >> 3 & 15u)
#define FORMAT_BYTES_1 1u

struct profile {
	void *handle;
	void *bytes;
	uint32_t n_bytes;
};

struct transform {
	void *handle;
	void *from, *to; /* NULL: closed; nothing asks for it again */
	uint32_t from_format, to_format, intent, flags;
	struct pixel *pixels; /* [1 << PIXELS_BITS]; NULL: no line was asked for yet */
};

struct pixel {
	uint64_t from; /* its bytes as a number, + 1; 0: none */
	uint8_t to[4];
};

struct curve {
	void *reversed;
	uint16_t *table;
	uint32_t n_entries;
};

static struct profile profiles[PROFILES_MAX];
static struct transform transforms[TRANSFORMS_MAX];
static struct curve curves[CURVES_MAX];
static int n_profiles, n_transforms, n_curves, n_pixels_kept;
static uint32_t n_left = BYTES_MAX;

/* ── the library's ── */

static struct {
	void *(*open)(const void *p, uint32_t n_bytes);
	int (*close)(void *profile);
	void *(*create)(void *from, uint32_t from_format, void *to, uint32_t to_format,
		uint32_t intent, uint32_t flags);
	void (*delete)(void *transform);
	void (*apply)(void *transform, const void *from, void *to, uint32_t n_pixels);
	void *(*reverse)(const void *curve);
	void *(*duplicate)(const void *curve);
	int32_t (*parametric)(const void *curve); /* its type; 0: it is a table */
	uint32_t (*n_entries)(const void *curve);
	const uint16_t *(*table)(const void *curve);
} own;

static void look_up(void *function, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	ASSERT(found != NULL);
	memcpy(function, &found, sizeof(found));
}

void pdf_keep_colours(void)
{
	if (!own.open) {
		look_up(&own.close, "cmsCloseProfile");
		look_up(&own.create, "cmsCreateTransform");
		look_up(&own.delete, "cmsDeleteTransform");
		look_up(&own.apply, "cmsDoTransform");
		look_up(&own.reverse, "cmsReverseToneCurve");
		look_up(&own.duplicate, "cmsDupToneCurve");
		look_up(&own.parametric, "cmsGetToneCurveParametricType");
		look_up(&own.n_entries, "cmsGetToneCurveEstimatedTableEntries");
		look_up(&own.table, "cmsGetToneCurveEstimatedTable");
		look_up(&own.open, "cmsOpenProfileFromMem");
	}
}

/* ── profiles ── */

void *cmsOpenProfileFromMem(const void *p, uint32_t n_bytes)
{
	struct profile *kept = &profiles[n_profiles];
	void *handle;

	pdf_keep_colours();
	for (int i = 0; i < n_profiles; i++) {
		if (profiles[i].n_bytes == n_bytes && memcmp(profiles[i].bytes, p, n_bytes) == 0) {
			return profiles[i].handle;
		}
	}
	handle = own.open(p, n_bytes);
	if (!handle || n_profiles == PROFILES_MAX || n_bytes > n_left) {
		return handle;
	}
	kept->bytes = malloc(n_bytes);
	if (kept->bytes) {
		memcpy(kept->bytes, p, n_bytes);
		kept->n_bytes = n_bytes;
		kept->handle = handle;
		n_left -= n_bytes;
		n_profiles++;
	}
	return handle;
}

int cmsCloseProfile(void *profile)
{
	pdf_keep_colours();
	for (int i = 0; i < n_profiles; i++) {
		if (profiles[i].handle == profile) {
			return 1;
		}
	}
	/* Another may get its address. */
	for (int i = 0; i < n_transforms; i++) {
		if (transforms[i].from == profile || transforms[i].to == profile) {
			transforms[i].from = transforms[i].to = NULL;
		}
	}
	return own.close(profile);
}

/* ── transforms ── */

void *cmsCreateTransform(void *from, uint32_t from_format, void *to, uint32_t to_format,
	uint32_t intent, uint32_t flags)
{
	const struct transform wanted = {
		NULL, from, to, from_format, to_format, intent, flags, NULL};
	struct transform *t = transforms;

	pdf_keep_colours();
	for (; t < transforms + n_transforms; t++) {
		if (t->from == from && t->to == to && t->from_format == from_format &&
			t->to_format == to_format && t->intent == intent && t->flags == flags) {
			return t->handle;
		}
	}
	if (n_transforms == TRANSFORMS_MAX || !from || !to) {
		return own.create(from, from_format, to, to_format, intent, flags);
	}
	*t = wanted;
	t->handle = own.create(from, from_format, to, to_format, intent, flags);
	n_transforms += t->handle != NULL;
	return t->handle;
}

void cmsDeleteTransform(void *transform)
{
	pdf_keep_colours();
	for (int i = 0; i < n_transforms; i++) {
		if (transforms[i].handle == transform) {
			return;
		}
	}
	own.delete(transform);
}

int pdf_colours_kept(void)
{
	return n_transforms;
}

/* ── pixels ── */

/* One to four channels, a byte each, one after the other. */
static bool is_plain(uint32_t format)
{
	uint32_t n = FORMAT_CHANNELS(format);

	return n >= 1 && n <= 4 && (format & ~FORMAT_SPACE) == (n << 3 | FORMAT_BYTES_1);
}

static void apply_line(struct transform *t, const uint8_t *from, uint8_t *to, uint32_t n_pixels)
{
	uint32_t n_from = FORMAT_CHANNELS(t->from_format), n_to = FORMAT_CHANNELS(t->to_format);

	for (uint32_t i = 0; i < n_pixels; i++, from += n_from, to += n_to) {
		uint32_t bytes = 0;
		struct pixel *p;

		for (uint32_t k = 0; k < n_from; k++) {
			bytes = bytes << 8 | from[k];
		}
		p = &t->pixels[bytes * 2654435761u >> (32 - PIXELS_BITS)];
		if (p->from != (uint64_t)bytes + 1) {
			own.apply(t->handle, from, p->to, 1);
			n_pixels_kept += p->from == 0;
			p->from = (uint64_t)bytes + 1;
		}
		for (uint32_t k = 0; k < n_to; k++) {
			to[k] = p->to[k];
		}
	}
}

void cmsDoTransform(void *transform, const void *from, void *to, uint32_t n_pixels)
{
	struct transform *t = transforms;

	pdf_keep_colours();
	while (t < transforms + n_transforms && t->handle != transform) {
		t++;
	}
	if (n_pixels > 1 && t < transforms + n_transforms && is_plain(t->from_format) &&
		is_plain(t->to_format)) {
		t->pixels = t->pixels ? t->pixels : calloc(1u << PIXELS_BITS, sizeof(*t->pixels));
		if (t->pixels) {
			apply_line(t, from, to, n_pixels);
			return;
		}
	}
	own.apply(transform, from, to, n_pixels);
}

int pdf_pixels_kept(void)
{
	return n_pixels_kept;
}

/* ── curves ── */

static void keep_curve(const uint16_t *table, uint32_t n_entries, const void *reversed)
{
	struct curve *c = &curves[n_curves];

	if (!reversed || n_curves == CURVES_MAX || n_entries > CURVE_ENTRIES_MAX) {
		return;
	}
	c->table = malloc(n_entries * sizeof(*table));
	c->reversed = own.duplicate(reversed);
	if (c->table && c->reversed) {
		memcpy(c->table, table, n_entries * sizeof(*table));
		c->n_entries = n_entries;
		n_curves++;
	}
}

void *cmsReverseToneCurve(const void *curve)
{
	const uint16_t *table;
	uint32_t n_entries;
	void *reversed;

	pdf_keep_colours();
	if (own.parametric(curve) != 0) {
		return own.reverse(curve); /* by its formula, at no cost */
	}
	table = own.table(curve);
	n_entries = own.n_entries(curve);
	for (int i = 0; i < n_curves; i++) {
		if (curves[i].n_entries == n_entries &&
			memcmp(curves[i].table, table, n_entries * sizeof(*table)) == 0) {
			return own.duplicate(curves[i].reversed);
		}
	}
	reversed = own.reverse(curve);
	keep_curve(table, n_entries, reversed);
	return reversed;
}

int pdf_curves_kept(void)
{
	return n_curves;
}

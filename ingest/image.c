#include "ingest/image.h"

#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SIDE_MAX 32767 /* of tesseract's coordinates */
#define DPI_MIN 72     /* what says less was no scanner */
#define DPI_MAX 2400
#define DPI_SCREEN 96  /* where nothing is said */
#define PAGE_LONG 1260 /* points, a little more than A3; what claims more has no true size … */
#define PAGE_USUAL 842 /* … and is taken for A4 */

/* ── kinds ── */

struct kind {
	const char *media_type;
	const char *head;
	uint8_t n_head, at; /* the head stands there */
	/* Of frame i; false: damaged. */
	bool (*size)(const struct document *doc, int i, l_int32 *width, l_int32 *height);
};

static const l_uint8 *bytes_of(const struct document *doc)
{
	return (const l_uint8 *)doc->bytes;
}

static uint32_t little(const struct document *doc, size_t at, int n)
{
	uint32_t v = 0;

	for (int i = n - 1; i >= 0; i--) {
		v = v << 8 | (at + (size_t)i < doc->n_bytes ? bytes_of(doc)[at + (size_t)i] : 0);
	}
	return v;
}

static bool png_size(const struct document *doc, int i, l_int32 *width, l_int32 *height)
{
	(void)i;
	return readHeaderMemPng(bytes_of(doc), doc->n_bytes, width, height, NULL, NULL, NULL) == 0;
}

static bool jpeg_size(const struct document *doc, int i, l_int32 *width, l_int32 *height)
{
	(void)i;
	return readHeaderMemJpeg(bytes_of(doc), doc->n_bytes, width, height, NULL, NULL, NULL) == 0;
}

static bool tiff_size(const struct document *doc, int i, l_int32 *width, l_int32 *height)
{
	return readHeaderMemTiff(bytes_of(doc), doc->n_bytes, i, width, height, NULL, NULL, NULL,
		       NULL, NULL) == 0;
}

static bool webp_size(const struct document *doc, int i, l_int32 *width, l_int32 *height)
{
	l_int32 n_channels;

	(void)i;
	return readHeaderMemWebP(bytes_of(doc), doc->n_bytes, width, height, &n_channels) == 0;
}

static bool pnm_size(const struct document *doc, int i, l_int32 *width, l_int32 *height)
{
	(void)i;
	return readHeaderMemPnm(
		       bytes_of(doc), doc->n_bytes, width, height, NULL, NULL, NULL, NULL) == 0;
}

/* GIF89a, logical screen descriptor */
static bool gif_size(const struct document *doc, int i, l_int32 *width, l_int32 *height)
{
	(void)i;
	*width = (l_int32)little(doc, 6, 2);
	*height = (l_int32)little(doc, 8, 2);
	return doc->n_bytes > 13;
}

/* BITMAPINFOHEADER; a negative height is one from the top down */
static bool bmp_size(const struct document *doc, int i, l_int32 *width, l_int32 *height)
{
	(void)i;
	*width = (l_int32)little(doc, 18, 4);
	*height = (l_int32)little(doc, 22, 4);
	*height = *height < 0 && *height > -SIDE_MAX ? -*height : *height;
	return doc->n_bytes > 54;
}

static const struct kind KINDS[] = {
	{"image/png", "\x89PNG\r\n\x1a\n", 8, 0, png_size},
	{"image/jpeg", "\xff\xd8\xff", 3, 0, jpeg_size},
	{"image/tiff", "II*\0", 4, 0, tiff_size},
	{"image/tiff", "MM\0*", 4, 0, tiff_size},
	{"image/webp", "WEBPVP8", 7, 8, webp_size},
	{"image/gif", "GIF87a", 6, 0, gif_size},
	{"image/gif", "GIF89a", 6, 0, gif_size},
	/* "BM" alone begins many a text; the two reserved words are zero, the header's size small
	 */
	{"image/bmp", "\0\0\0\0", 4, 6, bmp_size},
	{"image/x-portable-anymap", "P", 1, 0, pnm_size},
};

/* "P5\n640 480": a kind, space, a number, not a sentence that begins so */
static bool is_pnm(const struct document *doc)
{
	const char *p = doc->bytes;

	return doc->n_bytes > 10 && p[1] >= '1' && p[1] <= '6' && (p[2] == '\n' || p[2] == ' ') &&
	       ((p[3] >= '1' && p[3] <= '9') || p[3] == '#');
}

static bool is_bmp(const struct document *doc)
{
	return doc->n_bytes > 54 && memcmp(doc->bytes, "BM", 2) == 0 && little(doc, 14, 4) <= 124;
}

static const struct kind *kind_of(const struct document *doc)
{
	for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
		const struct kind *k = &KINDS[i];

		if (doc->n_bytes >= (size_t)k->at + k->n_head &&
			memcmp(doc->bytes + k->at, k->head, k->n_head) == 0 &&
			(k->size != pnm_size || is_pnm(doc)) &&
			(k->size != bmp_size || is_bmp(doc))) {
			return k;
		}
	}
	return NULL;
}

const char *image_type(const struct document *doc)
{
	const struct kind *k = kind_of(doc);

	return k ? k->media_type : NULL;
}

/* ── upright ── */

/* How a picture that is stored so is turned upright (TIFF 6.0, Orientation; Exif 2.32, 0x0112). */
static struct Pix *upright(struct Pix *pix, int orientation)
{
	static const struct {
		bool mirrored; /* left to right, before turning */
		int quarters;  /* clockwise */
	} TURNS[9] = {[2] = {true, 0},
		[3] = {false, 2},
		[4] = {true, 2},
		[5] = {true, 3},
		[6] = {false, 1},
		[7] = {true, 1},
		[8] = {false, 3}};
	struct Pix *turned;

	if (orientation < 2 || orientation > 8) {
		return pix;
	}
	if (TURNS[orientation].mirrored) {
		pixFlipLR(pix, pix);
	}
	turned = pixRotateOrth(pix, TURNS[orientation].quarters);
	pixDestroy(&pix);
	return turned;
}

/* A number of n bytes at offset `at` in p, in the byte order of a TIFF head. */
static uint32_t tiff_number(const unsigned char *p, size_t at, int n, bool little_endian)
{
	uint32_t v = 0;

	for (int i = 0; i < n; i++) {
		v = v << 8 | p[at + (size_t)(little_endian ? n - 1 - i : i)];
	}
	return v;
}

/* Of the first directory of Exif data, which is a TIFF file; 0: it does not say. */
static int exif_orientation(const unsigned char *p, size_t n)
{
	bool little_endian = n > 8 && p[0] == 'I';
	size_t at = n > 8 ? tiff_number(p, 4, 4, little_endian) : n;
	uint32_t n_entries;

	if (at > n || n - at < 2) {
		return 0;
	}
	n_entries = tiff_number(p, at, 2, little_endian);
	at += 2;
	for (uint32_t i = 0; i < n_entries && n - at >= 12; i++, at += 12) {
		if (tiff_number(p, at, 2, little_endian) == 0x0112) {
			return (int)tiff_number(p, at + 8, 2, little_endian);
		}
	}
	return 0;
}

/* Walks the segments before the picture: FF, marker, length of two bytes with itself. */
static int jpeg_orientation(const struct document *doc)
{
	const unsigned char *p = bytes_of(doc);
	size_t at = 2;

	while (doc->n_bytes - at >= 4 && p[at] == 0xff && p[at + 1] != 0xda) {
		size_t n = (size_t)p[at + 2] << 8 | p[at + 3];

		if (n < 2 || doc->n_bytes - at - 2 < n) {
			break;
		}
		if (p[at + 1] == 0xe1 && n > 8 && memcmp(p + at + 4, "Exif\0\0", 6) == 0) {
			return exif_orientation(p + at + 10, n - 8);
		}
		at += 2 + n;
	}
	return 0;
}

/* Fax machines have twice as many dots across as down. */
static struct Pix *square(struct Pix *pix)
{
	double x = pixGetXRes(pix), y = pixGetYRes(pix);
	struct Pix *scaled;

	if (x < 50 || y < 50 || x > DPI_MAX || y > DPI_MAX || fabs(x - y) < 0.1 * fmax(x, y)) {
		return pix;
	}
	scaled = pixScale(pix, (l_float32)(x < y ? y / x : 1), (l_float32)(x > y ? x / y : 1));
	pixDestroy(&pix);
	if (scaled) {
		pixSetResolution(scaled, (l_int32)fmax(x, y), (l_int32)fmax(x, y));
	}
	return scaled;
}

/* ── reading ── */

int image_count(const struct document *doc, struct draft *d)
{
	const struct kind *k = kind_of(doc);
	l_int32 n = 1;

	setMsgSeverity(L_SEVERITY_NONE);
	if (k->size == tiff_size) {
		FILE *f = fmemopen((void *)doc->bytes, doc->n_bytes, "r");

		if (!f || tiffGetCount(f, &n) != 0 || n < 1) {
			draft_fault(d, FAULT_BROKEN, 0, NULL);
		}
		fclose(f);
	}
	if (n > d->pages_max) {
		draft_fault(d, FAULT_PAGES, (uint32_t)n, NULL);
	}
	return n;
}

static void check_size(const struct document *doc, struct draft *d, const struct kind *k, int i)
{
	l_int32 width = 0, height = 0;
	char what[FRAME_DETAIL_MAX];

	if (!k->size(doc, i, &width, &height) || width < 1 || height < 1) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	if ((int64_t)width * height > doc->limits->pixels_max || width > SIDE_MAX ||
		height > SIDE_MAX) {
		snprintf(what, sizeof(what), "a picture of %d × %d pixels; ingest-megapixels",
			width, height);
		draft_fault(d, FAULT_LIMIT, 0, what);
	}
}

static void find_points(struct image_page *p)
{
	double width = pixGetWidth(p->pix), height = pixGetHeight(p->pix);
	double longer = fmax(width, height);
	double dpi = pixGetXRes(p->pix);

	dpi = dpi >= DPI_MIN && dpi <= DPI_MAX ? dpi : DPI_SCREEN;
	if (longer * 72 / dpi > PAGE_LONG) {
		dpi = longer * 72 / PAGE_USUAL;
	}
	p->dpi = (int)lround(dpi);
	p->width = fmax(1, width * 72 / p->dpi);
	p->height = fmax(1, height * 72 / p->dpi);
}

void image_read(const struct document *doc, struct draft *d, int i, struct image_page *out)
{
	const struct kind *k = kind_of(doc);
	struct Pix *pix;

	setMsgSeverity(L_SEVERITY_NONE);
	check_size(doc, d, k, i);
	pix = k->size == tiff_size ? pixReadMemTiff(bytes_of(doc), doc->n_bytes, i)
				   : pixReadMem(bytes_of(doc), doc->n_bytes);
	if (pix && k->size == jpeg_size) {
		pix = upright(pix, jpeg_orientation(doc));
	}
	pix = pix ? square(pix) : NULL;
	/* A GIF's frame may be larger than its screen. */
	if (!pix || (int64_t)pixGetWidth(pix) * pixGetHeight(pix) > 4 * doc->limits->pixels_max) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	out->pix = pix;
	find_points(out);
}

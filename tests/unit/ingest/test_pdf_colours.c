/* Poppler, in this process, reads a PDF that we wrote: its transforms are made once. What is
 * remembered of them is as the library alone makes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <dlfcn.h>
#include <poppler.h>
#include <string.h>

#include "ingest/pdf.h"

#define INTENT_PERCEPTUAL 0
#define INTENT_SATURATION 2
#define RGB_8 0x40019u /* TYPE_RGB_8 of lcms2.h */
#define RGB_16 0x4001au
#define NO_OPTIMIZE 0x100u /* as poppler asks */

extern void *cmsOpenProfileFromMem(const void *p, uint32_t n_bytes);
extern int cmsCloseProfile(void *profile);
extern void *cmsCreateTransform(void *from, uint32_t from_format, void *to, uint32_t to_format,
	uint32_t intent, uint32_t flags);
extern void cmsDeleteTransform(void *transform);
extern void cmsDoTransform(void *transform, const void *from, void *to, uint32_t n_pixels);
extern void *cmsReverseToneCurve(const void *curve);

/* Of the library alone. */
static void *(*srgb)(void);
static int (*save)(void *profile, void *p, uint32_t *n_bytes);
static void (*transform)(void *t, const void *from, void *to, uint32_t n);
static void *(*reverse)(const void *curve);
static void *(*tabulate)(void *context, uint32_t n, const uint16_t *table);
static void *(*formulate)(void *context, int32_t type, const double *parameters);
static void (*free_curve)(void *curve);
static uint32_t (*n_entries)(const void *curve);
static const uint16_t *(*entries)(const void *curve);

static int set_up(void **state)
{
	(void)state;
	pdf_keep_colours();
	*(void **)&srgb = dlsym(RTLD_DEFAULT, "cmsCreate_sRGBProfile");
	*(void **)&save = dlsym(RTLD_DEFAULT, "cmsSaveProfileToMem");
	*(void **)&transform = dlsym(RTLD_NEXT, "cmsDoTransform");
	*(void **)&reverse = dlsym(RTLD_NEXT, "cmsReverseToneCurve");
	*(void **)&tabulate = dlsym(RTLD_DEFAULT, "cmsBuildTabulatedToneCurve16");
	*(void **)&formulate = dlsym(RTLD_DEFAULT, "cmsBuildParametricToneCurve");
	*(void **)&free_curve = dlsym(RTLD_DEFAULT, "cmsFreeToneCurve");
	*(void **)&n_entries = dlsym(RTLD_DEFAULT, "cmsGetToneCurveEstimatedTableEntries");
	*(void **)&entries = dlsym(RTLD_DEFAULT, "cmsGetToneCurveEstimatedTable");
	return srgb && save && transform && reverse && tabulate && formulate && free_curve &&
			       n_entries && entries
		       ? 0
		       : -1;
}

/* The bytes of a profile. */
static void write_profile(struct buf *out)
{
	void *made = srgb();
	char bytes[16384];
	uint32_t n = sizeof(bytes);

	assert_true(save(made, bytes, &n));
	buf_add(out, bytes, n);
	cmsCloseProfile(made);
}

static void what_was_made_is_remembered(void **state)
{
	struct buf one = BUF_INIT;
	void *a, *b, *to = srgb(), *t, *again;
	const uint8_t from[3] = {200, 30, 90};
	uint8_t got[3] = {0, 0, 0};
	int kept = pdf_colours_kept();

	(void)state;
	write_profile(&one);
	a = cmsOpenProfileFromMem(one.data, (uint32_t)one.len);
	assert_non_null(a);
	assert_true(cmsCloseProfile(a));
	/* The same bytes are the same profile, whoever closed it; others are another. */
	assert_ptr_equal(cmsOpenProfileFromMem(one.data, (uint32_t)one.len), a);
	one.data[4] ^= 1; /* the preferred engine's name */
	b = cmsOpenProfileFromMem(one.data, (uint32_t)one.len);
	assert_non_null(b);
	assert_ptr_not_equal(b, a);

	t = cmsCreateTransform(a, RGB_8, to, RGB_8, INTENT_PERCEPTUAL, 0);
	assert_non_null(t);
	assert_int_equal(pdf_colours_kept(), kept + 1);
	cmsDeleteTransform(t);
	again = cmsCreateTransform(a, RGB_8, to, RGB_8, INTENT_PERCEPTUAL, 0);
	assert_ptr_equal(again, t);
	transform(again, from, got, 1);
	assert_in_range(got[0], 198, 202);
	assert_in_range(got[2], 88, 92);
	assert_ptr_not_equal(cmsCreateTransform(a, RGB_8, to, RGB_8, INTENT_SATURATION, 0), t);
	assert_ptr_not_equal(cmsCreateTransform(b, RGB_8, to, RGB_8, INTENT_PERCEPTUAL, 0), t);
	assert_int_equal(pdf_colours_kept(), kept + 3);

	/* Once the other profile is closed, its address may be another's. */
	cmsCloseProfile(to);
	assert_ptr_not_equal(cmsCreateTransform(a, RGB_8, a, RGB_8, INTENT_PERCEPTUAL, 0), t);
	to = srgb();
	assert_ptr_not_equal(cmsCreateTransform(a, RGB_8, to, RGB_8, INTENT_PERCEPTUAL, 0), t);
	buf_finish(&one);
}

static void a_line_is_as_the_library_makes_it(void **state)
{
	enum { N = 6000 };
	static uint8_t from[N * 3], to[N * 6], as_library[N * 6];
	int before = pdf_pixels_kept(), kept;
	uint32_t seed = 1;
	struct buf one = BUF_INIT;
	void *a, *t, *wide;

	(void)state;
	write_profile(&one);
	a = cmsOpenProfileFromMem(one.data, (uint32_t)one.len);
	t = cmsCreateTransform(a, RGB_8, srgb(), RGB_8, INTENT_PERCEPTUAL, NO_OPTIMIZE);
	wide = cmsCreateTransform(a, RGB_8, srgb(), RGB_16, INTENT_PERCEPTUAL, NO_OPTIMIZE);
	assert_true(t && wide);
	for (int i = 0; i < N * 3; i++) {
		seed = seed * 1664525u + 1013904223u;
		from[i] = (uint8_t)(seed >> 24 & (i < N ? 0xe0 : 0xff)); /* some repeat */
	}
	for (int round = 0; round < 2; round++) {
		memset(to, 0, sizeof(to));
		cmsDoTransform(t, from, to, N);
		transform(t, from, as_library, N);
		assert_memory_equal(to, as_library, N * 3);
	}
	kept = pdf_pixels_kept();
	assert_in_range(kept - before, 1000, 4096);
	/* One by itself and others than bytes are the library's. */
	cmsDoTransform(t, from, to, 1);
	cmsDoTransform(wide, from, to, N);
	transform(wide, from, as_library, N);
	assert_memory_equal(to, as_library, N * 6);
	assert_int_equal(pdf_pixels_kept(), kept);
	buf_finish(&one);
}

static void assert_reversed(const void *curve)
{
	void *ours = cmsReverseToneCurve(curve), *its = reverse(curve);

	assert_int_equal(n_entries(ours), n_entries(its));
	assert_memory_equal(entries(ours), entries(its), n_entries(its) * sizeof(uint16_t));
	free_curve(ours); /* is the caller's: the next is another */
	free_curve(its);
}

static void a_curve_is_turned_round_once(void **state)
{
	const double gamma[10] = {2.2};
	uint16_t table[1024];
	int before = pdf_curves_kept();
	void *rises, *same, *falls, *formula;

	(void)state;
	for (int i = 0; i < 1024; i++) {
		table[i] = (uint16_t)(i * i / 16);
	}
	rises = tabulate(NULL, 1024, table);
	same = tabulate(NULL, 1024, table);
	table[0] = 65535;
	falls = tabulate(NULL, 1024, table);
	formula = formulate(NULL, 1, gamma);
	for (int round = 0; round < 2; round++) {
		assert_reversed(rises);
		assert_reversed(same);
		assert_int_equal(pdf_curves_kept(), before + (round ? 2 : 1));
		assert_reversed(falls);
		assert_reversed(formula);
		assert_int_equal(pdf_curves_kept(), before + 2);
	}
}

/* Without a table of objects: poppler makes it anew. */
static void write_pdf(int n_pages, struct buf *out)
{
	struct buf profile = BUF_INIT;

	write_profile(&profile);
	buf_str(out, "%PDF-1.4\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
		     "2 0 obj <</Type/Pages/Kids[");
	for (int i = 0; i < n_pages; i++) {
		buf_printf(out, "%d 0 R ", 10 + i);
	}
	buf_printf(out,
		"]/Count %d/MediaBox[0 0 200 200]/Resources<</ColorSpace<</C[/ICCBased 3 0 R]>>"
		"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>> endobj\n"
		"3 0 obj <</N 3/Length %zu>> stream\n",
		n_pages, profile.len);
	buf_add(out, profile.data, profile.len);
	buf_str(out, "\nendstream endobj\n4 0 obj <</Length 53>> stream\n"
		     "/C cs .2 .4 .6 sc BT /F 20 Tf 20 90 Td (Otter) Tj ET   \nendstream endobj\n");
	for (int i = 0; i < n_pages; i++) {
		buf_printf(out, "%d 0 obj <</Type/Page/Parent 2 0 R/Contents 4 0 R>> endobj\n",
			10 + i);
	}
	buf_str(out, "trailer <</Root 1 0 R>>\n%%EOF\n");
	buf_finish(&profile);
}

static void poppler_makes_a_transform_once(void **state)
{
	struct buf bytes = BUF_INIT;
	int before = pdf_colours_kept(), first = 0;
	PopplerDocument *pdf;

	(void)state;
	write_pdf(3, &bytes);
	pdf = poppler_document_new_from_bytes(
		g_bytes_new_static(bytes.data, bytes.len), NULL, NULL);
	assert_non_null(pdf);
	assert_int_equal(poppler_document_get_n_pages(pdf), 3);
	for (int i = 0; i < 3; i++) {
		PopplerPage *page = poppler_document_get_page(pdf, i);
		char *text = poppler_page_get_text(page);

		assert_string_equal(text, "Otter");
		first = i ? first : pdf_colours_kept();
		g_free(text);
		g_object_unref(page);
	}
	/* Poppler does ask here and not the library: else none were remembered. */
	assert_true(first > before);
	assert_int_equal(pdf_colours_kept(), first);
	g_object_unref(pdf);
	buf_finish(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_made_is_remembered),
		cmocka_unit_test(a_line_is_as_the_library_makes_it),
		cmocka_unit_test(a_curve_is_turned_round_once),
		cmocka_unit_test(poppler_makes_a_transform_once),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

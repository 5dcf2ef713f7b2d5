#include <stdio.h>
#include <unicode/ucnv.h>

#include "index/base/utf8.h"
#include "ingest/rtf.h"

#define CONVERTERS_MAX 32

int rtf_page_of_charset(int fcharset)
{
	static const struct {
		int charset, page;
	} PAGES[] = {
		{0, 1252},
		{2, RTF_SYMBOL_PAGE},
		{77, 10000},
		{78, 932},
		{128, 932},
		{129, 949},
		{130, 1361},
		{134, 936},
		{136, 950},
		{161, 1253},
		{162, 1254},
		{163, 1258},
		{177, 1255},
		{178, 1256},
		{186, 1257},
		{204, 1251},
		{222, 874},
		{238, 1250},
		{254, 437},
		{255, 850},
	};

	for (size_t i = 0; i < sizeof(PAGES) / sizeof(PAGES[0]); i++) {
		if (PAGES[i].charset == fcharset) {
			return PAGES[i].page;
		}
	}
	return 0;
}

/* ICU's name of a Windows code page. */
static UConverter *open_page(int page)
{
	static const struct {
		int page;
		const char *name;
	} NAMES[] = {{437, "ibm-437"}, {708, "iso-8859-6"}, {850, "ibm-850"}, {852, "ibm-852"},
		{866, "ibm-866"}, {874, "windows-874"}, {932, "windows-31j"}, {936, "gb18030"},
		{949, "windows-949"}, {950, "windows-950"}, {1361, "johab"}, {10000, "macintosh"},
		{10001, "shift_jis"}, {10006, "x-mac-greek"}, {10007, "x-mac-cyrillic"},
		{10029, "x-mac-centraleurroman"}, {10081, "x-mac-turkish"}, {65001, "utf-8"}};
	UErrorCode status = U_ZERO_ERROR;
	UConverter *converter;
	char name[24];

	snprintf(name, sizeof(name), page < 1250 || page > 1258 ? "cp%d" : "windows-%d", page);
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (NAMES[i].page == page) {
			snprintf(name, sizeof(name), "%s", NAMES[i].name);
		}
	}
	converter = ucnv_open(name, &status);
	if (U_FAILURE(status)) {
		status = U_ZERO_ERROR;
		converter = ucnv_open("windows-1252", &status);
	}
	return U_SUCCESS(status) ? converter : NULL;
}

static UConverter *converter_of(int page)
{
	static struct {
		int page;
		UConverter *converter;
	} kept[CONVERTERS_MAX];
	static int n;

	for (int i = 0; i < n; i++) {
		if (kept[i].page == page) {
			return kept[i].converter;
		}
	}
	n -= n == CONVERTERS_MAX;
	if (kept[n].converter) {
		ucnv_close(kept[n].converter);
	}
	kept[n].page = page;
	kept[n].converter = open_page(page);
	return kept[n++].converter;
}

static bool ascii(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)p[i] >= 0x80) {
			return false;
		}
	}
	return true;
}

void rtf_decode(int page, const char *p, size_t n_bytes, struct buf *out)
{
	const char *end = p + n_bytes;
	UConverter *converter;

	if (page == RTF_SYMBOL_PAGE) {
		for (; p < end; p++) {
			char utf8[4];

			buf_add(out, utf8, (size_t)utf8_encode(0xf000 + (unsigned char)*p, utf8));
		}
		return;
	}
	converter = ascii(p, n_bytes) ? NULL : converter_of(page);
	if (!converter) {
		for (; p < end; p++) {
			buf_char(out, (unsigned char)*p < 0x80 ? *p : '?');
		}
		return;
	}
	ucnv_reset(converter);
	while (p < end) {
		UErrorCode status = U_ZERO_ERROR;
		UChar32 c = ucnv_getNextUChar(converter, &p, end, &status);
		char utf8[4];

		if (status == U_INDEX_OUTOFBOUNDS_ERROR || (U_FAILURE(status) && p >= end)) {
			return;
		}
		if (U_SUCCESS(status) && c != 0xfffd) {
			buf_add(out, utf8, (size_t)utf8_encode((uint32_t)c, utf8));
		}
	}
}

/* Which format a document has, by its content; names decide only among kinds of text. */
#include "ingest/formats.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ingest/archive.h"
#include "ingest/child.h"
#include "ingest/image.h"
#include "ingest/ole.h"

#define PDF_HEAD 1024 /* PDF readers look this far for %PDF (ISO 32000-1 annex H.3.4.1) */
#define LOOK 4096

static bool name_ends(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcasecmp(name + n - m, end) == 0;
}

static bool is_pdf(struct document *doc)
{
	return memmem(doc->bytes, doc->n_bytes < PDF_HEAD ? doc->n_bytes : PDF_HEAD, "%PDF-", 5);
}

static bool is_odt(struct document *doc)
{
	return odf_is(doc, "text");
}

static bool is_ods(struct document *doc)
{
	return odf_is(doc, "spreadsheet");
}

static bool is_odp(struct document *doc)
{
	return odf_is(doc, "presentation");
}

static bool is_epub(struct document *doc)
{
	struct archive *a = archive_of(doc);

	return a && (strcmp(archive_type(a), "application/epub+zip") == 0 ||
			    (!*archive_type(a) && archive_has(a, "META-INF/container.xml")));
}

static bool is_rtf(struct document *doc)
{
	return doc->n_bytes >= 5 && memcmp(doc->bytes, "{\\rtf", 5) == 0;
}

static bool is_image(const struct document *doc, const char *media_type)
{
	const char *type = image_type(doc);

	return type && strcmp(type, media_type) == 0;
}

#define IMAGE(name, media_type)                                                                    \
	static bool is_##name(struct document *doc)                                                \
	{                                                                                          \
		return is_image(doc, media_type);                                                  \
	}
IMAGE(png, "image/png")
IMAGE(jpeg, "image/jpeg")
IMAGE(tiff, "image/tiff")
IMAGE(webp, "image/webp")
IMAGE(gif, "image/gif")
IMAGE(bmp, "image/bmp")
IMAGE(pnm, "image/x-portable-anymap")
#undef IMAGE

/* The first tag after space, byte order mark, comments and XML declaration. */
static const char *first_tag(const char *p, const char *end)
{
	if (end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
	}
	while (p < end) {
		const char *stop = ">";

		if (isspace((unsigned char)*p)) {
			p++;
			continue;
		}
		if (end - p < 5 || *p != '<') {
			return NULL;
		}
		if (memcmp(p, "<!--", 4) == 0) {
			stop = "-->";
		} else if (p[1] != '?') {
			return p;
		}
		p = memmem(p, (size_t)(end - p), stop, strlen(stop));
		if (!p) {
			return NULL;
		}
		p += strlen(stop);
	}
	return NULL;
}

static bool is_text(struct document *doc)
{
	struct buf text = BUF_INIT;
	size_t n = doc->n_bytes < 65536 ? doc->n_bytes : 65536;
	bool ok = text_decode(doc->bytes, n, NULL, &text);

	buf_finish(&text);
	return ok;
}

static bool is_html(struct document *doc)
{
	static const char *const TAGS[] = {"<!doctype html", "<html", "<head", "<body", "<title",
		"<meta", "<script", "<table", "<div", "<h1"};
	const char *end = doc->bytes + doc->n_bytes;
	const char *p = first_tag(doc->bytes, end);
	bool named = name_ends(doc->name, ".html") || name_ends(doc->name, ".htm") ||
		     name_ends(doc->name, ".xhtml");
	/* Markdown may begin with a tag; only a whole page in it is HTML. */
	size_t n_tags = name_ends(doc->name, ".md") || name_ends(doc->name, ".markdown")
				? 2
				: sizeof(TAGS) / sizeof(TAGS[0]);

	for (size_t i = 0; p && i < n_tags; i++) {
		size_t n = strlen(TAGS[i]);

		if ((size_t)(end - p) > n && strncasecmp(p, TAGS[i], n) == 0) {
			return true;
		}
	}
	return named && memchr(doc->bytes, '<', doc->n_bytes < LOOK ? doc->n_bytes : LOOK) &&
	       is_text(doc);
}

static bool is_markdown(struct document *doc)
{
	return (name_ends(doc->name, ".md") || name_ends(doc->name, ".markdown") ||
		       name_ends(doc->name, ".mdown")) &&
	       is_text(doc);
}

/* Text for machines: it would be indexed as noise. */
static bool is_code_for_machines(const struct document *doc)
{
	static const char *const HEADS[] = {"%!PS", "%!FDF", "%FDF-", "begin 6"};

	for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++) {
		size_t n = strlen(HEADS[i]);

		if (doc->n_bytes >= n && memcmp(doc->bytes, HEADS[i], n) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_plain(struct document *doc)
{
	return !is_code_for_machines(doc) && is_text(doc);
}

static bool is_archive_of(struct document *doc, const char *type)
{
	struct archive *a = archive_of(doc);

	return a && strcmp(archive_type(a), type) == 0;
}

static bool is_docx(struct document *doc)
{
	return is_archive_of(doc, "docx");
}

static bool is_xlsx(struct document *doc)
{
	return is_archive_of(doc, "xlsx");
}

static bool is_pptx(struct document *doc)
{
	return is_archive_of(doc, "pptx");
}

/* The first row whose `is` holds. */
const struct format FORMATS[] = {
	{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "Word document",
		"docx docm dotx dotm", PAGING_NONE, is_docx, extract_docx},
	{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel workbook",
		"xlsx xlsm xltx xltm", PAGING_SHEETS, is_xlsx, extract_xlsx},
	{"application/vnd.openxmlformats-officedocument.presentationml.presentation",
		"PowerPoint presentation", "pptx pptm ppsx ppsm potx potm", PAGING_SLIDES, is_pptx,
		extract_pptx},
	{"application/vnd.oasis.opendocument.text", "OpenDocument text", "odt ott odm fodt",
		PAGING_NONE, is_odt, extract_odt},
	{"application/vnd.oasis.opendocument.spreadsheet", "OpenDocument spreadsheet",
		"ods ots fods", PAGING_SHEETS, is_ods, extract_ods},
	{"application/vnd.oasis.opendocument.presentation", "OpenDocument presentation",
		"odp otp fodp", PAGING_SLIDES, is_odp, extract_odp},
	{"application/epub+zip", "EPUB", "epub", PAGING_CHAPTERS, is_epub, extract_epub},
	{"application/rtf", "Rich text", "rtf", PAGING_NONE, is_rtf, extract_rtf},
	{"application/pdf", "PDF", "pdf", PAGING_PAGES, is_pdf, extract_pdf},
	{"image/png", "PNG picture", "png", PAGING_PAGES, is_png, extract_image},
	{"image/jpeg", "JPEG picture", "jpg jpeg", PAGING_PAGES, is_jpeg, extract_image},
	{"image/tiff", "TIFF picture", "tif tiff", PAGING_PAGES, is_tiff, extract_image},
	{"image/webp", "WebP picture", "webp", PAGING_PAGES, is_webp, extract_image},
	{"image/gif", "GIF picture", "gif", PAGING_PAGES, is_gif, extract_image},
	{"image/bmp", "BMP picture", "bmp", PAGING_PAGES, is_bmp, extract_image},
	{"image/x-portable-anymap", "PNM picture", "pnm pbm pgm ppm", PAGING_PAGES, is_pnm,
		extract_image},
	{"application/vnd.ms-outlook", "Outlook message", "msg", PAGING_NONE, msg_is, extract_msg},
	{"application/mbox", "Mailbox", "mbox", PAGING_MESSAGES, mail_is_mbox, extract_mbox},
	{"multipart/related", "Saved web page", "mhtml mht", PAGING_NONE, mail_is_mhtml,
		extract_mhtml},
	{"message/rfc822", "Mail", "eml", PAGING_NONE, mail_is_eml, extract_eml},
	{"text/html", "Web page", "html htm xhtml", PAGING_NONE, is_html, extract_html},
	{"application/xml", "XML", "xml rss atom xsd svg", PAGING_NONE, xml_is_document,
		extract_xml},
	{"application/json", "JSON", "json jsonl ndjson geojson ipynb", PAGING_NONE, json_is,
		extract_json},
	{"text/markdown", "Markdown", "md markdown mdown", PAGING_NONE, is_markdown,
		extract_markdown},
	{"text/csv", "CSV table", "csv", PAGING_SHEETS, csv_is, extract_csv},
	{"text/tab-separated-values", "TSV table", "tsv tab", PAGING_SHEETS, tsv_is, extract_csv},
	{"text/x-source", "Source code, settings or log",
		"py c h cpp java js ts go rs rb php sh sql css yaml toml ini log", PAGING_NONE,
		code_is, extract_code},
	{"text/plain", "Text", "txt", PAGING_NONE, is_plain, extract_text},
};
const int N_FORMATS = (int)(sizeof(FORMATS) / sizeof(FORMATS[0]));

/* NULL: not of the table. */
static const struct format *format_by_type(const char *media_type)
{
	for (int i = 0; media_type && i < N_FORMATS; i++) {
		if (strcmp(FORMATS[i].media_type, media_type) == 0) {
			return &FORMATS[i];
		}
	}
	return NULL;
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; *list; list += strcspn(list, " "), list += *list == ' ') {
		if (strcspn(list, " ") == n && strncasecmp(list, word, n) == 0) {
			return true;
		}
	}
	return false;
}

const char *format_type_named(const char *extension)
{
	for (int i = 0; i < N_FORMATS; i++) {
		if (has_word(FORMATS[i].extensions, extension)) {
			return FORMATS[i].media_type;
		}
	}
	return NULL;
}

bool format_is_drawn(const char *media_type)
{
	const struct format *f = format_by_type(media_type);

	return f && (f->extract == extract_pdf || f->extract == extract_image);
}

void formats_sentence(struct buf *out)
{
	for (int i = 0; i < N_FORMATS; i++) {
		buf_str(out, i == 0 ? "" : i + 1 < N_FORMATS ? ", " : " or ");
		buf_add(out, FORMATS[i].extensions, strcspn(FORMATS[i].extensions, " "));
	}
}

/* The words of the message "it looks like …". */
static const char *described(const char *media_type)
{
	static const struct {
		const char *type, *words;
	} KNOWN[] = {
		{"application/zip", "a ZIP archive or office file"},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
			"a Word document"},
		{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
			"an Excel workbook"},
		{"application/vnd.openxmlformats-officedocument.presentationml.presentation",
			"a PowerPoint presentation"},
		{"text/rtf", "an RTF document"},
		{"application/vnd.ms-tnef", "a TNEF attachment (winmail.dat)"},
		{"application/ms-tnef", "a TNEF attachment (winmail.dat)"},
		{"application/octet-stream", "unknown data"},
		{"", "unknown data"},
	};

	for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
		if (strcmp(media_type, KNOWN[i].type) == 0) {
			return KNOWN[i].words;
		}
	}
	return media_type;
}

/* An encrypted OOXML file is a compound file with this stream (MS-OFFCRYPTO 2.3.4.4); the names of
 * streams are UTF-16. */
static bool is_encrypted_office(const struct document *doc)
{
	static const char MAGIC[] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
	static const char STREAM[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";

	return doc->n_bytes > 8 && memcmp(doc->bytes, MAGIC, 8) == 0 &&
	       memmem(doc->bytes, doc->n_bytes, STREAM, sizeof(STREAM));
}

/* By the content; NULL: none of them. In the child only. */
static const struct format *format_by_content(struct document *doc)
{
	for (int i = 0; i < N_FORMATS; i++) {
		if (FORMATS[i].is(doc)) {
			return &FORMATS[i];
		}
	}
	return NULL;
}

void extract_child(struct document *doc, struct draft *d)
{
	const struct format *format = format_by_content(doc);
	const char *words;

	if (format) {
		draft_type(d, format->media_type, format->paging);
		format->extract(doc, d);
		draft_end(d);
		_exit(0);
	}
	if (is_encrypted_office(doc)) {
		draft_fault(d, FAULT_PASSWORD, 0, NULL);
	}
	if (doc->n_bytes > 4 && memcmp(doc->bytes, "PK\3\4", 4) == 0 && !archive_of(doc)) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	words = ole_described(doc);
	draft_fault(d, FAULT_UNSUPPORTED, 0,
		words ? words : described(child_magic(doc->bytes, doc->n_bytes)));
}

#include <ctype.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ingest/child.h"
#include "ingest/pdf.h"

PopplerDocument *pdf_open(const struct document *doc, struct draft *d)
{
	GError *error = NULL;
	GBytes *bytes = g_bytes_new_static(doc->bytes, doc->n_bytes);
	/* NULL is the empty password, which opens many an "encrypted" file. */
	PopplerDocument *pdf = poppler_document_new_from_bytes(bytes, NULL, &error);

	if (!pdf) {
		draft_fault(d,
			error && error->code == POPPLER_ERROR_ENCRYPTED ? FAULT_PASSWORD
									: FAULT_BROKEN,
			0, NULL);
	}
	return pdf;
}

/* Many programs leave their own or the file's name as the title. */
static bool title_sensible(const char *s)
{
	static const char *const HEADS[] = {"untitled", "microsoft word", "microsoft powerpoint",
		"microsoft excel", "powerpoint presentation", "document", "title", "slide 1",
		"print", "layout 1", "http:", "https:", "file:"};
	static const char *const TAILS[] = {".doc", ".docx", ".pdf", ".xls", ".xlsx", ".ppt",
		".pptx", ".odt", ".rtf", ".txt", ".indd", ".qxd", ".qxp", ".tex", ".dvi", ".ps",
		".htm", ".html", ".fm", ".p65", ".pub", ".wpd", ".vsd", ".md"};
	size_t n = strlen(s);
	int n_letters = 0;

	for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++) {
		size_t m = strlen(HEADS[i]);

		if (strncasecmp(s, HEADS[i], m) == 0 && !isalpha((unsigned char)s[m]) &&
			(i < 4 || i > 9 || s[m] == '\0')) {
			return false;
		}
	}
	for (size_t i = 0; i < sizeof(TAILS) / sizeof(TAILS[0]); i++) {
		size_t m = strlen(TAILS[i]);

		if (n >= m && strcasecmp(s + n - m, TAILS[i]) == 0) {
			return false;
		}
	}
	for (size_t i = 0; i < n; i++) {
		n_letters += isalpha((unsigned char)s[i]) || (unsigned char)s[i] >= 0x80;
	}
	/* "ACME_v2_final" names a file, "Q3 2022" hardly anything. */
	return n_letters >= 4 && n <= 300 && (strchr(s, ' ') || !strpbrk(s, "_/\\"));
}

static void take_title(PopplerDocument *pdf, struct draft *d)
{
	char *title = poppler_document_get_title(pdf);
	struct buf clean = BUF_INIT;

	if (title) {
		draft_clean(&clean, title, strlen(title), false);
		while (clean.len && clean.data[clean.len - 1] == ' ') {
			clean.data[--clean.len] = '\0';
		}
		if (clean.len && title_sensible(clean.data + (clean.data[0] == ' '))) {
			draft_title(d, clean.data, clean.len);
		}
	}
	buf_finish(&clean);
	g_free(title);
}

static void learn_words(const struct pdf_page *p, struct pdf_vocabulary *v)
{
	for (int i = 0; i < p->n_words; i++) {
		pdf_vocabulary_add(v, p->text.data + p->words[i].at, p->words[i].n_bytes);
	}
}

void extract_pdf(struct document *doc, struct draft *d)
{
	PopplerDocument *pdf = pdf_open(doc, d);
	int n = poppler_document_get_n_pages(pdf);
	struct pdf_vocabulary vocabulary = {0};
	struct pdf_styles styles;
	struct pdf_page *pages;
	size_t n_text = 0;

	if (n < 1) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	if (n > d->pages_max) {
		draft_fault(d, FAULT_PAGES, (uint32_t)n, NULL);
	}
	draft_progress(d, 0, n);
	pages = calloc((size_t)n, sizeof(*pages));
	ASSERT(pages != NULL);
	for (int i = 0; i < n; i++) {
		PopplerPage *page = poppler_document_get_page(pdf, i);

		/* A page that cannot be opened is an empty one: the others still count. */
		if (page) {
			pdf_read_page(page, &pages[i]);
			pdf_read_scan(doc, page, i, n, &pages[i]);
			g_object_unref(page);
		} else {
			pages[i].width = 612;
			pages[i].height = 792;
		}
		n_text += pages[i].text.len;
		if (n_text > d->text_max) {
			draft_fault(d, FAULT_TEXT, 0, NULL);
		}
		pdf_find_rows(&pages[i]);
		learn_words(&pages[i], &vocabulary);
		draft_progress(d, i + 1, n);
	}
	take_title(pdf, d);
	pdf_drop_running(pages, n);
	for (int i = 0; i < n; i++) {
		pdf_find_tables(&pages[i]);
	}
	pdf_learn_styles(pages, n, &styles);
	for (int i = 0; i < n; i++) {
		pdf_begin_page(&pages[i], doc, d);
		pdf_write_page(&pages[i], &styles, &vocabulary, d);
	}
}

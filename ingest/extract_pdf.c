#include <ctype.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ingest/child.h"
#include "ingest/pdf.h"

/* A document of no more pages is drawn as a whole, to see what of its text nobody sees: those that
 * carry orders for machines are short, as letters and applications are. */
#define WHOLE_PAGES 4

#define XFA "Form: dynamic (XFA); only the page that stands for it could be read"

PopplerDocument *pdf_open(const struct document *doc, struct draft *d)
{
	GError *error = NULL;
	GBytes *bytes = g_bytes_new_static(doc->bytes, doc->n_bytes);
	PopplerDocument *pdf;

	pdf_keep_colours();
	/* NULL is the empty password, which opens many an "encrypted" file. */
	pdf = poppler_document_new_from_bytes(bytes, NULL, &error);
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

/* Some forms are drawn by a program that the file brings along; to all others it shows this. */
static bool is_placeholder(const struct pdf_page *p)
{
	static const char *const WORDS = "noteventuallyreplacedbythepropercontents";

	return p->text.len && strstr(p->text.data, WORDS);
}

static void read_page(PopplerDocument *pdf, int i, int n, struct document *doc,
	struct pdf_suspicion *suspicion, struct pdf_page *out)
{
	PopplerPage *page = poppler_document_get_page(pdf, i);

	/* A page that cannot be opened is an empty one: the others still count. */
	if (page) {
		pdf_read_page(page, suspicion, out);
		pdf_read_outside(page, suspicion,
			&out->hidden[ANNOTATION_HIDDEN_PLACE - ANNOTATION_HIDDEN_COLOR]);
		pdf_read_scan(doc, page, i, n, out);
		g_object_unref(page);
	} else {
		out->width = 612;
		out->height = 792;
	}
	pdf_find_rows(out);
}

static struct pdf_page *read_pages(
	PopplerDocument *pdf, int n, struct document *doc, struct draft *d)
{
	struct pdf_page *pages = calloc((size_t)n, sizeof(*pages));
	struct pdf_suspicion suspicion = {.whole = n <= WHOLE_PAGES};
	size_t n_text = 0;
	bool lost = false;

	ASSERT(pages != NULL);
	pdf_suspect(doc->bytes, doc->n_bytes, &suspicion);
	for (int i = 0; i < n; i++) {
		read_page(pdf, i, n, doc, &suspicion, &pages[i]);
		n_text += pages[i].text.len;
		if (n_text > d->text_max) {
			draft_fault(d, FAULT_TEXT, 0, NULL);
		}
		draft_progress(d, i + 1, n);
	}
	for (int i = 0; i < suspicion.n_unpainted; i++) {
		lost = lost || !suspicion.found[i];
	}
	/* Unpainted text that no page seems to have: it may be on any. */
	for (int i = 0; i < n && lost && !suspicion.unseen; i++) {
		struct pdf_suspicion any = suspicion;

		any.unseen = true;
		if (!pages[i].scan) {
			pdf_forget_page(&pages[i]);
			read_page(pdf, i, n, doc, &any, &pages[i]);
		}
		draft_progress(d, i + 1, n);
	}
	return pages;
}

static void write_page(PopplerDocument *pdf, int i, const struct pdf_page *p,
	const struct document *doc, struct pdf_writing *w, struct draft *d)
{
	PopplerPage *page = poppler_document_get_page(pdf, i);

	pdf_begin_page(p, doc, d);
	pdf_write_page(p, w, d);
	if (page) {
		pdf_write_fields(page, p, d);
		pdf_write_beside(page, p, &w->placed, d);
		g_object_unref(page);
	}
}

void extract_pdf(struct document *doc, struct draft *d)
{
	PopplerDocument *pdf = pdf_open(doc, d);
	int n = poppler_document_get_n_pages(pdf);
	struct pdf_writing w = {.placed = {NULL, 0, 0}};
	struct pdf_page *pages;

	if (n < 1) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	if (n > d->pages_max) {
		draft_fault(d, FAULT_PAGES, (uint32_t)n, NULL);
	}
	draft_progress(d, 0, n);
	pages = read_pages(pdf, n, doc, d);
	take_title(pdf, d);
	pdf_write_properties(pdf, d);
	if (is_placeholder(&pages[0])) {
		draft_annotate(d, ANNOTATION_PROPERTY, 0, 0, XFA, strlen(XFA));
	}
	pdf_write_attachments(pdf, d);
	pdf_drop_running(pages, n);
	for (int i = 0; i < n; i++) {
		learn_words(&pages[i], &w.vocabulary);
		pdf_find_tables(&pages[i]);
	}
	pdf_learn_styles(pages, n, &w.styles);
	pdf_load_outline(pdf, &w.outline);
	for (int i = 0; i < n; i++) {
		write_page(pdf, i, &pages[i], doc, &w, d);
	}
}

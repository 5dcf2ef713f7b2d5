/*
 * EPUB (OCF 3.3, EPUB 3.3; 2.0.1 is read the same way): a ZIP of XHTML, a chapter a page.
 *
 *   META-INF/container.xml  names the package, OPS/book.opf:
 *     metadata              title, authors
 *     manifest              id -> file, media type
 *     spine                 ids in reading order; linear="no" stands outside of it
 *   nav.xhtml or toc.ncx    file -> title
 */
#include <ctype.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest/child.h"
#include "ingest/xml.h"

#define PART_MAX ((size_t)64 << 20) /* of one chapter: it is parsed as a whole */
#define LABEL_MAX (4 * PAGE_LABEL_MAX)
#define PROPERTY_MAX 1000

struct item {
	char *id, *path; /* keys; of a label: path only */
	char *text;	 /* media type and properties, or a label */
	bool nav;
};

struct book {
	struct document *doc;
	struct draft *d;
	struct archive *a;
	struct buf opf;	  /* its name */
	const char *base; /* the file that links are relative to */
	void *manifest;	  /* of struct item, by id */
	void *labels;	  /* by path */
	char **spine;	  /* ids */
	size_t n_spine, cap_spine;
	char *toc; /* the NCX's path, or NULL */
	char *nav;

	struct buf text; /* of the element that is open */
	char *target;	 /* of the navigation point that is open */
	bool in_toc;
	char *method; /* of the encrypted part that is open */
};

static char *copy(const char *s, size_t n)
{
	char *c = strndup(s, n);

	ASSERT(c != NULL);
	return c;
}

/* ── names of files ── */

static int hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* The part that a link in `base` leads to: without fragment, %XX undone, "." and ".." walked. */
static char *resolve(const char *base, const char *href)
{
	const char *slash = strrchr(base, '/');
	struct buf path = BUF_INIT;
	size_t n = strcspn(href, "#?");

	buf_add(&path, base, slash && *href != '/' ? (size_t)(slash + 1 - base) : 0);
	for (size_t i = *href == '/'; i < n;) {
		size_t stop = i;
		size_t start = path.len;

		for (; stop < n && href[stop] != '/'; stop++) {
			bool coded = href[stop] == '%' && stop + 2 < n &&
				     hex(href[stop + 1]) >= 0 && hex(href[stop + 2]) >= 0;

			buf_char(&path,
				coded ? (char)(hex(href[stop + 1]) * 16 + hex(href[stop + 2]))
				      : href[stop]);
			stop += coded ? 2 : 0;
		}
		if (path.len - start == 2 && memcmp(path.data + start, "..", 2) == 0) {
			path.len = start ? start - 1 : 0;
			while (path.len && path.data[path.len - 1] != '/') {
				path.len--;
			}
		} else if (path.len - start == 1 && path.data[start] == '.') {
			path.len = start;
		} else if (stop < n) {
			buf_char(&path, '/');
		}
		i = stop + 1;
	}
	if (path.data) {
		path.data[path.len] = '\0';
	}
	return buf_take(&path);
}

/* ── trees of items ── */

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->id, ((const struct item *)b)->id);
}

/* The first of an id stays. */
static void put(void **tree, char *id, char *path, char *text, bool nav)
{
	struct item *it = malloc(sizeof(*it));
	struct item **at;

	ASSERT(it != NULL);
	*it = (struct item){.id = id, .path = path, .text = text, .nav = nav};
	at = tsearch(it, tree, by_id);
	ASSERT(at != NULL);
	if (*at != it) {
		free(it->id);
		free(it->path);
		free(it->text);
		free(it);
	}
}

static const struct item *lookup(void **tree, const char *id)
{
	struct item wanted = {.id = (char *)id};
	struct item **at = tfind(&wanted, tree, by_id);

	return at ? *at : NULL;
}

/* ── container, encryption ── */

static void on_container(void *arg, const struct xml_element *el)
{
	struct book *b = arg;
	const char *path = xml_attr(el, "full-path");

	if (xml_is(el, "rootfile") && path && !b->opf.len) {
		buf_str(&b->opf, path);
	}
}

/* Fonts are obfuscated in books that anybody may read. */
static void on_encryption(void *arg, const struct xml_element *el)
{
	static const char *const HARMLESS[] = {
		"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"};
	static const char *const CONTENT[] = {"xhtml", "html", "htm", "xml", "opf", "ncx"};
	struct book *b = arg;
	const char *method = xml_attr(el, "Algorithm"), *part = xml_attr(el, "URI");
	const char *dot = part ? strrchr(part, '.') : NULL;

	if (xml_is(el, "EncryptedData")) {
		free(b->method);
		b->method = NULL;
	} else if (xml_is(el, "EncryptionMethod") && method && !b->method) {
		b->method = copy(method, strlen(method));
	}
	for (size_t i = 0; b->method && i < sizeof(HARMLESS) / sizeof(HARMLESS[0]); i++) {
		if (strcmp(b->method, HARMLESS[i]) == 0) {
			return;
		}
	}
	for (size_t i = 0; dot && i < sizeof(CONTENT) / sizeof(CONTENT[0]); i++) {
		if (strcasecmp(dot + 1, CONTENT[i]) == 0) {
			draft_fault(b->d, FAULT_PASSWORD, 0, NULL);
		}
	}
}

/* ── the package ── */

static void take_item(struct book *b, const struct xml_element *el)
{
	const char *id = xml_attr(el, "id"), *href = xml_attr(el, "href");
	const char *type = xml_attr(el, "media-type"), *kind = xml_attr(el, "properties");
	bool nav = kind && strstr(kind, "nav");
	char *path;

	if (!id || !href) {
		return;
	}
	path = resolve(b->opf.data, href);
	if (nav && !b->nav) {
		b->nav = copy(path, strlen(path));
	}
	if (type && strcmp(type, "application/x-dtbncx+xml") == 0 && !b->toc) {
		b->toc = copy(path, strlen(path));
	}
	put(&b->manifest, copy(id, strlen(id)), path,
		copy(type ? type : "", type ? strlen(type) : 0), nav);
}

static void take_reference(struct book *b, const struct xml_element *el)
{
	const char *id = xml_attr(el, "idref"), *linear = xml_attr(el, "linear");

	if (!id || (linear && strcmp(linear, "no") == 0)) {
		return;
	}
	if (b->n_spine == b->cap_spine) {
		b->cap_spine = b->cap_spine ? b->cap_spine * 2 : 64;
		b->spine = realloc(b->spine, b->cap_spine * sizeof(*b->spine));
		ASSERT(b->spine != NULL);
	}
	b->spine[b->n_spine++] = copy(id, strlen(id));
}

static void on_package(void *arg, const struct xml_element *el)
{
	struct book *b = arg;

	buf_clear(&b->text);
	if (xml_is(el, "item")) {
		take_item(b, el);
	} else if (xml_is(el, "itemref")) {
		take_reference(b, el);
	}
}

static void on_package_end(void *arg, const struct xml_element *el)
{
	static const struct {
		const char *element, *name;
	} PROPERTIES[] = {{"creator", "Author"}, {"date", "Date"}, {"subject", "Subject"},
		{"publisher", "Publisher"}};
	struct book *b = arg;
	struct buf line = BUF_INIT;

	if (xml_in(el, "purl.org/dc/") && b->text.len) {
		if (xml_is(el, "title")) {
			draft_title(b->d, b->text.data, b->text.len);
		}
		for (size_t i = 0; i < sizeof(PROPERTIES) / sizeof(PROPERTIES[0]); i++) {
			if (xml_is(el, PROPERTIES[i].element)) {
				buf_printf(&line, "%s: %s", PROPERTIES[i].name, b->text.data);
				draft_annotate(
					b->d, ANNOTATION_PROPERTY, 0, 0, line.data, line.len);
			}
		}
	}
	buf_clear(&b->text);
	buf_finish(&line);
}

static void on_package_text(void *arg, const char *s, size_t n_bytes)
{
	struct book *b = arg;

	if (b->text.len + n_bytes <= PROPERTY_MAX) {
		buf_add(&b->text, s, n_bytes);
	}
}

/* ── navigation ── */

static void put_label(struct book *b, const char *href)
{
	char *path = resolve(b->base, href);

	put(&b->labels, path, NULL, copy(b->text.data ? b->text.data : "", b->text.len), false);
}

/* nav epub:type="toc" with a href in it. */
static void on_nav(void *arg, const struct xml_element *el)
{
	struct book *b = arg;
	const char *href = xml_attr(el, "href"), *type = xml_attr(el, "type");

	if (xml_is(el, "nav")) {
		b->in_toc = !type || strstr(type, "toc");
	} else if (xml_is(el, "a") && href && b->in_toc) {
		free(b->target);
		b->target = copy(href, strlen(href));
		buf_clear(&b->text);
	}
}

static void on_nav_end(void *arg, const struct xml_element *el)
{
	struct book *b = arg;

	if (xml_is(el, "nav")) {
		b->in_toc = false;
	} else if (xml_is(el, "a") && b->target) {
		put_label(b, b->target);
		free(b->target);
		b->target = NULL;
	}
}

static void on_nav_text(void *arg, const char *s, size_t n_bytes)
{
	struct book *b = arg;

	if (b->target && b->text.len + n_bytes <= LABEL_MAX) {
		buf_add(&b->text, s, n_bytes);
	}
}

/* navPoint: navLabel with text, then content with src. */
static void on_ncx(void *arg, const struct xml_element *el)
{
	struct book *b = arg;
	const char *href = xml_attr(el, "src");

	if (xml_is(el, "navLabel")) {
		buf_clear(&b->text);
		free(b->target);
		b->target = copy("", 0);
	} else if (xml_is(el, "content") && href && b->target) {
		put_label(b, href);
		free(b->target);
		b->target = NULL;
	}
}

static void read_labels(struct book *b)
{
	static const struct xml_handler NAV = {
		.on_start = on_nav, .on_end = on_nav_end, .on_text = on_nav_text};
	static const struct xml_handler NCX = {.on_start = on_ncx, .on_text = on_nav_text};

	if (b->nav) {
		b->base = b->nav;
		xml_read_part(b->doc, b->a, b->nav, XML_SKIP_DOCTYPE, &NAV, b);
	}
	free(b->target);
	b->target = NULL;
	if (b->toc) {
		b->base = b->toc;
		xml_read_part(b->doc, b->a, b->toc, XML_SKIP_DOCTYPE, &NCX, b);
	}
}

/* ── chapters ── */

/* The encoding that an XML declaration names (XML 1.0, 4.3.3), or NULL. */
static const char *declared(const struct buf *part, char out[40])
{
	static const char MARK[] = "encoding=";
	size_t n = 0, look = part->len < 200 ? part->len : 200;
	const char *p = memmem(part->data, look, MARK, sizeof(MARK) - 1);
	const char *end = part->data + part->len;

	if (!p || strncmp(part->data, "<?xml", 5) != 0) {
		return NULL;
	}
	for (p += sizeof(MARK);
		p < end && n < 39 && (isalnum((unsigned char)*p) || *p == '-' || *p == '_');) {
		out[n++] = *p++;
	}
	out[n] = '\0';
	return n ? out : NULL;
}

/* HTML knows no empty elements but its own: <title/> would be all that follows. So <x …/> becomes
 * <x …></x>. */
static void open_empty(const struct buf *in, struct buf *out)
{
	static const char *const VOID[] = {"area", "base", "br", "col", "embed", "hr", "img",
		"input", "link", "meta", "param", "source", "track", "wbr"};
	const char *p = in->data, *end = in->data + in->len;

	while (p < end) {
		const char *open = memchr(p, '<', (size_t)(end - p)), *q, *name;
		size_t n_name;
		char quote = 0;
		bool is_void = false;

		if (!open || open + 1 >= end || !isalpha((unsigned char)open[1])) {
			q = open ? open + 1 : end;
			buf_add(out, p, (size_t)(q - p));
			p = q;
			continue;
		}
		name = open + 1;
		for (q = name; q < end && (quote || *q != '>'); q++) {
			quote = quote			  ? (*q == quote ? 0 : quote)
				: *q == '"' || *q == '\'' ? *q
							  : 0;
		}
		for (n_name = 0; name + n_name < q && !isspace((unsigned char)name[n_name]) &&
				 name[n_name] != '/';
			n_name++) {
		}
		for (size_t i = 0; i < sizeof(VOID) / sizeof(VOID[0]); i++) {
			is_void |= strlen(VOID[i]) == n_name &&
				   strncasecmp(VOID[i], name, n_name) == 0;
		}
		if (q < end && q[-1] == '/' && !is_void && n_name < 64) {
			buf_add(out, p, (size_t)(q - 1 - p));
			buf_printf(out, "></%.*s>", (int)n_name, name);
		} else {
			buf_add(out, p, (size_t)((q < end ? q + 1 : end) - p));
		}
		p = q < end ? q + 1 : end;
	}
}

/* The text of the first heading, its tags left out. */
static void first_heading(const struct buf *html, struct buf *out)
{
	const char *p = html->data, *end = html->data + html->len;
	bool inside = false, tag = false;

	for (; p < end && out->len < LABEL_MAX; p++) {
		if (end - p > 4 && p[0] == '<' && (p[1] == 'h' || p[1] == 'H') && p[2] >= '1' &&
			p[2] <= '6') {
			inside = true;
		} else if (inside && end - p > 4 && p[0] == '<' && p[1] == '/' &&
			   (p[2] == 'h' || p[2] == 'H')) {
			return;
		}
		tag |= *p == '<';
		if (inside && !tag && *p != '&') {
			buf_char(out, *p);
		} else if (inside && !tag) {
			/* A label without its odd characters still names the chapter. */
			const char *stop = memchr(p, ';', (size_t)(end - p < 12 ? end - p : 12));

			buf_char(out, stop && strncmp(p, "&amp;", 5) == 0 ? '&' : ' ');
			p = stop ? stop : p;
		}
		tag &= *p != '>';
	}
	if (!inside) {
		buf_clear(out);
	}
}

static void write_chapter(struct book *b, const struct item *it)
{
	struct buf part = BUF_INIT, text = BUF_INIT, html = BUF_INIT, heading = BUF_INIT;
	const struct item *label = lookup(&b->labels, it->path);
	char charset[40];

	if (!archive_load(b->a, it->path, PART_MAX, &part) || !part.len) {
		buf_finish(&part);
		return;
	}
	draft_page(b->d, 0, 0);
	if (!text_decode(part.data, part.len, declared(&part, charset), &text)) {
		draft_fault(b->d, FAULT_BROKEN, 0, NULL);
	}
	buf_reserve(&text, 1);
	open_empty(&text, &html);
	buf_reserve(&html, 1);
	first_heading(&html, &heading);
	if (label && *label->text) {
		draft_page_label(b->d, label->text, strlen(label->text));
	} else if (heading.len) {
		draft_page_label(b->d, heading.data, heading.len);
	}
	html_write(html.data, html.len, b->d);
	buf_finish(&part);
	buf_finish(&text);
	buf_finish(&html);
	buf_finish(&heading);
}

static bool is_chapter(const struct item *it)
{
	return it && !it->nav &&
	       (strstr(it->text, "html") || strcmp(it->text, "text/x-oeb1-document") == 0);
}

/* A container that does not read: the package is the part that is called one. */
static void find_package(struct book *b)
{
	for (int i = 0; !b->opf.len && i < archive_count(b->a); i++) {
		const char *name = archive_name(b->a, i);
		size_t n = name ? strlen(name) : 0;

		if (n > 4 && strcasecmp(name + n - 4, ".opf") == 0) {
			buf_str(&b->opf, name);
		}
	}
}

void extract_epub(struct document *doc, struct draft *d)
{
	static const struct xml_handler CONTAINER = {.on_start = on_container};
	static const struct xml_handler ENCRYPTION = {.on_start = on_encryption};
	static const struct xml_handler PACKAGE = {
		.on_start = on_package, .on_end = on_package_end, .on_text = on_package_text};
	struct book b = {.doc = doc, .d = d, .a = archive_of(doc)};

	xml_read_part(doc, b.a, "META-INF/encryption.xml", XML_SKIP_DOCTYPE, &ENCRYPTION, &b);
	xml_read_part(doc, b.a, "META-INF/container.xml", XML_SKIP_DOCTYPE, &CONTAINER, &b);
	find_package(&b);
	if (!b.opf.len || !xml_read_part(doc, b.a, b.opf.data, XML_SKIP_DOCTYPE, &PACKAGE, &b)) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	read_labels(&b);
	for (size_t i = 0; i < b.n_spine; i++) {
		const struct item *it = lookup(&b.manifest, b.spine[i]);

		if (is_chapter(it)) {
			write_chapter(&b, it);
		}
		draft_progress(d, (int)i + 1, (int)b.n_spine);
	}
	if (!d->n_pages) {
		draft_page(d, 0, 0);
	}
}

#include "index/base/array.h"
#include "ingest/odf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANIFEST_MAX ((size_t)16 << 20)
#define TYPE "application/vnd.oasis.opendocument."
#define NAMESPACE "urn:oasis:names:tc:opendocument:xmlns:office:"
#define FLAT_HEAD 16384 /* holds the first tag with all its namespaces */
#define PROPERTY_MAX 4000

/* ── names ── */

struct tag_name {
	enum odf_tag tag;
	const char *name;
};

static const struct tag_name TAGS[] = {
#define X(enumerator, name) {enumerator, name},
	ODF_TAG_MAP(X)
#undef X
};

/* "text" of urn:oasis:names:tc:opendocument:xmlns:text:1.0; the usual prefix where it differs. */
static size_t prefix_of(const char *ns, const char **out)
{
	static const struct {
		const char *name, *prefix;
	} OTHERS[] = {
		{"xmlns:drawing:", "draw"},
		{"xmlns:svg-compatible:", "svg"},
		{"purl.org/dc/", "dc"},
		{"MathML", "math"},
	};
	static const char MARK[] = "xmlns:";
	const char *p = strstr(ns, MARK);

	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
		if (strstr(ns, OTHERS[i].name)) {
			*out = OTHERS[i].prefix;
			return strlen(*out);
		}
	}
	*out = p ? p + sizeof(MARK) - 1 : "";
	return strcspn(*out, ":");
}

bool odf_in(const struct xml_element *el, const char *prefix)
{
	const char *p;
	size_t n = prefix_of(el->ns, &p);

	return n == strlen(prefix) && memcmp(p, prefix, n) == 0;
}

static int by_name(const void *key, const void *row)
{
	return strcmp(key, ((const struct tag_name *)row)->name);
}

static enum odf_tag tag_of(const struct xml_element *el)
{
	char key[64];
	const char *prefix;
	size_t n = prefix_of(el->ns, &prefix);
	const struct tag_name *row;

	if (n + strlen(el->name) + 2 > sizeof(key)) {
		return ODF_OTHER;
	}
	snprintf(key, sizeof(key), "%.*s:%s", (int)n, prefix, el->name);
	row = bsearch(key, TAGS, sizeof(TAGS) / sizeof(TAGS[0]), sizeof(TAGS[0]), by_name);
	return row ? row->tag : ODF_OTHER;
}

int odf_count(const struct xml_element *el, const char *name, int max)
{
	const char *s = xml_attr(el, name);
	long n = s ? strtol(s, NULL, 10) : 1;

	return n < 1 ? 1 : n > max ? max : (int)n;
}

/* ── what the document is ── */

static bool type_is(const char *found, const char *type)
{
	size_t n = strlen(TYPE), m = strlen(type);

	/* "text-template" and "text-master" are read as "text" is. */
	return strncmp(found, TYPE, n) == 0 && strncmp(found + n, type, m) == 0 &&
	       (found[n + m] == '\0' || found[n + m] == '-');
}

/* One file, office:document with office:mimetype (part 3, 3.1.2). */
static bool is_flat(const struct document *doc, const char *type)
{
	size_t n = doc->n_bytes < FLAT_HEAD ? doc->n_bytes : FLAT_HEAD;
	const char *p = doc->bytes, *end = p + n;
	char found[sizeof(TYPE) + 40];

	p += n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) {
		p++;
	}
	if (p == end || *p != '<' || !memmem(p, (size_t)(end - p), NAMESPACE, strlen(NAMESPACE))) {
		return false;
	}
	p = memmem(p, (size_t)(end - p), TYPE, strlen(TYPE));
	if (!p) {
		return false;
	}
	snprintf(found, sizeof(found), "%.*s", (int)(end - p < 80 ? end - p : 80), p);
	found[strcspn(found, "\"'<> ")] = '\0';
	return type_is(found, type);
}

/* Some writers leave the part `mimetype` out; the manifest names the type then (part 2, 4.8.4). */
static bool manifest_says(struct archive *a, const char *type)
{
	struct buf manifest = BUF_INIT;
	char words[sizeof(TYPE) + 40];
	bool found;

	if (!archive_has(a, "content.xml") ||
		!archive_load(a, "META-INF/manifest.xml", MANIFEST_MAX, &manifest)) {
		return false;
	}
	snprintf(words, sizeof(words), "\"%s%s\"", TYPE, type);
	found = memmem(manifest.data ? manifest.data : "", manifest.len, words, strlen(words));
	buf_finish(&manifest);
	return found;
}

bool odf_is(struct document *doc, const char *type)
{
	struct archive *a = archive_of(doc);
	const char *found = a ? archive_type(a) : "";

	if (!a) {
		return is_flat(doc, type);
	}
	return *found ? type_is(found, type) : manifest_says(a, type);
}

/* ── properties ── */

static void take_property(struct odf *o, enum odf_tag tag)
{
	static const struct {
		enum odf_tag tag;
		const char *name;
	} PROPERTIES[] = {
		{ODF_META_INITIAL_CREATOR, "Author"},
		{ODF_META_CREATION_DATE, "Created"},
		{ODF_DC_CREATOR, "Last edited by"},
		{ODF_DC_DATE, "Last edited"},
		{ODF_DC_SUBJECT, "Subject"},
		{ODF_META_KEYWORD, "Keyword"},
	};
	struct buf line = BUF_INIT;

	if (tag == ODF_DC_TITLE) {
		draft_title(o->d, o->property.data ? o->property.data : "", o->property.len);
	}
	for (size_t i = 0; i < sizeof(PROPERTIES) / sizeof(PROPERTIES[0]); i++) {
		if (PROPERTIES[i].tag == tag && o->property.len) {
			buf_printf(&line, "%s: %s", PROPERTIES[i].name, o->property.data);
			draft_annotate(o->d, ANNOTATION_PROPERTY, draft_at(o->d), draft_at(o->d),
				line.data, line.len);
		}
	}
	buf_clear(&o->property);
	buf_finish(&line);
}

/* ── the walk ── */

static struct odf_frame *push(struct odf *o, enum odf_tag tag)
{
	static const struct odf_frame FIRST = {
		.look = {.color = ODF_NONE, .ground = 0xffffff, .size = 12}, .columns = 1};
	const struct odf_frame *up = o->n_frames ? &o->frames[o->n_frames - 1] : &FIRST;
	struct odf_frame next = {.tag = tag,
		.look = up->look,
		.to = up->to,
		.container = up->container,
		.columns = up->columns,
		.skipped = up->skipped};

	o->frames = array_grow(o->frames, o->n_frames, &o->cap, sizeof(*o->frames));
	o->frames[o->n_frames] = next;
	return &o->frames[o->n_frames++];
}

static void on_start(void *arg, const struct xml_element *el)
{
	struct odf *o = arg;
	enum odf_tag tag = tag_of(el);
	struct odf_frame *f = push(o, tag);

	if (f->skipped) {
		return;
	}
	if (o->in_body) {
		bool in_root = f[-1].tag == o->kind->root;

		if (tag == o->kind->root || (o->kind->child && in_root && tag != o->kind->child &&
						    tag != ODF_TABLE_TRACKED_CHANGES)) {
			f->skipped = true;
		} else if (!odf_text_start(o, tag, el, f)) {
			o->kind->on_start(o, tag, el, f);
		}
	} else if (o->in_styles) {
		odf_styles_start(o, tag, el);
	} else if (tag == ODF_OFFICE_META) {
		o->in_meta = true;
	} else if (tag == ODF_OFFICE_STYLES || tag == ODF_OFFICE_AUTOMATIC_STYLES ||
		   tag == ODF_OFFICE_MASTER_STYLES) {
		o->in_styles = true;
	} else if (tag == o->kind->root && !o->body_due) {
		f->skipped = true;
	} else if (tag == o->kind->root) {
		o->in_body = true;
		o->body_due = false;
		if (!o->kind->child) {
			draft_page(o->d, 0, 0);
		}
		odf_dress(o, f, "paragraph", "");
	}
	buf_clear(&o->property);
}

static void on_end(void *arg, const struct xml_element *el)
{
	struct odf *o = arg;
	struct odf_frame *f = &o->frames[o->n_frames - 1];

	(void)el;
	if (f->skipped) {
		o->n_frames--;
		return;
	}
	if (o->in_body && f->tag == o->kind->root) {
		o->in_body = o->held = false;
		odf_write_later(o);
	} else if (o->in_body) {
		odf_text_end(o, f);
		o->kind->on_end(o, f);
	} else if (f->tag == ODF_OFFICE_STYLES || f->tag == ODF_OFFICE_AUTOMATIC_STYLES ||
		   f->tag == ODF_OFFICE_MASTER_STYLES) {
		o->in_styles = false;
	} else if (o->in_styles) {
		odf_styles_end(o, f->tag);
	} else if (o->in_meta) {
		take_property(o, f->tag);
		o->in_meta = f->tag != ODF_OFFICE_META;
	}
	o->n_frames--;
}

static void on_text(void *arg, const char *s, size_t n_bytes)
{
	struct odf *o = arg;

	if (o->in_body) {
		odf_text(o, s, n_bytes);
	} else if (o->in_meta && o->property.len + n_bytes <= PROPERTY_MAX) {
		buf_add(&o->property, s, n_bytes);
	}
}

static const struct xml_handler HANDLER = {
	.on_start = on_start, .on_end = on_end, .on_text = on_text};

static void on_manifest(void *arg, const struct xml_element *el)
{
	if (xml_is(el, "encryption-data")) {
		draft_fault(arg, FAULT_PASSWORD, 0, NULL);
	}
}

static bool read_part(struct odf *o, const char *part)
{
	bool ok = xml_read_part(o->doc, archive_of(o->doc), part, XML_REFUSE_DOCTYPE, &HANDLER, o);

	o->n_frames = 0;
	o->in_meta = o->in_styles = o->in_body = false;
	return ok;
}

void odf_read(struct document *doc, struct draft *d, const struct odf_kind *kind, void *arg)
{
	static const struct xml_handler MANIFEST = {.on_start = on_manifest};
	struct odf o = {.doc = doc, .d = d, .kind = kind, .arg = arg};
	struct archive *a = archive_of(doc);
	bool ok;

	if (a) {
		/* OpenOffice's manifests had a DOCTYPE. */
		xml_read_part(doc, a, "META-INF/manifest.xml", XML_SKIP_DOCTYPE, &MANIFEST, d);
		read_part(&o, "meta.xml");
		read_part(&o, "styles.xml");
		o.body_due = true;
		ok = read_part(&o, "content.xml");
	} else {
		o.body_due = true;
		ok = xml_read_bytes(
			doc, doc->bytes, doc->n_bytes, XML_REFUSE_DOCTYPE, &HANDLER, &o);
	}
	if (!ok) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	if (!d->n_pages) {
		draft_page(d, 0, 0);
	}
}

#include "ingest/ooxml.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RELATIONS_MAX 100000
#define PROPERTY_MAX 4000

/* ── relationships (ECMA-376 part 2, 6.5) ── */

struct relations_reader {
	struct ooxml *o;
	const char *base; /* the part they are of */
	struct ooxml_relations *out;
	int cap;
};

static int from_hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* %20 in s as what it stands for. */
static void decode_percent(char *s)
{
	char *to = s;

	while (*s) {
		int high = *s == '%' ? from_hex(s[1]) : -1;
		int low = high >= 0 ? from_hex(s[2]) : -1;
		int c = high * 16 + low;

		if (low >= 0 && c) {
			*to++ = (char)c;
			s += 3;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* target as seen from the part base: "../media/a.png" of "word/document.xml" is "media/a.png".
 * NULL: it leads out of the archive, or nowhere. */
static const char *resolve(struct ooxml *o, const char *base, const char *target)
{
	size_t n_base = *target == '/' || *target == '\\' ? 0 : strlen(base);
	size_t n_target = strcspn(target, "#"), n = 0;
	char *path = arena_alloc(&o->arena, n_base + n_target + 2);

	while (n_base && base[n_base - 1] != '/') {
		n_base--;
	}
	memcpy(path, base, n_base);
	n = n_base;
	for (size_t i = 0; i < n_target;) {
		size_t len = 0;

		while (i + len < n_target && target[i + len] != '/' && target[i + len] != '\\') {
			len++;
		}
		if (len == 2 && memcmp(target + i, "..", 2) == 0) {
			if (!n) {
				return NULL;
			}
			for (n--; n && path[n - 1] != '/'; n--) {
			}
		} else if (len && !(len == 1 && target[i] == '.')) {
			memcpy(path + n, target + i, len);
			n += len;
			path[n++] = '/';
		}
		i += len + 1;
	}
	if (!n) {
		return NULL;
	}
	path[n - 1] = '\0';
	if (strchr(path, '%') && !archive_has(o->archive, path)) {
		decode_percent(path);
	}
	return path;
}

static const char *last_segment(const char *address)
{
	const char *slash = strrchr(address, '/');

	return slash ? slash + 1 : address;
}

static void on_relationship(void *arg, const struct xml_element *el)
{
	struct relations_reader *r = arg;
	const char *id = xml_attr(el, "Id"), *type = xml_attr(el, "Type");
	const char *target = xml_attr(el, "Target"), *mode = xml_attr(el, "TargetMode");
	struct ooxml_relation *item;

	if (!xml_is(el, "Relationship") || !id || !type || !target || r->out->n >= RELATIONS_MAX) {
		return;
	}
	if (r->out->n == r->cap) {
		struct ooxml_relation *grown;

		r->cap = r->cap ? r->cap * 2 : 16;
		grown = arena_array(&r->o->arena, struct ooxml_relation, (size_t)r->cap);
		if (r->out->n) {
			memcpy(grown, r->out->items, (size_t)r->out->n * sizeof(*grown));
		}
		r->out->items = grown;
	}
	item = &r->out->items[r->out->n];
	item->external = mode && strcasecmp(mode, "External") == 0;
	item->target =
		item->external ? arena_str(&r->o->arena, target) : resolve(r->o, r->base, target);
	item->id = arena_str(&r->o->arena, id);
	item->type = arena_str(&r->o->arena, last_segment(type));
	r->out->n += item->target != NULL;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(
		((const struct ooxml_relation *)a)->id, ((const struct ooxml_relation *)b)->id);
}

void ooxml_relations_load(struct ooxml *o, const char *part, struct ooxml_relations *out)
{
	static const struct xml_handler HANDLER = {.on_start = on_relationship};
	const char *last = last_segment(part);
	const char *name =
		arena_printf(&o->arena, "%.*s_rels/%s.rels", (int)(last - part), part, last);
	struct relations_reader r = {.o = o, .base = part, .out = out};

	*out = (struct ooxml_relations){NULL, 0};
	ooxml_read(o, name, &HANDLER, &r);
	if (out->n) {
		qsort(out->items, (size_t)out->n, sizeof(*out->items), by_id);
	}
}

/* NULL: no such one, or id is NULL. */
static const struct ooxml_relation *find_relation(const struct ooxml_relations *r, const char *id)
{
	struct ooxml_relation key = {.id = id};

	return id && r->n ? bsearch(&key, r->items, (size_t)r->n, sizeof(key), by_id) : NULL;
}

const char *ooxml_part(const struct ooxml_relations *r, const char *id)
{
	const struct ooxml_relation *found = find_relation(r, id);

	return found && !found->external ? found->target : NULL;
}

const char *ooxml_address(const struct ooxml_relations *r, const char *id)
{
	const struct ooxml_relation *found = find_relation(r, id);

	return found && found->external ? found->target : NULL;
}

const char *ooxml_part_of_type(const struct ooxml_relations *r, const char *type)
{
	for (int i = 0; i < r->n; i++) {
		if (!r->items[i].external && strcmp(r->items[i].type, type) == 0) {
			return r->items[i].target;
		}
	}
	return NULL;
}

/* ── core properties (ECMA-376 part 2, 11) ── */

struct properties_reader {
	struct draft *draft;
	const char *label; /* of the element that is open; "" of the title, NULL of the others */
	struct buf text;
};

static void on_property(void *arg, const struct xml_element *el)
{
	static const struct {
		const char *name, *label;
	} KNOWN[] = {
		{"title", ""},
		{"creator", "Author"},
		{"subject", "Subject"},
		{"keywords", "Keywords"},
		{"description", "Description"},
		{"category", "Category"},
		{"created", "Created"},
		{"modified", "Modified"},
	};
	struct properties_reader *r = arg;

	r->label = NULL;
	buf_clear(&r->text);
	for (size_t i = 0; el->depth == 2 && i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
		r->label = xml_is(el, KNOWN[i].name) ? KNOWN[i].label : r->label;
	}
}

static void on_property_text(void *arg, const char *s, size_t n)
{
	struct properties_reader *r = arg;

	if (r->label && r->text.len < PROPERTY_MAX) {
		buf_add(&r->text, s, n < PROPERTY_MAX ? n : PROPERTY_MAX);
	}
}

/* What programs write there when nobody wrote a title. */
static bool is_title(const char *s)
{
	static const char *const NONE[] = {"PowerPoint Presentation", "PowerPoint-Präsentation",
		"Présentation PowerPoint", "Slide 1", "Folie 1", "Document1", "Presentation1",
		"Title", "Untitled", "Word Document"};

	for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++) {
		if (strcasecmp(s, NONE[i]) == 0) {
			return false;
		}
	}
	return strncmp(s, "Microsoft Word - ", 17) != 0 &&
	       strncmp(s, "Microsoft PowerPoint - ", 23) != 0;
}

static void on_property_end(void *arg, const struct xml_element *el)
{
	struct properties_reader *r = arg;
	struct buf line = BUF_INIT;
	size_t n = r->text.len;

	(void)el;
	if (r->label && n && !*r->label) {
		draft_title(r->draft, r->text.data, is_title(r->text.data) ? n : 0);
	} else if (r->label && n) {
		bool date = n > 10 && r->text.data[4] == '-' && r->text.data[10] == 'T';

		buf_printf(&line, "%s: %.*s", r->label, date ? 10 : (int)n, r->text.data);
		draft_annotate(r->draft, ANNOTATION_PROPERTY, 0, 0, line.data, line.len);
	}
	buf_finish(&line);
	r->label = NULL;
}

/* ── the package ── */

bool ooxml_read(struct ooxml *o, const char *part, const struct xml_handler *h, void *arg)
{
	return xml_read_part(o->doc, o->archive, part, XML_REFUSE_DOCTYPE, h, arg);
}

void ooxml_must_read(struct ooxml *o, const char *part, const struct xml_handler *h, void *arg)
{
	if (!ooxml_read(o, part, h, arg)) {
		draft_fault(o->draft, FAULT_BROKEN, 0, NULL);
	}
}

void ooxml_open(struct ooxml *o, struct document *doc, struct draft *d, const char *usual_main)
{
	static const struct xml_handler HANDLER = {on_property, on_property_end, on_property_text};
	struct properties_reader r = {.draft = d};
	struct ooxml_relations package;
	const char *core;

	*o = (struct ooxml){.doc = doc, .draft = d, .archive = archive_of(doc)};
	arena_init(&o->arena);
	ooxml_relations_load(o, "", &package);
	o->main = ooxml_part_of_type(&package, "officeDocument");
	if (!o->main || !archive_has(o->archive, o->main)) {
		o->main = usual_main;
	}
	if (!archive_has(o->archive, o->main)) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	ooxml_relations_load(o, o->main, &o->relations);
	core = ooxml_part_of_type(&package, "core-properties");
	ooxml_read(o, core ? core : "docProps/core.xml", &HANDLER, &r);
	buf_finish(&r.text);
}

/* ── values ── */

bool ooxml_on(const char *value)
{
	return !value || (strcmp(value, "0") != 0 && strcmp(value, "false") != 0 &&
				 strcmp(value, "off") != 0);
}

long ooxml_number(const char *value, long fallback)
{
	char *end;
	long n = value ? strtol(value, &end, 10) : 0;

	if (!value || end == value) {
		return fallback;
	}
	return n > INT32_MAX ? INT32_MAX : n < -INT32_MAX ? -INT32_MAX : n;
}

long ooxml_color(const char *value)
{
	size_t n = value ? strlen(value) : 0;

	if ((n != 6 && n != 8) || strspn(value, "0123456789abcdefABCDEF") != n) {
		return -1;
	}
	return strtol(value + (n - 6), NULL, 16);
}

static int by_name(const void *name, const void *item)
{
	return strcmp(name, *(const char *const *)item);
}

int ooxml_token(const char *name, const char *const *sorted, int n)
{
	const char *const *found = bsearch(name, sorted, (size_t)n, sizeof(*sorted), by_name);

	return found ? (int)(found - sorted) : -1;
}

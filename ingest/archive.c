#include "ingest/archive.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "ingest/child.h"

#define RATIO_FROM ((int64_t)1 << 20) /* a small part may be as repetitive as it likes */
#define TYPES_MAX ((size_t)4 << 20)   /* of [Content_Types].xml */

struct archive {
	struct draft *draft;
	const struct child_limits *limits;
	zip_t *zip;
	int64_t n_inflated; /* of all parts read so far */
	char type[128];
	bool type_known;
};

struct archive_part {
	struct archive *archive;
	zip_file_t *file;
	int64_t n_stored, n_inflated;
};

static zip_t *open_zip(const struct document *doc)
{
	zip_error_t error;
	zip_source_t *source;
	zip_t *zip;

	zip_error_init(&error);
	source = zip_source_buffer_create(doc->bytes, doc->n_bytes, 0, &error);
	zip = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
	if (!zip && source) {
		zip_source_free(source);
	}
	return zip;
}

struct archive *archive_of(struct document *doc)
{
	struct archive *a;
	zip_t *zip;

	if (doc->archive_tried) {
		return doc->archive;
	}
	doc->archive_tried = true;
	zip = doc->n_bytes > 4 && memcmp(doc->bytes, "PK", 2) == 0 ? open_zip(doc) : NULL;
	if (!zip) {
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	ASSERT(a != NULL);
	a->draft = doc->draft;
	a->limits = doc->limits;
	a->zip = zip;
	if (zip_get_num_entries(zip, 0) > doc->limits->zip_entries_max) {
		draft_fault(doc->draft, FAULT_LIMIT, 0, "its number of parts; ingest-zip-entries");
	}
	doc->archive = a;
	return a;
}

int archive_count(struct archive *a)
{
	return (int)zip_get_num_entries(a->zip, 0);
}

const char *archive_name(struct archive *a, int i)
{
	return zip_get_name(a->zip, (zip_uint64_t)i, 0);
}

/* Some writers made their paths with '\\'. */
static zip_int64_t locate_backslashes(struct archive *a, const char *name)
{
	struct buf path = BUF_INIT;
	zip_int64_t at;

	buf_str(&path, name);
	for (size_t i = 0; i < path.len; i++) {
		path.data[i] = path.data[i] == '/' ? '\\' : path.data[i];
	}
	at = zip_name_locate(a->zip, path.data ? path.data : "", ZIP_FL_NOCASE);
	buf_finish(&path);
	return at;
}

static zip_int64_t locate(struct archive *a, const char *name)
{
	zip_int64_t at;

	name += name[0] == '/';
	at = zip_name_locate(a->zip, name, 0);
	if (at < 0) {
		/* Names of OPC parts are compared without regard to case (ECMA-376 part 2,
		 * 6.2.2.3). */
		at = zip_name_locate(a->zip, name, ZIP_FL_NOCASE);
	}
	return at >= 0 ? at : locate_backslashes(a, name);
}

bool archive_has(struct archive *a, const char *name)
{
	return locate(a, name) >= 0;
}

struct archive_part *archive_open(struct archive *a, const char *name)
{
	zip_int64_t at = locate(a, name);
	struct archive_part *p;
	zip_stat_t st;

	if (at < 0) {
		return NULL;
	}
	p = calloc(1, sizeof(*p));
	ASSERT(p != NULL);
	p->archive = a;
	if (zip_stat_index(a->zip, (zip_uint64_t)at, 0, &st) == 0) {
		if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) &&
			st.encryption_method != ZIP_EM_NONE) {
			draft_fault(a->draft, FAULT_PASSWORD, 0, NULL);
		}
		p->n_stored = st.valid & ZIP_STAT_COMP_SIZE ? (int64_t)st.comp_size : 0;
	}
	p->file = zip_fopen_index(a->zip, (zip_uint64_t)at, 0);
	if (!p->file) {
		draft_fault(a->draft, FAULT_BROKEN, 0, NULL);
	}
	return p;
}

static void count(struct archive_part *p, int64_t n)
{
	struct archive *a = p->archive;

	p->n_inflated += n;
	a->n_inflated += n;
	if (a->n_inflated > a->limits->inflated_max) {
		draft_fault(a->draft, FAULT_LIMIT, 0, "what it unpacks to; ingest-inflated-mb");
	}
	if (p->n_inflated > RATIO_FROM &&
		p->n_inflated / a->limits->ratio_max > (p->n_stored > 0 ? p->n_stored : 1)) {
		draft_fault(a->draft, FAULT_LIMIT, 0,
			"a part that unpacks to many times its size; ingest-ratio");
	}
}

size_t archive_read(struct archive_part *p, void *to, size_t n_bytes)
{
	zip_int64_t n = zip_fread(p->file, to, n_bytes);

	if (n < 0) {
		draft_fault(p->archive->draft, FAULT_BROKEN, 0, NULL);
	}
	count(p, n);
	return (size_t)n;
}

void archive_close(struct archive_part *p)
{
	if (p) {
		zip_fclose(p->file);
		free(p);
	}
}

bool archive_load(struct archive *a, const char *name, size_t max, struct buf *out)
{
	struct archive_part *p = archive_open(a, name);
	char piece[16384];
	size_t n, n_all = 0;

	if (!p) {
		return false;
	}
	while ((n = archive_read(p, piece, sizeof(piece))) > 0) {
		n_all += n;
		if (n_all > max) {
			draft_fault(a->draft, FAULT_LIMIT, 0,
				"the size of one of its parts; ingest-inflated-mb");
		}
		buf_add(out, piece, n);
	}
	archive_close(p);
	return true;
}

/* ── what kind of archive ── */

/* By the content type of the main part (ECMA-376 part 1, 15.2.1 …; macro-enabled ones:
 * MS-OFFMACRO2) or, where the list of types does not read, by the part itself. */
static const char *office_type(struct archive *a)
{
	static const struct {
		const char *content_type, *part, *type;
	} KNOWN[] = {
		{"wordprocessingml.document.main+xml", "word/document.xml", "docx"},
		{"wordprocessingml.template.main+xml", NULL, "docx"},
		{"ms-word.document.macroEnabled.main+xml", NULL, "docx"},
		{"ms-word.template.macroEnabledTemplate.main+xml", NULL, "docx"},
		{"spreadsheetml.sheet.main+xml", "xl/workbook.xml", "xlsx"},
		{"spreadsheetml.template.main+xml", NULL, "xlsx"},
		{"ms-excel.sheet.macroEnabled.main+xml", NULL, "xlsx"},
		{"ms-excel.template.macroEnabled.main+xml", NULL, "xlsx"},
		{"presentationml.presentation.main+xml", "ppt/presentation.xml", "pptx"},
		{"presentationml.slideshow.main+xml", NULL, "pptx"},
		{"presentationml.template.main+xml", NULL, "pptx"},
		{"ms-powerpoint.presentation.macroEnabled.main+xml", NULL, "pptx"},
		{"ms-powerpoint.slideshow.macroEnabled.main+xml", NULL, "pptx"},
	};
	struct buf types = BUF_INIT;
	const char *found = "";

	if (!archive_load(a, "[Content_Types].xml", TYPES_MAX, &types)) {
		return "";
	}
	for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]) && !*found; i++) {
		if (memmem(types.data ? types.data : "", types.len, KNOWN[i].content_type,
			    strlen(KNOWN[i].content_type)) ||
			(KNOWN[i].part && archive_has(a, KNOWN[i].part))) {
			found = KNOWN[i].type;
		}
	}
	buf_finish(&types);
	return found;
}

const char *archive_type(struct archive *a)
{
	struct buf mime = BUF_INIT;
	size_t n;

	if (a->type_known) {
		return a->type;
	}
	a->type_known = true;
	if (archive_load(a, "mimetype", sizeof(a->type) - 1, &mime) && mime.len) {
		n = strcspn(mime.data, " \t\r\n");
		memcpy(a->type, mime.data, n);
	} else {
		strncpy(a->type, office_type(a), sizeof(a->type) - 1);
	}
	buf_finish(&mime);
	return a->type;
}

/* Which files the external extractor is asked for, and reading what it makes of them. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ingest/external_private.h"

/* ── which files ── */

bool external_takes(const struct settings *set, const char *name, const char *media_type)
{
	const char *extension = external_extension(name);

	for (const char *at = set->external_types; *(at += strspn(at, ", \t"));) {
		size_t n = strcspn(at, ", \t");
		bool typed = memchr(at, '/', n) != NULL;
		const char *mine = typed ? media_type : extension;

		if (mine && strlen(mine) == n && strncasecmp(mine, at, n) == 0) {
			return true;
		}
		at += n;
	}
	return false;
}

/* What a kind of file is, and what it is turned into to be read: what keeps its structure. */
static const struct kind {
	const char *extension, *media_type, *to;
} kinds[] = {
	{"doc", "application/msword", "docx"}, {"dot", "application/msword", "docx"},
	{"xls", "application/vnd.ms-excel", "xlsx"}, {"xlt", "application/vnd.ms-excel", "xlsx"},
	{"ppt", "application/vnd.ms-powerpoint", "pptx"},
	{"pot", "application/vnd.ms-powerpoint", "pptx"},
	{"pps", "application/vnd.ms-powerpoint", "pptx"},
	{"wpd", "application/vnd.wordperfect", "docx"}, {"wps", "application/vnd.ms-works", "docx"},
	{"pages", "application/vnd.apple.pages", "docx"},
	{"numbers", "application/vnd.apple.numbers", "xlsx"},
	{"key", "application/vnd.apple.keynote", "pptx"}, {"vsd", "application/vnd.visio", "pdf"},
	{"vsdx", "application/vnd.ms-visio.drawing", "pdf"},
	{"pub", "application/x-mspublisher", "pdf"},
	{"odg", "application/vnd.oasis.opendocument.graphics", "pdf"},
	{"", "application/octet-stream", "pdf"}, /* any other */
};

static const struct kind *kind_of(const char *name)
{
	const struct kind *k = kinds;

	while (*k->extension && strcasecmp(external_extension(name), k->extension) != 0) {
		k++;
	}
	return k;
}

const char *external_media_type(const char *name)
{
	return kind_of(name)->media_type;
}

const char *external_type_named(const char *extension)
{
	for (const struct kind *k = kinds; *k->extension; k++) {
		if (strcasecmp(extension, k->extension) == 0) {
			return k->media_type;
		}
	}
	return NULL;
}

/* ── reading ── */

/* What the external extractor makes of the file, as this kind of document; read as any file. */
static int read_converted(struct zygote *z, const struct settings *set,
	const struct extract_request *q, const char *to, const char *folder, struct arena *a,
	struct extracted *out, struct err *e)
{
	const struct external_request r = {.memfd = q->memfd,
		.name = q->name,
		.to = to,
		.folder = folder,
		.cancel = q->cancel};
	struct extract_request second = {.name = "converted",
		.cancel = q->cancel,
		.progress = q->progress,
		.arg = q->arg,
		.no_children = true};
	struct err why = ERR_INIT;
	int rc = external_convert(z, set, &r, &second.memfd, e);

	if (rc < 0) {
		return rc;
	}
	rc = zygote_extract(z, &second, a, out, &why);
	close(second.memfd);
	if (rc == ERR_UNPROCESSABLE) {
		return err_set(e, rc, "external_failed",
			"what the file was converted to cannot be read: %s", why.message);
	}
	return rc < 0 ? err_set(e, rc, why.reason, "%s", why.message) : 0;
}

/* LibreOffice can draw what it cannot save in a newer format. */
static int read_instead(struct zygote *z, const struct settings *set,
	const struct extract_request *q, const char *folder, struct arena *a, struct extracted *out,
	struct err *e)
{
	const char *to = kind_of(q->name)->to;
	struct err why = ERR_INIT;
	int rc = read_converted(z, set, q, to, folder, a, out, &why);

	if (rc == ERR_UNPROCESSABLE && strcmp(why.reason, "external_failed") == 0 &&
		external_uses_office(set) && strcmp(to, "pdf") != 0) {
		err_clear(&why);
		rc = read_converted(z, set, q, "pdf", folder, a, out, &why);
	}
	return rc < 0 ? err_set(e, rc, why.reason, "%s", why.message) : 0;
}

int external_read(struct zygote *z, const struct settings *set, const struct extract_request *q,
	const char *folder, struct arena *a, struct extracted *out, struct err *e)
{
	struct err why = ERR_INIT;
	char media_type[sizeof(out->media_type)];
	int rc = zygote_extract(z, q, a, out, &why);

	if (rc == 0 && !(external_takes(set, "", out->media_type) && external_available(set))) {
		return 0;
	}
	if (rc < 0 && (strcmp(why.reason, "unsupported_type") != 0 ||
			      !external_takes(set, q->name, NULL))) {
		return err_set(e, rc, why.reason, "%s", why.message);
	}
	if (!external_available(set)) {
		return err_set(e, rc, why.reason,
			"this kind of file is read with the help of LibreOffice: install "
			"LibreOffice or set external-command; or %s",
			strstr(why.message, "upload it as ") ? strstr(why.message, "upload it as ")
							     : why.message);
	}
	snprintf(media_type, sizeof(media_type), "%s",
		rc == 0 ? out->media_type : external_media_type(q->name));
	rc = read_instead(z, set, q, folder, a, out, e);
	if (rc == 0) {
		memcpy(out->media_type, media_type, sizeof(media_type));
	}
	return rc;
}

/* A MIME message, parsed by GMime: which of its parts are the body, which are files. */
#include <gmime/gmime.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ingest/mail.h"

struct reader {
	struct document *doc;
	struct draft *d;
	bool is_web_page;
	bool any;	/* something could be read or handed on */
	bool encrypted; /* … and something could not */
	bool page_seen;
	int n_parts, n_nameless;
};

static void once(void)
{
	static bool ready;

	if (!ready) {
		g_mime_init();
		ready = true;
	}
}

/* Borrows the bytes: nothing is ever written to it. */
static GMimeStream *stream_over(const char *p, size_t n_bytes)
{
	GByteArray *bytes = g_byte_array_new_take((guint8 *)p, n_bytes);
	GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);

	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	return stream;
}

static void close_stream(GMimeStream *stream)
{
	GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));

	g_object_unref(stream);
	g_byte_array_free(bytes, FALSE);
}

/* What was written to a stream in memory, borrowed. */
static GByteArray *bytes_of(GMimeStream *memory)
{
	return g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
}

static void decode_field(GMimeObject *o, const char *name, struct buf *out)
{
	GMimeHeader *h = g_mime_header_list_get_header(g_mime_object_get_header_list(o), name);
	const char *raw = h ? g_mime_header_get_raw_value(h) : NULL;

	if (raw) {
		mail_decode(raw, strlen(raw), out);
	}
}

static const char *parameter(GMimeObject *o, const char *name)
{
	GMimeContentType *type = g_mime_object_get_content_type(o);

	return type ? g_mime_content_type_get_parameter(type, name) : NULL;
}

static bool is_type(GMimeObject *o, const char *type, const char *subtype)
{
	GMimeContentType *t = g_mime_object_get_content_type(o);

	return t && g_mime_content_type_is_type(t, type, subtype);
}

static bool parameter_is(GMimeObject *o, const char *name, const char *value)
{
	const char *s = parameter(o, name);

	return s && strcasecmp(s, value) == 0;
}

/* ── files ── */

static const char *extension_of(GMimeObject *o)
{
	static const struct {
		const char *type, *subtype, *extension;
	} KNOWN[] = {
		{"text", "html", "html"},
		{"text", "calendar", "ics"},
		{"text", "csv", "csv"},
		{"text", "*", "txt"},
		{"application", "pdf", "pdf"},
		{"application", "ms-tnef", "dat"},
		{"image", "jpeg", "jpg"},
		{"image", "png", "png"},
		{"image", "gif", "gif"},
		{"image", "tiff", "tif"},
	};

	for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
		if (is_type(o, KNOWN[i].type, KNOWN[i].subtype)) {
			return KNOWN[i].extension;
		}
	}
	return "bin";
}

static void hand_on(struct reader *r, GMimeObject *part, const char *name, GByteArray *content)
{
	char made[64];

	if (!name || !*name) {
		snprintf(made, sizeof(made), "attachment-%d.%s", ++r->n_nameless,
			extension_of(part));
		name = made;
	}
	r->any = true;
	draft_child(r->d, name, content->data ? (const void *)content->data : "", content->len);
}

static void hand_on_message(struct reader *r, GMimeMessagePart *part)
{
	GMimeMessage *inner = g_mime_message_part_get_message(part);
	GMimeStream *out = g_mime_stream_mem_new();
	struct buf subject = BUF_INIT, name = BUF_INIT;

	if (inner) {
		decode_field(GMIME_OBJECT(inner), "Subject", &subject);
		mail_file_name(subject.data, "eml", &name);
		g_mime_object_write_to_stream(GMIME_OBJECT(inner), NULL, out);
		hand_on(r, GMIME_OBJECT(part), name.data, bytes_of(out));
	}
	g_object_unref(out);
	buf_finish(&subject);
	buf_finish(&name);
}

/* ── bodies ── */

static void read_object(struct reader *r, GMimeObject *o, int depth);

static void write_text(struct reader *r, GMimeObject *part, const char *p, size_t n)
{
	const char *charset = parameter(part, "charset");
	struct mail_text_format how = {.flowed = parameter_is(part, "format", "flowed"),
		.delsp = parameter_is(part, "delsp", "yes")};
	struct buf text = BUF_INIT;

	if (is_type(part, "text", "html")) {
		r->any |= mail_write_html(r->d, p, n, charset);
		r->page_seen = true;
	} else if (text_decode(p, n, charset, &text)) {
		mail_write_text(r->d, text.data ? text.data : "", text.len, how);
		r->any = true;
	}
	buf_finish(&text);
}

/* What an opaque signature signs is a MIME entity (RFC 8551, 3.5.2). */
static void read_signed(struct reader *r, GByteArray *content, int depth)
{
	struct buf pieces = BUF_INIT;
	size_t n;
	const char *p = mail_signed_content((const char *)content->data, content->len, &n, &pieces);
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeObject *inner;

	if (!p) {
		r->encrypted = true;
		mail_write_encrypted(r->d, "S/MIME");
		return;
	}
	stream = stream_over(p, n);
	parser = g_mime_parser_new_with_stream(stream);
	inner = g_mime_parser_construct_part(parser, NULL);
	if (inner) {
		read_object(r, inner, depth + 1);
		g_object_unref(inner);
	}
	g_object_unref(parser);
	close_stream(stream);
	buf_finish(&pieces);
}

static bool is_attached(GMimeObject *part)
{
	const char *disposition = g_mime_object_get_disposition(part);

	return disposition && strcasecmp(disposition, GMIME_DISPOSITION_ATTACHMENT) == 0;
}

/* Signatures beside what they sign say nothing to a reader. */
static bool is_signature(GMimeObject *part)
{
	return is_type(part, "application", "pgp-signature") ||
	       is_type(part, "application", "pkcs7-signature") ||
	       is_type(part, "application", "x-pkcs7-signature");
}

static bool is_body(GMimeObject *part, const char *name, int depth)
{
	if (is_type(part, "message", "delivery-status") ||
		is_type(part, "message", "disposition-notification") ||
		is_type(part, "text", "rfc822-headers")) {
		return true;
	}
	if (!is_type(part, "text", "*") || is_type(part, "text", "calendar") || is_attached(part)) {
		return false;
	}
	/* some mailers name even the only part there is */
	return !name || !*name || depth == 0;
}

static void read_leaf(struct reader *r, GMimeObject *o, int depth)
{
	GMimePart *part = GMIME_PART(o);
	const char *name = g_mime_part_get_filename(part);
	GMimeDataWrapper *wrapper = g_mime_part_get_content(part);
	GMimeStream *out = g_mime_stream_mem_new();
	GByteArray *content;

	if (wrapper && !is_signature(o)) {
		g_mime_data_wrapper_write_to_stream(wrapper, out);
	}
	content = bytes_of(out);
	if (!content->len) {
		g_object_unref(out);
		return;
	}
	if (is_type(o, "application", "pkcs7-mime") || is_type(o, "application", "x-pkcs7-mime")) {
		read_signed(r, content, depth);
	} else if (is_body(o, name, depth)) {
		write_text(r, o, (const char *)content->data, content->len);
	} else if (!r->is_web_page) {
		hand_on(r, o, name, content);
	}
	g_object_unref(out);
}

/* ── multiparts ── */

/* How much of a body's form a part carries; 0: none of it. */
static int richness(GMimeObject *o)
{
	if (is_attached(o)) {
		return 0;
	}
	if (GMIME_IS_MULTIPART(o)) {
		return is_type(o, "multipart", "related") ? 5 : 4;
	}
	return is_type(o, "text", "html")	? 3
	       : is_type(o, "text", "calendar") ? 0
	       : is_type(o, "text", "*")	? 2
						: 0;
}

static void read_alternative(struct reader *r, GMimeMultipart *m, int depth)
{
	int n = g_mime_multipart_get_count(m), best = -1, best_richness = 0;

	for (int i = 0; i < n; i++) {
		int rich = richness(g_mime_multipart_get_part(m, i));

		if (rich && rich >= best_richness) {
			best = i;
			best_richness = rich;
		}
	}
	for (int i = 0; i < n; i++) {
		GMimeObject *o = g_mime_multipart_get_part(m, i);

		/* Not another form of the body (an invitation, a file): read for itself. */
		if (i == best || (best < 0 && n) || !richness(o)) {
			read_object(r, o, depth + 1);
		}
	}
}

/* The root of a multipart/related is what `start` names, else its first part (RFC 2387, 3.2). */
static int root_of(GMimeMultipart *m)
{
	const char *start = parameter(GMIME_OBJECT(m), "start");
	int n = g_mime_multipart_get_count(m);

	for (int i = 0; start && i < n; i++) {
		const char *id = g_mime_object_get_content_id(g_mime_multipart_get_part(m, i));
		size_t skip = *start == '<';

		if (id && strncmp(start + skip, id, strlen(id)) == 0) {
			return i;
		}
	}
	return 0;
}

/* What the root is made with: pictures, styles, scripts, fonts. */
static bool is_furniture(GMimeObject *o)
{
	static const char *const TYPES[][2] = {{"image", "*"}, {"font", "*"}, {"text", "css"},
		{"text", "javascript"}, {"application", "javascript"},
		{"application", "x-javascript"}, {"audio", "*"}, {"video", "*"}};

	for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		if (is_type(o, TYPES[i][0], TYPES[i][1])) {
			return !is_attached(o);
		}
	}
	return false;
}

static void read_related(struct reader *r, GMimeMultipart *m, int depth)
{
	int n = g_mime_multipart_get_count(m), root = root_of(m);

	for (int i = 0; i < n; i++) {
		GMimeObject *o = g_mime_multipart_get_part(m, i);

		if (i == root || (!r->is_web_page && !is_furniture(o))) {
			read_object(r, o, depth + 1);
		}
	}
}

static void read_multipart(struct reader *r, GMimeMultipart *m, int depth)
{
	GMimeObject *o = GMIME_OBJECT(m);
	int n = g_mime_multipart_get_count(m);
	const char *outside = n ? NULL : g_mime_multipart_get_prologue(m);

	if (is_type(o, "multipart", "encrypted")) {
		r->encrypted = true;
		mail_write_encrypted(r->d,
			parameter_is(o, "protocol", "application/pgp-encrypted") ? "PGP" : "MIME");
	} else if (outside) {
		/* its boundary never comes: what there is is all there is */
		write_text(r, o, outside, strlen(outside));
	} else if (is_type(o, "multipart", "alternative")) {
		read_alternative(r, m, depth);
	} else if (is_type(o, "multipart", "related")) {
		read_related(r, m, depth);
	} else {
		for (int i = 0; i < n; i++) {
			read_object(r, g_mime_multipart_get_part(m, i), depth + 1);
		}
	}
}

static void read_object(struct reader *r, GMimeObject *o, int depth)
{
	if (depth > r->doc->limits->nesting_max) {
		draft_fault(r->d, FAULT_LIMIT, 0, "parts inside of parts; ingest-nesting");
	}
	if (++r->n_parts > r->doc->limits->zip_entries_max) {
		draft_fault(r->d, FAULT_LIMIT, 0, "its number of parts; ingest-zip-entries");
	}
	if (r->is_web_page && r->page_seen) {
		return;
	}
	if (GMIME_IS_MULTIPART(o)) {
		read_multipart(r, GMIME_MULTIPART(o), depth);
	} else if (GMIME_IS_MESSAGE_PART(o)) {
		hand_on_message(r, GMIME_MESSAGE_PART(o));
	} else if (GMIME_IS_PART(o)) {
		read_leaf(r, o, depth);
	}
}

/* ── the message ── */

static void format_date(GMimeMessage *message, struct buf *out)
{
	GDateTime *date = g_mime_message_get_date(message);
	char *s = date ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%S%:z") : NULL;

	buf_str(out, s ? s : "");
	g_free(s);
	if (!out->len) {
		decode_field(GMIME_OBJECT(message), "Date", out);
	}
}

static bool write_head(struct reader *r, GMimeMessage *message, struct mail_options how)
{
	static const char *const NAMES[] = {
		"Subject", "From", "To", "Cc", "Message-ID", "In-Reply-To", "References", "Date"};
	enum { SUBJECT, FROM, TO, CC, ID, REPLY, REFERENCES, DATE, N_FIELDS };
	struct buf f[N_FIELDS] = {BUF_INIT};
	struct mail_head head;
	bool any;

	for (int i = 0; i < DATE; i++) {
		decode_field(GMIME_OBJECT(message), NAMES[i], &f[i]);
	}
	format_date(message, &f[DATE]);
	if (how.label_of_page && f[SUBJECT].len) {
		draft_page_label(r->d, f[SUBJECT].data, f[SUBJECT].len);
	}
	if (how.title_of_document && f[SUBJECT].len) {
		draft_title(r->d, f[SUBJECT].data, f[SUBJECT].len);
	}
	head = (struct mail_head){.subject = f[SUBJECT].data,
		.from = f[FROM].data,
		.to = f[TO].data,
		.cc = f[CC].data,
		.date = f[DATE].data,
		.message_id = f[ID].data,
		.in_reply_to = f[REPLY].data,
		.references = f[REFERENCES].data};
	any = !r->is_web_page && mail_write_head(r->d, &head);
	for (int i = 0; i < N_FIELDS; i++) {
		buf_finish(&f[i]);
	}
	return any;
}

void mail_read(struct document *doc, struct draft *d, const char *p, size_t n_bytes,
	struct mail_options how)
{
	struct reader r = {.doc = doc, .d = d, .is_web_page = how.is_web_page};
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *message;
	GMimeObject *root;

	once();
	stream = stream_over(p, n_bytes);
	parser = g_mime_parser_new_with_stream(stream);
	message = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	if (!message) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	r.any = write_head(&r, message, how);
	root = g_mime_message_get_mime_part(message);
	if (root) {
		read_object(&r, root, 0);
	}
	if (r.encrypted && !r.any) {
		draft_fault(d, FAULT_PASSWORD, 0, NULL);
	}
	g_object_unref(message);
	close_stream(stream);
}

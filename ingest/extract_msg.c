/* Outlook messages (MS-OXMSG). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ingest/mail.h"
#include "ingest/msg.h"

#define RTF_MAX ((size_t)64 << 20) /* of a body, unpacked */
#define GAP_MAX 16		   /* numbers of recipients or attachments that were deleted */

enum recipient_type { RECIPIENT_TO = 1, RECIPIENT_CC = 2 };
enum attach_method { ATTACH_BY_VALUE = 1, ATTACH_MESSAGE = 5, ATTACH_OBJECT = 6 };

struct message {
	struct document *doc;
	struct draft *d;
	struct msg_properties top;
	struct buf html; /* the body that was written, to tell the pictures in it */
	bool any, encrypted;
	int n_nameless;
};

bool msg_is(struct document *doc)
{
	return ole_has_stream(doc, "__properties_version1.0") &&
	       !ole_has_stream(doc, "WordDocument");
}

/* ── people ── */

static void person(struct buf *name, struct buf *address, struct buf *out)
{
	/* an address of Exchange's own says nothing: "/O=EXAMPLE/OU=…" */
	bool mail = address->len && memchr(address->data, '@', address->len);

	if (mail && name->len &&
		(name->len != address->len || memcmp(name->data, address->data, name->len) != 0)) {
		buf_printf(out, "%s <%s>", name->data, address->data);
	} else if (mail || name->len) {
		buf_str(out, mail ? address->data : name->data);
	}
}

/* The first of the properties that has an '@', else the first that there is. */
static void address_of(
	const struct msg_properties *m, const enum msg_property *ids, int n, struct buf *out)
{
	for (int i = 0; i < n; i++) {
		msg_text(m, ids[i], out);
		if (out->len && memchr(out->data, '@', out->len)) {
			return;
		}
	}
}

static void sender(struct message *m, struct buf *out)
{
	static const enum msg_property ADDRESSES[] = {
		MSG_SENDER_SMTP, MSG_SENDER_ADDRESS, MSG_SENT_FOR_ADDRESS};
	struct buf name = BUF_INIT, address = BUF_INIT;

	msg_text(&m->top, MSG_SENDER_NAME, &name);
	if (!name.len) {
		msg_text(&m->top, MSG_SENT_FOR_NAME, &name);
	}
	address_of(&m->top, ADDRESSES, 3, &address);
	person(&name, &address, out);
	buf_finish(&name);
	buf_finish(&address);
}

/* The storages "<name>_version1.0_#00000000" and on, one after the other. */
struct numbered {
	const char *name;
	int next, last; /* number */
};

/* Opens the next one; NULL: no more, for numbers may lack but for a gap of GAP_MAX. */
static GsfInfile *next_storage(struct message *m, struct numbered *of, struct msg_properties *out)
{
	char storage[48];

	while (of->next < m->doc->limits->zip_entries_max && of->next < of->last + GAP_MAX + 1) {
		GsfInfile *dir;

		snprintf(storage, sizeof(storage), "__%s_version1.0_#%08X", of->name,
			(unsigned int)of->next++);
		dir = ole_storage(m->top.dir, storage);
		if (dir) {
			of->last = of->next - 1;
			msg_open(out, dir, MSG_HOLDER_PART, m->top.charset, m->top.max);
			return dir;
		}
	}
	return NULL;
}

static void recipients(struct message *m, struct buf *to, struct buf *cc)
{
	static const enum msg_property ADDRESSES[] = {MSG_SMTP, MSG_ADDRESS};
	struct buf name = BUF_INIT, address = BUF_INIT, one = BUF_INIT;
	struct numbered all = {.name = "recip"};
	struct msg_properties r;
	GsfInfile *dir;

	while ((dir = next_storage(m, &all, &r))) {
		struct buf *list;

		list = msg_number(&r, MSG_RECIPIENT_TYPE, RECIPIENT_TO) == RECIPIENT_CC ? cc : to;
		msg_text(&r, MSG_DISPLAY_NAME, &name);
		address_of(&r, ADDRESSES, 2, &address);
		buf_clear(&one);
		person(&name, &address, &one);
		if (one.len) {
			buf_printf(list, "%s%s", list->len ? ", " : "", one.data);
		}
		msg_finish(&r);
		ole_drop(dir);
	}
	if (!to->len) {
		msg_text(&m->top, MSG_DISPLAY_TO, to);
	}
	if (!cc->len) {
		msg_text(&m->top, MSG_DISPLAY_CC, cc);
	}
	buf_finish(&name);
	buf_finish(&address);
	buf_finish(&one);
}

static void write_head(struct message *m)
{
	enum { SUBJECT, FROM, TO, CC, DATE, ID, REPLY, REFERENCES, N_FIELDS };
	struct buf f[N_FIELDS] = {BUF_INIT};
	struct mail_head head;

	msg_text(&m->top, MSG_SUBJECT, &f[SUBJECT]);
	sender(m, &f[FROM]);
	recipients(m, &f[TO], &f[CC]);
	msg_date(&m->top, MSG_SUBMITTED, &f[DATE]);
	if (!f[DATE].len) {
		msg_date(&m->top, MSG_DELIVERED, &f[DATE]);
	}
	msg_text(&m->top, MSG_ID, &f[ID]);
	msg_text(&m->top, MSG_IN_REPLY_TO, &f[REPLY]);
	msg_text(&m->top, MSG_REFERENCES, &f[REFERENCES]);
	if (f[SUBJECT].len) {
		draft_title(m->d, f[SUBJECT].data, f[SUBJECT].len);
	}
	head = (struct mail_head){.subject = f[SUBJECT].data,
		.from = f[FROM].data,
		.to = f[TO].data,
		.cc = f[CC].data,
		.date = f[DATE].data,
		.message_id = f[ID].data,
		.in_reply_to = f[REPLY].data,
		.references = f[REFERENCES].data};
	m->any |= mail_write_head(m->d, &head);
	for (int i = 0; i < N_FIELDS; i++) {
		buf_finish(&f[i]);
	}
}

/* ── the body ── */

static bool write_html(struct message *m)
{
	char charset[32];

	msg_charset(msg_number(&m->top, MSG_INTERNET_CODEPAGE, 65001), charset);
	if (!msg_bytes(&m->top, MSG_HTML, &m->html)) {
		msg_text(&m->top, MSG_HTML, &m->html);
		snprintf(charset, sizeof(charset), "UTF-8");
	}
	return m->html.len && mail_write_html(m->d, m->html.data, m->html.len, charset);
}

/* only_html: where it wraps a page; otherwise the plain body, which is made from it, is better. */
static bool write_rtf(struct message *m, bool only_html)
{
	struct buf packed = BUF_INIT, rtf = BUF_INIT, text = BUF_INIT;
	bool is_html = false;
	bool ok = msg_bytes(&m->top, MSG_RTF, &packed) &&
		  mail_rtf_unpack(packed.data, packed.len, RTF_MAX, &rtf);

	if (ok) {
		mail_rtf_text(rtf.data, rtf.len, &text, &is_html);
		ok = text.len && (is_html || !only_html);
	}
	if (ok && is_html) {
		ok = mail_write_html(m->d, text.data, text.len, "UTF-8");
		buf_finish(&m->html);
		m->html = text;
		buf_init(&text);
	} else if (ok) {
		mail_write_text(m->d, text.data, text.len, (struct mail_text_format){0});
	}
	buf_finish(&packed);
	buf_finish(&rtf);
	buf_finish(&text);
	return ok;
}

static void write_body(struct message *m)
{
	struct buf text = BUF_INIT;

	if (write_html(m) || write_rtf(m, true)) {
		m->any = true;
		return;
	}
	msg_text(&m->top, MSG_BODY, &text);
	if (text.len) {
		mail_write_text(m->d, text.data, text.len, (struct mail_text_format){0});
		m->any = true;
	} else {
		m->any |= write_rtf(m, false);
	}
	buf_finish(&text);
}

/* ── attachments ── */

static bool is_picture_of_body(struct message *m, const struct msg_properties *a)
{
	struct buf id = BUF_INIT;
	bool found;

	msg_text(a, MSG_CONTENT_ID, &id);
	found = (id.len && m->html.len && memmem(m->html.data, m->html.len, id.data, id.len)) ||
		msg_number(a, MSG_HIDDEN, 0) & 0xff;
	buf_finish(&id);
	return found;
}

static void attachment_name(struct message *m, const struct msg_properties *a, struct buf *out)
{
	static const enum msg_property IDS[] = {MSG_LONG_FILE, MSG_SHORT_FILE, MSG_DISPLAY_NAME};

	for (size_t i = 0; i < 3; i++) {
		msg_text(a, IDS[i], out);
		if (out->len) {
			return;
		}
	}
	buf_printf(out, "attachment-%d", ++m->n_nameless);
}

static void take_embedded(struct message *m, const struct msg_properties *a)
{
	GsfInfile *dir = ole_storage(a->dir, "__substg1.0_3701000D");
	struct msg_properties inner;
	struct buf subject = BUF_INIT, name = BUF_INIT, file = BUF_INIT;

	if (!dir) {
		return;
	}
	msg_open(&inner, dir, MSG_HOLDER_EMBEDDED, NULL, a->max);
	msg_text(&inner, MSG_SUBJECT, &subject);
	mail_file_name(subject.data, "msg", &name);
	(void)msg_rebuild(dir, m->doc->limits->nesting_max, m->doc->n_bytes + 65536, &file);
	draft_child(m->d, name.data, file.data ? file.data : "", file.len);
	msg_finish(&inner);
	ole_drop(dir);
	buf_finish(&subject);
	buf_finish(&name);
	buf_finish(&file);
}

/* A signed message's only attachment is what was signed: MIME, or a CMS around it. */
static bool take_signed(struct message *m, const char *p, size_t n_bytes)
{
	struct buf class = BUF_INIT, pieces = BUF_INIT;
	bool is_signed, whole;
	size_t n = n_bytes;
	const char *content = p;

	msg_text(&m->top, MSG_CLASS, &class);
	is_signed = class.len >= 14 && strncasecmp(class.data, "IPM.Note.SMIME", 14) == 0;
	whole = class.len > 14;
	buf_finish(&class);
	if (!is_signed) {
		return false;
	}
	if (!whole) {
		content = mail_signed_content(p, n_bytes, &n, &pieces);
	}
	if (content) {
		mail_read(m->doc, m->d, content, n, (struct mail_options){0});
		m->any = true;
	} else {
		mail_write_encrypted(m->d, "S/MIME");
		m->encrypted = true;
	}
	buf_finish(&pieces);
	return true;
}

static void take_attachment(struct message *m, const struct msg_properties *a)
{
	struct buf data = BUF_INIT, name = BUF_INIT;

	if (msg_number(a, MSG_METHOD, ATTACH_BY_VALUE) == ATTACH_MESSAGE) {
		take_embedded(m, a);
	} else if (msg_bytes(a, MSG_DATA, &data) && !take_signed(m, data.data, data.len) &&
		   !is_picture_of_body(m, a)) {
		attachment_name(m, a, &name);
		draft_child(m->d, name.data, data.data, data.len);
		m->any = true;
	}
	buf_finish(&data);
	buf_finish(&name);
}

static void take_attachments(struct message *m)
{
	struct numbered all = {.name = "attach"};
	struct msg_properties a;
	GsfInfile *dir;

	while ((dir = next_storage(m, &all, &a))) {
		take_attachment(m, &a);
		msg_finish(&a);
		ole_drop(dir);
	}
}

void extract_msg(struct document *doc, struct draft *d)
{
	struct message m = {.doc = doc, .d = d};

	draft_page(d, 0, 0);
	/* No stream is larger than the file that holds it. */
	msg_open(&m.top, ole_of(doc), MSG_HOLDER_TOP, NULL, doc->n_bytes);
	write_head(&m);
	write_body(&m);
	take_attachments(&m);
	if (m.encrypted && !m.any) {
		draft_fault(d, FAULT_PASSWORD, 0, NULL);
	}
	msg_finish(&m.top);
	buf_finish(&m.html);
}

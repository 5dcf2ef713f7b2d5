/* eml, mbox and mhtml: which a file is, and where the messages of a mailbox begin. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "ingest/mail.h"

#define LOOK 65536 /* bytes of a head that are looked at */

/* ── what is mail ── */

enum field_weight {
	FIELD_KNOWN = 1,   /* mail has it, and so may notes */
	FIELD_CORE = 2,	   /* one of them stands in every message */
	FIELD_MACHINE = 4, /* nobody writes it by hand */
};

static const struct {
	const char *name;
	int weight;
} FIELDS[] = {
	{"From", FIELD_CORE},
	{"To", FIELD_CORE},
	{"Subject", FIELD_CORE},
	{"Date", FIELD_CORE},
	{"Received", FIELD_CORE | FIELD_MACHINE},
	{"Message-ID", FIELD_CORE | FIELD_MACHINE},
	{"MIME-Version", FIELD_CORE | FIELD_MACHINE},
	{"Return-Path", FIELD_MACHINE},
	{"Delivered-To", FIELD_MACHINE},
	{"Envelope-To", FIELD_MACHINE},
	{"Content-Type", FIELD_MACHINE},
	{"Content-Transfer-Encoding", FIELD_MACHINE},
	{"DKIM-Signature", FIELD_MACHINE},
	{"Authentication-Results", FIELD_MACHINE},
	{"In-Reply-To", FIELD_MACHINE},
	{"References", FIELD_MACHINE},
	{"Thread-Topic", FIELD_MACHINE},
	{"Thread-Index", FIELD_MACHINE},
	{"List-Id", FIELD_MACHINE},
	{"List-Unsubscribe", FIELD_MACHINE},
	{"User-Agent", FIELD_MACHINE},
	{"X-Mailer", FIELD_MACHINE},
	{"X-Mozilla-Status", FIELD_MACHINE},
	{"Cc", FIELD_KNOWN},
	{"Bcc", FIELD_KNOWN},
	{"Sender", FIELD_KNOWN},
	{"Reply-To", FIELD_KNOWN},
};
#define N_FIELDS (sizeof(FIELDS) / sizeof(FIELDS[0]))

struct head_facts {
	int n_known;
	int weights; /* of all of them, or-ed */
	bool address_in_from, saved_by_browser, related, html;
};

static size_t field_name(const char *p, const char *end)
{
	size_t n = 0;

	/* RFC 5322, 3.6.8: printable but the colon */
	while (p + n < end && p[n] > ' ' && p[n] < 0x7f && p[n] != ':') {
		n++;
	}
	return n && p + n < end && p[n] == ':' ? n : 0;
}

static bool contains(const char *p, size_t n, const char *what)
{
	size_t m = strlen(what);

	for (size_t i = 0; i + m <= n; i++) {
		if (strncasecmp(p + i, what, m) == 0) {
			return true;
		}
	}
	return false;
}

static void note_field(struct head_facts *f, const char *p, size_t n_name, size_t n)
{
	const char *value = p + n_name + 1;
	size_t n_value = n - n_name - 1;

	for (size_t i = 0; i < N_FIELDS; i++) {
		if (strlen(FIELDS[i].name) == n_name &&
			strncasecmp(p, FIELDS[i].name, n_name) == 0) {
			f->n_known++;
			f->weights |= FIELDS[i].weight;
		}
	}
	if (n_name == 4 && strncasecmp(p, "From", 4) == 0) {
		f->address_in_from = memchr(value, '@', n_value) != NULL;
		f->saved_by_browser |= contains(value, n_value, "<Saved by ");
	} else if (n_name == 12 && strncasecmp(p, "Content-Type", 12) == 0) {
		f->related = contains(value, n_value, "multipart/related");
		f->html = contains(value, n_value, "text/html");
	} else if (n_name == 25 && strncasecmp(p, "Snapshot-Content-Location", 25) == 0) {
		f->saved_by_browser = true;
	}
}

/* false: what stands there is no head of a message. */
static bool read_head(const char *p, size_t n_bytes, struct head_facts *f)
{
	const char *end = p + (n_bytes < LOOK ? n_bytes : LOOK);

	memset(f, 0, sizeof(*f));
	while (p < end && *p != '\r' && *p != '\n') {
		size_t n_name = field_name(p, end);
		const char *stop = memchr(p, '\n', (size_t)(end - p));

		if (!n_name) {
			return false;
		}
		/* its lines that go on */
		while (stop && stop + 1 < end && (stop[1] == ' ' || stop[1] == '\t')) {
			stop = memchr(stop + 1, '\n', (size_t)(end - stop - 1));
		}
		note_field(f, p, n_name, (size_t)((stop ? stop : end) - p));
		p = stop ? stop + 1 : end;
	}
	return f->n_known > 0;
}

static bool name_ends(const struct document *doc, const char *end)
{
	size_t n = strlen(doc->name), m = strlen(end);

	return n >= m && strcasecmp(doc->name + n - m, end) == 0;
}

/* Behind a byte order mark, and the From_ line of the mailbox that a message was copied from. */
static const char *message_start(const struct document *doc)
{
	const char *p = doc->bytes, *end = p + doc->n_bytes;
	const char *stop;

	p += end - p > 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	if (end - p > 5 && memcmp(p, "From ", 5) == 0) {
		stop = memchr(p, '\n', (size_t)(end - p));
		p = stop ? stop + 1 : end;
	}
	return p;
}

/* Notes that begin "Date: …", "Subject: …" are no mail: an address or a field that only programs
 * write must be there, or the name say so. */
static bool is_message(const struct document *doc, struct head_facts *f)
{
	bool named = name_ends(doc, ".eml") || name_ends(doc, ".mht") || name_ends(doc, ".mhtml");
	const char *p;

	if (name_ends(doc, ".md") || name_ends(doc, ".markdown")) {
		return false;
	}
	p = message_start(doc);
	return read_head(p, (size_t)(doc->bytes + doc->n_bytes - p), f) &&
	       (f->weights & FIELD_CORE) &&
	       (named || (f->n_known >= 2 && (f->address_in_from || (f->weights & FIELD_MACHINE))));
}

bool mail_is_mhtml(struct document *doc)
{
	struct head_facts f;

	return is_message(doc, &f) && (f.related || f.html) &&
	       (f.saved_by_browser || (!f.address_in_from && (name_ends(doc, ".mht") ||
								     name_ends(doc, ".mhtml"))));
}

bool mail_is_eml(struct document *doc)
{
	struct head_facts f;

	return is_message(doc, &f);
}

/* ── mailboxes (RFC 4155, and what is written in practice) ── */

/* "12:34" */
static bool has_time(const char *p, const char *end)
{
	for (; end - p >= 5; p++) {
		if (isdigit((unsigned char)p[0]) && isdigit((unsigned char)p[1]) && p[2] == ':' &&
			isdigit((unsigned char)p[3]) && isdigit((unsigned char)p[4])) {
			return true;
		}
	}
	return false;
}

/* "From ada@example.org Tue May  5 14:30:00 2026", then a field: where the head begins; NULL: a
 * line of text. */
static const char *from_line(const char *p, const char *end)
{
	const char *stop;
	struct head_facts f;

	if (end - p < 6 || memcmp(p, "From ", 5) != 0) {
		return NULL;
	}
	stop = memchr(p, '\n', (size_t)(end - p));
	if (!stop || stop - p > 500 || !has_time(p, stop)) {
		return NULL;
	}
	stop++;
	/* a mangled From_ line of a mailbox in a mailbox */
	if (end - stop > 6 && memcmp(stop, ">From ", 6) == 0) {
		stop = memchr(stop, '\n', (size_t)(end - stop));
		stop = stop ? stop + 1 : end;
	}
	return field_name(stop, end) && (read_head(stop, (size_t)(end - stop), &f) || f.n_known)
		       ? stop
		       : NULL;
}

bool mail_is_mbox(struct document *doc)
{
	return !name_ends(doc, ".eml") && from_line(doc->bytes, doc->bytes + doc->n_bytes);
}

/* The next From_ line after a blank one, or end; *head: where its message begins. */
static const char *next_message(const char *p, const char *end, const char **head)
{
	while (p < end) {
		const char *at = memmem(p, (size_t)(end - p), "\nFrom ", 6);
		bool blank_before;

		if (!at) {
			break;
		}
		blank_before = at[-1] == '\n' || (at[-1] == '\r' && at[-2] == '\n');
		*head = blank_before ? from_line(at + 1, end) : NULL;
		if (*head) {
			return at + 1;
		}
		p = at + 1;
	}
	return end;
}

/* A line of text that begins "From " is written ">From ", ">From " ">>From ". */
static void unquote(const char *p, size_t n_bytes, struct buf *out)
{
	const char *end = p + n_bytes;

	buf_clear(out);
	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t marks = 0;

		stop = stop ? stop + 1 : end;
		while (p + marks < stop && p[marks] == '>') {
			marks++;
		}
		p += marks && stop - p > (ptrdiff_t)marks + 5 && memcmp(p + marks, "From ", 5) == 0;
		buf_add(out, p, (size_t)(stop - p));
		p = stop;
	}
}

void extract_mbox(struct document *doc, struct draft *d)
{
	const char *end = doc->bytes + doc->n_bytes;
	const char *head = from_line(doc->bytes, end);
	struct buf message = BUF_INIT;
	int n = 0;

	d->has_title = true; /* no heading in a message names the mailbox */
	while (head && head < end) {
		const char *next_head = NULL;
		const char *stop = next_message(head, end, &next_head);

		unquote(head, (size_t)(stop - head), &message);
		draft_page(d, 0, 0);
		mail_read(doc, d, message.data ? message.data : "", message.len,
			(struct mail_options){.label_of_page = true});
		draft_progress(d, ++n, 0);
		head = stop < end ? next_head : NULL;
	}
	buf_finish(&message);
}

void extract_eml(struct document *doc, struct draft *d)
{
	draft_page(d, 0, 0);
	mail_read(
		doc, d, doc->bytes, doc->n_bytes, (struct mail_options){.title_of_document = true});
}

void extract_mhtml(struct document *doc, struct draft *d)
{
	const char *p = message_start(doc);

	draft_page(d, 0, 0);
	mail_read(doc, d, p, (size_t)(doc->bytes + doc->n_bytes - p),
		(struct mail_options){.is_web_page = true, .title_of_document = true});
}

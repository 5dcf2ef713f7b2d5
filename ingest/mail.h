/*
 * Mail, as messages of every format have it: a head of a few lines, a body of text or HTML, files.
 * MIME (RFC 5322, 2045 to 2049) is read by mail_parts.c, Outlook's compound files (MS-OXMSG) by
 * extract_msg.c; both write through this. Characters are converted by ICU (text_decode). Thread:
 * the child's only one.
 */
#ifndef INGEST_MAIL_H
#define INGEST_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "ingest/child.h"

/* UTF-8; NULL or "": the message has none. */
struct mail_head {
	const char *from, *to, *cc, *date, *subject;
	const char *message_id, *in_reply_to, *references;
};

/* The subject as a heading, From, To, Cc and Date as lines, the thread as properties of the open
 * page. false: nothing of it was there. */
bool mail_write_head(struct draft *d, const struct mail_head *h);

struct mail_text_format {
	bool flowed, delsp; /* RFC 3676 */
};

/* A plain body: a blank line ends a paragraph, and so does another depth of quotation (every line
 * keeps one '>' a level). The armour of signatures goes; what PGP encrypted is said to be so. */
void mail_write_text(struct draft *d, const char *s, size_t n_bytes, struct mail_text_format how);
/* A body in HTML; charset: what the message says of it, or NULL. false: it is no text. */
bool mail_write_html(struct draft *d, const char *p, size_t n_bytes, const char *charset);
/* "This message is encrypted (S/MIME): …" */
void mail_write_encrypted(struct draft *d, const char *how);

/* A header field's body as UTF-8 on one line: unfolded, encoded words (RFC 2047) decoded. */
void mail_decode(const char *raw, size_t n_bytes, struct buf *out);
/* "Minutes of May.eml" from a subject; out is cleared first. */
void mail_file_name(const char *subject, const char *extension, struct buf *out);

/* Reads one MIME message onto the open page; files in it become children. A saved web page is its
 * main part only, without head and files. */
struct mail_options {
	bool is_web_page;
	bool title_of_document, label_of_page; /* the subject is */
};
void mail_read(struct document *doc, struct draft *d, const char *p, size_t n_bytes,
	struct mail_options how);

/* What a CMS SignedData (RFC 5652, section 5) signs: borrowed from p, or from `pieces`, where it
 * stood in pieces and is put together. NULL: it is something else, encrypted most likely. */
const char *mail_signed_content(
	const char *p, size_t n_bytes, size_t *n_content, struct buf *pieces);

/* Outlook's compressed RTF (MS-OXRTFCP) as RTF, at most max bytes; false: it is none. */
bool mail_rtf_unpack(const char *p, size_t n_bytes, size_t max, struct buf *out);
/* The text of RTF; or, where RTF wraps HTML (MS-OXRTFEX), that HTML: then *is_html. */
void mail_rtf_text(const char *p, size_t n_bytes, struct buf *out, bool *is_html);

#endif

#include <string.h>

#include "index/base/utf8.h"
#include "ingest/html.h"
#include "ingest/mail.h"

#define HEAD_LINE_MAX 4000 /* a list of a thousand recipients says nothing more */
#define QUOTE_MAX 32	   /* deeper quotation counts as this deep */

static bool given(const char *s)
{
	return s && s[strspn(s, " \t\r\n")];
}

static bool head_line(struct draft *d, const char *name, const char *value)
{
	struct buf line = BUF_INIT;
	size_t n;

	if (!given(value)) {
		return false;
	}
	n = strlen(value);
	buf_printf(&line, "%s: ", name);
	buf_add(&line, value, utf8_floor(value, n, n < HEAD_LINE_MAX ? n : HEAD_LINE_MAX));
	buf_str(&line, n > HEAD_LINE_MAX ? " …" : "");
	draft_line(d, line.data, line.len, NULL);
	buf_finish(&line);
	return true;
}

static void thread_fact(struct draft *d, const char *name, const char *value)
{
	struct buf fact = BUF_INIT;

	if (given(value)) {
		buf_printf(&fact, "%s: %s", name, value);
		draft_annotate(
			d, ANNOTATION_PROPERTY, draft_at(d), draft_at(d), fact.data, fact.len);
	}
	buf_finish(&fact);
}

bool mail_write_head(struct draft *d, const struct mail_head *h)
{
	bool any = false;

	if (given(h->subject)) {
		draft_lines(d, BLOCK_HEADING, 1, h->subject, strlen(h->subject));
		any = true;
	}
	draft_block(d, BLOCK_PARAGRAPH, 0);
	any |= head_line(d, "From", h->from);
	any |= head_line(d, "To", h->to);
	any |= head_line(d, "Cc", h->cc);
	any |= head_line(d, "Date", h->date);
	thread_fact(d, "Message-ID", h->message_id);
	thread_fact(d, "In-Reply-To", h->in_reply_to);
	thread_fact(d, "References", h->references);
	draft_block(d, BLOCK_PARAGRAPH, 0);
	return any;
}

void mail_write_encrypted(struct draft *d, const char *how)
{
	struct buf line = BUF_INIT;

	buf_printf(&line,
		"This message is encrypted (%s): its content cannot be read without the key of "
		"those it was sent to.",
		how);
	draft_lines(d, BLOCK_PARAGRAPH, 0, line.data, line.len);
	buf_finish(&line);
}

bool mail_write_html(struct draft *d, const char *p, size_t n_bytes, const char *charset)
{
	struct buf text = BUF_INIT;
	bool ok = html_decode(p, n_bytes, charset, &text);

	if (ok) {
		html_write(text.data ? text.data : "", text.len, d);
	}
	buf_finish(&text);
	return ok;
}

void mail_file_name(const char *subject, const char *extension, struct buf *out)
{
	buf_clear(out);
	for (; subject && *subject; subject++) {
		/* only the last part of a path would be taken for the name */
		buf_char(out, strchr("/\\\r\n\t", *subject) ? ' ' : *subject);
	}
	if (out->len > 200) {
		out->len = utf8_floor(out->data, out->len, 200);
	}
	while (out->len && out->data[out->len - 1] == ' ') {
		out->len--;
	}
	buf_str(out, out->len ? "." : "message.");
	buf_str(out, extension);
}

/* ── plain bodies ── */

struct text_writer {
	struct draft *d;
	struct mail_text_format how;
	struct buf line; /* of a flowed paragraph, while it flows on */
	int depth;	 /* of quotation, of the open paragraph */
	bool in_armour;	 /* of a signature or of encrypted text */
};

static void end_line(struct text_writer *w)
{
	struct buf whole = BUF_INIT;

	if (w->line.len) {
		for (int i = 0; i < w->depth; i++) {
			buf_char(&whole, '>');
		}
		buf_str(&whole, w->depth ? " " : "");
		buf_add(&whole, w->line.data, w->line.len);
		draft_line(w->d, whole.data, whole.len, NULL);
		buf_clear(&w->line);
	}
	buf_finish(&whole);
}

static void end_paragraph(struct text_writer *w)
{
	end_line(w);
	draft_block(w->d, BLOCK_PARAGRAPH, 0);
}

static bool is_line(const char *s, size_t n, const char *what)
{
	return n >= strlen(what) && memcmp(s, what, strlen(what)) == 0;
}

/* Lines of OpenPGP's armour (RFC 9580, 6.2 and 7); true: the line is none of the text. */
static bool take_armour(struct text_writer *w, const char *s, size_t n)
{
	if (w->in_armour) {
		w->in_armour = !is_line(s, n, "-----END PGP ");
		return true;
	}
	if (!is_line(s, n, "-----BEGIN PGP ")) {
		return false;
	}
	if (is_line(s, n, "-----BEGIN PGP SIGNED MESSAGE-----")) {
		return true;
	}
	end_paragraph(w);
	if (is_line(s, n, "-----BEGIN PGP MESSAGE-----")) {
		mail_write_encrypted(w->d, "PGP");
		draft_block(w->d, BLOCK_PARAGRAPH, 0);
	}
	w->in_armour = true;
	return true;
}

/* The depth of quotation; *s is moved behind its marks. People write ">>", "> >" and "> > ". */
static int take_quotes(const char **s, const char *end, bool flowed)
{
	const char *p = *s;
	int depth = 0;

	while (p < end) {
		const char *q = p;

		/* In flowed text a blank ends the marks: what follows is stuffing (RFC 3676, 4.5).
		 */
		if (q < end && *q == ' ' && !flowed && depth) {
			q++;
		}
		if (q == end || *q != '>') {
			break;
		}
		depth += depth < QUOTE_MAX;
		p = q + 1;
	}
	if (p < end && *p == ' ' && (depth || flowed)) {
		p++;
	}
	*s = p;
	return depth;
}

static void take_line(struct text_writer *w, const char *s, const char *end)
{
	bool flowed = w->how.flowed;
	int depth = take_quotes(&s, end, flowed);
	size_t n = (size_t)(end - s);
	bool signature = n == 3 && memcmp(s, "-- ", 3) == 0;
	bool flows_on = flowed && n && s[n - 1] == ' ' && !signature;
	bool blank = n == 0;

	for (size_t i = 0; i < n && !blank; i++) {
		if (s[i] != ' ' && s[i] != '\t') {
			break;
		}
		blank = i + 1 == n;
	}
	if (take_armour(w, s, n)) {
		return;
	}
	if (blank || depth != w->depth || signature || (n == 2 && memcmp(s, "--", 2) == 0)) {
		end_paragraph(w);
		w->depth = depth;
	}
	if (!blank) {
		buf_add(&w->line, s, flows_on && w->how.delsp ? n - 1 : n);
	}
	if (!flows_on) {
		end_line(w);
	}
}

void mail_write_text(struct draft *d, const char *s, size_t n_bytes, struct mail_text_format how)
{
	struct text_writer w = {.d = d, .how = how};
	const char *end = s + n_bytes;

	draft_block(d, BLOCK_PARAGRAPH, 0);
	while (s < end) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));
		const char *edge;

		stop = stop ? stop : end;
		edge = stop > s && stop[-1] == '\r' ? stop - 1 : stop;
		take_line(&w, s, edge);
		s = stop + 1;
	}
	end_line(&w);
	buf_finish(&w.line);
}

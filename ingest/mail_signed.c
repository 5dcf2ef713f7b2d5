/*
 * The content that an opaque S/MIME signature wraps, by BER (X.690), without libraries that keep
 * keys:
 *
 *   ContentInfo  := SEQUENCE { OID signedData, [0] SEQUENCE { INTEGER, SET, encap, … } }
 *   encap        := SEQUENCE { OID, [0] OCTET STRING }      in pieces where it was streamed
 */
#include <string.h>

#include "ingest/mail.h"

enum { BER_INTEGER = 0x02, BER_OCTETS = 0x04, BER_OID = 0x06, BER_SEQUENCE = 0x30, BER_SET = 0x31 };
enum { BER_PIECES = 0x24, BER_CONTENT = 0xa0 };

struct ber {
	const unsigned char *p, *end;
};

struct ber_head {
	int tag;
	bool indefinite;
	size_t n_content;
};

static bool read_head(struct ber *b, struct ber_head *h)
{
	size_t n, n_octets;

	if (b->end - b->p < 2) {
		return false;
	}
	h->tag = *b->p++;
	n = *b->p++;
	h->indefinite = n == 0x80;
	if (n > 0x80) {
		n_octets = n & 0x7f;
		if (n_octets > 4 || n_octets > (size_t)(b->end - b->p)) {
			return false;
		}
		for (n = 0; n_octets; n_octets--) {
			n = n << 8 | *b->p++;
		}
	}
	h->n_content = h->indefinite ? 0 : n;
	return h->n_content <= (size_t)(b->end - b->p);
}

static bool enter(struct ber *b, int tag)
{
	struct ber_head h;

	return read_head(b, &h) && h.tag == tag;
}

/* Passes over one element, whatever is in it. */
static bool skip(struct ber *b, int tag)
{
	struct ber_head h;
	size_t depth = 0;
	bool first = true;

	do {
		if (!read_head(b, &h) || (first && h.tag != tag)) {
			return false;
		}
		first = false;
		if (h.indefinite) {
			depth++;
		} else if (h.tag == 0 && h.n_content == 0 && depth) {
			depth--;
		} else {
			b->p += h.n_content;
		}
	} while (depth);
	return true;
}

static bool enter_signed_data(struct ber *b)
{
	/* 1.2.840.113549.1.7.2 */
	static const char SIGNED_DATA[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";

	if (!enter(b, BER_SEQUENCE) || b->end - b->p < 11 || memcmp(b->p, SIGNED_DATA, 11) != 0) {
		return false;
	}
	b->p += 11;
	return enter(b, BER_CONTENT) && enter(b, BER_SEQUENCE) && skip(b, BER_INTEGER) &&
	       skip(b, BER_SET) && enter(b, BER_SEQUENCE) && skip(b, BER_OID) &&
	       enter(b, BER_CONTENT);
}

const char *mail_signed_content(
	const char *p, size_t n_bytes, size_t *n_content, struct buf *pieces)
{
	struct ber b = {(const unsigned char *)p, (const unsigned char *)p + n_bytes};
	struct ber_head h;

	if (!enter_signed_data(&b) || !read_head(&b, &h)) {
		return NULL;
	}
	if (h.tag == BER_OCTETS && !h.indefinite) {
		*n_content = h.n_content;
		return (const char *)b.p;
	}
	if (h.tag != BER_PIECES) {
		return NULL;
	}
	if (!h.indefinite) {
		b.end = b.p + h.n_content;
	}
	while (read_head(&b, &h) && h.tag == BER_OCTETS && !h.indefinite) {
		buf_add(pieces, b.p, h.n_content);
		b.p += h.n_content;
	}
	*n_content = pieces->len;
	return pieces->data;
}

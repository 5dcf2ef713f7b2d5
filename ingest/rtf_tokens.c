#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "ingest/rtf.h"

static int hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

static void take_word(struct rtf_bytes *in, struct rtf_token *t)
{
	size_t n = 0;
	bool minus;
	int v = 0;

	t->kind = RTF_WORD;
	for (; in->p < in->end && isalpha((unsigned char)*in->p); in->p++, n++) {
		if (n < RTF_WORD_MAX) {
			t->word[n] = *in->p;
		}
	}
	t->word[n <= RTF_WORD_MAX ? n : 0] = '\0';
	minus = in->p + 1 < in->end && *in->p == '-' && isdigit((unsigned char)in->p[1]);
	in->p += minus;
	for (; in->p < in->end && isdigit((unsigned char)*in->p); in->p++) {
		t->has_number = true;
		v = v > (INT_MAX - 9) / 10 ? v : v * 10 + (*in->p - '0');
	}
	t->number = minus ? -v : v;
	if (in->p < in->end && *in->p == ' ') {
		in->p++;
	}
	if (strcmp(t->word, "bin") == 0 && t->number > 0) {
		size_t left = (size_t)(in->end - in->p);

		in->p += (size_t)t->number < left ? (size_t)t->number : left;
	}
}

static void take_control(struct rtf_bytes *in, struct rtf_token *t)
{
	char c = *in->p;

	if (isalpha((unsigned char)c)) {
		take_word(in, t);
		return;
	}
	in->p++;
	if (c == '\'' && in->end - in->p >= 2 && hex(in->p[0]) >= 0 && hex(in->p[1]) >= 0) {
		t->kind = RTF_HEX;
		t->number = hex(in->p[0]) * 16 + hex(in->p[1]);
		in->p += 2;
	} else if (c == '\\' || c == '{' || c == '}') {
		t->kind = RTF_BYTES;
		t->bytes = in->p - 1;
		t->n_bytes = 1;
	} else if (c == '\r' || c == '\n') {
		t->kind = RTF_WORD;
		memcpy(t->word, "par", 4);
		in->p += c == '\r' && in->p < in->end && *in->p == '\n';
	} else {
		t->kind = RTF_SYMBOL;
		t->number = (unsigned char)c;
	}
}

void rtf_next(struct rtf_bytes *in, struct rtf_token *t)
{
	*t = (struct rtf_token){.kind = RTF_END};
	while (in->p < in->end && (*in->p == '\r' || *in->p == '\n' || *in->p == '\0')) {
		in->p++;
	}
	if (in->p == in->end) {
		return;
	}
	if (*in->p == '{' || *in->p == '}') {
		t->kind = *in->p++ == '{' ? RTF_OPEN : RTF_CLOSE;
	} else if (*in->p == '\\') {
		in->p++;
		if (in->p < in->end) {
			take_control(in, t);
		}
	} else {
		t->kind = RTF_BYTES;
		t->bytes = in->p;
		while (in->p < in->end && *in->p && !strchr("\\{}\r\n", *in->p)) {
			in->p++;
		}
		t->n_bytes = (size_t)(in->p - t->bytes);
	}
}

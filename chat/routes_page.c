/* The web page: its files, with validators, compressed where the browser takes it. */
#include <string.h>

#include "chat/assets.h"
#include "chat/routes.h"

/* Nothing from elsewhere, nothing inline, no markup but through the one sanitizer. */
#define POLICY                                                                                     \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "          \
	"connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; "        \
	"require-trusted-types-for 'script'; trusted-types dompurify"
#define FOR_EVER "public, max-age=31536000, immutable" /* the name holds the content's hash */

/* Whether a comma-separated header names the token, not with q=0 (RFC 9110, 12.5.3). */
static bool takes_gzip(const char *header)
{
	const char *p = header ? strstr(header, "gzip") : NULL;

	if (!p) {
		return false;
	}
	p += strlen("gzip");
	p += strspn(p, " ");
	if (*p != ';') {
		return true;
	}
	p += 1 + strspn(p + 1, " ");
	return strncmp(p, "q=0", 3) != 0 ||
	       (p[3] == '.' && strspn(p + 4, "0") < 3 && p[4] && p[4 + strspn(p + 4, "0")] > '0');
}

static int send_asset(struct call *c, const struct asset *a, const char *cache)
{
	const char *known = call_header_in(c, "if-none-match");
	bool gzip = takes_gzip(call_header_in(c, "accept-encoding"));

	call_header(c, "ETag", a->etag);
	call_header(c, "Cache-Control", cache);
	call_header(c, "Vary", "Accept-Encoding");
	call_header(c, "Content-Security-Policy", POLICY);
	call_header(c, "Referrer-Policy", "no-referrer");
	call_header(c, "Cross-Origin-Opener-Policy", "same-origin");
	if (known && strstr(known, a->etag)) {
		return call_empty(c, 304);
	}
	c->status = 200;
	c->content_type = a->type;
	if (gzip) {
		call_header(c, "Content-Encoding", "gzip");
	}
	buf_add(&c->out, gzip ? a->gzip : a->plain, gzip ? a->n_gzip : a->n_plain);
	return 0;
}

int page_index(struct call *c, struct err *e)
{
	(void)e;
	return send_asset(c, &assets[0], "no-cache");
}

int page_asset(struct call *c, struct err *e)
{
	for (int i = 1; i < n_assets; i++) {
		if (strcmp(assets[i].name, c->params[0]) == 0) {
			return send_asset(c, &assets[i], FOR_EVER);
		}
	}
	return err_absent(e);
}

#include "ingest/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 64
#define BLOCK 256     /* bytes of input at a time */
#define PER_BYTE 4    /* bytes of UTF-8 that one becomes at most, but for rare ligatures */
#define N_UNITS 1024  /* UTF-16 of a block, ligatures included */
#define HELD_MAX 4096 /* what they become */

UConverter *charset_open(const char *name)
{
	static const char *const NAMES[][2] = {{"UHC", "windows-949"}, {"MSCP949", "windows-949"},
		{"UCS-2BE", "UTF-16BE"}, {"UCS-2LE", "UTF-16LE"}, {"UCS-4BE", "UTF-32BE"},
		{"UCS-4LE", "UTF-32LE"}, {"WCHAR_T", "UTF32_PlatformEndian"}, {"CN-GB", "GB2312"},
		{"CN-BIG5", "Big5"}, {"BIGFIVE", "Big5"}, {"BIG-FIVE", "Big5"},
		{"EUC-JP-MS", "EUC-JP"}, {"EUCJP-MS", "EUC-JP"}, {"EUCJP-WIN", "EUC-JP"},
		{"SJIS-WIN", "windows-31j"}, {"MS-ANSI", "windows-1252"},
		{"MS-ARAB", "windows-1256"}, {"MS-CYRL", "windows-1251"}, {"MS-EE", "windows-1250"},
		{"MS-GREEK", "windows-1253"}, {"MS-HEBR", "windows-1255"},
		{"MS-TURK", "windows-1254"}, {"WINBALTRIM", "windows-1257"},
		{"MAC-CYRILLIC", "x-mac-cyrillic"}, {"MAC-CENTRALEUROPE", "x-mac-centraleurroman"}};
	UErrorCode status = U_ZERO_ERROR;
	UConverter *out;

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		name = strcasecmp(name, NAMES[i][0]) == 0 ? NAMES[i][1] : name;
	}
	out = ucnv_open(name, &status);
	return U_SUCCESS(status) ? out : NULL;
}

/* ── iconv ── */

struct conversion {
	UConverter *from, *to;
	bool to_utf8;
	char held[HELD_MAX]; /* converted, and not given out: there was no room */
	size_t n_held;
	/* Bytes that `from` has taken and the caller is to give once more: those that became what
	 * is held, and the begin of a character whose end has not come. */
	size_t n_ahead;
};

/* A name with glibc's suffixes. */
static UConverter *open_named(const char *name)
{
	size_t n = strcspn(name, "/");
	char plain[NAME_MAX_BYTES];

	if (!n || n >= sizeof(plain)) {
		return NULL;
	}
	memcpy(plain, name, n);
	plain[n] = '\0';
	return charset_open(plain);
}

static void destroy(struct conversion *c)
{
	ucnv_close(c->from); /* NULL is fine */
	ucnv_close(c->to);
	free(c);
}

iconv_t iconv_open(const char *to, const char *from)
{
	struct conversion *c = calloc(1, sizeof(*c));
	UErrorCode status = U_ZERO_ERROR;

	if (!c) {
		return (iconv_t)-1;
	}
	c->to = open_named(to);
	c->from = open_named(from);
	if (c->to && c->from) {
		ucnv_setToUCallBack(c->from, UCNV_TO_U_CALLBACK_STOP, NULL, NULL, NULL, &status);
		ucnv_setFromUCallBack(c->to, UCNV_FROM_U_CALLBACK_STOP, NULL, NULL, NULL, &status);
	}
	if (!c->to || !c->from || U_FAILURE(status)) {
		destroy(c);
		errno = EINVAL;
		return (iconv_t)-1;
	}
	c->to_utf8 = ucnv_getType(c->to) == UCNV_UTF8;
	return (iconv_t)c;
}

int iconv_close(iconv_t cd)
{
	destroy((struct conversion *)cd);
	return 0;
}

enum outcome { CONVERTED, NO_CHARACTER, NONE_LIKE_IT };

/* Bytes up to end to what is held; *at: where they ended, which is before what is no character. */
static enum outcome convert(struct conversion *c, const char **at, const char *end, bool last)
{
	UErrorCode from_status = U_ZERO_ERROR, to_status = U_ZERO_ERROR, status = U_ZERO_ERROR;
	UChar units[N_UNITS], *unit = units;
	const UChar *first = units;
	char *held = c->held, wrong[32];
	int8_t n_wrong = sizeof(wrong);

	ucnv_toUnicode(c->from, &unit, units + N_UNITS, at, end, NULL, last, &from_status);
	if (U_FAILURE(from_status) && !last) {
		ucnv_getInvalidChars(c->from, wrong, &n_wrong, &status);
		*at -= U_SUCCESS(status) ? n_wrong : 0;
	}
	ucnv_fromUnicode(c->to, &held, c->held + HELD_MAX, &first, unit, NULL, last, &to_status);
	c->n_held = (size_t)(held - c->held);
	return U_FAILURE(to_status)	? NONE_LIKE_IT
	       : U_FAILURE(from_status) ? NO_CHARACTER
					: CONVERTED;
}

/* false: there is no room. */
static bool give_out(struct conversion *c, char **out, size_t *n_out)
{
	if (c->n_held > *n_out) {
		return false;
	}
	memcpy(*out, c->held, c->n_held);
	*out += c->n_held;
	*n_out -= c->n_held;
	c->n_held = 0;
	return true;
}

/* What brings the target back to its first state. */
static size_t end_text(struct conversion *c, char **out, size_t *n_out)
{
	const char *nothing = "";

	if (out && *out) {
		if (!give_out(c, out, n_out)) {
			errno = E2BIG;
			return (size_t)-1;
		}
		(void)convert(c, &nothing, nothing, true);
	}
	ucnv_reset(c->from);
	ucnv_reset(c->to);
	c->n_ahead = 0;
	if (out && *out && !give_out(c, out, n_out)) {
		errno = E2BIG;
		return (size_t)-1;
	}
	c->n_held = 0;
	return 0;
}

/* So much that what it becomes has room; else, and where a character has begun, a byte: of that
 * alone is known which character has no room or no like. */
static size_t block_size(const struct conversion *c, size_t n_in, size_t n_out, bool begun)
{
	size_t n = begun || !c->to_utf8 ? 1 : n_out / PER_BYTE;

	n = n > BLOCK ? BLOCK : n ? n : 1;
	return n < n_in ? n : n_in;
}

size_t iconv(iconv_t cd, char **in, size_t *n_in, char **out, size_t *n_out)
{
	struct conversion *c = (struct conversion *)cd;
	const char *begin, *at, *end; /* of what is not given out yet, of what is not taken yet */
	int errnum = 0;

	if (!in || !*in) {
		return end_text(c, out, n_out);
	}
	begin = *in;
	end = begin + *n_in;
	at = begin + (c->n_ahead < *n_in ? c->n_ahead : *n_in);
	while (!errnum) {
		UErrorCode status = U_ZERO_ERROR;
		enum outcome outcome;
		size_t n;

		if (!give_out(c, out, n_out)) {
			errnum = E2BIG;
			break;
		}
		begin = at - ucnv_toUCountPending(c->from, &status);
		if (at == end) {
			errnum = at > begin ? EINVAL : 0;
			break;
		}
		n = block_size(c, (size_t)(end - at), *n_out, at > begin);
		outcome = convert(c, &at, at + n, false);
		if (outcome == NONE_LIKE_IT) {
			at = begin;
			errnum = EILSEQ;
		} else if (outcome == NO_CHARACTER) {
			errnum = give_out(c, out, n_out) ? EILSEQ : E2BIG;
			begin = errnum == EILSEQ ? at : begin;
		}
	}
	c->n_ahead = (size_t)(at - begin);
	*in = (char *)begin;
	*n_in = (size_t)(end - begin);
	errno = errnum ? errnum : errno;
	return errnum ? (size_t)-1 : 0;
}

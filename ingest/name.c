#include "ingest/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/base/hash.h"
#include "index/base/utf8.h"

#define STEM_BYTES_MAX 200
#define EXTENSION_BYTES_MAX 16
#define MARK_BYTES 9 /* "~" and 8 hexadecimal digits */

/* NFC of valid UTF-8, in the arena. */
static const char *composed(struct arena *a, const char *s)
{
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
	int32_t room = (int32_t)strlen(s) + 1, n, n_out;
	UChar *from = arena_array(a, UChar, (size_t)room);
	UChar *to = arena_array(a, UChar, (size_t)room * 3);
	char *out = arena_alloc(a, (size_t)room * 9);

	u_strFromUTF8(from, room, &n, s, -1, &status);
	n_out = unorm2_normalize(nfc, from, n, to, room * 3, &status);
	u_strToUTF8(out, room * 9, NULL, to, n_out, &status);
	return U_SUCCESS(status) ? out : s;
}

static void add_part(struct arena *a, struct buf *out, const char *part, size_t n_bytes)
{
	char *clean = utf8_clean_name(part, n_bytes, n_bytes * 3);
	const char *name = composed(a, clean);
	bool none = strcmp(clean, "unnamed") == 0 && memmem(part, n_bytes, "unnamed", 7) == NULL;

	if (!none && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
		buf_printf(out, "%s%s", out->len ? "/" : "", name);
	}
	free(clean);
}

/* "folders…/stem~1a2b3c4d.ext" */
static const char *shortened(struct arena *a, const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	const char *dot = strrchr(base, '.');
	size_t n_ext = dot && dot > base && strlen(dot) <= EXTENSION_BYTES_MAX ? strlen(dot) : 0;
	size_t n_base = strlen(base) - n_ext, n_folders = (size_t)(base - name), room;
	unsigned mark = (unsigned)hash64(name, strlen(name));

	n_base = utf8_floor(base, n_base, STEM_BYTES_MAX);
	room = NAME_BYTES_MAX - n_base - MARK_BYTES - n_ext;
	if (n_folders > room) {
		n_folders = utf8_floor(name, n_folders, room - 1);
		while (n_folders > 0 &&
			(name[n_folders - 1] == ' ' || name[n_folders - 1] == '/')) {
			n_folders--;
		}
		return arena_printf(a, "%.*s/%.*s~%08x%s", (int)n_folders, name, (int)n_base, base,
			mark, base + strlen(base) - n_ext);
	}
	return arena_printf(a, "%.*s%.*s~%08x%s", (int)n_folders, name, (int)n_base, base, mark,
		base + strlen(base) - n_ext);
}

const char *name_clean(struct arena *a, const char *name)
{
	struct buf out = BUF_INIT;
	const char *clean;

	for (const char *at = name; *at;) {
		size_t n = strcspn(at, "/\\");

		if (n > 0) {
			add_part(a, &out, at, n);
		}
		at += n + (at[n] != '\0');
	}
	if (out.len == 0) {
		buf_str(&out, "unnamed");
	}
	clean = arena_strn(a, out.data, out.len);
	buf_finish(&out);
	return strlen(clean) > NAME_BYTES_MAX ? shortened(a, clean) : clean;
}

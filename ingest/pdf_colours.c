/*
 * Colour transforms, made once. A colour space of a PDF brings its ICC profile along; poppler makes
 * a transform of it on each page anew, which took a fifth of the whole reading, though a document
 * has but a few profiles. These four functions of lcms2 stand here in front of the library's own
 * (the program's symbols come first) and remember, by the profile's very bytes, what was made; what
 * is remembered lives as long as the process, which reads one document. All else, and all beyond
 * the limits, goes on to the library. A transform is not changed by its use, so colours are the
 * same.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"
#include "ingest/pdf.h"

/* As in lcms2.h, which is not needed otherwise: cmsHPROFILE and cmsHTRANSFORM are void *. */
void *cmsOpenProfileFromMem(const void *p, uint32_t n_bytes);
int cmsCloseProfile(void *profile);
void *cmsCreateTransform(void *from, uint32_t from_format, void *to, uint32_t to_format,
	uint32_t intent, uint32_t flags);
void cmsDeleteTransform(void *transform);

/* Documents have one to five, those of printing up to 3 MB; a hostile one what it likes. */
#define PROFILES_MAX 32
#define BYTES_MAX (8u << 20) /* of all */
#define TRANSFORMS_MAX 128

struct profile {
	void *handle;
	void *bytes;
	uint32_t n_bytes;
};

struct transform {
	void *handle;
	void *from, *to; /* NULL: closed; nothing asks for it again */
	uint32_t from_format, to_format, intent, flags;
};

static struct profile profiles[PROFILES_MAX];
static struct transform transforms[TRANSFORMS_MAX];
static int n_profiles, n_transforms;
static uint32_t n_left = BYTES_MAX;

/* ── the library's ── */

static struct {
	void *(*open)(const void *p, uint32_t n_bytes);
	int (*close)(void *profile);
	void *(*create)(void *from, uint32_t from_format, void *to, uint32_t to_format,
		uint32_t intent, uint32_t flags);
	void (*delete)(void *transform);
} own;

static void look_up(void *function, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	ASSERT(found != NULL);
	memcpy(function, &found, sizeof(found));
}

void pdf_keep_colours(void)
{
	if (!own.open) {
		look_up(&own.close, "cmsCloseProfile");
		look_up(&own.create, "cmsCreateTransform");
		look_up(&own.delete, "cmsDeleteTransform");
		look_up(&own.open, "cmsOpenProfileFromMem");
	}
}

/* ── profiles ── */

void *cmsOpenProfileFromMem(const void *p, uint32_t n_bytes)
{
	struct profile *kept = &profiles[n_profiles];
	void *handle;

	pdf_keep_colours();
	for (int i = 0; i < n_profiles; i++) {
		if (profiles[i].n_bytes == n_bytes && memcmp(profiles[i].bytes, p, n_bytes) == 0) {
			return profiles[i].handle;
		}
	}
	handle = own.open(p, n_bytes);
	if (!handle || n_profiles == PROFILES_MAX || n_bytes > n_left) {
		return handle;
	}
	kept->bytes = malloc(n_bytes);
	if (kept->bytes) {
		memcpy(kept->bytes, p, n_bytes);
		kept->n_bytes = n_bytes;
		kept->handle = handle;
		n_left -= n_bytes;
		n_profiles++;
	}
	return handle;
}

int cmsCloseProfile(void *profile)
{
	pdf_keep_colours();
	for (int i = 0; i < n_profiles; i++) {
		if (profiles[i].handle == profile) {
			return 1;
		}
	}
	/* Another may get its address. */
	for (int i = 0; i < n_transforms; i++) {
		if (transforms[i].from == profile || transforms[i].to == profile) {
			transforms[i].from = transforms[i].to = NULL;
		}
	}
	return own.close(profile);
}

/* ── transforms ── */

void *cmsCreateTransform(void *from, uint32_t from_format, void *to, uint32_t to_format,
	uint32_t intent, uint32_t flags)
{
	const struct transform wanted = {NULL, from, to, from_format, to_format, intent, flags};
	struct transform *t = transforms;

	pdf_keep_colours();
	for (; t < transforms + n_transforms; t++) {
		if (t->from == from && t->to == to && t->from_format == from_format &&
			t->to_format == to_format && t->intent == intent && t->flags == flags) {
			return t->handle;
		}
	}
	if (n_transforms == TRANSFORMS_MAX || !from || !to) {
		return own.create(from, from_format, to, to_format, intent, flags);
	}
	*t = wanted;
	t->handle = own.create(from, from_format, to, to_format, intent, flags);
	n_transforms += t->handle != NULL;
	return t->handle;
}

void cmsDeleteTransform(void *transform)
{
	pdf_keep_colours();
	for (int i = 0; i < n_transforms; i++) {
		if (transforms[i].handle == transform) {
			return;
		}
	}
	own.delete(transform);
}

int pdf_colours_kept(void)
{
	return n_transforms;
}

/*
 * The web page's files, built from chat/ui by `make` (chat/ui/build.mjs) and carried in the binary.
 * Thread: any; constant.
 */
#ifndef CHAT_ASSETS_H
#define CHAT_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

struct asset {
	const char *name; /* "index.html", "app-3F2A….js": content-hashed, but for the first */
	const char *type; /* Content-Type */
	const char *etag; /* quoted */
	const unsigned char *plain;
	size_t n_plain;
	const unsigned char *gzip;
	size_t n_gzip;
};
extern const struct asset assets[]; /* [0] is index.html */
extern const int n_assets;

#endif

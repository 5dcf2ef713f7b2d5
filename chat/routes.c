/* The one table of routes. The permission matrix of the tests is made from it: `needs` says what
 * its path names and the right that is needed on that. A literal stands before a pattern that would
 * fit it too. */
#include "chat/routes.h"

const struct route routes[] = {
	/* operations */
	{"GET", "/healthz", ACCESS_PUBLIC, BODY_NONE, ops_healthz, "health"},
	{"GET", "/readyz", ACCESS_PUBLIC, BODY_NONE, ops_readyz, "health"},
	{"GET", "/v1/settings", ACCESS_ADMIN, BODY_NONE, ops_settings, "admin"},
};
const int n_routes = (int)(sizeof(routes) / sizeof(routes[0]));

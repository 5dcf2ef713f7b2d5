/* The one table of routes. The permission matrix of the tests is made from it: `needs` says what
 * its path names and the right that is needed on that. A literal stands before a pattern that would
 * fit it too. */
#include "chat/routes.h"

const struct route routes[] = {
	/* the web page */
	{"GET", "/", ACCESS_PUBLIC, BODY_NONE, page_index, "page"},
	{"GET", "/assets/{file}", ACCESS_PUBLIC, BODY_NONE, page_asset, "page"},

	/* operations */
	{"GET", "/healthz", ACCESS_PUBLIC, BODY_NONE, ops_healthz, "health"},
	{"GET", "/readyz", ACCESS_PUBLIC, BODY_NONE, ops_readyz, "health"},
	{"GET", "/v1/settings", ACCESS_OPERATOR, BODY_NONE, settings_show, "operator"},
	{"PATCH", "/v1/settings", ACCESS_OPERATOR, BODY_JSON, settings_change, "operator"},
	{"POST", "/v1/settings/test", ACCESS_OPERATOR, BODY_JSON, settings_test, "operator"},
	{"POST", "/v1/backup", ACCESS_MACHINE, BODY_JSON, backup_order, "operator"},

	/* signing in, and oneself */
	{"POST", "/v1/bootstrap", ACCESS_PUBLIC, BODY_JSON, sessions_bootstrap, "bootstrap"},
	{"POST", "/v1/auth/login", ACCESS_PUBLIC, BODY_JSON, sessions_login, "password"},
	{"POST", "/v1/auth/refresh", ACCESS_PUBLIC, BODY_JSON, sessions_refresh, "cookie"},
	{"POST", "/v1/auth/logout", ACCESS_USER, BODY_JSON, sessions_logout, "self"},
	{"GET", "/v1/me", ACCESS_USER, BODY_NONE, me_show, "self"},
	{"PATCH", "/v1/me", ACCESS_USER, BODY_JSON, me_change, "self"},
	{"GET", "/v1/sessions", ACCESS_USER, BODY_NONE, sessions_list, "self"},
	{"DELETE", "/v1/sessions/{id}", ACCESS_USER, BODY_NONE, sessions_revoke, "session:owner"},
	{"GET", "/v1/tokens", ACCESS_USER, BODY_NONE, tokens_list, "self"},
	{"POST", "/v1/tokens", ACCESS_USER, BODY_JSON, tokens_create, "self"},
	{"DELETE", "/v1/tokens/{id}", ACCESS_USER, BODY_NONE, tokens_revoke, "token:owner"},

	/* people */
	{"GET", "/v1/users", ACCESS_ADMIN, BODY_NONE, users_list, "admin"},
	{"POST", "/v1/users", ACCESS_ADMIN, BODY_JSON, users_create, "admin"},
	{"GET", "/v1/users/{id}", ACCESS_ADMIN, BODY_NONE, users_show, "user:admin"},
	{"PATCH", "/v1/users/{id}", ACCESS_ADMIN, BODY_JSON, users_change, "user:admin"},
	{"GET", "/v1/groups", ACCESS_ADMIN, BODY_NONE, groups_list, "admin"},
	{"POST", "/v1/groups", ACCESS_ADMIN, BODY_JSON, groups_create, "admin"},
	{"GET", "/v1/groups/{id}", ACCESS_ADMIN, BODY_NONE, groups_show, "group:admin"},
	{"PATCH", "/v1/groups/{id}", ACCESS_ADMIN, BODY_JSON, groups_rename, "group:admin"},
	{"DELETE", "/v1/groups/{id}", ACCESS_ADMIN, BODY_NONE, groups_delete, "group:admin"},
	{"PUT", "/v1/groups/{id}/members/{user}", ACCESS_ADMIN, BODY_NONE, groups_join,
		"group:admin"},
	{"DELETE", "/v1/groups/{id}/members/{user}", ACCESS_ADMIN, BODY_NONE, groups_leave,
		"group:admin"},
	{"GET", "/v1/principals", ACCESS_USER, BODY_NONE, principals_list, "list"},
	{"GET", "/v1/workspaces", ACCESS_OPERATOR, BODY_NONE, workspaces_list, "operator"},
	{"POST", "/v1/workspaces", ACCESS_OPERATOR, BODY_JSON, workspaces_create, "operator"},
	{"GET", "/v1/usage", ACCESS_ADMIN, BODY_NONE, usage_show, "admin"},
	{"GET", "/v1/audit", ACCESS_ADMIN, BODY_NONE, audit_show, "admin"},

	/* collections; an admin may also administer entries, which gives no right to read */
	{"GET", "/v1/collections", ACCESS_USER, BODY_NONE, collections_list, "list"},
	{"POST", "/v1/collections", ACCESS_USER, BODY_JSON, collections_create, "user"},
	{"GET", "/v1/collections/{id}", ACCESS_USER, BODY_NONE, collections_show,
		"collection:read"},
	{"PATCH", "/v1/collections/{id}", ACCESS_USER, BODY_JSON, collections_rename,
		"collection:own"},
	{"DELETE", "/v1/collections/{id}", ACCESS_USER, BODY_NONE, collections_delete,
		"collection:own"},
	{"GET", "/v1/collections/{id}/acl", ACCESS_USER, BODY_NONE, collections_acl,
		"collection:own|admin"},
	{"PUT", "/v1/collections/{id}/acl", ACCESS_USER, BODY_JSON, collections_acl_set,
		"collection:own|admin"},

	/* passages */
	{"POST", "/v1/search", ACCESS_USER, BODY_JSON, search_passages, "search"},
	{"POST", "/v1/search/ranking", ACCESS_USER, BODY_JSON, search_ranking, "search"},
	{"POST", "/v1/prompt", ACCESS_USER, BODY_JSON, search_prompt, "search"},

	/* answers */
	{"GET", "/v1/conversations", ACCESS_USER, BODY_NONE, conversations_list, "list"},
	{"POST", "/v1/conversations", ACCESS_USER, BODY_JSON, conversations_create, "user"},
	{"GET", "/v1/conversations/{id}", ACCESS_USER, BODY_NONE, conversations_show,
		"conversation:owner"},
	{"PATCH", "/v1/conversations/{id}", ACCESS_USER, BODY_JSON, conversations_rename,
		"conversation:owner"},
	{"DELETE", "/v1/conversations/{id}", ACCESS_USER, BODY_NONE, conversations_delete,
		"conversation:owner"},
	{"GET", "/v1/conversations/{id}/turns", ACCESS_USER, BODY_NONE, turns_list,
		"conversation:owner"},
	{"POST", "/v1/conversations/{id}/turns", ACCESS_USER, BODY_JSON, turns_create,
		"conversation:owner"},
	{"POST", "/v1/conversations/{id}/turns/{seq}/regenerate", ACCESS_USER, BODY_JSON,
		turns_regenerate, "conversation:owner"},
	{"PUT", "/v1/conversations/{id}/turns/{seq}/run", ACCESS_USER, BODY_JSON, turns_choose_run,
		"conversation:owner"},
	{"GET", "/v1/runs/{id}", ACCESS_USER, BODY_NONE, runs_show, "run:owner"},
	{"GET", "/v1/runs/{id}/retrieval", ACCESS_USER, BODY_NONE, runs_retrieval, "run:owner"},
	{"GET", "/v1/runs/{id}/stream", ACCESS_USER, BODY_NONE, runs_stream, "run:owner"},
	{"POST", "/v1/runs/{id}/cancel", ACCESS_USER, BODY_NONE, runs_stop_one, "run:owner"},
	{"POST", "/v1/chat", ACCESS_USER, BODY_JSON, chat_ephemeral, "search"},

	/* documents */
	{"POST", "/v1/documents", ACCESS_USER, BODY_STREAM, documents_upload, "collection:write"},
	{"GET", "/v1/documents", ACCESS_USER, BODY_NONE, documents_list, "list"},
	{"GET", "/v1/documents/{id}", ACCESS_USER, BODY_NONE, documents_show, "document:read"},
	{"PATCH", "/v1/documents/{id}", ACCESS_USER, BODY_JSON, documents_rename, "document:write"},
	{"DELETE", "/v1/documents/{id}", ACCESS_USER, BODY_NONE, documents_delete,
		"document:write"},
	{"GET", "/v1/documents/{id}/impact", ACCESS_USER, BODY_NONE, documents_impact,
		"document:write"},
	{"GET", "/v1/documents/{id}/content", ACCESS_USER, BODY_NONE, documents_content,
		"document:read"},
	{"GET", "/v1/documents/{id}/versions", ACCESS_USER, BODY_NONE, documents_versions,
		"document:read"},
	{"GET", "/v1/documents/{id}/text", ACCESS_USER, BODY_NONE, documents_text, "document:read"},
	{"GET", "/v1/documents/{id}/annotations", ACCESS_USER, BODY_NONE, documents_annotations,
		"document:read"},
	{"GET", "/v1/documents/{id}/view", ACCESS_USER, BODY_NONE, documents_view, "document:read"},
	{"GET", "/v1/documents/{id}/pages/{page}.png", ACCESS_USER, BODY_NONE, documents_page,
		"document:read"},
	{"GET", "/v1/documents/{id}/acl", ACCESS_USER, BODY_NONE, documents_acl, "document:own"},
	{"PUT", "/v1/documents/{id}/acl", ACCESS_USER, BODY_JSON, documents_acl_set,
		"document:own"},
	{"DELETE", "/v1/documents/{id}/acl", ACCESS_USER, BODY_NONE, documents_acl_drop,
		"document:own"},
	{"GET", "/v1/chunks/{id}", ACCESS_USER, BODY_NONE, chunks_show, "chunk:read"},

	/* work in the background */
	{"GET", "/v1/jobs", ACCESS_USER, BODY_NONE, jobs_list, "list"},
	{"GET", "/v1/jobs/{id}", ACCESS_USER, BODY_NONE, jobs_show, "job:read"},
	{"GET", "/v1/jobs/{id}/stream", ACCESS_USER, BODY_NONE, jobs_stream, "job:read"},
	{"POST", "/v1/jobs/{id}/cancel", ACCESS_USER, BODY_NONE, jobs_cancel, "job:write"},
	{"POST", "/v1/jobs/{id}/retry", ACCESS_USER, BODY_NONE, jobs_retry, "job:write"},
	{"GET", "/v1/reindex", ACCESS_ADMIN, BODY_NONE, reindex_show, "admin"},
	{"POST", "/v1/reindex", ACCESS_ADMIN, BODY_JSON, reindex_order, "admin"},
};
const int n_routes = (int)(sizeof(routes) / sizeof(routes[0]));

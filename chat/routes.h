/*
 * The handlers of the route table (chat/routes.c), one block a file. Each runs on a worker thread
 * with a call (chat/http/server.h): 0 and an answer, or an error. Lists answer {"<things>": […],
 * "next": CURSOR or null}, and take the cursor as ?after=.
 */
#ifndef CHAT_ROUTES_H
#define CHAT_ROUTES_H

#include "chat/http/server.h"

typedef int route_work(struct call *c, struct err *e);

/* chat/routes_page.c */
route_work page_index, page_asset;

/* chat/routes_ops.c */
route_work ops_healthz, ops_readyz, usage_show, backup_order;

/* chat/routes_settings.c */
route_work settings_show, settings_change, settings_test;

/* chat/routes_documents.c, chat/routes_upload.c, chat/routes_download.c,
 * chat/routes_annotations.c, chat/routes_pages.c */
route_work documents_upload, documents_list, documents_show, documents_rename, documents_delete;
route_work documents_impact;
route_work documents_content, documents_versions, documents_text, documents_page;
route_work documents_annotations, documents_view;
route_work documents_acl, documents_acl_set, documents_acl_drop, chunks_show;

/* chat/routes_jobs.c */
route_work jobs_list, jobs_show, jobs_stream, jobs_cancel, jobs_retry;
route_work reindex_order, reindex_show;

/* chat/routes_auth.c */
route_work sessions_bootstrap, sessions_login, sessions_refresh, sessions_logout;
route_work sessions_list, sessions_revoke, tokens_list, tokens_create, tokens_revoke;
route_work me_show, me_change;

/* chat/routes_people.c */
route_work users_list, users_create, users_show, users_change;
route_work groups_list, groups_create, groups_show, groups_rename, groups_delete, groups_join;
route_work groups_leave, principals_list, workspaces_list, workspaces_create, audit_show;

/* chat/routes_collections.c */
route_work collections_list, collections_create, collections_show, collections_rename;
route_work collections_delete, collections_acl, collections_acl_set;

/* chat/routes_search.c */
route_work search_passages, search_prompt;
/* The optional field "collections", by id or name; one that the asker may not read is as one that
 * is absent. *out in the call's arena. */
MUST_CHECK int collections_field(struct call *c, struct id **out, int *n, struct err *e);

/* chat/routes_ranking.c */
route_work search_ranking;

/* chat/routes_conversations.c, chat/routes_runs.c */
route_work conversations_create, conversations_list, conversations_show, conversations_rename;
route_work conversations_delete, turns_create, turns_list, turns_regenerate;
route_work turns_choose_run;
route_work runs_show, runs_retrieval, runs_stream, runs_stop_one, chat_ephemeral;

#endif

/*
 * The handlers of the route table (chat/routes.c), one block a file. Each runs on a worker thread
 * with a call (chat/http/server.h): 0 and an answer, or an error. Lists answer {"<things>": […],
 * "next": CURSOR or null}, and take the cursor as ?after=.
 */
#ifndef CHAT_ROUTES_H
#define CHAT_ROUTES_H

#include "chat/http/server.h"

typedef int route_work(struct call *c, struct err *e);

/* chat/routes_ops.c */
route_work ops_healthz, ops_readyz, ops_settings;

/* chat/routes_documents.c, chat/routes_upload.c, chat/routes_download.c */
route_work documents_upload, documents_list, documents_show, documents_rename, documents_delete;
route_work documents_content, documents_versions, documents_text, documents_page;
route_work documents_acl, documents_acl_set, documents_acl_drop, chunks_show;

/* chat/routes_jobs.c */
route_work jobs_list, jobs_show, jobs_stream, jobs_cancel, jobs_retry, jobs_reindex;

#endif

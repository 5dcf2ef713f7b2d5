/*
 * Who asks: credentials to askers. Called by the server on a worker for every call, before
 * route->work, with call->db open. Carriers: cookie carrel_session (HttpOnly, SameSite=Strict,
 * Path=/; unsafe methods need the session's X-CSRF-Token), Authorization: Bearer with an access
 * token ("ca_…") or an API token ("ct_…"), or the Unix socket's peer uid (X-Carrel-As: a user's
 * name; X-Carrel-Workspace: a workspace's, default "default"; both refused anywhere else). An
 * Authorization header counts before a cookie; a credential in the URL has no meaning.
 */
#ifndef CHAT_AUTH_H
#define CHAT_AUTH_H

#include "chat/http/server.h"

/* Fills call->credential and call->who. ACCESS_PUBLIC routes get a wrong or missing credential as
 * CARRIER_NONE; others: ERR_AUTH for none, unknown, expired, revoked or disabled (one text),
 * ERR_FORBIDDEN "csrf" for a cookie without its token, ERR_NOT_FOUND where access asks for a role
 * the asker lacks (a refusal looks like an absence). */
MUST_CHECK int auth_identify(struct call *c, struct err *e);

/* ERR_AUTH with the one text for every credential that does not count. */
int auth_refused(struct err *e);

/* Whether the credential is still good and the asker may still see all the objects (doc_…, col_…,
 * run_… or empty): for open streams. Fresh snapshot on db. */
bool auth_still(struct db *db, const struct credential *cred, const struct id *objects, int n);

/* Who does it, for the audit log and created_by: a user's id, or "operator". */
const char *call_actor(const struct call *c);

#endif

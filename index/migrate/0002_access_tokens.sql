-- A session holds several access tokens: they move to a table of their own. SQLite drops no column
-- that is UNIQUE, so the session's table is made anew.

CREATE TABLE access_token (             -- short-lived; each tab of a sign-in has its own
	hash         TEXT PRIMARY KEY,  -- BLAKE2b of the secret
	session_id   TEXT NOT NULL REFERENCES session(id) ON DELETE CASCADE,
	expires_ms   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX access_token_session ON access_token(session_id, expires_ms);
CREATE INDEX access_token_expires ON access_token(expires_ms);

INSERT INTO access_token (hash, session_id, expires_ms)
	SELECT access_hash, id, access_expires_ms FROM session
	WHERE access_hash IS NOT NULL AND access_expires_ms IS NOT NULL AND revoked_ms IS NULL;

CREATE TABLE session_next (
	id                TEXT PRIMARY KEY, -- ses_…
	workspace_id      TEXT NOT NULL REFERENCES workspace(id),
	user_id           TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE,
	cookie_hash       TEXT NOT NULL UNIQUE, -- BLAKE2b of the cookie's secret
	csrf              TEXT NOT NULL,    -- the token that unsafe requests by cookie carry in X-CSRF-Token
	created_ms        INTEGER NOT NULL,
	used_ms           INTEGER NOT NULL,
	expires_ms        INTEGER NOT NULL,
	revoked_ms        INTEGER           -- signed out; NULL: live
) WITHOUT ROWID;
INSERT INTO session_next
	SELECT id, workspace_id, user_id, cookie_hash, csrf, created_ms, used_ms, expires_ms, revoked_ms
	FROM session;
DROP TABLE session;
ALTER TABLE session_next RENAME TO session;
CREATE INDEX session_user ON session(user_id);

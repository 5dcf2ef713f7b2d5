-- How the vectors of a space were asked for; spaces that wait for a decision or are kept as a way
-- back; what recent questions find in a new space, compared with the one that serves.

ALTER TABLE vector_space ADD COLUMN query_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE vector_space ADD COLUMN document_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE vector_space ADD COLUMN answers_as TEXT NOT NULL DEFAULT '';
ALTER TABLE vector_space ADD COLUMN aside TEXT NOT NULL DEFAULT '' CHECK (aside IN ('', 'waiting', 'kept'));
ALTER TABLE job ADD COLUMN swap INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN keep INTEGER NOT NULL DEFAULT 0;
CREATE TABLE replay (
	space_n      INTEGER PRIMARY KEY,
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	n_questions  INTEGER NOT NULL,
	n_first      INTEGER NOT NULL,
	overlap      REAL NOT NULL,
	n_failed     INTEGER NOT NULL,
	doubtful     TEXT,
	at_ms        INTEGER NOT NULL
);
CREATE TABLE replay_question (
	space_n      INTEGER NOT NULL REFERENCES replay(space_n),
	run_id       TEXT NOT NULL,
	overlap      REAL NOT NULL,
	before_chunk TEXT NOT NULL,
	after_chunk  TEXT NOT NULL,
	PRIMARY KEY (space_n, run_id)
) WITHOUT ROWID;

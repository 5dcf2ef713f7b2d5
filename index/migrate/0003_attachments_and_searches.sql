-- What was attached to one conversation stands in a collection of its own; a run keeps what was
-- searched for it.

ALTER TABLE collection ADD COLUMN conversation_id TEXT;
DROP INDEX collection_name;
CREATE UNIQUE INDEX collection_name ON collection(workspace_id, name)
	WHERE deleted_ms IS NULL AND conversation_id IS NULL;
CREATE UNIQUE INDEX collection_conversation ON collection(conversation_id)
	WHERE deleted_ms IS NULL AND conversation_id IS NOT NULL;

CREATE TABLE run_search (               -- what was searched for a run
	run_id       TEXT PRIMARY KEY REFERENCES run(id),
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	query        TEXT NOT NULL,     -- the question, with the one before where it needs that
	language     TEXT NOT NULL,
	weak         INTEGER NOT NULL,  -- 1: too little was found to answer from
	evidence     REAL NOT NULL,     -- 0 to 1, see retrieve/evidence.h
	n_tokens     INTEGER NOT NULL,  -- of the passages in the prompt
	budget       INTEGER NOT NULL,  -- tokens they might have had
	time_us      TEXT NOT NULL      -- JSON: of each step, by name
) WITHOUT ROWID;

CREATE TABLE run_candidate (            -- what was found for it: numbers and ids, none of the words
	run_id       TEXT NOT NULL REFERENCES run(id),
	fused_rank   INTEGER NOT NULL,
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	document_id  TEXT NOT NULL,
	chunk_id     TEXT NOT NULL,
	handle       INTEGER,           -- the [n] it stands in; NULL: not in the prompt
	kept         INTEGER NOT NULL,
	fate         TEXT NOT NULL,     -- why it was kept or cut, as a phrase
	lexical_rank INTEGER NOT NULL,  -- 0: not found that way
	vector_rank  INTEGER NOT NULL,
	score        REAL NOT NULL,     -- fused, best = 1
	n_tokens     INTEGER NOT NULL,
	PRIMARY KEY (run_id, fused_rank)
) WITHOUT ROWID;
CREATE INDEX run_candidate_document ON run_candidate(document_id);

-- Carrel's database. First what is sacred: lose it and it is gone. Then what is derived: it can be
-- rebuilt from the sacred tables and the blobs (`carrel check --repair`). Times are Unix milliseconds,
-- ids are prefix_ULID (index/base/id.h), every table of a workspace's data names the workspace.

-- ══ sacred: people ══════════════════════════════════════════════════════════════════════════════

CREATE TABLE instance (                 -- facts about this installation
	key   TEXT PRIMARY KEY,         -- 'bootstrap_hash': BLAKE2b of the one-time token; gone once used
	value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE workspace (
	n          INTEGER PRIMARY KEY, -- small number; names the workspace's full-text table, fts_<n>
	id         TEXT NOT NULL UNIQUE,-- ws_…
	name       TEXT NOT NULL UNIQUE,-- shown, and used on the command line
	next_slot  INTEGER NOT NULL DEFAULT 0, -- first chunk slot never used; slots are not given out twice
	acl_epoch  INTEGER NOT NULL DEFAULT 0, -- +1 with every change of who may read what
	created_ms INTEGER NOT NULL
);

CREATE TABLE user (
	id            TEXT PRIMARY KEY, -- usr_…
	workspace_id  TEXT NOT NULL REFERENCES workspace(id),
	name          TEXT NOT NULL UNIQUE COLLATE NOCASE, -- signs in with it; unique in the installation
	display_name  TEXT NOT NULL,
	password_hash TEXT,             -- Argon2id, libsodium's string; NULL: cannot sign in by password
	role          INTEGER NOT NULL, -- enum role: 0 member, 1 admin of the workspace, 2 operator
	disabled_ms   INTEGER,          -- since when; NULL: active
	created_ms    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX user_workspace ON user(workspace_id);

CREATE TABLE "group" (
	id           TEXT PRIMARY KEY,  -- grp_…
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	name         TEXT NOT NULL COLLATE NOCASE,
	created_ms   INTEGER NOT NULL,
	UNIQUE (workspace_id, name)
) WITHOUT ROWID;

CREATE TABLE membership (
	group_id     TEXT NOT NULL REFERENCES "group"(id) ON DELETE CASCADE,
	user_id      TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE,
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;
CREATE INDEX membership_user ON membership(user_id);

CREATE TABLE session (                  -- one sign-in
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
CREATE INDEX session_user ON session(user_id);

CREATE TABLE access_token (             -- short-lived; each tab of a sign-in has its own
	hash         TEXT PRIMARY KEY,  -- BLAKE2b of the secret
	session_id   TEXT NOT NULL REFERENCES session(id) ON DELETE CASCADE,
	expires_ms   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX access_token_session ON access_token(session_id, expires_ms);
CREATE INDEX access_token_expires ON access_token(expires_ms);

CREATE TABLE api_token (
	id           TEXT PRIMARY KEY,  -- tok_…
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	user_id      TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE,
	name         TEXT NOT NULL,     -- what its owner calls it
	hash         TEXT NOT NULL UNIQUE, -- BLAKE2b of the secret
	created_ms   INTEGER NOT NULL,
	used_ms      INTEGER,
	expires_ms   INTEGER,           -- NULL: never
	revoked_ms   INTEGER
) WITHOUT ROWID;
CREATE INDEX api_token_user ON api_token(user_id);

CREATE TABLE audit (                    -- who did what to permissions, people and documents
	n            INTEGER PRIMARY KEY,
	workspace_id TEXT,              -- NULL: the installation
	at_ms        INTEGER NOT NULL,
	actor        TEXT NOT NULL,     -- usr_… or 'operator'
	action       TEXT NOT NULL,     -- 'acl.set', 'user.disable', 'document.delete', …
	object       TEXT NOT NULL,     -- the id it was done to
	detail       TEXT NOT NULL      -- JSON, never document text
);
CREATE INDEX audit_workspace ON audit(workspace_id, n);

-- ══ sacred: documents ═══════════════════════════════════════════════════════════════════════════

CREATE TABLE collection (
	id           TEXT PRIMARY KEY,  -- col_…
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	name         TEXT NOT NULL COLLATE NOCASE,
	created_by   TEXT NOT NULL,     -- usr_… or 'operator'
	created_ms   INTEGER NOT NULL,
	deleted_ms   INTEGER,
	conversation_id TEXT            -- holds what was attached to that conversation: nobody but its
					-- owner reads it, only its turns search it, no list names it
) WITHOUT ROWID;
CREATE INDEX collection_name ON collection(workspace_id, name)
	WHERE deleted_ms IS NULL AND conversation_id IS NULL;
CREATE UNIQUE INDEX collection_conversation ON collection(conversation_id)
	WHERE deleted_ms IS NULL AND conversation_id IS NOT NULL;

CREATE TABLE document (
	id            TEXT PRIMARY KEY, -- doc_…
	workspace_id  TEXT NOT NULL REFERENCES workspace(id),
	collection_id TEXT NOT NULL REFERENCES collection(id),
	name          TEXT NOT NULL,    -- its path in the collection, '/' between folders; no two that
					-- the same person may read are given one name
	current_version_id TEXT,        -- the published version, which is searched; NULL: none yet
	own_acl       INTEGER NOT NULL DEFAULT 0, -- 1: its own acl_entry rows count, 0: the collection's
	acl_set_n     INTEGER REFERENCES acl_set(n), -- derived from those rows; NULL: nobody
	created_by    TEXT NOT NULL,
	created_ms    INTEGER NOT NULL,
	deleted_ms    INTEGER,          -- from then on nobody finds it; the purge job removes its text
	parent_id     TEXT REFERENCES document(id), -- the document that it was attached to or embedded
					-- in; it is read, shared and deleted with that one. NULL: none
	part          INTEGER           -- which of that one's files it is, from 1; NULL once the parent
					-- does not hold it any more
) WITHOUT ROWID;
CREATE INDEX document_parent ON document(parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX document_name ON document(collection_id, name) WHERE deleted_ms IS NULL;
CREATE INDEX document_workspace ON document(workspace_id, id);

CREATE TABLE document_version (
	id            TEXT PRIMARY KEY, -- ver_…
	workspace_id  TEXT NOT NULL REFERENCES workspace(id),
	document_id   TEXT NOT NULL REFERENCES document(id),
	seq           INTEGER NOT NULL, -- 1, 2, … within the document
	blob_hash     TEXT,             -- the original (index/blob.h); NULL once purged
	sha256        TEXT NOT NULL,    -- of the original
	n_bytes       INTEGER NOT NULL,
	media_type    TEXT,             -- found from the content when extracted
	state         TEXT NOT NULL CHECK (state IN ('queued', 'ingesting', 'indexed', 'no_text',
		'failed', 'cancelled', 'superseded', 'purged')),
	reason        TEXT,             -- why it failed, a stable word ('password_required')
	message       TEXT,             -- the same as a sentence that says what to do
	title         TEXT,             -- found in the document
	language      TEXT,             -- ISO 639-1 of most of its text
	n_pages       INTEGER,          -- 1 for formats without pages
	text_hash     TEXT,             -- blob of what was extracted (ingest/extracted.h)
	generation    INTEGER NOT NULL DEFAULT 0, -- of its chunks; +1 when reindexed
	chunker       INTEGER NOT NULL DEFAULT 0, -- which version of the chunker made them
	created_by    TEXT NOT NULL,
	created_ms    INTEGER NOT NULL,
	published_ms  INTEGER,
	paging        TEXT,             -- what its pages are: 'page', 'slide', 'sheet', 'chapter',
					-- 'message', 'none' (ingest/extracted.h)
	n_hidden      INTEGER NOT NULL DEFAULT 0, -- texts in it that no reader sees; its owners are warned
	n_poor        INTEGER NOT NULL DEFAULT 0, -- pages that OCR could hardly read
	view_hash     TEXT,             -- blob of its pages as PDF, for formats that have none of their
					-- own; NULL: none was drawn yet
	UNIQUE (document_id, seq)
) WITHOUT ROWID;
CREATE INDEX document_version_view ON document_version(view_hash) WHERE view_hash IS NOT NULL;
CREATE INDEX document_version_blob ON document_version(blob_hash);
CREATE INDEX document_version_text ON document_version(text_hash);

CREATE TABLE acl_entry (                -- who may do what; no entry means nobody
	object_id    TEXT NOT NULL,     -- col_… or doc_…
	principal    TEXT NOT NULL,     -- usr_…, grp_… or 'workspace'
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	right        INTEGER NOT NULL CHECK (right BETWEEN 1 AND 3), -- enum right: read, write, own
	PRIMARY KEY (object_id, principal)
) WITHOUT ROWID;

CREATE TABLE job (                      -- work in the background
	id            TEXT PRIMARY KEY, -- job_…
	workspace_id  TEXT NOT NULL REFERENCES workspace(id),
	kind          TEXT NOT NULL CHECK (kind IN ('ingest', 'reindex', 'purge', 'reembed')),
	document_id   TEXT,             -- ingest, reindex, purge
	version_id    TEXT,             -- ingest, reindex
	space_n       INTEGER,          -- reembed: the vector space to fill
	state         TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed',
		'quarantined', 'cancelled')),
	step          INTEGER NOT NULL DEFAULT 0, -- index in the pipeline's table: steps before it are done
	tries         INTEGER NOT NULL DEFAULT 0, -- attempts begun
	interrupted   INTEGER NOT NULL DEFAULT 0, -- times its process died in the present step
	not_before_ms INTEGER NOT NULL DEFAULT 0, -- back-off
	lease_owner   TEXT,             -- which worker of which process
	lease_until_ms INTEGER,         -- past it another may take the job
	cancel_ms     INTEGER,          -- somebody asked to stop
	done_units    INTEGER NOT NULL DEFAULT 0, -- progress of the present step
	total_units   INTEGER NOT NULL DEFAULT 0, -- 0: not known
	reason        TEXT,             -- last error, a stable word
	message       TEXT,             -- and a sentence
	created_by    TEXT NOT NULL,
	created_ms    INTEGER NOT NULL,
	started_ms    INTEGER,          -- of the latest attempt
	finished_ms   INTEGER,
	swap          INTEGER NOT NULL DEFAULT 0, -- reembed: enum job_swap, whether the filled space serves
	keep          INTEGER NOT NULL DEFAULT 0  -- reembed: 1: the former one is kept as a way back
) WITHOUT ROWID;
CREATE INDEX job_ready ON job(state, not_before_ms, created_ms);
CREATE INDEX job_user ON job(state, created_by, created_ms); -- the next of each user
CREATE INDEX job_turn ON job(created_by, started_ms);        -- whose turn it is
CREATE INDEX job_document ON job(document_id);
CREATE INDEX job_workspace ON job(workspace_id, id);

-- ══ sacred: conversations ═══════════════════════════════════════════════════════════════════════

CREATE TABLE conversation (
	id           TEXT PRIMARY KEY,  -- conv_…
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	user_id      TEXT NOT NULL REFERENCES user(id), -- its owner; nobody else opens it
	title        TEXT NOT NULL,
	created_ms   INTEGER NOT NULL,
	updated_ms   INTEGER NOT NULL,
	deleted_ms   INTEGER
) WITHOUT ROWID;
CREATE INDEX conversation_user ON conversation(user_id, updated_ms);

CREATE TABLE turn (                     -- one question; its answers are runs
	conversation_id TEXT NOT NULL REFERENCES conversation(id),
	seq             INTEGER NOT NULL, -- 1, 2, …
	workspace_id    TEXT NOT NULL REFERENCES workspace(id),
	parent_seq      INTEGER,        -- the turn it follows; NULL: the first
	input           TEXT NOT NULL,
	idempotency_key TEXT,           -- the client's; a repeat gives the same run
	input_hash      TEXT NOT NULL,  -- BLAKE2b of the request: same key, other input is a conflict
	run_id          TEXT,           -- the answer shown (the latest regenerate)
	created_ms      INTEGER NOT NULL,
	PRIMARY KEY (conversation_id, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX turn_key ON turn(conversation_id, idempotency_key)
	WHERE idempotency_key IS NOT NULL;

CREATE TABLE run (                      -- one attempt to answer a turn
	id              TEXT PRIMARY KEY, -- run_…
	workspace_id    TEXT NOT NULL REFERENCES workspace(id),
	conversation_id TEXT NOT NULL REFERENCES conversation(id),
	turn_seq        INTEGER NOT NULL,
	user_id         TEXT NOT NULL REFERENCES user(id),
	state           TEXT NOT NULL CHECK (state IN ('queued', 'streaming', 'completed',
		'cancelled', 'failed', 'partial')),
	mode            TEXT CHECK (mode IN ('model', 'extractive', 'refused')),
	model           TEXT,           -- its name, NULL for the built-in answerer
	answer          TEXT NOT NULL DEFAULT '', -- Markdown with [n] markers, as far as it came
	reason          TEXT,           -- why it failed, or fell back
	message         TEXT,
	prompt_tokens   INTEGER,
	answer_tokens   INTEGER,
	created_ms      INTEGER NOT NULL,
	finished_ms     INTEGER
) WITHOUT ROWID;
CREATE INDEX run_turn ON run(conversation_id, turn_seq);
CREATE INDEX run_open ON run(state) WHERE state IN ('queued', 'streaming');

CREATE TABLE run_event (                -- what was streamed, for resuming and replay
	run_id TEXT NOT NULL REFERENCES run(id),
	seq    INTEGER NOT NULL,        -- the SSE id; of several deltas in one row, the last one's
	type   TEXT NOT NULL,           -- 'assistant.delta', …
	data   TEXT NOT NULL,           -- JSON; of deltas a line each
	PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;

CREATE TABLE run_source (               -- what [n] meant in the prompt of a run
	run_id       TEXT NOT NULL REFERENCES run(id),
	handle       INTEGER NOT NULL,  -- n of [n]; below 0: a document that an earlier answer in
					-- the prompt may hold words of, of no version and chunk
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	document_id  TEXT NOT NULL,
	version_id   TEXT NOT NULL,
	chunk_id     TEXT NOT NULL,     -- the first chunk of the passage
	chunk_ids    TEXT NOT NULL,     -- JSON array: every chunk merged into the passage
	PRIMARY KEY (run_id, handle)
) WITHOUT ROWID;
CREATE INDEX run_source_document ON run_source(document_id);

CREATE TABLE run_search (               -- what was searched for a run
	run_id       TEXT PRIMARY KEY REFERENCES run(id),
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	query        TEXT NOT NULL,     -- the question, made to stand alone where it leans on earlier ones
	language     TEXT NOT NULL,
	weak         INTEGER NOT NULL,  -- 1: too little was found to answer from
	evidence     REAL NOT NULL,     -- 0 to 1, see retrieve/evidence.h
	n_tokens     INTEGER NOT NULL,  -- of the passages in the prompt
	budget       INTEGER NOT NULL,  -- tokens they might have had
	time_us      TEXT NOT NULL,     -- JSON: of each step, by name
	rewritten    TEXT NOT NULL DEFAULT '', -- what made query of the question: 'model', 'rule'; '' nothing
	rerank_error TEXT               -- why the fused order stayed; NULL: no reason, or no reranker
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
	same_as      INTEGER,           -- the fused_rank of the one that stands for it; NULL: none
	rerank_rank  INTEGER,           -- NULL: not reranked
	position     INTEGER NOT NULL DEFAULT 0, -- in the order of the search
	PRIMARY KEY (run_id, fused_rank)
) WITHOUT ROWID;
CREATE INDEX run_candidate_document ON run_candidate(document_id);

CREATE TABLE citation (                 -- one marker in an answer
	run_id       TEXT NOT NULL REFERENCES run(id),
	ordinal      INTEGER NOT NULL,  -- 1, 2, … in the order of the answer
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	handle       INTEGER NOT NULL,
	document_id  TEXT NOT NULL,
	version_id   TEXT NOT NULL,
	chunk_id     TEXT NOT NULL,     -- the chunk that holds the quote
	page         INTEGER NOT NULL,  -- 1-based, where the quote begins
	boxes        BLOB,              -- struct box[] of the quote, packed (index/chunks.h)
	quote        TEXT,              -- the sentence of the source; NULL once that was purged
	answer_start INTEGER NOT NULL,  -- the sentence in run.answer that cites it, bytes
	answer_end   INTEGER NOT NULL,
	support      TEXT NOT NULL CHECK (support IN ('verified', 'partial', 'unverified')),
	place        TEXT,              -- where the quote is, as its document says: 'iv', 'Prices!A2:F2'
	PRIMARY KEY (run_id, ordinal)
) WITHOUT ROWID;
CREATE INDEX citation_chunk ON citation(chunk_id);
CREATE INDEX citation_document ON citation(document_id);

CREATE TABLE usage (                    -- tokens spent, per user and day
	workspace_id  TEXT NOT NULL REFERENCES workspace(id),
	user_id       TEXT NOT NULL,
	day           TEXT NOT NULL,    -- 'YYYY-MM-DD', UTC
	model         TEXT NOT NULL,    -- 'extractive' for the built-in answerer
	n_runs        INTEGER NOT NULL,
	prompt_tokens INTEGER NOT NULL,
	answer_tokens INTEGER NOT NULL,
	PRIMARY KEY (workspace_id, user_id, day, model)
) WITHOUT ROWID;

-- ══ derived: chunks, full text, vectors ═════════════════════════════════════════════════════════

CREATE TABLE acl_set (                  -- a distinct (collection, readers) pair, interned
	n             INTEGER PRIMARY KEY,
	workspace_id  TEXT NOT NULL REFERENCES workspace(id),
	collection_id TEXT NOT NULL,
	digest        TEXT NOT NULL,    -- of the sorted readers
	UNIQUE (workspace_id, collection_id, digest)
);

CREATE TABLE acl_set_reader (
	set_n     INTEGER NOT NULL REFERENCES acl_set(n),
	principal TEXT NOT NULL,        -- usr_…, grp_… or 'workspace'; a set without rows: nobody
	PRIMARY KEY (set_n, principal)
) WITHOUT ROWID;

CREATE TABLE acl_run (                  -- the set of the live chunks at [slot_from, slot_to), read at start;
	workspace_n INTEGER NOT NULL,   -- follows from chunk and document
	slot_from   INTEGER NOT NULL,
	slot_to     INTEGER NOT NULL,
	set_n       INTEGER NOT NULL REFERENCES acl_set(n),
	PRIMARY KEY (workspace_n, slot_from)
) WITHOUT ROWID;

CREATE TABLE text_dictionary (          -- zstd dictionaries that chunk text is compressed with
	n            INTEGER PRIMARY KEY,
	workspace_n  INTEGER NOT NULL,
	n_chunks     INTEGER NOT NULL,  -- it was trained when the workspace had so many; -1: it has a
					-- passage of a purged document and goes once no chunk needs it
	bytes        BLOB NOT NULL,
	n_retired    INTEGER NOT NULL DEFAULT -1 -- slots whose chunk was not live any more when it was
					-- held against the live ones last; -1: it was not
);

CREATE TABLE chunk (
	id           TEXT PRIMARY KEY,  -- chk_…; stable while its version exists
	workspace_n  INTEGER NOT NULL,
	slot         INTEGER NOT NULL,  -- row number in both indexes of the workspace
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	document_id  TEXT NOT NULL REFERENCES document(id),
	version_id   TEXT NOT NULL REFERENCES document_version(id),
	generation   INTEGER NOT NULL,  -- of its version's chunks
	seq          INTEGER NOT NULL,  -- 0, 1, … within version and generation
	live         INTEGER NOT NULL,  -- 1: in the indexes; 0: kept only for citations
	language     TEXT NOT NULL,     -- chose the stems; '' unknown
	title        TEXT NOT NULL,     -- of the document, as indexed
	heading      TEXT NOT NULL,     -- heading path, ' > ' between levels
	page_first   INTEGER NOT NULL,  -- 1-based
	page_last    INTEGER NOT NULL,
	byte_start   INTEGER NOT NULL,  -- in the extracted text
	byte_end     INTEGER NOT NULL,
	n_tokens     INTEGER NOT NULL,  -- estimated
	dictionary_n INTEGER,           -- text_dictionary; NULL: plain zstd
	text         BLOB NOT NULL,     -- zstd
	boxes        BLOB,              -- struct box[], packed; NULL: no geometry
	place        TEXT NOT NULL DEFAULT '', -- where it is, as its document says: 'iv', 'Prices!A2:F9';
					-- of several pages the label of each, a line a page
	UNIQUE (workspace_n, slot)
) WITHOUT ROWID;
CREATE INDEX chunk_version ON chunk(version_id, generation, seq);
CREATE INDEX chunk_document ON chunk(document_id, live, slot);
CREATE INDEX chunk_live ON chunk(workspace_n, slot, document_id) WHERE live = 1;

-- fts_<n> (FTS5, one a workspace, so that no bm25 statistic crosses tenants) and its content view
-- are made with the workspace, by index/fts.c.

CREATE TABLE vector_space (             -- one embedding model's vectors for one workspace
	n            INTEGER PRIMARY KEY,
	workspace_n  INTEGER NOT NULL,
	embedder     TEXT NOT NULL,     -- 'builtin' or 'openai'
	model        TEXT NOT NULL,     -- its identity: name and version
	dimension    INTEGER NOT NULL,
	state        TEXT NOT NULL CHECK (state IN ('filling', 'serving', 'retired')),
	model_data   BLOB,              -- the builtin embedder's trained table; NULL: none
	n_trained    INTEGER NOT NULL DEFAULT 0, -- chunks it was trained on
	created_ms   INTEGER NOT NULL,
	query_prefix TEXT NOT NULL DEFAULT '',    -- openai: what stands before a question, …
	document_prefix TEXT NOT NULL DEFAULT '', -- … before a passage,
	answers_as   TEXT NOT NULL DEFAULT '',    -- and how the server called its model; '' not known
	aside        TEXT NOT NULL DEFAULT '' CHECK (aside IN ('', 'waiting', 'kept')) -- a filling one that no
					-- job fills: filled, 'waiting' for a decision; served once,
					-- 'kept' as a way back
);
CREATE UNIQUE INDEX vector_space_serving ON vector_space(workspace_n) WHERE state = 'serving';

CREATE TABLE chunk_vector (
	space_n INTEGER NOT NULL REFERENCES vector_space(n),
	slot    INTEGER NOT NULL,
	vector  BLOB NOT NULL,          -- fp16 [dimension], L2-normalised
	PRIMARY KEY (space_n, slot)
) WITHOUT ROWID;

CREATE TABLE vector_block (             -- block n of the file of a space's vectors, slots 512 n to
	space_n INTEGER NOT NULL REFERENCES vector_space(n), -- 512 n + 511: a copy of the rows above,
	block_n INTEGER NOT NULL,       -- read in their place at start (index/vector_file.h)
	digest  BLOB,                   -- empty: there is no vector in it; NULL: being written
	PRIMARY KEY (space_n, block_n)
) WITHOUT ROWID;

-- However a vector changes, its block is not right any more.
CREATE TRIGGER vector_put AFTER INSERT ON chunk_vector BEGIN
	DELETE FROM vector_block WHERE space_n = NEW.space_n AND block_n = NEW.slot / 512;
END;
CREATE TRIGGER vector_replaced AFTER UPDATE ON chunk_vector BEGIN
	DELETE FROM vector_block WHERE space_n = NEW.space_n AND block_n = NEW.slot / 512;
END;
CREATE TRIGGER vector_removed AFTER DELETE ON chunk_vector BEGIN
	DELETE FROM vector_block WHERE space_n = OLD.space_n AND block_n = OLD.slot / 512;
END;

CREATE TABLE replay (                   -- recent questions asked of a new space and of the serving one
	space_n      INTEGER PRIMARY KEY, -- the new one
	workspace_id TEXT NOT NULL REFERENCES workspace(id),
	n_questions  INTEGER NOT NULL,
	n_first      INTEGER NOT NULL,  -- of them, those that find another passage first
	overlap      REAL NOT NULL,     -- mean share of the first ten that both find
	n_failed     INTEGER NOT NULL,  -- that could not be searched in the new one
	doubtful     TEXT,              -- why a person should look before it serves; NULL: nothing
	at_ms        INTEGER NOT NULL
);

CREATE TABLE replay_question (          -- one of them; its words stand with its run, whoever asked them
	space_n      INTEGER NOT NULL REFERENCES replay(space_n),
	run_id       TEXT NOT NULL,
	overlap      REAL NOT NULL,
	before_chunk TEXT NOT NULL,     -- found first; '' nothing
	after_chunk  TEXT NOT NULL,
	PRIMARY KEY (space_n, run_id)
) WITHOUT ROWID;

CREATE TABLE vector_segment (           -- a file of lists: a cache, loaded only if all of this matches
	n         INTEGER PRIMARY KEY,
	space_n   INTEGER NOT NULL REFERENCES vector_space(n),
	slot_from INTEGER NOT NULL,     -- multiple of 64
	slot_to   INTEGER NOT NULL,
	kind      TEXT NOT NULL,        -- 'lists'; 'ivf' of FAISS before there were those
	metric    TEXT NOT NULL,        -- 'ip'
	dimension INTEGER NOT NULL,
	model     TEXT NOT NULL,
	file      TEXT NOT NULL,        -- under DATA/vectors/
	sha256    TEXT NOT NULL
);

-- What a start reads lies together: which ACL set a stretch of slots belongs to, and which blocks
-- of the file of vectors are right.

CREATE TABLE acl_run (
	workspace_n INTEGER NOT NULL,
	slot_from   INTEGER NOT NULL,
	slot_to     INTEGER NOT NULL,
	set_n       INTEGER NOT NULL REFERENCES acl_set(n),
	PRIMARY KEY (workspace_n, slot_from)
) WITHOUT ROWID;
INSERT INTO acl_run(workspace_n, slot_from, slot_to, set_n)
SELECT workspace_n, min(slot), max(slot) + 1, set_n FROM
	(SELECT c.workspace_n, c.slot, d.acl_set_n AS set_n,
		c.slot - row_number() OVER (PARTITION BY c.workspace_n, d.acl_set_n ORDER BY c.slot) AS run
	FROM chunk c JOIN document d ON d.id = c.document_id
	WHERE c.live = 1 AND d.deleted_ms IS NULL AND d.acl_set_n IS NOT NULL)
GROUP BY workspace_n, set_n, run;

CREATE TABLE vector_block (
	space_n INTEGER NOT NULL REFERENCES vector_space(n),
	block_n INTEGER NOT NULL,
	digest  BLOB,
	PRIMARY KEY (space_n, block_n)
) WITHOUT ROWID;
CREATE TRIGGER vector_put AFTER INSERT ON chunk_vector BEGIN
	DELETE FROM vector_block WHERE space_n = NEW.space_n AND block_n = NEW.slot / 512;
END;
CREATE TRIGGER vector_replaced AFTER UPDATE ON chunk_vector BEGIN
	DELETE FROM vector_block WHERE space_n = NEW.space_n AND block_n = NEW.slot / 512;
END;
CREATE TRIGGER vector_removed AFTER DELETE ON chunk_vector BEGIN
	DELETE FROM vector_block WHERE space_n = OLD.space_n AND block_n = OLD.slot / 512;
END;

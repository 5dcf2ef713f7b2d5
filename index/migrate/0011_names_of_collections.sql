-- A collection whose name somebody else may not know does not keep him from giving it to his own.

DROP INDEX collection_name;
CREATE INDEX collection_name ON collection(workspace_id, name)
	WHERE deleted_ms IS NULL AND conversation_id IS NULL;

-- A purge, and what deleting a document touches, look for the answers that were shown some of it.

CREATE INDEX run_source_document ON run_source(document_id);

-- Where a passage is in its document's own words, what a document's pages are, what stands hidden in
-- it, its pages as PDF, and documents that came inside of others.

ALTER TABLE document ADD COLUMN parent_id TEXT REFERENCES document(id);
ALTER TABLE document ADD COLUMN part INTEGER;
CREATE INDEX document_parent ON document(parent_id) WHERE parent_id IS NOT NULL;
ALTER TABLE document_version ADD COLUMN paging TEXT;
ALTER TABLE document_version ADD COLUMN n_hidden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE document_version ADD COLUMN n_poor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE document_version ADD COLUMN view_hash TEXT;
CREATE INDEX document_version_view ON document_version(view_hash) WHERE view_hash IS NOT NULL;
ALTER TABLE chunk ADD COLUMN place TEXT NOT NULL DEFAULT '';

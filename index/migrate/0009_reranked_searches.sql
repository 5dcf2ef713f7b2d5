-- The order that a reranker gave what was found, and why it gave none.

ALTER TABLE run_search ADD COLUMN rerank_error TEXT;
ALTER TABLE run_candidate ADD COLUMN rerank_rank INTEGER;
ALTER TABLE run_candidate ADD COLUMN position INTEGER NOT NULL DEFAULT 0;

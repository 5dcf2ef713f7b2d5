-- Where a quotation is in its document's own words; and what the pages are of documents that were
-- read before that was asked.

ALTER TABLE citation ADD COLUMN place TEXT;
UPDATE document_version SET paging = CASE media_type WHEN 'application/pdf' THEN 'page' ELSE 'none' END
	WHERE paging IS NULL AND media_type IS NOT NULL;

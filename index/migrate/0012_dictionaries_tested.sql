-- A dictionary is held against the live texts once for all the documents that were deleted before, not once for each.

ALTER TABLE text_dictionary ADD COLUMN n_retired INTEGER NOT NULL DEFAULT -1;

-- What made the searched question of the one that was asked; which candidate a cut one says the same as.

ALTER TABLE run_search ADD COLUMN rewritten TEXT NOT NULL DEFAULT '';
ALTER TABLE run_candidate ADD COLUMN same_as INTEGER;

-- What rests moves out row by row: counts of it by minute would be wrong at once.
ALTER TABLE logs_recent${local} DROP PROJECTION IF EXISTS by_minute

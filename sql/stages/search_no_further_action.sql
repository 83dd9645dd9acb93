-- title: Searches followed by no further action
-- counts: Stops and searches of children that were followed by no further action
-- unit: event
-- source: Home Office, police powers and procedures: stop and search
-- date: 2025-01-01
-- reads: searches
-- part_of: searches
-- note: A record without an age is kept, in the age band Unknown: partners share records of children only. An
--   outcome that was not recorded is not taken for no further action.
SELECT child_id, row_id, day, area, ethnicity, sex, age, age_band, deprivation, 1 AS n
FROM searches
WHERE (age IS NULL OR age BETWEEN 10 AND 17)
  AND outcome = 'no_further_action'

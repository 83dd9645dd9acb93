-- title: Searches followed by an informal outcome
-- counts: Stops and searches of children that were followed by a community resolution, a warning or a penalty
--   notice
-- unit: event
-- source: Home Office, police powers and procedures: stop and search
-- date: 2025-01-01
-- reads: searches
-- part_of: searches
-- note: A record without an age is kept, in the age band Unknown: partners share records of children only. A
--   caution is formal, and a summons leads to court: neither is counted here.
SELECT child_id, row_id, day, area, ethnicity, sex, age, age_band, deprivation, 1 AS n
FROM searches
WHERE (age IS NULL OR age BETWEEN 10 AND 17)
  AND outcome IN ('community_resolution', 'warning', 'penalty_notice')

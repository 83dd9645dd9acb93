-- title: Interventions started
-- counts: Interventions offered in the period that the child accepted and started
-- unit: event
-- source: Race Forward, uptake of intervention support; local definition
-- date: 2025-01-01
-- reads: interventions
-- part_of: interventions_accepted
-- note: Counted in the period of the offer, so that each step is a share of the one before. A record without an
--   age is kept, in the age band Unknown: partners share records of children only.
SELECT child_id, row_id, day, area, ethnicity, sex, age, age_band, deprivation, 1 AS n
FROM interventions
WHERE (age IS NULL OR age BETWEEN 10 AND 17)
  AND accepted_day IS NOT NULL
  AND started_day IS NOT NULL

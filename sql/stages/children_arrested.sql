-- title: Children arrested
-- counts: Children aged 10 to 17 arrested at least once in the period for a notifiable offence, other than by
--   British Transport Police
-- unit: child
-- source: Home Office and Ministry of Justice, ethnicity facts and figures: arrests
-- date: 2025-01-01
-- reads: arrests
-- note: A child takes the area, age and ethnicity of the first arrest in the period. A record without an age is
--   kept, in the age band Unknown: partners share records of children only.
SELECT child_id, row_id, day, area, ethnicity, sex, age, age_band, deprivation, 1 AS n
FROM arrests AS a
WHERE (age IS NULL OR age BETWEEN 10 AND 17)
  AND (a.force IS NULL OR a.force <> 'British Transport Police')

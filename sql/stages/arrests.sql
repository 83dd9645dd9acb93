-- title: Arrests
-- counts: Arrests of children aged 10 to 17 for notifiable offences, other than by British Transport Police
-- unit: event
-- source: Home Office and Ministry of Justice, ethnicity facts and figures: arrests
-- date: 2025-01-01
-- reads: arrests
-- note: One child may be arrested often. A record without an age is kept, in the age band Unknown: partners share
--   records of children only.
SELECT child_id, row_id, day, area, ethnicity, sex, age, age_band, deprivation, 1 AS n
FROM arrests AS a
WHERE (age IS NULL OR age BETWEEN 10 AND 17)
  AND (a.force IS NULL OR a.force <> 'British Transport Police')

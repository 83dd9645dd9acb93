-- title: Youth cautions
-- counts: Statutory pre-court disposals of children aged 10 to 17: youth cautions and youth conditional cautions
--   (type 2), before April 2013 reprimands and final warnings
-- unit: event
-- source: Home Office counting rules, crime outcomes; Youth Justice Board, youth disposals
-- date: 2025-01-01
-- reads: outcomes
-- systems: police, yjs_case, pnc
-- part_of: precourt
-- note: Age is age at the outcome, else at the hearing, else at the offence. A record without an age is kept, in
--   the age band Unknown: partners share records of children only.
SELECT o.child_id, o.row_id, o.day, o.area, o.ethnicity, o.sex, o.child_age AS age, o.age_band, o.deprivation, 1 AS n
FROM classed_outcomes AS o
INNER JOIN stage_system AS s ON s.stage = 'youth_cautions' AND s.record_system = o.record_system
WHERE (o.child_age IS NULL OR o.child_age BETWEEN 10 AND 17)
  AND o.class = 'precourt_formal'

-- title: Community resolutions
-- counts: Community resolutions (type 8) given to children aged 10 to 17
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
INNER JOIN stage_system AS s ON s.stage = 'community_resolutions' AND s.record_system = o.record_system
WHERE (o.child_age IS NULL OR o.child_age BETWEEN 10 AND 17)
  AND (o.outcome_type = '8' OR (o.outcome_type IS NULL AND o.disposal = 'community_resolution'))

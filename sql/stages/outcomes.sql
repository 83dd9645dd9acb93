-- title: Outcomes
-- counts: Outcomes for children aged 10 to 17 that resolved the case by a pre-court disposal or at court
-- unit: event
-- source: Home Office counting rules, crime outcomes; Youth Justice Board, youth disposals
-- date: 2025-01-01
-- reads: outcomes
-- sums: precourt, court
-- systems: police, yjs_case, pnc
-- note: Types 0 (not yet assigned), 1a, 2a and 3a (of which) and 3, 6 and 7 (not for a child) are never counted,
--   nor is no further action. Where several systems record outcomes only the first of them in the order above is
--   counted, so that no case counts twice. Age is age at the outcome, else at the hearing, else at the offence. A
--   record without an age is kept, in the age band Unknown: partners share records of children only.
SELECT o.child_id, o.row_id, o.day, o.area, o.ethnicity, o.sex, o.child_age AS age, o.age_band, o.deprivation, 1 AS n
FROM classed_outcomes AS o
INNER JOIN stage_system AS s ON s.stage = 'outcomes' AND s.record_system = o.record_system
WHERE (o.child_age IS NULL OR o.child_age BETWEEN 10 AND 17)
  AND o.class IN ('precourt_informal', 'precourt_formal', 'court')

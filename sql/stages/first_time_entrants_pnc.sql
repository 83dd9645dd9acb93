-- title: First-time entrants (police records)
-- counts: Children aged 10 to 17 who received their first youth caution or court sentence, from the Police
--   National Computer
-- unit: child
-- source: Youth Justice Board, first-time entrants, the order of steps of its case-level query
--   (ministryofjustice/modernisation-platform-environments)
-- date: 2025-01-01
-- reads: outcomes
-- systems: pnc
-- once: yes
-- note: The order of the steps matters: an earlier outcome elsewhere still uses up a child's first. Records
--   without a child's identifier cannot be told to be first and are left out. A record without any age is kept; age
--   is age at the arrest or offence, else at the outcome. Never mix the two sources in one series.
WITH eligible AS (
  SELECT o.child_id, o.row_id, o.day, o.area, o.ethnicity, o.sex, COALESCE(o.age_at_offence, o.age) AS age, o.age_band,
    o.deprivation, o.shared_id, o.birth_day, o.resident, o.seriousness
  FROM classed_outcomes AS o
  INNER JOIN stage_system AS s ON s.stage = 'first_time_entrants_pnc' AND s.record_system = o.record_system
  WHERE o.child_id IS NOT NULL
    -- 1. aged 10 to 17 at arrest or offence, and at most 17 at the first hearing
    AND (COALESCE(o.age_at_offence, o.age) IS NULL OR COALESCE(o.age_at_offence, o.age) BETWEEN 10 AND 17)
    AND (o.age_at_hearing IS NULL OR o.age_at_hearing <= 17)
    -- 2. statutory pre-court, first-tier, community or custody: informal action makes no entrant
    AND o.tier IN ('precourt_formal', 'first_tier', 'community', 'custody')
    -- 3. not changed or quashed on appeal, and the person not deleted
    AND COALESCE(o.quashed, 0) = 0
    AND COALESCE(o.deleted, 0) = 0
),
-- 4. the child's first by outcome date, ties to the most serious
by_child AS (
  SELECT eligible.*, ROW_NUMBER() OVER (PARTITION BY child_id ORDER BY day, seriousness DESC, row_id) AS child_place
  FROM eligible
),
--    then the first of one child known to two services
by_person AS (
  SELECT by_child.*, ROW_NUMBER() OVER (
    PARTITION BY CASE WHEN shared_id IS NULL OR birth_day IS NULL THEN 'child ' || child_id
      ELSE 'shared ' || CAST(birth_day AS VARCHAR) || ' ' || shared_id END
    ORDER BY day, seriousness DESC, row_id
  ) AS person_place
  FROM by_child
  WHERE child_place = 1
)
-- 5. only then without children resident elsewhere
SELECT child_id, row_id, day, area, ethnicity, sex, age, age_band, deprivation, 1 AS n
FROM by_person
WHERE person_place = 1
  AND COALESCE(resident, 1) = 1
  AND COALESCE(area, 'Unknown') <> 'Elsewhere'

-- title: Re-offences
-- counts: Proven re-offences of the children of the re-offending cohort
-- unit: child
-- source: Ministry of Justice, proven reoffending statistics: definitions and measurement
-- date: 2025-01-01
-- reads: outcomes
-- systems: pnc, yjs_case, police
-- follow_up_months: 18
-- note: The earliest event of a child in the period is its index event; after custody, time at risk starts at
--   release. Community resolutions and outcome 22 are neither index events nor re-offences. Breaches, quashed
--   outcomes, deleted persons and records without a child's identifier are left out, and children resident elsewhere
--   have no index event. Age is age at the outcome. A re-offence is an offence committed after the index day and no
--   later than 12 months after it, and proven no later than 18 months after it. Several disposals for one offence
--   are one re-offence: offences of one child on one day in one offence group are taken as one, as no offence
--   identifier is shared.
WITH candidate AS (
  SELECT o.child_id, o.row_id,
    CASE WHEN o.tier = 'custody' THEN o.release_day ELSE o.day END AS day,
    o.area, o.ethnicity, o.sex, o.child_age AS age, o.age_band, o.deprivation
  FROM classed_outcomes AS o
  INNER JOIN stage_system AS s ON s.stage = 'reoffences' AND s.record_system = o.record_system
  WHERE o.child_id IS NOT NULL
    AND (o.child_age IS NULL OR o.child_age BETWEEN 10 AND 17)
    AND (
      o.tier IN ('precourt_formal', 'first_tier', 'community')
      OR (o.tier = 'custody' AND o.release_day IS NOT NULL)
    )
    AND COALESCE(o.breach, 0) = 0
    AND COALESCE(o.quashed, 0) = 0
    AND COALESCE(o.deleted, 0) = 0
    AND COALESCE(o.area, 'Unknown') <> 'Elsewhere'
    AND COALESCE(o.resident, 1) = 1
),
offence AS (
  SELECT o.child_id, o.offence_day, COALESCE(o.offence_group, '') AS offence_group, MIN(o.day) AS proven_day
  FROM classed_outcomes AS o
  INNER JOIN stage_system AS s ON s.stage = 'reoffences' AND s.record_system = o.record_system
  WHERE o.child_id IS NOT NULL
    AND o.offence_day IS NOT NULL
    AND o.tier IN ('precourt_formal', 'first_tier', 'community', 'custody')
    AND COALESCE(o.breach, 0) = 0
    AND COALESCE(o.quashed, 0) = 0
    AND COALESCE(o.deleted, 0) = 0
  GROUP BY o.child_id, o.offence_day, COALESCE(o.offence_group, '')
)
SELECT c.child_id, c.row_id, c.day, c.area, c.ethnicity, c.sex, c.age, c.age_band, c.deprivation,
  COUNT(r.offence_day) AS n
FROM candidate AS c
INNER JOIN calendar AS k ON k.day = c.day
LEFT JOIN offence AS r ON r.child_id = c.child_id
  AND r.offence_day > c.day
  AND r.offence_day <= k.day_12m
  AND r.proven_day <= k.day_18m
GROUP BY c.child_id, c.row_id, c.day, c.area, c.ethnicity, c.sex, c.age, c.age_band, c.deprivation

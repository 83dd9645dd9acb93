-- title: Re-offending cohort
-- counts: Children aged 10 to 17 cautioned, sentenced other than to custody, or released from custody in the
--   period, once each
-- unit: child
-- source: Ministry of Justice, proven reoffending statistics: definitions and measurement
-- date: 2025-01-01
-- reads: outcomes
-- systems: pnc, yjs_case, police
-- note: The earliest event of a child in the period is its index event; after custody, time at risk starts at
--   release. Community resolutions and outcome 22 are neither index events nor re-offences. Breaches, quashed
--   outcomes, deleted persons and records without a child's identifier are left out, and children resident elsewhere
--   have no index event. Age is age at the outcome.
SELECT o.child_id, o.row_id,
  CASE WHEN o.tier = 'custody' THEN o.release_day ELSE o.day END AS day,
  o.area, o.ethnicity, o.sex, o.child_age AS age, o.age_band, o.deprivation, 1 AS n
FROM classed_outcomes AS o
INNER JOIN stage_system AS s ON s.stage = 'reoffending_cohort' AND s.record_system = o.record_system
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

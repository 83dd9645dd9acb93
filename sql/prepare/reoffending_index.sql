-- Every event that may be a child's index event for proven re-offending, with the re-offences that follow it.
--   A re-offence is an offence committed after the index day and no later than 12 months after it, and proven no
--   later than 18 months after it. Several disposals for one offence are one re-offence: offences of one child on
--   one day in one offence group are taken as one, as no offence identifier is shared.
--   day: the index day, which after custody is the day of release.
--   reoffences: how many; first_day: the day of the first offence among them, or NULL.
WITH judged AS (
  SELECT o.*
  FROM classed_outcomes AS o
  INNER JOIN (
    SELECT DISTINCT record_system FROM stage_system
    WHERE stage IN ('reoffending_cohort', 'reoffenders', 'reoffences')
  ) AS s ON s.record_system = o.record_system
  WHERE o.child_id IS NOT NULL
    AND COALESCE(o.breach, 0) = 0
    AND COALESCE(o.quashed, 0) = 0
    AND COALESCE(o.deleted, 0) = 0
),
candidate AS (
  SELECT j.child_id, j.row_id,
    CASE WHEN j.tier = 'custody' THEN j.release_day ELSE j.day END AS day,
    j.area, j.ethnicity, j.sex, j.child_age AS age, j.age_band, j.deprivation
  FROM judged AS j
  WHERE (j.child_age IS NULL OR j.child_age BETWEEN 10 AND 17)
    AND (
      j.tier IN ('precourt_formal', 'first_tier', 'community')
      OR (j.tier = 'custody' AND j.release_day IS NOT NULL)
    )
    AND COALESCE(j.area, 'Unknown') <> 'Elsewhere'
    AND COALESCE(j.resident, 1) = 1
),
offence AS (
  SELECT j.child_id, j.offence_day, COALESCE(j.offence_group, '') AS offence_group, MIN(j.day) AS proven_day
  FROM judged AS j
  WHERE j.offence_day IS NOT NULL
    AND j.tier IN ('precourt_formal', 'first_tier', 'community', 'custody')
  GROUP BY j.child_id, j.offence_day, COALESCE(j.offence_group, '')
)
SELECT c.child_id, c.row_id, c.day, c.area, c.ethnicity, c.sex, c.age, c.age_band, c.deprivation,
  COUNT(r.offence_day) AS reoffences, MIN(r.offence_day) AS first_day
FROM candidate AS c
LEFT JOIN calendar AS k ON k.day = c.day
LEFT JOIN offence AS r ON r.child_id = c.child_id
  AND r.offence_day > c.day
  AND r.offence_day <= k.day_12m
  AND r.proven_day <= k.day_18m
GROUP BY c.child_id, c.row_id, c.day, c.area, c.ethnicity, c.sex, c.age, c.age_band, c.deprivation

-- title: Children who re-offended
-- counts: Children of the re-offending cohort with at least one proven re-offence
-- unit: child
-- source: Ministry of Justice, proven reoffending statistics: definitions and measurement
-- date: 2025-01-01
-- reads: outcomes
-- systems: pnc, yjs_case, police
-- follow_up_months: 18
-- part_of: reoffending_cohort
-- note: The earliest event of a child in the period is its index event; after custody, time at risk starts at
--   release. Community resolutions and outcome 22 are neither index events nor re-offences. Breaches, quashed
--   outcomes, deleted persons and records without a child's identifier are left out, and children resident elsewhere
--   have no index event. Age is age at the outcome. A re-offence is an offence committed after the index day and no
--   later than 12 months after it, and proven no later than 18 months after it. Several disposals for one offence
--   are one re-offence: offences of one child on one day in one offence group are taken as one, as no offence
--   identifier is shared.
SELECT child_id, row_id, day, area, ethnicity, sex, age, age_band, deprivation,
  CASE WHEN reoffences > 0 THEN 1 ELSE 0 END AS n
FROM reoffending_index

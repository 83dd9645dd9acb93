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
SELECT child_id, row_id, day, area, ethnicity, sex, age, age_band, deprivation,
  1 AS n
FROM reoffending_index

-- Every outcome with its class: by its Home Office type if it has one, else by its disposal.
--   tier: what kind of disposal it is; a charge without a sentence has the tier court.
--   child_age: age at the outcome, else at the hearing, else at the offence.
SELECT o.child_id, o.row_id, o.day, o.area, o.ethnicity, o.sex, o.age, o.age_band, o.deprivation, o.record_system,
  o.outcome_type, o.disposal, o.offence_day, o.offence_group, o.age_at_offence, o.age_at_hearing,
  o.quashed, o.deleted, o.shared_id, o.birth_day, o.breach, o.release_day, o.resident,
  COALESCE(o.age, o.age_at_hearing, o.age_at_offence) AS child_age,
  CASE WHEN o.outcome_type IS NULL THEN COALESCE(d.class, 'not_assigned')
    ELSE COALESCE(t.class, 'not_assigned') END AS class,
  CASE WHEN o.outcome_type IS NULL THEN COALESCE(d.tier, 'none')
    WHEN t.class = 'court' THEN CASE WHEN d.class = 'court' THEN d.tier ELSE 'court' END
    WHEN t.class IN ('precourt_formal', 'precourt_informal') THEN t.class
    ELSE 'none' END AS tier,
  COALESCE(d.seriousness, t.seriousness, 0) AS seriousness
FROM outcomes AS o
LEFT JOIN outcome_class AS t ON t.outcome_type = o.outcome_type
LEFT JOIN disposal_class AS d ON d.disposal = o.disposal

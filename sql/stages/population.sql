-- title: Resident children
-- counts: Children aged 10 to 17 who live in the area
-- unit: child
-- source: Office for National Statistics, population estimates or Census 2021, as supplied
-- date: 2025-01-01
-- reads: population
-- public: yes
-- note: A population without dates stands for every period for which no dated one is supplied; a dated one for the
--   periods whose last day it holds. A period of three years has three times as many person-years.
SELECT start_day, end_day, area, ethnicity, sex, age_band, deprivation, n
FROM population

# Adjusted p-values of stats::p.adjust. Run: Rscript families.R > families.csv (R 4.2.2)
# benjamini_hochberg: the fifteen p-values of Benjamini and Hochberg 1995, J R Stat Soc B 57:289-300.
families <- list(
  benjamini_hochberg = c(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
                         0.5719, 0.6528, 0.7590, 1.0000),
  ties = c(0.04, 0.01, 0.04, 0.04, 0.2, 0.01, 1, 1),
  one = 0.03,
  tiny = c(1e-300, 3e-18, 0.5, 2e-9, 0)
)
cat("family,p_value,bh,by,holm\n")
for (name in names(families)) {
  p <- families[[name]]
  cat(sprintf("%s,%.12g,%.12g,%.12g,%.12g\n", name, p, p.adjust(p, "BH"), p.adjust(p, "BY"), p.adjust(p, "holm")), sep = "")
}

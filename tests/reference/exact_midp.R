# Exact and mid-P limits from R: writes exact_midp.csv beside this file. Run: Rscript exact_midp.R
# Exact limits: epitools pois.exact and binom.exact (its pois.exact searches; poisson.test is closed form and is what
# is stored, after a check that the two agree). Mid-P limits: R's own ppois, dpois, pbinom and dbinom
# with uniroot to 1e-14. The ratio's mid-P limits are checked against epitools rateratio.midp, whose uniroot stops at
# 1e-4, so the finer value is stored.
suppressMessages(library(epitools))
tol <- 1e-14
rows <- list()
add <- function(method, a, A, b, B, level, limits)
  rows[[length(rows) + 1]] <<- data.frame(method, a, A, b, B, level, lower = limits[1], upper = limits[2])
root <- function(f, from, to) uniroot(f, c(from, to), tol = tol, maxiter = 10000)$root

midp_poisson <- function(a, level) {
  tail <- (1 - level) / 2
  above <- function(m) ppois(a, m, lower.tail = FALSE) + dpois(a, m) / 2 - tail
  below <- function(m) ppois(a, m) - dpois(a, m) / 2 - tail
  c(if (a == 0) 0 else root(above, 0, a), root(below, a, 10 * a + 50))
}
midp_binomial <- function(a, n, level) {
  tail <- (1 - level) / 2
  above <- function(p) pbinom(a, n, p, lower.tail = FALSE) + dbinom(a, n, p) / 2 - tail
  below <- function(p) pbinom(a, n, p) - dbinom(a, n, p) / 2 - tail
  c(if (a == 0) 0 else root(above, 0, 1), if (a == n) 1 else root(below, 0, 1))
}
midp_ratio <- function(a, A, b, B, level) {
  p <- midp_binomial(a, a + b, level)
  p / (1 - p) * B / A
}

for (level in c(0.8, 0.95, 0.998)) {
  for (a in c(0, 1, 2, 3, 9, 10, 25, 400)) {
    exact <- poisson.test(a, conf.level = level)$conf.int
    if (a %in% c(9, 10, 25)) {  # epitools finds no bracket for its search at 0 or far out
      found <- pois.exact(a, conf.level = level)
      stopifnot(max(abs(exact - c(found$lower, found$upper))) < 1e-3)
    }
    add("garwood", a, NA, NA, NA, level, exact)
    add("poisson_midp", a, NA, NA, NA, level, midp_poisson(a, level))
  }
  for (x in list(c(0, 20), c(1, 7), c(8, 40), c(19, 20), c(20, 20), c(300, 9000))) {
    found <- binom.exact(x[1], x[2], conf.level = level)
    add("clopper_pearson", x[1], x[2], NA, NA, level, c(found$lower, found$upper))
    add("binomial_midp", x[1], x[2], NA, NA, level, midp_binomial(x[1], x[2], level))
  }
  for (x in list(c(12, 3000, 40, 30000), c(7, 34, 1, 34), c(0, 500, 40, 30000), c(60, 51477.5, 30, 54308.7),
                 c(3, 10, 0, 12))) {
    limits <- midp_ratio(x[1], x[2], x[3], x[4], level)
    if (x[1] > 0 && x[3] > 0) {
      theirs <- rateratio(c(x[3], x[1], x[4], x[2]), method = "midp", conf.level = level)$measure[2, 2:3]
      stopifnot(max(abs(log(theirs) - log(limits))) < 5e-3)
    }
    add("rri_midp", x[1], x[2], x[3], x[4], level, limits)
  }
}
for (x in list(c(12, 3000, 40, 30000), c(7, 34, 1, 34), c(60, 51477.5, 30, 54308.7), c(0, 500, 40, 30000))) {
  n <- x[1] + x[3]; p <- x[2] / (x[2] + x[4])
  up <- pbinom(x[1], n, p, lower.tail = FALSE) + dbinom(x[1], n, p) / 2
  value <- min(1, 2 * min(up, 1 - up))
  if (x[1] > 0) {
    theirs <- rateratio(c(x[3], x[1], x[4], x[2]), method = "midp")$p.value[2, "midp.exact"]
    stopifnot(abs(theirs - value) < 1e-9)
  }
  add("rri_midp_p", x[1], x[2], x[3], x[4], NA, c(value, value))
}
table <- do.call(rbind, rows)
for (name in c("lower", "upper")) table[[name]] <- trimws(formatC(table[[name]], digits = 15, format = "g"))
write.csv(table, "exact_midp.csv", row.names = FALSE, quote = FALSE)

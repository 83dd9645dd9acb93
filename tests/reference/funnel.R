# Control limits around a target. Run: Rscript funnel.R > funnel.csv (R 4.2.2)
# spiegelhalter_*: Spiegelhalter 2005, Stat Med 24:1185-1202, appendix: with r the smallest count of which no more
# has probability p, and share = (F(r) - p) / (F(r) - F(r - 1)), the limit is (r - share) / base, not below 0.
# mid_*: the same on (F(r) + F(r - 1)) / 2. p_value: two-sided mid-P.
# factor, between: winsorised dispersion on the square-root or arcsine scale, of all rows of one kind together.
areas <- data.frame(
  a = c(4, 9, 0, 31, 12, 2, 55, 18, 7, 1), base = c(120, 150, 35, 900, 260, 75, 1400, 800, 90, 12)
)
target <- sum(areas$a) / sum(areas$base)
interpolated <- function(cdf, p, most) {
  r <- 0
  while (cdf(r) < p) r <- r + 1
  share <- (cdf(r) - p) / (cdf(r) - cdf(r - 1))
  min(max(r - share, 0), most)
}
cat("kind,a,base,target,level,spiegelhalter_lower,spiegelhalter_upper,mid_lower,mid_upper,p_value,factor,between\n")
for (kind in c("rate", "proportion")) {
  stable <- if (kind == "rate") sqrt else function(x) asin(sqrt(x))
  z <- 2 * sqrt(areas$base) * (stable(areas$a / areas$base) - stable(target))
  ends <- quantile(z, c(0.1, 0.9))
  z <- pmin(pmax(z, ends[1]), ends[2])
  factor <- mean(z^2)
  w <- 4 * areas$base
  between <- max(0, (sum(z^2) - (length(z) - 1)) / (sum(w) - sum(w^2) / sum(w)))
  for (i in seq_len(nrow(areas))) for (level in c(0.8, 0.95, 0.998)) {
    n <- areas$base[i]; a <- areas$a[i]
    cdf <- if (kind == "rate") function(k) ppois(k, n * target) else function(k) pbinom(k, n, target)
    mid <- function(k) (cdf(k) + cdf(k - 1)) / 2
    most <- if (kind == "rate") Inf else n
    tails <- c((1 - level) / 2, (1 + level) / 2)
    exact <- sapply(tails, function(p) interpolated(cdf, p, most)) / n
    halves <- sapply(tails, function(p) interpolated(mid, p, most)) / n
    p <- min(1, 2 * min(mid(a), 1 - mid(a)))
    cat(sprintf("%s,%d,%d,%.15g,%.3f,%.12g,%.12g,%.12g,%.12g,%.12g,%.12g,%.12g\n", kind, as.integer(a), as.integer(n),
                target, level, exact[1], exact[2], halves[1], halves[2], p, factor, between))
  }
}

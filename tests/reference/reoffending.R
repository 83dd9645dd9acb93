# Reference values for re-offending: Rscript tests/reference/reoffending.R > tests/reference/reoffending.csv
# R's own data sets (survival::lung and bladder1, MASS::quine), survival 3.5 (coxph, cox.zph, survfit), MASS::glm.nb.
# The data used are written out as well: cases named *_data, one row each, fields joined by "/".
suppressMessages({library(survival); library(MASS)})
options(digits = 17)
out <- data.frame()
add <- function(case, name, value) {
  text <- if (is.character(value)) value else sprintf("%.17g", value)
  out <<- rbind(out, data.frame(case = case, name = name, value = text))
}
show <- function(case, fit, columns, robust = FALSE) {
  V <- vcov(fit)
  for (one in columns) { add(case, one, coef(fit)[[one]]); add(case, paste0(one, "_se"), sqrt(V[one, one])) }
}

# 1. lung: 227 patients with an ECOG score; days to death; ties. Group: ECOG (3 joined to 2); adjusters: sex, age band.
lung1 <- subset(lung, !is.na(ph.ecog))
lung1$group <- factor(pmin(lung1$ph.ecog, 2), labels = c("e0", "e1", "e2"))
lung1$sex <- factor(lung1$sex, labels = c("m", "f"))
lung1$band <- cut(lung1$age, c(0, 55, 65, 100), labels = c("young", "middle", "old"))
lung1$dead <- as.numeric(lung1$status == 2)
lung1$id <- (seq_len(nrow(lung1)) - 1) %% 60   # a made-up child
lung1$number <- lung1$dead                      # re-offences
for (i in seq_len(nrow(lung1))) with(lung1[i, ], add("lung_data", "group/sex/band/days/reoffences/id",
  paste(group, sex, band, time, number, id, sep = "/")))
for (ties in c("efron", "breslow")) for (rung in c("M0", "M1")) {
  f <- if (rung == "M0") Surv(time, dead) ~ group else Surv(time, dead) ~ group + sex + band
  fit <- coxph(f, lung1, ties = ties, control = coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50))
  case <- paste("lung", ties, rung, sep = "_")
  show(case, fit, c("groupe1", "groupe2"))
  z <- cox.zph(fit, transform = "km")$table
  for (term in rownames(z)) { add(case, paste0("zph_", term), z[term, "chisq"]); add(case, paste0("zphp_", term), z[term, "p"]) }
  V <- coxph(f, lung1, ties = ties, cluster = id, control = coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50))
  for (one in c("groupe1", "groupe2")) add(case, paste0(one, "_cluster_se"), sqrt(vcov(V)[one, one]))
}
# the curves at the end of each of twelve months of 30.5 days
for (g in levels(lung1$group)) {
  own <- subset(lung1, group == g)
  plain <- summary(survfit(Surv(time, dead) ~ 1, own, conf.type = "log-log"), times = 30.5 * 1:12, extend = TRUE)
  robust <- summary(survfit(Surv(time, dead) ~ 1, own, id = seq_len(nrow(own)), cluster = id, robust = TRUE,
                            conf.type = "log-log"), times = 30.5 * 1:12, extend = TRUE)
  for (m in 1:12) {
    add("lung_curve", paste(g, m, "share", sep = "_"), plain$surv[m])
    add("lung_curve", paste(g, m, "lower", sep = "_"), plain$lower[m])
    add("lung_curve", paste(g, m, "upper", sep = "_"), plain$upper[m])
    add("lung_curve", paste(g, m, "cluster_se", sep = "_"), robust$std.err[m])
  }
}

# 2. quine: days absent of 146 pupils in New South Wales, over-dispersed (Venables and Ripley 2002, section 7.4)
q <- quine
q$group <- q$Eth
for (i in seq_len(nrow(q))) with(q[i, ], add("quine_data", "group/Sex/Age/Lrn/reoffences",
  paste(group, Sex, Age, Lrn, Days, sep = "/")))
for (rung in c("M0", "M1")) {
  f <- if (rung == "M0") Days ~ group else Days ~ group + Sex + Age + Lrn
  fit <- glm.nb(f, q, control = glm.control(epsilon = 1e-15, maxit = 500))
  case <- paste0("quine_", rung)
  s <- summary(fit)
  add(case, "coefficient", coef(fit)[["groupN"]]); add(case, "se", s$coefficients["groupN", "Std. Error"])
  add(case, "theta", fit$theta)
  # everyone's group set to each in turn: mean, and its standard error by the delta method
  for (g in levels(q$group)) {
    set <- q; set$group <- factor(g, levels = levels(q$group))
    X <- model.matrix(f, set); mu <- drop(exp(X %*% coef(fit))); D <- colMeans(X * mu)
    add(case, paste0("rate_", g), mean(mu)); add(case, paste0("rate_se_", g), sqrt(drop(D %*% s$cov.scaled %*% D)))
  }
  p <- glm(f, poisson, q, control = glm.control(epsilon = 1e-15, maxit = 200)); m <- fitted(p)
  add(case, "pearson", sum(residuals(p, "pearson")^2) / df.residual(p))
  add(case, "dean_lawless_p", pnorm(sum((q$Days - m)^2 - q$Days) / sqrt(2 * sum(m^2)), lower.tail = FALSE))
}
# a count without extra variation: R's own discoveries data has some; warpbreaks thinned by half has more; here a
# Poisson sample
set.seed(1); p <- data.frame(group = rep(c("a", "b"), 60), y = rpois(120, rep(c(0.6, 1.1), 60)))
for (i in seq_len(nrow(p))) add("poisson_data", "group/reoffences", paste(p$group[i], p$y[i], sep = "/"))
fit <- glm(y ~ group, poisson, p, control = glm.control(epsilon = 1e-15))
add("poisson", "coefficient", coef(fit)[["groupb"]]); add("poisson", "se", sqrt(vcov(fit)["groupb", "groupb"]))

# 3. exact limits of a proportion's score interval, for observed to expected where all are expected alike
for (x in c(3, 20, 47)) { w <- prop.test(x, 50, correct = FALSE)$conf.int
  add("wilson", paste(x, "lower", sep = "_"), w[1]); add("wilson", paste(x, "upper", sep = "_"), w[2]) }
write.csv(out, row.names = FALSE, quote = FALSE)

# Public records through the models: Rscript tests/reference/public_examples.R > tests/reference/public_examples.csv
# Run in the root of the project. The data beside this script (public_*.csv) are cut down from R packages:
#   public_arrests.csv  carData::Arrests: 5,226 arrests in Toronto for simple possession of marijuana, 1997 to 2002, as
#                       counts (events: released with a summons). J. Fox (2003), Journal of Statistical Software 8(15);
#                       data of M. Friendly and the Toronto Star. Age in five bands, checks of 4 and more together.
#   public_rossi.csv    carData::Rossi: 432 men released from prison in Maryland, followed for 52 weeks. P. H. Rossi,
#                       R. A. Berk and K. J. Lenihan (1980). Age in four bands, 4 and more convictions together.
#   public_recid.csv    wooldridge::recid: 1,445 men released from prison in North Carolina, July 1977 to June 1978;
#                       durat in months. C.-F. Chung, P. Schmidt and A. D. Witte (1991), Journal of Quantitative
#                       Criminology 7:59-98. returned: back in prison within 12 months.
# The two packages are under the GNU General Public License; the records are those of the studies named.
# UCBAdmissions is in R: see models_core.R. R 4.2, sandwich, survival.
suppressMessages({library(sandwich); library(survival)})
options(digits = 17)
out <- data.frame()
add <- function(case, name, value) out <<- rbind(out, data.frame(case = case, name = name, value = sprintf("%.17g", value)))
tight <- glm.control(epsilon = 1e-14, maxit = 100)
# glm keeps the weights of the step before its last: a second fit, from where the first ended, has those of the end
settled <- function(f, family, data) {
  fit <- do.call(glm, list(f, family, data, control = tight))
  do.call(glm, list(f, family, data, start = coef(fit), control = tight))
}
read <- function(name) read.csv(file.path("tests", "reference", paste0("public_", name, ".csv")), check.names = FALSE)

# adjusted rates (everyone's group set to each in turn), and log ratio and difference of the second to the first
standardised <- function(case, fit, V, data, group, weights) {
  f <- delete.response(terms(fit))
  levels <- levels(data[[group]])
  set <- lapply(levels, function(l) {
    put <- data; put[[group]] <- factor(l, levels = levels); model.matrix(f, put, xlev = fit$xlevels) })
  risk <- lapply(set, function(X) plogis(drop(X %*% coef(fit))))
  t <- sapply(risk, weighted.mean, w = weights)
  D <- t(mapply(function(X, p) colSums(weights * p * (1 - p) * X) / sum(weights), set, risk)); S <- D %*% V %*% t(D)
  for (i in seq_along(levels)) { add(case, paste0("rate_", levels[i]), t[i]) }
  g <- c(-1 / t[1], 1 / t[2]); d <- c(-1, 1)
  add(case, "log_rri", log(t[2] / t[1])); add(case, "log_rri_se", sqrt(drop(g %*% S %*% g)))
  add(case, "difference", t[2] - t[1]); add(case, "difference_se", sqrt(drop(d %*% S %*% d)))
}
auc <- function(risk, events, rest) { # Wilcoxon: every pair of a record with and one without
  r <- rank(c(rep(risk, events), rep(risk, rest)))
  n <- sum(events); (sum(r[seq_len(n)]) - n * (n + 1) / 2) / (n * sum(rest))
}
logistic <- function(case, f, data, group, weights) {
  fit <- settled(f, binomial, data)
  name <- paste0(group, levels(data[[group]])[2])
  add(case, "coefficient", coef(fit)[[name]]); add(case, "se", sqrt(vcov(fit)[name, name]))
  standardised(case, fit, vcov(fit), data, group, weights)
  fit
}

# 1. Arrests: who was released
a <- read("arrests")
for (name in c("sex", "age_band", "year", "employed", "citizen", "checks")) a[[name]] <- factor(a[[name]])
a$colour <- relevel(factor(a$colour), "White")
rungs <- list(M0 = "colour", M1 = "colour + age_band + sex + year",
              M2 = "colour + age_band + sex + year + employed + citizen + checks")
records <- a[rep(seq_len(nrow(a)), a$base), ]
records$y <- unlist(Map(function(e, n) rep(c(1, 0), c(e, n - e)), a$events, a$base))
for (rung in names(rungs)) {
  case <- paste0("arrests_", rung)
  fit <- logistic(case, as.formula(paste("cbind(events, base - events) ~", rungs[[rung]])), a, "colour", a$base)
  add(case, "deviance", deviance(fit)); add(case, "pearson", sum(residuals(fit, "pearson")^2))
  add(case, "residual_df", df.residual(fit)); add(case, "auc", auc(fitted(fit), a$events, a$base - a$events))
  rows <- settled(as.formula(paste("y ~", rungs[[rung]])), binomial, records)
  add(case, "aic", AIC(rows)); add(case, "bic", BIC(rows)); add(case, "log_likelihood", as.numeric(logLik(rows)))
  standardised(paste0(case, "_hc0"), rows, vcovHC(rows, "HC0"), records, "colour", rep(1, nrow(records)))
  if (rung != "M0") {
    eta <- predict(fit)
    more <- a; more$square <- eta^2
    linked <- summary(settled(update(formula(fit), . ~ . + square), binomial, more))$coefficients["square", ]
    add(case, "link", linked[[1]]); add(case, "link_z", linked[[3]]); add(case, "link_p", linked[[4]])
    dropped <- drop1(fit, test = "LRT")
    for (term in rownames(dropped)[-1]) {
      at <- which(attr(model.matrix(fit), "assign") == match(term, labels(terms(fit))))
      b <- coef(fit)[at]
      add(case, paste0("wald_", term), drop(b %*% solve(vcov(fit)[at, at]) %*% b))
      add(case, paste0("lrt_", term), dropped[term, "LRT"]); add(case, paste0("lrtp_", term), dropped[term, "Pr(>Chi)"])
    }
  }
  # without a year: fitted to the rest, averaged over the rest
  for (one in levels(a$year)) {
    rest <- droplevels(a[a$year != one, ])
    without <- glm(formula(fit), binomial, rest, control = tight)
    risk <- sapply(levels(a$colour), function(l) {
      set <- rest; set$colour <- factor(l, levels = levels(a$colour))
      sum(rest$base * predict(without, set, type = "response")) / sum(rest$base) })
    add(case, paste0("without_", one), log(risk[[2]] / risk[[1]]))
  }
}
add("arrests", "records", sum(a$base)); add("arrests", "released", sum(a$events))

# 2. Rossi: arrested within a year of release, and when
d <- read("rossi")
for (name in c("fin", "age_band", "wexp", "mar", "paro", "prior")) d[[name]] <- factor(d[[name]])
d$race <- relevel(factor(d$race), "other")
rungs <- list(M0 = "race", M1 = "race + age_band", M2 = "race + age_band + fin + wexp + mar + paro", M3 =
              "race + age_band + fin + wexp + mar + paro + prior")
for (rung in names(rungs)) {
  logistic(paste0("rossi_", rung), as.formula(paste("arrest ~", rungs[[rung]])), d, "race", rep(1, nrow(d)))
  fit <- coxph(as.formula(paste("Surv(week, arrest) ~", rungs[[rung]])), d, ties = "efron",
               control = coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50))
  add(paste0("rossi_cox_", rung), "coefficient", coef(fit)[["raceblack"]])
  add(paste0("rossi_cox_", rung), "se", sqrt(vcov(fit)["raceblack", "raceblack"]))
  zph <- cox.zph(fit, transform = "km")$table
  add(paste0("rossi_cox_", rung), "zph_group", zph["race", "chisq"])
  # arrests as a rate for each week at risk: the log-linear model of person-time
  rate <- settled(as.formula(paste("arrest ~ offset(log(week)) +", rungs[[rung]])), poisson, d)
  add(paste0("rossi_rate_", rung), "coefficient", coef(rate)[["raceblack"]])
  add(paste0("rossi_rate_", rung), "se", sqrt(vcov(rate)["raceblack", "raceblack"]))
  add(paste0("rossi_rate_", rung), "aic", AIC(rate)); add(paste0("rossi_rate_", rung), "deviance", deviance(rate))
}

# 3. recid: back in prison within twelve months, and the time to it
p <- read("recid")
for (name in c("age_band", "prior", "alcohol", "drugs", "married", "felon", "workprg")) p[[name]] <- factor(p[[name]])
p$race <- relevel(factor(p$race), "other")
rungs <- list(M0 = "race", M1 = "race + age_band", M2 = "race + age_band + felon + workprg + married + alcohol + drugs",
              M3 = "race + age_band + felon + workprg + married + alcohol + drugs + prior")
for (rung in names(rungs)) {
  logistic(paste0("recid_", rung), as.formula(paste("returned ~", rungs[[rung]])), p, "race", rep(1, nrow(p)))
  fit <- coxph(as.formula(paste("Surv(durat, 1 - cens) ~", rungs[[rung]])), p, ties = "efron",
               control = coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50))
  add(paste0("recid_cox_", rung), "coefficient", coef(fit)[["raceblack"]])
  add(paste0("recid_cox_", rung), "se", sqrt(vcov(fit)["raceblack", "raceblack"]))
}
write.csv(out, stdout(), row.names = FALSE, quote = FALSE)

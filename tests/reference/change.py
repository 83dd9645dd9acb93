"""Changes between two periods by statsmodels, with children as clusters: python change.py > change.csv.

A made-up table has one row for every child, period and group, with y events of x of the base. The generalised linear
model has a level for every group and period, a log link, and Poisson variance (with robust errors it does not matter
which); its robust covariance takes children as clusters, without a small-sample factor. The change of a rate is a
contrast of two of its coefficients, the change of a relative rate index of four. With a base of events (kind
proportion) the model is that of y with offset log x; the levels are then the ratios of the sums, and the scores are
y - r x, so that the errors are those of a ratio of sums.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import statsmodels.api as sm


def table(kind: str, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for group, (children, level) in {"Black": (500, 0.9), "White": (900, 0.5)}.items():
        tendency = rng.gamma(0.5, 2.0, children)
        for period, factor in (("2020", 1.0), ("2021", 0.7)):
            if kind == "rate":
                x, y = np.ones(children), rng.poisson(tendency * level * factor)
            else:
                x = rng.poisson(2 * tendency)
                y = rng.binomial(x, np.clip(0.3 * level * factor * tendency, 0, 0.95))
            child = [f"{group}{number}" for number in range(children)]
            rows.append(pd.DataFrame({"child": child, "group": group, "period": period, "y": y, "x": x}))
    return pd.concat(rows, ignore_index=True)


def main() -> None:
    out = []
    for kind in ("rate", "proportion"):
        rows = table(kind, np.random.default_rng(11))
        rows = rows[rows["x"] > 0].reset_index(drop=True)
        cells = [(group, period) for group in ("Black", "White") for period in ("2020", "2021")]
        design = np.column_stack([(rows["group"] == g) & (rows["period"] == p) for g, p in cells]).astype(float)
        model = sm.GLM(rows["y"], design, family=sm.families.Poisson(), offset=np.log(rows["x"]))
        # scale fixed at 1; `use_correction` is the small-sample factor
        fit = model.fit(
            cov_type="cluster",
            tol=1e-14,
            maxiter=200,
            cov_kwds={"groups": pd.factorize(rows["child"])[0], "use_correction": False},
        )
        contrasts = {"change_rate": np.array([-1.0, 1, 0, 0]), "change_rri": np.array([-1.0, 1, 1, -1])}
        results = {
            f"{name}_{what}": value
            for name, contrast in contrasts.items()
            for what, value in (
                ("value", contrast @ fit.params.to_numpy()),
                ("error", np.sqrt(contrast @ fit.cov_params().to_numpy() @ contrast)),
            )
        }
        for group in ("Black", "White"):
            one, two = (
                rows[(rows["group"] == group) & (rows["period"] == period)].set_index("child")
                for period in ("2020", "2021")
            )
            both = one.join(two, how="inner", suffixes=("1", "2"))
            for period, part in (("2020", one), ("2021", two)):
                out.append(
                    {
                        "kind": kind, "group": group, "period": period,
                        "numerator": part["y"].sum(), "denominator": part["x"].sum(),
                        "numerator_squares": (part["y"] ** 2).sum(),
                        "products": (part["y"] * part["x"]).sum(), "denominator_squares": (part["x"] ** 2).sum(),
                        "yy": (both["y1"] * both["y2"]).sum(), "yx": (both["y1"] * both["x2"]).sum(),
                        "xy": (both["x1"] * both["y2"]).sum(), "xx": (both["x1"] * both["x2"]).sum(),
                        **results,
                    }
                )  # fmt: skip
    pd.DataFrame(out).to_csv(sys.stdout, index=False, float_format="%.15g")


if __name__ == "__main__":
    main()

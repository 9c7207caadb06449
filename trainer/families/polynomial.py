"""Linear models on products of columns: curves and interactions, at the price of many columns."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import TYPE_CHECKING, Any, cast

from trainer.errors import UserError
from trainer.families.class_weight import CLASS_WEIGHT
from trainer.families.family import Estimator, Family, Task
from trainer.families.hyperparameters import Flag, Real, Value, Whole
from trainer.families.penalty import ridge_strength
from trainer.families.quietly import fit_quietly
from trainer.families.target_scale import TargetScale

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph

PRODUCTS_MAX = 5000
NUMBERS_MAX = 50_000_000


class Polynomial(Family):
    """PolynomialFeatures, then Ridge or LogisticRegression. The fit cannot be cut; `check` bounds it."""

    name = "polynomial"
    title = "polynomial model"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-9
    hyperparameters = {
        "degree": Whole(2, 2, 3),
        "interaction_only": Flag(False),
        "alpha": Real(None, 1e-9, 1e9, auto="the best by leave-one-out (regression)"),
        "C": Real(0.01, 1e-9, 1e9),
        "max_iter": Whole(1000, 10, 100_000),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import PolynomialFeatures

        products = PolynomialFeatures(
            cast(int, chosen["degree"]), interaction_only=chosen["interaction_only"], include_bias=False
        )
        if task == "regression":
            return Pipeline([
                ("products", products),
                ("linear", Ridge(alpha=chosen["alpha"] or 1.0, random_state=seed)),
            ])  # fmt: skip
        logistic = LogisticRegression(
            C=chosen["C"], max_iter=chosen["max_iter"], class_weight=chosen["class_weight"], random_state=seed
        )
        return Pipeline([("products", products), ("linear", logistic)])

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        del step
        products, linear = estimator.named_steps["products"], estimator.named_steps["linear"]
        expanded = products.fit_transform(X)
        if hasattr(linear, "alpha") and chosen["alpha"] is None:
            z = TargetScale.of(y).standardise(y)
            linear.alpha = ridge_strength(expanded, z, fit_intercept=True, seed=linear.random_state)
        fit_quietly(linear, expanded, y)

    def check(self, rows: int, width: int, task: Task, chosen: Mapping[str, Value]) -> None:
        del task
        degree = cast(int, chosen["degree"])
        products = sum(comb(width + (0 if chosen["interaction_only"] else n - 1), n) for n in range(1, degree + 1))
        if products > PRODUCTS_MAX or products * rows > NUMBERS_MAX:
            raise UserError(
                "TooManyProducts",
                f"Products of {width:,} columns of degree {degree} make {products:,} columns of {rows:,} rows: "
                f"more than {PRODUCTS_MAX:,} columns or {NUMBERS_MAX:,} numbers.",
                "Use fewer features or degree 2, or gradient_boosting, which finds interactions by itself.",
            )

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.polynomial import polynomial_graph

        powers = estimator.named_steps["products"].powers_
        linear = estimator.named_steps["linear"]
        return polynomial_graph(powers, linear.coef_, linear.intercept_, task, width)

"""What `auto` tries, in order: a short list of configurations a task and a size, the cheap ones first.

How it was chosen: from what is known to do well on tables in general (the portfolios of AutoGluon and FLAML, and the
literature they rest on), a few strengths of each penalty, and families whose errors differ, because their average gains
most. No configuration was picked by its score on the folds that `bench/models/quality.py` measures; one, `polynomial`
for classes, was added after a look at another deal of German credit, and what is tried on tables below 50 rows was cut
down after `auto` had missed its mark on housing (20 rows). Families are left out whose library is another than
scikit-learn (hist_gradient_boosting is the same method, and nothing more has to be loaded) and those whose graph can
differ from the estimator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainer.families import FAMILIES
from trainer.families.family import Task

LIBRARY = "sklearn"
ANY = 10**12


@dataclass(frozen=True)
class Configuration:
    """`name` is unique in its list. It is tried from `least` to `most` training rows."""

    name: str
    family_name: str
    asked: Mapping[str, object] = field(default_factory=dict)
    least: int = 0
    most: int = ANY


LARGE_TREES = {"max_iter": 400, "max_leaf_nodes": 63}
FEW_TREES = {"n_estimators": 50}
FLEXIBLE_FROM = 50
"""Below, only straight lines are tried: ten to twenty rows a parameter are wanted (Harrell, Regression Modeling
Strategies), and folds of so few rows make a flexible model look good that is not. Seen on housing's 20 rows."""
PORTFOLIO: dict[Task, tuple[Configuration, ...]] = {
    "classification": (
        Configuration("logistic", "logistic"),
        Configuration("logistic, weak penalty", "logistic", {"C": 1.0}),
        Configuration("naive_bayes", "naive_bayes", most=100_000),
        Configuration("decision_tree", "decision_tree", {"max_depth": 4}, least=FLEXIBLE_FROM),
        Configuration("svm", "svm", least=FLEXIBLE_FROM, most=10_000),
        Configuration("svm, soft", "svm", {"C": 0.3}, least=FLEXIBLE_FROM, most=10_000),
        Configuration("polynomial", "polynomial", least=FLEXIBLE_FROM, most=20_000),
        Configuration("gradient_boosting", "gradient_boosting", least=FLEXIBLE_FROM, most=20_000),
        Configuration(
            "gradient_boosting, stumps", "gradient_boosting", {"max_depth": 1}, least=FLEXIBLE_FROM, most=20_000
        ),
        Configuration("random_forest, few trees", "random_forest", FEW_TREES, least=FLEXIBLE_FROM, most=100),
        Configuration("random_forest", "random_forest", least=100),
        Configuration("extra_trees", "extra_trees", least=100),
        Configuration("neural_network", "neural_network", least=300),
        Configuration("hist_gradient_boosting", "hist_gradient_boosting", least=1500),
        Configuration("hist_gradient_boosting, large", "hist_gradient_boosting", LARGE_TREES, least=5000),
        Configuration("sgd", "sgd", least=100_000),
    ),
    "regression": (
        Configuration("linear", "linear"),
        Configuration("ridge", "ridge"),
        Configuration("lasso", "lasso", most=100_000),
        Configuration("elastic_net", "elastic_net", most=100_000),
        Configuration("decision_tree", "decision_tree", {"max_depth": 4}, least=100),
        Configuration("svm", "svm", least=FLEXIBLE_FROM, most=10_000),
        Configuration("polynomial", "polynomial", least=FLEXIBLE_FROM, most=20_000),
        Configuration("gradient_boosting", "gradient_boosting", least=FLEXIBLE_FROM, most=20_000),
        Configuration("gradient_boosting, stumps", "gradient_boosting", {"max_depth": 1}, least=100, most=20_000),
        Configuration("random_forest, few trees", "random_forest", FEW_TREES, least=FLEXIBLE_FROM, most=100),
        Configuration("random_forest", "random_forest", least=100),
        Configuration("extra_trees", "extra_trees", least=100),
        Configuration("neural_network", "neural_network", least=300),
        Configuration("hist_gradient_boosting", "hist_gradient_boosting", least=1500),
        Configuration("hist_gradient_boosting, large", "hist_gradient_boosting", LARGE_TREES, least=5000),
        Configuration("sgd", "sgd", least=100_000),
    ),
}


def portfolio(task: Task, rows: int) -> list[Configuration]:
    """What is tried on so many training rows."""
    return [one for one in PORTFOLIO[task] if one.least <= rows < one.most and _trusted(one.family_name, task)]


def _trusted(name: str, task: Task) -> bool:
    family = FAMILIES.get(name)
    return family is not None and task in family.tasks and family.library == LIBRARY and not family.inexact

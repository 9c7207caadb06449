"""The registry of model families: the only list of names. `auto` is no family but a choice among them."""

from __future__ import annotations

from trainer.errors import UserError
from trainer.families.decision_tree import DecisionTree
from trainer.families.elastic_net import ElasticNet
from trainer.families.extra_trees import ExtraTrees
from trainer.families.family import Family, Task
from trainer.families.gradient_boosting import GradientBoosting
from trainer.families.hist_gradient_boosting import HistGradientBoosting
from trainer.families.k_nearest_neighbors import KNearestNeighbors
from trainer.families.lasso import Lasso
from trainer.families.lightgbm_trees import LightGBM
from trainer.families.linear import Linear
from trainer.families.logistic import Logistic
from trainer.families.naive_bayes import NaiveBayes
from trainer.families.neural_network import NeuralNetwork
from trainer.families.polynomial import Polynomial
from trainer.families.random_forest import RandomForest
from trainer.families.ridge import Ridge
from trainer.families.sgd import Sgd
from trainer.families.svm import Svm
from trainer.families.xgboost_trees import XGBoost

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Linear(),
        Ridge(),
        Lasso(),
        ElasticNet(),
        Polynomial(),
        Logistic(),
        DecisionTree(),
        RandomForest(),
        ExtraTrees(),
        GradientBoosting(),
        HistGradientBoosting(),
        XGBoost(),
        LightGBM(),
        Svm(),
        KNearestNeighbors(),
        NaiveBayes(),
        NeuralNetwork(),
        Sgd(),
    )
}
AUTO = "auto"


def family_for(name: str, task: Task) -> Family:
    """The family of that name. Raises UserError when there is none, or when it cannot do the task."""
    fitting = [family.name for family in FAMILIES.values() if task in family.tasks]
    family = FAMILIES.get(name)
    if family is None:
        raise UserError(
            "UnknownModel",
            f"There is no model type {name[:60]!r}.",
            f"For {task} choose one of: {', '.join([*fitting, AUTO])}.",
        )
    if task not in family.tasks:
        raise UserError(
            "ModelNotForTask", f"{name} cannot do {task}.", f"For {task} choose one of: {', '.join([*fitting, AUTO])}."
        )
    return family

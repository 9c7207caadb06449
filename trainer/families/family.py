"""What a model family is: a name, its hyperparameters, how it is fitted step by step, and how it becomes a graph.

A new family is a new file beside this one and a line in the registry (`__init__.py`). Families import scikit-learn and
other heavy libraries inside their methods only: whoever trains one does not wait for the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainer.families.hyperparameters import Hyperparameter, Value
from trainer.features.encoding import InputType
from trainer.features.fitting import Scheme

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph

Task = Literal["regression", "classification"]
Estimator = Any
"""A scikit-learn estimator; the library has no types."""

STEPS_MAX = 20
"""A fit that can be cut is cut into at most this many steps."""


class Family(ABC):
    """One kind of model. Instances hold no state: estimators do."""

    name: ClassVar[str]
    title: ClassVar[str]
    tasks: ClassVar[frozenset[Task]]
    scheme: ClassVar[Scheme]
    input_type: ClassVar[InputType]
    tolerance: ClassVar[float]
    """Largest accepted difference between graph and estimator: of a probability, or of a value relative to it."""
    library: ClassVar[str] = "sklearn"
    """The module that holds the estimator; other than scikit-learn's it may be a pack that comes apart."""
    even_odds_second: ClassVar[bool] = False
    """At exactly even odds of two classes the estimator says the second; all others say the first."""
    inexact: ClassVar[str] = ""
    """Why the graph can differ from the estimator on some rows, in words for users; empty: it cannot."""
    hyperparameters: ClassVar[Mapping[str, Hyperparameter]]

    @abstractmethod
    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        """An estimator that is not fitted yet."""

    def steps(self, chosen: Mapping[str, Value]) -> int:
        """How many calls of `advance` a fit takes; 1: it cannot be cut."""
        del chosen
        return 1

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        """Step number `step` (from 0) of a fit. The same steps in the same order give the same model, cut or not."""
        del step, chosen
        estimator.fit(X, y)

    def check(self, rows: int, width: int, task: Task, chosen: Mapping[str, Value]) -> None:
        """Raises UserError where this family would take time or memory out of all proportion, before it starts."""
        del rows, width, task, chosen

    def predict(self, estimator: Estimator, X: NDArray[np.floating], classes: int) -> NDArray[np.float64]:
        """Values [rows], or probabilities [rows, classes] (0 for a class the training rows did not have), in float64.

        Also of an estimator that is still in the making (after any step).
        """
        import numpy as np

        # scikit-learn looks for infinities by a sum, which the largest float32 numbers overflow.
        with np.errstate(over="ignore", invalid="ignore"):
            if not classes:
                return np.asarray(estimator.predict(X), dtype=np.float64)
            probabilities = np.zeros((len(X), classes))
            probabilities[:, estimator.classes_] = estimator.predict_proba(X)
        return probabilities

    @abstractmethod
    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        """The fitted estimator as an ONNX graph. Imports onnx."""


def portion(total: int, step: int) -> int:
    """How many of `total` trees or rounds exist after step number `step` of an even cut."""
    steps = min(STEPS_MAX, total)
    return total * (step + 1) // steps

"""One fit, step by step: preprocessing learned from the training rows, then one or several estimators.

A fit of several members is a blend: its prediction is the weighted mean of theirs. What members see is encoded once a
scheme; the encoded columns of all schemes stand side by side, in the order in which members first ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.families import FAMILIES
from trainer.families.family import Estimator, Family
from trainer.families.hyperparameters import Value
from trainer.features.encoding import EncodedColumn, InputType, encode, width
from trainer.features.fitting import Scheme, fit_columns
from trainer.table.cells import Floats
from trainer.table.columns import Indices, Table
from trainer.training.problem import Problem

BLEND = "blend"
"""`model.type` of an artefact whose prediction is the mean of several models'."""


Encoded = dict[tuple[Scheme, InputType], NDArray[np.floating]]
"""The matrix of each scheme and type of number that a model's members want."""


@dataclass(frozen=True)
class Ingredient:
    """What is to be fitted: a family, all its hyperparameters, and its share of the prediction (shares add up to 1)."""

    family_name: str
    chosen: Mapping[str, Value]
    weight: float = 1.0

    @property
    def family(self) -> Family:
        return FAMILIES[self.family_name]

    @property
    def steps(self) -> int:
        return self.family.steps(self.chosen)


@dataclass
class Member:
    """An ingredient in the making."""

    ingredient: Ingredient
    estimator: Estimator
    step: int = 0

    @property
    def family(self) -> Family:
        return self.ingredient.family

    @property
    def done(self) -> bool:
        return self.step >= self.ingredient.steps


@dataclass
class Fit:
    """A model in the making. It can be pickled between steps and goes on to the same model."""

    members: list[Member]
    columns_by_scheme: dict[Scheme, list[EncodedColumn]]
    _matrices: Encoded = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_matrices": {}}

    @property
    def name(self) -> str:
        """`model.type` of the artefact."""
        return self.members[0].ingredient.family_name if len(self.members) == 1 else BLEND

    @property
    def columns(self) -> list[EncodedColumn]:
        """All that is encoded, scheme after scheme."""
        return [column for columns in self.columns_by_scheme.values() for column in columns]

    @property
    def input_type(self) -> InputType:
        """Of the whole: float32 only when no member wants more."""
        return "float64" if any(member.family.input_type == "float64" for member in self.members) else "float32"

    @property
    def current(self) -> Member:
        """The member whose turn it is; the last one when all are done."""
        return next((member for member in self.members if not member.done), self.members[-1])

    @property
    def done(self) -> bool:
        return self.members[-1].done

    @property
    def done_steps(self) -> int:
        return sum(member.step for member in self.members)

    def start(self, scheme: Scheme) -> int:
        """Where a scheme's numbers begin in a row of the whole."""
        at = 0
        for name, columns in self.columns_by_scheme.items():
            if name == scheme:
                return at
            at += width(columns)
        raise KeyError(scheme)

    def advance(self, problem: Problem, rows: Indices) -> Member:
        """One step on the training rows, of the member whose turn it is."""
        member = self.current
        family = member.family
        key = (family.scheme, family.input_type)
        if key not in self._matrices:
            self._matrices.clear()  # one at a time: memory
            self._matrices[key] = encode(
                self.columns_by_scheme[family.scheme], problem.table.take(rows), family.input_type
            )
        family.advance(member.estimator, self._matrices[key], problem.y[rows], member.step, member.ingredient.chosen)
        member.step += 1
        if self.done:
            self._matrices.clear()
        return member

    def predict(self, problem: Problem, table: Table) -> Floats:
        """Values, or probabilities of all classes, of all members together."""
        return self.predict_rows(table, len(problem.classes or ()))

    def predict_rows(self, table: Table, classes: int) -> Floats:
        return self.predict_encoded(self.encoded(table), classes)

    def encoded(self, table: Table) -> Encoded:
        """What the members see of a table."""
        kinds = dict.fromkeys((member.family.scheme, member.family.input_type) for member in self.members)
        return {(scheme, kind): encode(self.columns_by_scheme[scheme], table, kind) for scheme, kind in kinds}

    def predict_encoded(self, encoded: Encoded, classes: int) -> Floats:
        total: Floats | None = None
        for member in self.members:
            told = self.predict_member(member, encoded, classes)
            if len(self.members) == 1:
                return told
            share = member.ingredient.weight * told
            total = share if total is None else total + share
        assert total is not None
        return total

    def predict_member(self, member: Member, encoded: Encoded, classes: int) -> Floats:
        """Of one member alone, finished or not."""
        family = member.family
        return family.predict(member.estimator, encoded[family.scheme, family.input_type], classes)


def begin(problem: Problem, ingredients: Sequence[Ingredient], rows: Indices, seed: int) -> Fit:
    """A fit on the training rows `rows`, before its first step."""
    table = problem.table.take(rows)
    columns: dict[Scheme, list[EncodedColumn]] = {}
    members = []
    for ingredient in ingredients:
        family = ingredient.family
        if family.scheme not in columns:
            columns[family.scheme] = fit_columns(problem.features, table, family.scheme)
        family.check(len(rows), width(columns[family.scheme]), problem.task, ingredient.chosen)
        members.append(Member(ingredient, family.build(problem.task, ingredient.chosen, seed)))
    return Fit(members, columns)

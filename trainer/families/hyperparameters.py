"""Hyperparameters by name, type and range, so that a wrong one is refused with the allowed ones before it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from trainer.errors import UserError

Value: TypeAlias = "str | int | float | bool | None"


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`; with `none_at_zero`, 0 means none: what that does is told by `zero`."""

    default: int | None
    low: int
    high: int
    none_at_zero: bool = False
    zero: str = "no limit"

    def read(self, raw: object) -> Value:
        value = _number(raw)
        if value is None or value != int(value) or not self.low <= value <= self.high:
            raise ValueError
        return None if self.none_at_zero and value == 0 else int(value)

    def allowed(self) -> str:
        zero = f" (0: {self.zero})" if self.none_at_zero else ""
        return f"a whole number from {self.low} to {self.high}{zero}"


@dataclass(frozen=True)
class Real:
    """A number from `low` to `high`; or the word auto, where `auto` tells what that does."""

    default: float | None
    low: float
    high: float
    auto: str = ""

    def read(self, raw: object) -> Value:
        if self.auto and raw == "auto":
            return None
        value = _number(raw)
        if value is None or not self.low <= value <= self.high:
            raise ValueError
        return float(value)

    def allowed(self) -> str:
        auto = f", or auto: {self.auto}" if self.auto else ""
        return f"a number from {self.low:g} to {self.high:g}{auto}"


@dataclass(frozen=True)
class Choice:
    """One of some words, or no word (`none`)."""

    default: str | None
    words: tuple[str, ...]

    def read(self, raw: object) -> Value:
        if not isinstance(raw, str) or raw not in self.words:
            raise ValueError
        return None if raw == "none" else raw

    def allowed(self) -> str:
        return "one of " + ", ".join(self.words)


@dataclass(frozen=True)
class Flag:
    """true or false."""

    default: bool

    def read(self, raw: object) -> Value:
        if isinstance(raw, str) and raw.lower() in {"true", "false"}:
            return raw.lower() == "true"
        if not isinstance(raw, bool):
            raise ValueError  # noqa: TRY004 - one error for all that cannot be read, caught in `choose`
        return raw

    def allowed(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Layers:
    """Sizes of hidden layers as a text such as "64,32"."""

    default: str
    most: int = 4
    size: int = 512

    def read(self, raw: object) -> Value:
        parts = raw.split(",") if isinstance(raw, str) else [raw]
        sizes = [_number(part) for part in parts]
        if len(sizes) > self.most or not all(
            size is not None and size == int(size) and 1 <= size <= self.size for size in sizes
        ):
            raise ValueError
        return ",".join(str(int(size)) for size in sizes if size is not None)

    def allowed(self) -> str:
        return f'1 to {self.most} whole numbers from 1 to {self.size} with commas between them, such as "64,32"'


Hyperparameter = Whole | Real | Choice | Flag | Layers


def _number(raw: object) -> float | None:
    """Chat sends numbers as text, kubectl as numbers."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, str):
        try:
            raw = float(raw)
        except ValueError:
            return None
    if not isinstance(raw, (int, float)) or raw != raw or abs(raw) == float("inf"):  # noqa: PLR0124 - NaN
        return None
    return raw


def choose(model: str, known: Mapping[str, Hyperparameter], asked: Mapping[str, object]) -> dict[str, Value]:
    """The defaults, overlaid with what was asked for. Raises UserError that names all that is allowed."""
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise UserError(
            "UnknownHyperparameter",
            f"{model} has no hyperparameter {', '.join(name[:60] for name in unknown[:5])}.",
            f"Allowed: {describe(known)}.",
        )
    chosen: dict[str, Value] = {}
    for name, kind in known.items():
        try:
            chosen[name] = kind.read(asked[name]) if name in asked else kind.default
        except ValueError:
            raise UserError(
                "BadHyperparameter",
                f"{name} of {model} cannot be {str(asked[name])[:60]!r}.",
                f"It must be {kind.allowed()}. Allowed: {describe(known)}.",
            ) from None
    return chosen


def describe(known: Mapping[str, Hyperparameter]) -> str:
    """All hyperparameters and what they may be."""
    return "; ".join(f"{name}: {kind.allowed()}" for name, kind in known.items()) or "none"

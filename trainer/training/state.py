"""How far a training is: all that a checkpoint holds, and the checkpoint itself. With the same data and request, going
on from it gives the same model as never having stopped."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np

from trainer import __version__
from trainer.evaluation.importance import Shuffled
from trainer.families import FAMILIES
from trainer.table.cells import Floats
from trainer.ticket import Request
from trainer.training.fitting import Fit
from trainer.training.leaderboard import Choice
from trainer.training.search import Search

DIGEST_BYTES = 32


@dataclass(frozen=True)
class Point:
    """Of the learning curve of the first fit: the loss on held-out rows after a step of a member."""

    member: int
    family_name: str
    step: int
    loss: float


@dataclass
class State:
    """What a checkpoint holds; `fingerprint` says of which training."""

    fingerprint: str
    step: int = 0
    number: int = 0
    """Of the fit in progress; the folds come first."""
    search: Search | None = None
    choices: list[Choice] = field(default_factory=list)
    fit: Fit | None = None
    predicted: list[Floats] = field(default_factory=list)
    curve: list[Point] = field(default_factory=list)
    shuffled: list[Shuffled] = field(default_factory=list)


def dump(state: State) -> bytes:
    """Its SHA-256, then the state. Of 400 flipped bits, unpickling alone missed 2."""
    import joblib

    buffer = io.BytesIO()
    joblib.dump(state, buffer, compress=3)
    return hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue()


def load(checkpoint: bytes, wanted: str) -> State | None:
    """None: damaged, or of a training with another fingerprint."""
    import joblib

    digest, body = checkpoint[:DIGEST_BYTES], checkpoint[DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    try:
        state = joblib.load(io.BytesIO(body))
    except Exception:  # a pickle of other versions raises anything; training anew is always right
        return None
    return state if isinstance(state, State) and state.fingerprint == wanted else None


def fingerprint(request: Request, data_sha256: str) -> str:
    """Of everything that makes a checkpoint's steps what they are."""
    import sklearn

    family = FAMILIES.get(request.model)
    library = import_module(family.library) if family else sklearn  # the first step needs it anyway
    versions = (__version__, np.__version__, sklearn.__version__, str(library.__version__))
    parts = (*versions, data_sha256, repr(request))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

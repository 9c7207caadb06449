"""Yes and no in words: which texts mean which, in the languages that tables come in."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trainer.table.cells import Floats

_YES = "yes y true t on ja j oui vrai si sí sì sim verdadero verdadeiro vero wahr waar tak да evet kyllä 1 はい 是"
_NO = "no n false f off nein non faux nao não falso falsch onwaar nee nej nei nie нет hayır hayir ei 0 いいえ 否"
YES = frozenset(_YES.split())
NO = frozenset(_NO.split())
DIGITS = frozenset("01")
_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def folded(text: str) -> str:
    """As the manifest compares: ASCII letters in lower case, all others as they are."""
    return text.translate(_ASCII_LOWER)


def guess_words(texts: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The words for yes and for no among the texts of a column, folded and sorted; None unless all texts are one of
    both, both occur, and not all are digits (those are numbers)."""
    yes: set[str] = set()
    no: set[str] = set()
    for text in texts:
        word = text.lower()
        if word in YES:
            yes.add(folded(text))
        elif word in NO:
            no.add(folded(text))
        else:
            return None
    if not yes or not no or yes | no <= DIGITS:
        return None
    return tuple(sorted(yes)), tuple(sorted(no))


def truths_of(texts: Iterable[str], yes: tuple[str, ...], no: tuple[str, ...]) -> Floats:
    """1 for yes, 0 for no, NaN for anything else."""
    known = dict.fromkeys(yes, 1.0) | dict.fromkeys(no, 0.0)
    return np.array([known.get(folded(text), np.nan) for text in texts], dtype=np.float64)

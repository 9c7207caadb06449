"""Which distributions come apart as packs, fetched by the worker that needs them; what no line names is in the core.

The core trains every family of scikit-learn, and `auto`. Next: `build.py`; on the machine `instance/packs.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

CORE = "core"


@dataclass(frozen=True)
class Pack:
    """`modules`: by whose names the worker asks for it."""

    name: str
    modules: tuple[str, ...]
    distributions: frozenset[str]


PACKS = (
    Pack("xgboost", ("xgboost",), frozenset({"xgboost", "xgboost-cpu"})),
    Pack("lightgbm", ("lightgbm",), frozenset({"lightgbm"})),
    Pack("parquet", ("pyarrow",), frozenset({"pyarrow"})),
    # These two every job needs, but only at its end: they are fetched while it trains.
    Pack(
        "export",
        ("onnx", "onnxruntime"),
        frozenset({"onnx", "onnxruntime", "ml-dtypes", "protobuf", "flatbuffers", "typing-extensions", "coloredlogs",
                   "humanfriendly", "sympy", "mpmath"}),
    ),
    Pack(
        "charts",
        ("matplotlib",),
        frozenset({"matplotlib", "contourpy", "cycler", "fonttools", "kiwisolver", "pillow", "pyparsing"}),
    ),
)  # fmt: skip


def pack_of(distribution: str) -> str:
    return next((pack.name for pack in PACKS if distribution in pack.distributions), CORE)

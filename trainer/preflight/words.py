"""The preflight report as text: what fits a terminal, and an analyst's first look."""

from __future__ import annotations

import textwrap
from typing import Any

WIDTH = 110
NAME_LETTERS = 28
CLASSES_SHOWN = 10
COLUMNS_SHOWN = 60


def as_text(name: str, report: dict[str, Any]) -> str:
    lines = [
        f"{name}: {report['rows']:,} {'row' if report['rows'] == 1 else 'rows'}, {report['columns']:,} columns",
        "",
    ]
    lines += _target(report)
    lines += ["", *_schema(report["schema"])]
    need = report["need"]
    lines += [
        "",
        f"Memory needed: about {need['memoryGiB']:.1f} GiB, an instance of {need['instanceGiB']} GiB or more.",
    ]
    if report["problem"]:
        problem = report["problem"]
        lines += ["", *_wrapped(f"This cannot be trained: {problem['message']} {problem['hint']}")]
    if report["warnings"]:
        lines += ["", "What to know:"]
        for warning in report["warnings"]:
            lines += _wrapped(warning, "- ")
    return "\n".join(lines) + "\n"


def _target(report: dict[str, Any]) -> list[str]:
    target = report["target"]
    if target is None:
        return ["Target: none found"]
    lines = [f"Target: {target['name']}" + (f", {target['task']}" if target["task"] else "")]
    if target["guessed"]:
        others = f" Or is it {' or '.join(target['others'])}?" if target["others"] else ""
        lines += _wrapped(f"Guessed, because {target['reason']}.{others}", "  ")
    if "classes" in target:
        classes = target["classes"]
        shown = ", ".join(f"{one['text'][:40]} {one['share']:.1%}" for one in classes[:CLASSES_SHOWN])
        more = f" and {len(classes) - CLASSES_SHOWN} more" if len(classes) > CLASSES_SHOWN else ""
        lines += _wrapped(f"Classes: {shown}{more}", "  ")
    elif "quantiles" in target:
        least, median, most = (target["quantiles"][at] for at in (0, 5, 10))
        lines.append(f"  From {least:,.6g} to {most:,.6g}, median {median:,.6g}")
    return lines


def _schema(columns: list[dict[str, Any]]) -> list[str]:
    lines = [f"{'Column':<{NAME_LETTERS}} {'kind':<16} {'missing':>7} {'distinct':>9}  holds"]
    for column in columns[:COLUMNS_SHOWN]:
        distinct = f"{column['distinct']:,}" + ("" if column["distinctCounted"] else "+")
        missing = f"{column['missing']:.1%}" if column["missing"] else ""
        mark = {"target": "  (the target)", "dropped": "", "feature": ""}[column["role"]]
        holds = " ".join((column["summary"] or column["example"]).split())
        lines.append(
            f"{_short(column['name']):<{NAME_LETTERS}} {column['kind']:<16} {missing:>7} {distinct:>9}  {holds}{mark}"
        )
        if column["role"] == "dropped":
            lines += _wrapped(f"Not used: {column['reason']}", "    ")
    if len(columns) > COLUMNS_SHOWN:
        rest = columns[COLUMNS_SHOWN:]
        dropped = sum(column["role"] == "dropped" for column in rest)
        lines.append(f"… and {len(rest):,} more columns, {dropped:,} of them not used")
    return lines


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= NAME_LETTERS else name[: NAME_LETTERS - 1] + "…"


def _wrapped(text: str, mark: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark)) or [mark]

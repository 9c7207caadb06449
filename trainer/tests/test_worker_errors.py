"""docs/worker-errors.md names every code that the worker can end with, under its exit code, and none besides."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from trainer import errors
from trainer.errors import ExitCode, JobError
from trainer.instance import signals
from trainer.instance.download import LinkRefusedError
from trainer.instance.signals import Halt

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "worker-errors.md"
ERRORS = {
    name: kind.exit_code
    for name, kind in {**vars(errors), "LinkRefusedError": LinkRefusedError}.items()
    if isinstance(kind, type) and issubclass(kind, JobError)
}
HALTS = [(halt.code, halt.exit_code) for halt in vars(signals).values() if isinstance(halt, Halt)]
COMPOSED = {
    "f'{what}Changed'": ["DatasetChanged", "CheckpointChanged"],
    "f'{what}Gone'": ["DatasetGone", "CheckpointGone"],
    "one": ["OneTime", "OneGroup"],
}
"""Codes that are put together where they are raised."""


def raised() -> Iterator[tuple[str, ExitCode]]:
    """Every code in the sources."""
    for path in sorted((ROOT / "trainer").rglob("*.py")):
        if "tests" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                code = node.args[0]
                exit_code = ERRORS[node.func.id]
                if isinstance(code, ast.Constant):
                    yield str(code.value), exit_code
                else:
                    yield from ((each, exit_code) for each in COMPOSED[ast.unparse(code)])
    yield from HALTS


def documented() -> Iterator[tuple[str, ExitCode]]:
    """Every code in the document; means and what to do are never empty."""
    exit_code = 0
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## .*\(exit codes? (\d+)", line):
            exit_code = int(heading[1])
        if re.match(r"\| [A-Z]", line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert all(cells), line
            yield cells[0], ExitCode(int(cells[1]) if len(cells) == 4 else exit_code)


def test_the_document_has_every_code_and_no_other() -> None:
    assert sorted(documented()) == sorted(set(raised()))


def test_the_life_of_a_job_has_every_exit_code() -> None:
    told = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "life-of-a-job.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(map(int, told)) == sorted(map(int, ExitCode))

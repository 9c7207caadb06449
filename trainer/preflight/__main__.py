"""`python -m trainer.preflight FILE [--target NAME] [--json]`: prints what a training of the file would see.

Ends with 0, or with the exit code of what is wrong with the file (trainer/errors.py).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from trainer.errors import translate
from trainer.families import AUTO
from trainer.preflight.report import preflight
from trainer.preflight.words import as_text
from trainer.table.memory import require_memory
from trainer.table.reading import read_table
from trainer.table.source import inspect
from trainer.ticket import Request


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m trainer.preflight", description="Looks at a table before training."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--target", help="the column to predict; guessed when not given")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    asked = parser.parse_args(arguments)
    if not asked.file.is_file():
        parser.error(f"there is no file {asked.file}")
    try:
        name = asked.file.name
        source = inspect(asked.file, name)
        need = require_memory(source, name, AUTO)
        request = Request(target=asked.target, model=AUTO) if asked.target else None
        report = preflight(read_table(source, name), request, need)
    except Exception as error:  # whatever it is, it is told in our words
        known = translate(error)
        sys.stderr.write(f"{known.code}: {known.message} {known.hint}\n")
        return int(known.exit_code)
    if asked.json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False, allow_nan=False, indent=1) + "\n")
    else:
        sys.stdout.write(as_text(asked.file.name, report))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Runs a bundle as its machine would: boot.sh in a clean environment, with nothing but the target's own Python.

The cloud is the tests' own, on 127.0.0.1. Whole trainings, so that every pack is fetched and whatever was left out
wrongly is missed; the times are those of this machine.
"""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

from trainer.packaging.build import Built
from trainer.tests.cloud import PREFIX, Cloud, running
from trainer.tests.shop import shop_csv
from trainer.tests.test_boot import Machine
from trainer.tests.test_worker import ticket

MODELS = ("random_forest", "logistic", "hist_gradient_boosting", "xgboost", "lightgbm", "auto")
UNPACKED, STARTED, STEPPED = "spotlearn-boot: starting the worker", "Started in", "First step done"


def check(built: Built) -> str:
    """Raises RuntimeError when a training fails; else says how long the starts took."""
    interpreter = built.target.interpreter()
    if not built.target.local or interpreter is None:
        raise RuntimeError(f"--check needs Python {built.target.python} and a {built.target.arch} processor")
    lines = ["", f"Checked with {interpreter} (seconds since the boot script began):"]
    with running() as cloud:
        for pack in built.packs.values():
            cloud.objects[f"artefacts/worker/{pack.path.name}"] = pack.path.read_bytes()
        lines += [_train(built, interpreter, cloud, model, shop_csv(240).encode()) for model in MODELS]
        lines.append(_train(built, interpreter, cloud, "ridge", _parquet()))
    return "\n".join(lines) + "\n"


def _train(built: Built, interpreter: Path, cloud: Cloud, model: str, data: bytes) -> str:
    for key in [key for key in cloud.objects if key.startswith(PREFIX)]:
        del cloud.objects[key]
    target = "price" if model == "ridge" else "bought"
    wanted = {"target": target, "model": model, "hyperparameters": {}}
    more = {"searchSeconds": 5} if model == "auto" else {}
    cloud.put_json("ticket.json", ticket(cloud, data, training={**wanted, **more}))
    with tempfile.TemporaryDirectory(prefix="spotlearn-check-") as folder:
        machine = Machine(Path(folder), cloud, built.core.path.read_bytes())
        machine.shim("python3", f'exec "{interpreter}" -S -s "$@"')
        began, seen, said = time.monotonic(), dict.fromkeys((UNPACKED, STARTED, STEPPED), 0.0), ""
        booted = machine.boot()
        assert booted.stdout
        for line in booted.stdout:
            said += line
            for mark in seen:
                if line.startswith(mark):
                    seen[mark] = time.monotonic() - began
        if booted.wait() or cloud.json("result.json")["outcome"] != "Succeeded":
            raise RuntimeError(f"The training of {model} failed:\n{said}")
    times = f"unpacked {seen[UNPACKED]:.1f}, started {seen[STARTED]:.1f}, first step {seen[STEPPED]:.1f}"
    return f"  {model}: {times}, ended {time.monotonic() - began:.1f}"


def _parquet() -> bytes:
    """The shop as Parquet, written by the pyarrow of here."""
    import pyarrow.csv
    import pyarrow.parquet

    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(io.BytesIO(shop_csv(240).encode())), out)
    return out.getvalue()

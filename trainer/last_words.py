"""`python -m trainer.last_words CODE [oom]`: the result of a worker that died without writing one.

Called by boot.sh when the worker's exit code is none of ours: killed (128 + the signal's number), or by a library.
`oom`: the kernel ended a process for want of memory meanwhile. What a worker has written is never written over, and an
instance without a ticket has nobody to tell. Exits with the code the result names. Imports no library but botocore.
"""

from __future__ import annotations

import json
import signal
import sys

from trainer.errors import BIGGER_INSTANCE, TRY_AGAIN, JobError, OutOfMemoryError, PlatformError
from trainer.instance.identity import identity, own_store
from trainer.instance.store import Store


def cause(code: int, out_of_memory: bool) -> JobError:
    """What a dead worker's exit code means."""
    if out_of_memory and code == 128 + signal.SIGKILL:
        message = "The instance ran out of memory, and the system ended the worker."
        return OutOfMemoryError("OutOfMemory", message, BIGGER_INSTANCE)
    ended = f"by the signal {_name(code - 128)}" if code > 128 else f"with code {code}"
    return PlatformError("WorkerDied", f"The worker ended {ended} without a result.", TRY_AGAIN)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def tell(store: Store, error: JobError) -> bool:
    """Whether the result had to be written."""
    if store.get("result.json") is not None or store.get("ticket.json") is None:
        return False
    result = {
        "version": 1,
        "outcome": "Failed",
        "exitCode": int(error.exit_code),
        "error": error.to_json(),
        "files": [],
        "metrics": {},
        "seconds": 0,
    }
    store.put("result.json", json.dumps(result).encode())
    return True


def main(arguments: list[str]) -> int:
    code = int(arguments[0])
    error = cause(code, "oom" in arguments[1:])
    try:
        _, instance = identity()
        told = tell(own_store(instance), error)
    except Exception as trouble:  # there is nobody left to tell it to but the console
        sys.stdout.write(f"The worker's end could not be told: {type(trouble).__name__}\n")
        return code
    if not told:
        return code
    sys.stdout.write(f"{error.code}: {error.message}\n")
    return int(error.exit_code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

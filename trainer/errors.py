"""Every way a job can end badly, in words a user can act on.

The worker maps each to an exit code the operator understands (`ExitCode`). Foreign exceptions are translated here,
once, by `translate`, so nobody else reads the texts or codes of numpy, scikit-learn, botocore or the operating system.
"""

from __future__ import annotations

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process exits with; `result.json` says the same."""

    SUCCEEDED = 0
    USER = 10
    DATA = 11
    MEMORY = 12
    PLATFORM = 20
    INTERRUPTED = 30
    STOPPED = 31


class JobError(Exception):
    """An end with a stable `code`, a message that says what is wrong and a hint that says what to do."""

    exit_code = ExitCode.PLATFORM

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.hint = hint

    def to_json(self) -> dict[str, str]:
        """The `error` of result.json."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class UserError(JobError):
    """The job asks for something that cannot be: a wrong target, model or hyperparameter."""

    exit_code = ExitCode.USER


class DataError(JobError):
    """The file cannot be learned from."""

    exit_code = ExitCode.DATA


class OutOfMemoryError(JobError):
    """The instance is too small for the data or the model."""

    exit_code = ExitCode.MEMORY


class PlatformError(JobError):
    """Nothing the user did: network, storage, or a fault of ours. Worth another attempt."""

    exit_code = ExitCode.PLATFORM


TRY_AGAIN = "This is not your fault. The job is tried again on another instance."
BIGGER_INSTANCE = "Choose an instance with more memory, fewer columns, or a smaller model (fewer or shallower trees)."


def translate(error: BaseException) -> JobError:
    """Any exception as a `JobError`; never quotes a foreign message that could hold a URL, a token or a row of data."""
    if isinstance(error, JobError):
        return error
    if isinstance(error, MemoryError) or type(error).__name__ == "_ArrayMemoryError":
        return OutOfMemoryError("OutOfMemory", "The instance ran out of memory.", BIGGER_INSTANCE)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return PlatformError("DiskFull", "The instance's disk is full.", "Choose an instance with a larger disk.")
    service = _service_code(error)
    if service:
        return PlatformError("StorageFailed", f"A cloud service refused a call ({service}).", TRY_AGAIN)
    if isinstance(error, (OSError, EOFError)):
        return PlatformError(
            "IoFailed", f"Reading or writing failed ({error.__class__.__name__}, {_errno_name(error)}).", TRY_AGAIN
        )
    return PlatformError("Internal", f"The worker met an unexpected {error.__class__.__name__}.", TRY_AGAIN)


def _service_code(error: BaseException) -> str:
    """The AWS error code of a botocore exception, its class name when no answer came, or an empty string."""
    if not type(error).__module__.startswith("botocore"):
        return ""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def _errno_name(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    return errno.errorcode.get(number, "unknown") if isinstance(number, int) else "unknown"

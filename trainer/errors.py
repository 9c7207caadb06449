"""Every way a job can end badly, in words a user can act on.

The worker maps each to an exit code the operator understands (`ExitCode`). Foreign exceptions are translated here,
once, by `translate`, so nobody else reads the texts or codes of numpy, scikit-learn, botocore or the operating system.
"""

from __future__ import annotations

import errno
import re
import zipfile
import zlib
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
OTHER_NUMBERS = (
    "Choose another model, for example hist_gradient_boosting, a smaller learning rate if it has one, "
    "or leave out columns of very large numbers."
)
BIGGER_INSTANCE = "Choose an instance with more memory, fewer columns, or a smaller model (fewer or shallower trees)."


NO_MEMORY = re.compile(r"bad[_ ]alloc|out of memory|(?:failed to|unable to|cannot) allocate", re.IGNORECASE)
"""What libraries in C++ say of memory, in exceptions of their own kind."""
NOT_FINITE = re.compile(
    r"contains (?:NaN|infinity)|non-finite|infs or NaNs|under-/overflow|must not contain", re.IGNORECASE
)
"""What scikit-learn and scipy say of numbers that have grown beyond all bounds, in a plain ValueError."""


def translate(error: BaseException) -> JobError:
    """Any exception as a `JobError`; never quotes a foreign message that could hold a URL, a token or a row of data."""
    if isinstance(error, JobError):
        return error
    if _no_memory(error):
        return OutOfMemoryError("OutOfMemory", "The instance ran out of memory.", BIGGER_INSTANCE)
    return _of_the_data(error) or _of_the_platform(error)


def _of_the_data(error: BaseException) -> JobError | None:
    """What libraries say of a file or of numbers that no check of ours has found."""
    if _libraries(error) & {"pyarrow", "openpyxl"} or isinstance(error, (zipfile.BadZipFile, zlib.error)):
        return DataError("BadFile", "The data set is damaged or cut off.", "Write and upload it again, or as CSV.")
    if _not_finite(error):
        return DataError(
            "NumbersTooLarge", "While the model was trained, its numbers grew beyond bounds.", OTHER_NUMBERS
        )
    return None


def _of_the_platform(error: BaseException) -> JobError:
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


def _libraries(error: BaseException) -> set[str]:
    """Where the exception's classes come from: these libraries are not imported to find out."""
    return {kind.__module__.partition(".")[0] for kind in type(error).__mro__}


def _no_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return bool(_libraries(error) & {"xgboost", "lightgbm", "onnxruntime"} and NO_MEMORY.search(str(error)))


def _not_finite(error: BaseException) -> bool:
    """scikit-learn's and scipy's checks of numbers, and decompositions that do not converge."""
    if isinstance(error, FloatingPointError) or type(error).__name__ == "LinAlgError":
        return True
    return isinstance(error, ValueError) and bool(NOT_FINITE.search(str(error)))


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

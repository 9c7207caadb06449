"""Every exception becomes words for the user, without quoting what could be secret."""

from __future__ import annotations

import errno

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from trainer.errors import DataError, ExitCode, translate

SECRET = "https://bucket/key?X-Amz-Signature=secret"


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (MemoryError(), "OutOfMemory", ExitCode.MEMORY),
        (OSError(errno.ENOSPC, SECRET), "DiskFull", ExitCode.PLATFORM),
        (ConnectionResetError(errno.ECONNRESET, SECRET), "IoFailed", ExitCode.PLATFORM),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": SECRET}}, "PutObject"),
            "StorageFailed",
            ExitCode.PLATFORM,
        ),
        (EndpointConnectionError(endpoint_url=SECRET), "StorageFailed", ExitCode.PLATFORM),
        (KeyError(SECRET), "Internal", ExitCode.PLATFORM),
        (DataError("Odd", "It is odd.", "Mend it."), "Odd", ExitCode.DATA),
    ],
)
def test_translation(error: BaseException, code: str, exit_code: ExitCode) -> None:
    told = translate(error)
    assert (told.code, told.exit_code) == (code, exit_code)
    assert "secret" not in str(told) + told.hint
    assert set(told.to_json()) == {"code", "message", "hint"}

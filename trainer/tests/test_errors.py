"""Every exception becomes words for the user, without quoting what could be secret."""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
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


def raised(act: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as caught:
        act()
    return caught.value


def of_scikit_learn(value: float) -> Exception:
    from sklearn.linear_model import Ridge

    return raised(lambda: Ridge().fit(np.array([[1.0], [value]]), [1, 2]))


def of_pyarrow(path: Path) -> Exception:
    from pyarrow import parquet

    path.write_bytes(b"PAR1" + SECRET.encode() + b"PAR1")
    return raised(lambda: parquet.read_table(path))


def of_openpyxl(path: Path) -> Exception:
    import openpyxl

    return raised(lambda: openpyxl.load_workbook(path.with_suffix(".secret")))


def of_scipy() -> Exception:
    from scipy.linalg import svd

    return raised(lambda: svd(np.array([[np.nan]])))


def of_lightgbm(message: str) -> Exception:
    from lightgbm.basic import LightGBMError

    return LightGBMError(message)


def of_xgboost(message: str) -> Exception:
    from xgboost.core import XGBoostError

    return XGBoostError(message)


@pytest.mark.parametrize(
    ("make", "code", "exit_code"),
    [
        (of_pyarrow, "BadFile", ExitCode.DATA),
        (of_openpyxl, "BadFile", ExitCode.DATA),
        (lambda _: zipfile.BadZipFile(SECRET), "BadFile", ExitCode.DATA),
        (lambda _: of_scikit_learn(np.nan), "NumbersTooLarge", ExitCode.DATA),
        (lambda _: of_scikit_learn(np.inf), "NumbersTooLarge", ExitCode.DATA),
        (lambda _: of_scipy(), "NumbersTooLarge", ExitCode.DATA),
        (lambda _: np.linalg.LinAlgError(SECRET), "NumbersTooLarge", ExitCode.DATA),
        (lambda _: of_xgboost(f"{SECRET}: std::bad_alloc"), "OutOfMemory", ExitCode.MEMORY),
        (lambda _: of_lightgbm("bad allocation"), "OutOfMemory", ExitCode.MEMORY),
        (lambda _: OSError(errno.ENOMEM, SECRET), "OutOfMemory", ExitCode.MEMORY),
        (lambda _: of_xgboost(SECRET), "Internal", ExitCode.PLATFORM),
        (lambda _: of_lightgbm(SECRET), "Internal", ExitCode.PLATFORM),
        (lambda _: ValueError(SECRET), "Internal", ExitCode.PLATFORM),
    ],
)
def test_the_libraries_own_exceptions(
    tmp_path: Path, make: Callable[[Path], Exception], code: str, exit_code: ExitCode
) -> None:
    told = translate(make(tmp_path / "data.parquet"))
    assert (told.code, told.exit_code) == (code, exit_code)
    assert "secret" not in str(told) + told.hint

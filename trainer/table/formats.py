"""Which format a file is, by its first bytes; and the names of those that are no table.

Next: `text.py` for text, `parquet.py`, `excel.py`.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from trainer.errors import DataError

Format = Literal["text", "parquet", "xlsx"]

HEAD_BYTES = 16
GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0"
PARQUET = b"PAR1"
ENCRYPTED_PARQUET = b"PARE"
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
"""The stream of a password-protected .xlsx, in the directory of the OLE file around it."""

FOREIGN_FORMATS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (OLE, "an old Excel or Word document"),
    (ENCRYPTED_PARQUET, "an encrypted Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89HDF", "an HDF5 file"),
)
PARTS_OF_ZIP = (
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)"),
    ("word/document.xml", "a Word document"),
    ("ppt/presentation.xml", "a PowerPoint presentation"),
    ("content.xml", "an OpenDocument file"),
)
SAVE_AS_CSV = "Save the table as CSV (UTF-8) and upload it again."


def format_of(path: Path, name: str) -> Format:
    """Raises DataError for what can be told to be no table. "text" is what nothing else is: `text.py` decides."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(PARQUET):
        return "parquet"
    if head.startswith(ZIP):
        return _zip(path, name)
    if head.startswith(OLE) and ENCRYPTED_PACKAGE in path.read_bytes():
        raise DataError(
            "PasswordProtected",
            f"{name} is an Excel workbook protected by a password.",
            "Save it without a password, or as CSV, and upload it again.",
        )
    return "text"


def refuse_foreign(head: bytes, name: str, gzipped: bool) -> None:
    """Raises DataError when a text file, or the text inside a gzip file, begins like something else."""
    if gzipped and head.startswith((PARQUET, ZIP)):
        what = "a Parquet file" if head.startswith(PARQUET) else "a ZIP archive or an Excel workbook"
        raise DataError(
            "GzippedTwice", f"{name} is {what} inside gzip.", "Upload the file inside: it is compressed already."
        )
    if gzipped and head.startswith(GZIP):
        raise DataError("GzippedTwice", f"{name} is gzip inside gzip.", "Upload the file inside.")
    for magic, what in FOREIGN_FORMATS:
        if head.startswith(magic):
            raise DataError("NotATable", f"{name} is {what}, not a table of text.", SAVE_AS_CSV)


def _zip(path: Path, name: str) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise DataError(
            "BadArchive", f"{name} is a ZIP archive or an Excel workbook, damaged or cut off.", "Upload it again."
        ) from error
    if "xl/workbook.xml" in parts:
        return "xlsx"
    what = next((what for part, what in PARTS_OF_ZIP if part in parts), "a ZIP archive")
    raise DataError("NotATable", f"{name} is {what}, not a table of text.", SAVE_AS_CSV)

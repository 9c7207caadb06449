"""What a file is before it is a table: compressed or not, which encoding, which delimiter; refuses what is no text.

Next: `reading.py` reads the records.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trainer.errors import DataError
from trainer.table.columns import strip

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_BYTES = 256 * 1024
BLOCK_BYTES = 1024 * 1024
INFLATED_MAX = 64
"""A gzip file may grow by this factor at most, past the first 100 MB: more is a mistake or an attack."""
INFLATED_FREE_BYTES = 100_000_000

FOREIGN_FORMATS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
)
SAVE_AS_CSV = "Save the table as CSV (UTF-8) and upload it again."


def _keep_undefined(error: UnicodeError) -> tuple[str, int]:
    """Windows-1252 as browsers read it: the five undefined bytes become control characters."""
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("spotlearn.keep", _keep_undefined)


@dataclass(frozen=True)
class Source:
    """A file that holds text, and how to read it."""

    path: Path
    gzipped: bool
    encoding: str
    """utf-8, utf-16 or windows-1252."""
    delimiter: str
    sha256: str
    """Of the file as it was uploaded."""
    bytes: int

    def open_text(self) -> IO[str]:
        """Text with line ends untouched (quoted ones belong to cells), without a byte order mark."""
        return _open_text(self.path, self.gzipped, self.encoding)


def inspect(path: Path, name: str) -> Source:
    """Looks at the whole file once (hash, validity of the encoding) and at its beginning (format, delimiter)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
    gzipped = head.startswith(b"\x1f\x8b")
    digest = _sha256(path)
    encoding = _encoding(path, gzipped, name)
    with _open_text(path, gzipped, encoding) as text:
        sample = text.read(SAMPLE_BYTES)
    if not strip(sample):
        raise DataError("EmptyFile", f"The file {name} is empty.", "Upload a table with a header line and rows.")
    return Source(path, gzipped, encoding, sniff_delimiter(sample), digest, size)


def sniff_delimiter(sample: str) -> str:
    """The delimiter that cuts most of the first records into as many fields as the header, and into most fields."""
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        widths = _widths(sample, delimiter)
        if not widths or widths[0] < 2:
            continue
        alike = Counter(widths)[widths[0]] / len(widths)
        score = (round(alike, 1), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _widths(sample: str, delimiter: str) -> list[int]:
    widths = []
    try:
        for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if record:
                widths.append(len(record))
            if len(widths) > 100:
                break
    except csv.Error:
        pass
    return widths[:-1] if len(widths) > 2 else widths


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _open_bytes(path: Path, gzipped: bool) -> IO[bytes]:
    return gzip.open(path, "rb") if gzipped else path.open("rb")  # type: ignore[return-value]


def _open_text(path: Path, gzipped: bool, encoding: str) -> IO[str]:
    codec, errors = {"utf-8": ("utf-8-sig", "strict"), "utf-16": ("utf-16", "strict")}.get(
        encoding, ("cp1252", "spotlearn.keep")
    )
    return io.TextIOWrapper(_open_bytes(path, gzipped), encoding=codec, errors=errors, newline="")


def _encoding(path: Path, gzipped: bool, name: str) -> str:
    """utf-16 by its byte order mark; utf-8 if the whole file is valid; else windows-1252. Refuses what is no text."""
    size = path.stat().st_size
    inflated = 0
    utf8 = codecs.getincrementaldecoder("utf-8")()
    valid = True
    try:
        with _open_bytes(path, gzipped) as file:
            first = True
            while block := file.read(BLOCK_BYTES):
                inflated += len(block)
                if gzipped and inflated > max(INFLATED_FREE_BYTES, INFLATED_MAX * size):
                    raise DataError(
                        "SuspiciousArchive",
                        f"{name} unpacks to more than {INFLATED_MAX} times its size.",
                        "Upload the table without compression.",
                    )
                if first:
                    _refuse_foreign(block, name)
                    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                        return _utf16(path, gzipped, name)
                first = False
                if b"\0" in block:
                    raise DataError(
                        "NotText",
                        f"{name} holds NUL bytes: it is not a text file, or it is UTF-16 without a mark.",
                        SAVE_AS_CSV,
                    )
                if valid:
                    valid = _decodes(utf8, block)
            return "utf-8" if valid and _decodes(utf8, b"", final=True) else "windows-1252"
    except (EOFError, gzip.BadGzipFile) as error:
        raise DataError("BadArchive", f"The gzip file {name} is damaged or cut off.", "Upload it again.") from error


def _refuse_foreign(head: bytes, name: str) -> None:
    for magic, what in FOREIGN_FORMATS:
        if head.startswith(magic):
            raise DataError("NotATable", f"{name} is {what}, not a table of text.", SAVE_AS_CSV)


def _utf16(path: Path, gzipped: bool, name: str) -> str:
    try:
        with _open_text(path, gzipped, "utf-16") as text:
            while text.read(BLOCK_BYTES):
                pass
    except UnicodeError as error:
        raise DataError("BadEncoding", f"{name} says it is UTF-16 but is damaged.", SAVE_AS_CSV) from error
    return "utf-16"


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True

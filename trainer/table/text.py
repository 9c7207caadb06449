"""How the bytes of a text file become letters: compressed or not, which encoding, which delimiter.

Before: `source.py`, which has found no other format. Next: `delimited.py` reads the records.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trainer.errors import DataError
from trainer.table.formats import SAVE_AS_CSV, refuse_foreign

DELIMITERS = (",", ";", "\t", "|")
BLOCK_BYTES = 1024 * 1024
INFLATED_MAX = 64
"""A gzip file may grow by this factor at most, past the first 100 MB: more is a mistake or an attack."""
INFLATED_FREE_BYTES = 100_000_000
LINE_MAX_BYTES = 64 * 1024 * 1024
"""A line is held in memory whole."""
NUL_SHARE = 0.4
"""UTF-16 without a mark: of the bytes at even or else at odd places at least this many are NUL, of the others few."""
CODECS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be"}


def _keep_undefined(error: UnicodeError) -> tuple[str, int]:
    """Windows-1252 as browsers read it: the five undefined bytes become control characters."""
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("spotlearn.keep", _keep_undefined)


@dataclass(frozen=True)
class Text:
    """What a look at all bytes has told."""

    encoding: str
    """utf-8, utf-16, utf-16-le, utf-16-be (both without a mark) or windows-1252."""
    bytes: int
    """Once unpacked."""


def open_text(path: Path, gzipped: bool, encoding: str) -> IO[str]:
    """Text with line ends untouched (quoted ones belong to cells), without a byte order mark."""
    codec, errors = (CODECS[encoding], "strict") if encoding in CODECS else ("cp1252", "spotlearn.keep")
    return io.TextIOWrapper(_open_bytes(path, gzipped), encoding=codec, errors=errors, newline="")


def look(path: Path, gzipped: bool, name: str) -> Text:
    """The encoding: utf-16 by its mark or its NULs; utf-8 if the whole file is valid; else windows-1252.

    Refuses what is no text, an archive that grows without end, and lines without end.
    """
    scan = _Scan(path.stat().st_size if gzipped else None, name)
    try:
        with _open_bytes(path, gzipped) as file:
            while block := file.read(BLOCK_BYTES):
                scan.look(block, gzipped)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError("BadArchive", f"The gzip file {name} is damaged or cut off.", "Upload it again.") from error
    encoding = scan.encoding()
    if encoding.startswith("utf-16"):
        _check_utf16(path, gzipped, encoding, name)
    return Text(encoding, scan.bytes)


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
    widths: list[int] = []
    try:
        for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            # What stands before the header has no text.
            if (widths and record) or any(field.strip() for field in record):
                widths.append(len(record))
            if len(widths) > 100:
                break
    except csv.Error:
        pass
    return widths[:-1] if len(widths) > 2 else widths


def _open_bytes(path: Path, gzipped: bool) -> IO[bytes]:
    return gzip.open(path, "rb") if gzipped else path.open("rb")  # type: ignore[return-value]


class _Scan:
    """One pass over all bytes, block by block."""

    def __init__(self, packed_bytes: int | None, name: str) -> None:
        self._packed_bytes = packed_bytes
        self._name = name
        self._utf16 = ""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._valid = True
        self._line = 0
        self.bytes = 0

    def look(self, block: bytes, gzipped: bool) -> None:
        if not self.bytes:
            refuse_foreign(block, self._name, gzipped)
            self._utf16 = _utf16_kind(block)
        self.bytes += len(block)
        packed = self._packed_bytes
        if packed is not None and self.bytes > max(INFLATED_FREE_BYTES, INFLATED_MAX * packed):
            raise DataError(
                "SuspiciousArchive",
                f"{self._name} unpacks to more than {INFLATED_MAX} times its size.",
                "Upload the table without compression.",
            )
        self._measure_line(block)
        if self._utf16:
            return
        if b"\0" in block:
            raise DataError("NotText", f"{self._name} holds NUL bytes: it is not a text file.", SAVE_AS_CSV)
        if self._valid:
            self._valid = _decodes(self._utf8, block)

    def encoding(self) -> str:
        if self._utf16:
            return self._utf16
        return "utf-8" if self._valid and _decodes(self._utf8, b"", final=True) else "windows-1252"

    def _measure_line(self, block: bytes) -> None:
        end = max(block.rfind(b"\n"), block.rfind(b"\r"))
        self._line = self._line + len(block) if end < 0 else len(block) - end - 1
        if self._line > LINE_MAX_BYTES:
            raise DataError(
                "LineTooLong",
                f"{self._name} has a line of more than {LINE_MAX_BYTES // 1024**2} MiB.",
                "Upload a table with one line for each row.",
            )


def _utf16_kind(head: bytes) -> str:
    """The kind of UTF-16 that a file with this beginning is; empty: none."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if 4 * even < odd and odd >= NUL_SHARE * len(head) / 2 > 0:
        return "utf-16-le"
    if 4 * odd < even and even >= NUL_SHARE * len(head) / 2 > 0:
        return "utf-16-be"
    return ""


def _check_utf16(path: Path, gzipped: bool, encoding: str, name: str) -> None:
    try:
        with open_text(path, gzipped, encoding) as text:
            while block := text.read(BLOCK_BYTES):
                if "\0" in block:
                    raise DataError("NotText", f"{name} holds NUL characters: it is not a text file.", SAVE_AS_CSV)
    except UnicodeError as error:
        raise DataError("BadEncoding", f"{name} looks like UTF-16 but is damaged.", SAVE_AS_CSV) from error


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True

"""What a file is before it is a table: its format, and for text the compression, encoding and delimiter.

Next: `memory.py` asks whether it fits, `reading.py` reads it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trainer.errors import DataError
from trainer.table.cells import strip
from trainer.table.formats import GZIP, Format, format_of
from trainer.table.text import BLOCK_BYTES, look, open_text, sniff_delimiter

SAMPLE_LETTERS = 256 * 1024


@dataclass(frozen=True)
class Source:
    """A file that holds a table, and how to read it."""

    path: Path
    gzipped: bool
    encoding: str
    """utf-8, utf-16, utf-16-le, utf-16-be or windows-1252; parquet or xlsx where the format says it."""
    delimiter: str
    """Of cells; empty where the format needs none."""
    sha256: str
    """Of the file as it was uploaded."""
    bytes: int
    text_bytes: int = 0
    """Of text, once unpacked."""

    @property
    def format(self) -> Format:
        return self.encoding if self.encoding in ("parquet", "xlsx") else "text"  # type: ignore[return-value]  # narrowed

    def open_text(self) -> IO[str]:
        """Text with line ends untouched (quoted ones belong to cells), without a byte order mark."""
        return open_text(self.path, self.gzipped, self.encoding)


def inspect(path: Path, name: str) -> Source:
    """Looks at the whole file once (hash, validity of the encoding) and at its beginning (format, delimiter)."""
    size = path.stat().st_size
    if size == 0:
        raise _empty(name)
    kind = format_of(path, name)
    if kind != "text":
        return Source(path, False, kind, "", _sha256(path), size)
    with path.open("rb") as file:
        gzipped = file.read(2) == GZIP
    text = look(path, gzipped, name)
    with open_text(path, gzipped, text.encoding) as opened:
        sample = opened.read(SAMPLE_LETTERS)
    if not strip(sample):
        raise _empty(name)
    return Source(path, gzipped, text.encoding, sniff_delimiter(sample), _sha256(path), size, text.bytes)


def _empty(name: str) -> DataError:
    return DataError("EmptyFile", f"The file {name} is empty.", "Upload a table with a header line and rows.")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()

"""Libraries that read formats other than text: they come apart from the worker and may be missing on an instance."""

from __future__ import annotations

import importlib
from typing import Any

from trainer.errors import PlatformError


def library(module: str, format_name: str) -> Any:
    """The module, imported now. Raises PlatformError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PlatformError(
            "LibraryMissing",
            f"This worker came without the library that reads {format_name} ({module.partition('.')[0]}).",
            "Upload the table as CSV, or deploy the worker with all its packs.",
        ) from error

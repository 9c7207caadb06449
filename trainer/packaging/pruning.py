"""What of the wheels no training needs: tests, headers, stubs, data for examples, other services and other formats.

Licences stay. Each rule is a pattern of paths below site-packages; `check.py` runs what is left.
"""

from __future__ import annotations

import re
from pathlib import Path

PATTERNS = (
    # Everywhere: what compilers, type checkers and test runners read.
    r"(.*/)?(tests?|__pycache__)/.*",
    r".*\.(pyi|pyx|pxd|pxi|h|hpp|c|cc|cpp|f|f90|tp|a|cmake|build|md|rst|ipynb)",
    r"[^/]+\.data/.*",
    r"[^/]+\.dist-info/(RECORD|WHEEL|INSTALLER|top_level\.txt|entry_points\.txt)",
    r"(.*/)?conftest\.py",
    # botocore describes 400 services; the worker calls three.
    r"botocore/data/(?!(s3|logs|sts)/)[^/]+/.*",
    r"botocore/data/[^/]+/.*/(paginators|waiters|examples)-.*",
    r"sklearn/datasets/(data|descr|images)/.*",
    r"numpy/(f2py/src|_pyinstaller)/.*",  # f2py itself is imported by `from numpy import *`
    r"onnx/(backend|reference|bin)/.*",
    r"onnx/.*\.(proto|proto3|in)",
    # Tools for other models than ours, and a C library that Python's extension does not load.
    r"onnxruntime/(quantization|tools|transformers|datasets)/.*",
    r"onnxruntime/capi/libonnxruntime\.so.*",
    # PNG by Agg is all that is drawn; most of fontTools serves PDF and PostScript.
    r"matplotlib/mpl-data/(sample_data|images)/.*",
    r"matplotlib/mpl-data/fonts/(afm|pdfcorefonts)/.*",
    r"matplotlib/backends/(web_backend|qt_editor)/.*",
    r"PIL/_(avif|webp|imagingft|imagingcms)\..*\.so",
    r"pillow\.libs/lib(avif|webp|webpmux|webpdemux|sharpyuv|freetype|harfbuzz|lcms2|brotli\w*|png16)-.*",
    r"fontTools/(?!misc/|__init__\.py$|agl\.py$).*",
    # Of Arrow, reading Parquet: no cloud file systems, no RPC, no other formats.
    r"pyarrow/libarrow_(flight|s3|cuda|python_flight)\..*",
    r"pyarrow/_(flight|s3fs|gcsfs|azurefs|hdfs|orc|dataset_orc|cuda|substrait)\..*",
    r"pyarrow/(include|src)/.*",
    r"pyarrow/lib\w+\.so(\.\d+\.\d+\.\d+)?",  # the same as .so.<major>, which is what is loaded
)  # fmt: skip
UNWANTED = re.compile("|".join(f"(?:{pattern})" for pattern in PATTERNS))


def prune(site_packages: Path) -> None:
    """Deletes what is not needed, and the folders that are empty then."""
    for path in sorted(site_packages.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif UNWANTED.fullmatch(path.relative_to(site_packages).as_posix()):
            path.unlink()

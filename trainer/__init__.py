"""Spotlearn's worker: one job ticket in, one trained model out. See `worker.py` for the life of a job."""

import os

__version__ = "0.1.0"

# From 1.29 on, ONNX Runtime's Linux wheels report sessions and models to Microsoft unless told not to before their
# import (github.com/microsoft/onnxruntime/pull/27379). Users' models are nobody else's business.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Sums of matrices must not depend on how many cores an instance has, or a training that another one goes on with ends
# in another model. It is quicker too: on tables of some thousand rows threads that wait cost ten times the work.
for _name in ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

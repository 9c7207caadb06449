"""Spotlearn's worker: one job ticket in, one trained model out. See `worker.py` for the life of a job."""

__version__ = "0.1.0"

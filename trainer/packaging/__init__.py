"""Packs the worker for machines without our libraries: wheels by hash, pruned, compiled, in reproducible archives."""

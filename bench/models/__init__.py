"""Benchmarks of the worker, run by `npm run bench -- models`."""

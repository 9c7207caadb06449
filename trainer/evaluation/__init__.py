"""How far a finished training can be trusted: intervals, baseline, importance, curves. Next: `export/report.py`."""

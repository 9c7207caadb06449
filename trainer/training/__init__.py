"""Split, fit in steps, choose, measure."""

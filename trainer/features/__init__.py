"""From columns of text to the numbers a model sees: what a column is, and how it is encoded."""

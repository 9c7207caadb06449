"""A look at a data set before money is spent: what a training would see, and what an analyst would ask first."""

"""Golden vectors: what a handler elsewhere is held to."""

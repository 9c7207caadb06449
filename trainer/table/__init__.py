"""From the bytes of a user's file to columns of text."""

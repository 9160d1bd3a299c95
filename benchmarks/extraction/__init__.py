"""How right the values are that are extracted from documents with known values, and how right their places."""

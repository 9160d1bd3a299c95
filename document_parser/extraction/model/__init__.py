"""Values that a model names: asked page by page, checked against the schema, and found on the page or flagged."""

"""Words become lines of text: rows, spaces and hyphens, reading direction, emphasis, rotated writing and units."""

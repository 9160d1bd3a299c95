"""Formulas of a text layer: their two-dimensional parts, their place in a line, and their LaTeX."""

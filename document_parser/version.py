"""The version of the package. Imports nothing, so that everything may import it."""

__version__ = "0.9.0"

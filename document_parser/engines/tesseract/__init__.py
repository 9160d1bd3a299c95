"""Tesseract: the installed program as an engine, and the choice of its language packs."""

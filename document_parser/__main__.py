"""Run ``python -m document_parser``, which is the same as ``docparse``."""

from document_parser.cli import main

main()

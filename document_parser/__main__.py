"""``python -m document_parser``: the same as ``docparse``."""

from document_parser.cli import main

main()

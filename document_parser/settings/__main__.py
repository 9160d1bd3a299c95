"""Write ``.env.example`` to standard output: ``python -m document_parser.settings > .env.example``."""

import sys

from document_parser.settings.example import example_environment

sys.stdout.write(example_environment())

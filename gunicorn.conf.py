"""Read by ``gunicorn document_parser.api:app`` when started here; the command line overrides it."""

from document_parser.api.serving import options
from document_parser.startup import settings_or_exit

globals().update(options(settings_or_exit()))

"""Read by ``gunicorn document_parser.api:app`` when started here; the command line overrides it."""

from document_parser.api.serving import options
from document_parser.settings import load_settings

globals().update(options(load_settings()))

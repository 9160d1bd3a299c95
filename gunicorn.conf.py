"""Read by ``gunicorn document_parser.api:app`` when started here; the command line overrides it."""

import sys

from document_parser.api.server.asgi import refuse_asgi_worker
from document_parser.api.server.options import gunicorn_options
from document_parser.settings.startup import settings_or_exit

refuse_asgi_worker(sys.argv[1:])
globals().update(gunicorn_options(settings_or_exit()))

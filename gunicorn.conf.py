"""Read by ``gunicorn document_parser.api:app`` when started here; the command line overrides it."""

import sys

from document_parser.api.asgi import refuse_asgi_worker
from document_parser.api.serving import options
from document_parser.startup import settings_or_exit

refuse_asgi_worker(sys.argv[1:])
globals().update(options(settings_or_exit()))

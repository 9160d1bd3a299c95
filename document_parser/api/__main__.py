"""Run gunicorn with the settings of this product, from any folder: ``python -m document_parser.api``."""

from __future__ import annotations

import argparse
import sys

from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import settings_or_exit


def main(arguments: list[str] | None = None) -> None:
    """Serve the API until a signal stops it. Exits with status 2 if arguments or settings are invalid."""
    parser = argparse.ArgumentParser(prog="docparse serve", description="Serve the API, with workers beside it.")
    parse_arguments(parser, arguments)
    from gunicorn.app.wsgiapp import WSGIApplication

    from document_parser.api.server import options

    settings = settings_or_exit()

    class Server(WSGIApplication):  # type: ignore[misc]  # gunicorn has no types
        """Configure gunicorn from the settings and not from a file or the command line."""

        def load_config(self) -> None:
            self.app_uri = "document_parser.api:app"
            for name, value in options.gunicorn_options(settings).items():
                self.cfg.set(name, value)

    sys.argv = sys.argv[:1]
    Server().run()


if __name__ == "__main__":
    main()

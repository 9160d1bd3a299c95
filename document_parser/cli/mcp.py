"""Run ``docparse mcp``: let an assistant read, search and cite documents, by the Model Context Protocol."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from document_parser.errors import ServerUnreachable
from document_parser.settings import Settings
from document_parser.settings.arguments import parse_arguments, whole_number
from document_parser.settings.startup import settings_or_exit

NOT_INSTALLED = "docparse mcp needs the extra 'mcp': pip install 'document-parser[mcp]'"
"""What is said if the protocol's package is missing."""
DEFAULT_PORT = 8765


def main(arguments: list[str] | None = None) -> int:
    """Serve the tools of the Model Context Protocol until the assistant ends, or a signal stops it."""
    parser = _parser()
    given = parse_arguments(parser, arguments)
    try:
        import_module("mcp.server.mcpserver")
    except ImportError:
        print(NOT_INSTALLED, file=sys.stderr)
        return 1
    missing = [folder for folder in given.folder if not folder.is_dir()]
    if missing:
        parser.error(f"{str(missing[0])!r} is no folder.")
    settings = settings_or_exit()
    try:
        return _serve(given, settings, [folder.absolute() for folder in given.folder])
    except KeyboardInterrupt:
        return 0
    except ValueError as error:
        parser.error(str(error))


def _serve(given: argparse.Namespace, settings: Settings, folders: Sequence[Path]) -> int:
    """Serve until the end. Return the exit status. Raises ValueError if the server's address is invalid."""
    import anyio

    from document_parser.client import Client
    from document_parser.mcp.library import Library
    from document_parser.mcp.local_service import LocalService
    from document_parser.mcp.server import make_server

    if given.server:
        Client(given.server).close()  # the address is checked before anything is served
    # Callers by HTTP send keys of their own; they are not lent that of this program.
    key = "" if given.http else given.token or settings.client.key
    library = Library(given.server, key, None if given.server else LocalService(settings))
    server = make_server(library, folders)
    try:
        if not given.http:
            anyio.run(server.run_stdio_async)
            return 0
        from document_parser.mcp.http import Exposed, check_open_listening, serve_http

        try:
            needs_key = check_open_listening(settings, given.host, given.server)
        except (Exposed, ServerUnreachable) as refusal:
            print(refusal, file=sys.stderr)
            return 2
        anyio.run(lambda: serve_http(server, given.host, given.port, given.origin, needs_key=needs_key))
        return 0
    finally:
        library.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docparse mcp", description=main.__doc__, allow_abbrev=False)
    parser.add_argument(
        "--server", default="", metavar="URL", help="address of a running service; without it one of its own is started"
    )
    parser.add_argument("--token", default="", help="an API key of the service; default DOCPARSE_API_KEY of the environment")
    parser.add_argument(
        "--folder",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="a folder whose files may be read, with those below it; may be given several times",
    )
    http = parser.add_argument_group("HTTP")
    http.add_argument("--http", action="store_true", help="serve by HTTP at /mcp, not by standard input and output")
    http.add_argument("--host", default="127.0.0.1", help="address to listen on; default 127.0.0.1")
    http.add_argument("--port", type=whole_number(1), default=DEFAULT_PORT, metavar="N", help=f"default {DEFAULT_PORT}")
    http.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a web page's origin that may call the server, such as https://app.example.org; may be given several times",
    )
    return parser

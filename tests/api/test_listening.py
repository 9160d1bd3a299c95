"""What the server knows of the sockets on which it listens."""

from __future__ import annotations

import socket
from pathlib import Path

from document_parser.api.server.options import listening_hosts


def open_descriptors():
    return sorted(int(path.name) for path in Path("/proc/self/fd").iterdir())


def test_addresses_are_those_of_listening_sockets_and_nothing_stays_open():
    with socket.create_server(("127.0.0.7", 0)) as listener, Path(__file__).open(), socket.socket() as idle:
        idle.bind(("127.0.0.8", 0))
        before = open_descriptors()
        hosts = listening_hosts()
        assert "127.0.0.7" in hosts
        assert "127.0.0.8" not in hosts
        assert open_descriptors() == before
        assert listener.getsockname()[0] == "127.0.0.7"  # the socket itself is still open

"""Hosts on one machine: each with a network and folders of its own, and gates to what hosts may share.

Linux' namespaces; they need root and iproute2. A host sees its own loopback and a bridge, behind which nothing answers but the
gates, and empty folders where other hosts keep their files.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import socketserver
import string
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread

HIDE = 'for folder in $1; do mount -t tmpfs none "$folder"; done; shift; exec "$@"'


def missing() -> str:
    """Why there can be no such hosts here; empty where there can."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
        return "hosts with networks of their own need root and iproute2"
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "ip", "link", "add", "type", "veth"], capture_output=True, check=False
    )
    return "" if tried.returncode == 0 else "this machine lets nobody make networks"


class Network:
    """A bridge with hosts on it. ``address`` is where the gates are."""

    _numbers = itertools.count()

    def __init__(self) -> None:
        # Each has a name of its own: the kernel takes the cables of deleted hosts away some time later.
        self.name = f"dp{os.getpid()}{string.ascii_lowercase[next(self._numbers) % 26]}"
        self._prefix = f"10.231.{os.getpid() % 256}"
        self.address = f"{self._prefix}.1"
        self._hosts = 0

    def __enter__(self) -> Network:
        _ip("link", "add", self.name, "type", "bridge")
        _ip("address", "add", f"{self.address}/24", "dev", self.name)
        _ip("link", "set", self.name, "up")
        return self

    def __exit__(self, *error: object) -> None:
        for number in range(1, self._hosts + 1):
            _ip("netns", "delete", f"{self.name}-{number}")
        _ip("link", "delete", self.name)

    def host(self, command: Sequence[str], hidden: Sequence[Path]) -> list[str]:
        """The command, as one that runs on a new host, to which these folders are empty."""
        self._hosts += 1
        name, outside, inside = f"{self.name}-{self._hosts}", f"{self.name}o{self._hosts}", f"{self.name}i{self._hosts}"
        for folder in hidden:
            folder.mkdir(parents=True, exist_ok=True)
        _ip("netns", "add", name)
        _ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        _ip("link", "set", outside, "master", self.name, "up")
        _ip("-n", name, "address", "add", f"{self._prefix}.{self._hosts + 1}/24", "dev", inside)
        _ip("-n", name, "link", "set", inside, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        folders = " ".join(map(str, hidden))
        return ["ip", "netns", "exec", name, "unshare", "--mount", "sh", "-c", HIDE, "host", folders, *command]

    def plug(self, number: int, *, into_network: bool) -> None:
        """Connect the host that was made as this one, from 1 on, or take its cable out: what it sends gets no answer."""
        _ip("link", "set", f"{self.name}o{number}", "up" if into_network else "down")


def network_of(pid: int) -> str:
    """A name of the network in which a process is."""
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def gate(address: str, port: int) -> Iterator[None]:
    """What is sent to this port of the address goes to the same port of the loopback, and back."""

    class Visitor(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as beyond:
                beyond.settimeout(None)
                there = Thread(target=_pour, args=(self.request, beyond), daemon=True)
                there.start()
                _pour(beyond, self.request)
                there.join()

    class Gate(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        block_on_close = False

    with Gate((address, port), Visitor) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield
        server.shutdown()


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for end, how in ((source, socket.SHUT_RD), (target, socket.SHUT_WR)):
        with contextlib.suppress(OSError):
            end.shutdown(how)

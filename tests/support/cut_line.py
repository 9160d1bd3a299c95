"""A bad line: connections through it end in the middle, as they do when a phone leaves its network."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Self

PIECE_BYTES = 1 << 16


class CutLine:
    """Forwards connections to a port, and resets the one at which so many bytes of clients have passed, once for each number.

    ``before_cut`` is called before, in a thread: it need not have ended when a client goes on through another connection. The
    end of the block waits for it, and raises what it raised. With ``stays_cut`` all connections end at a cut, and no other gets
    through until ``mend``: a browser itself sends a request again that was cut, without a word to the page.
    """

    def __init__(
        self, port: int, cut_after: list[int], before_cut: Callable[[], object] = lambda: None, *, stays_cut: bool = False
    ) -> None:
        self.target = port
        self.cuts = list(cut_after)
        self._stays_cut = stays_cut
        self._is_down = False
        self._open: set[socket.socket] = set()
        self.passed = 0
        """Bytes from clients so far."""
        self._before_cut = before_cut
        self._cutting: list[threading.Thread] = []
        self._failures: list[Exception] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for thread in self._cutting:
            thread.join()
        for failure in self._failures:
            raise failure

    def mend(self) -> None:
        """Let connections through again."""
        self._is_down = False

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, server}
        threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
        try:
            self._pass_on(client, server)
        finally:  # also if what comes before a cut fails: the client would wait for ever
            with self._lock:
                self._open -= {client, server}
            for end in (client, server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not self._is_down and (piece := client.recv(PIECE_BYTES)):
                server.sendall(piece)
                if self._is_cut(len(piece)):
                    self._prepare_cut()
                    self._cut(client, server)
                    return

    def _cut(self, *ends: socket.socket) -> None:
        with self._lock:
            self._is_down = self._stays_cut
            for end in self._open if self._stays_cut else ends:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _prepare_cut(self) -> None:
        self._cutting.append(threading.current_thread())
        try:
            self._before_cut()
        except Exception as error:  # noqa: BLE001 - the test's own thread raises it
            self._failures.append(error)

    def _is_cut(self, size: int) -> bool:
        with self._lock:
            self.passed += size
            if self.cuts and self.passed >= self.cuts[0]:
                self.cuts.pop(0)
                return True
        return False

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := server.recv(PIECE_BYTES):
                client.sendall(piece)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)

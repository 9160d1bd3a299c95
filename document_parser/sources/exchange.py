"""The side of the protocol that asks opener children, without blocking the event loop. The children do not load this."""

from __future__ import annotations

import asyncio
import socket

from document_parser.sources.protocol import (
    LENGTHS,
    MAX_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    PID,
    Reply,
    Request,
    encode_head,
)

_RECEIVED_BYTES = 1 << 16
"""Bytes that are received at once, which is all of most replies."""


async def exchange(sock: socket.socket, request: Request) -> tuple[Reply, bytes]:
    """Send a request to a child and return its reply and payload.

    Raises OSError or EOFError if the child is gone, ValueError for an invalid reply.
    """
    await asyncio.get_running_loop().sock_sendall(sock, encode_head(request, 0))
    return await receive_reply(sock)


async def receive_reply(sock: socket.socket) -> tuple[Reply, bytes]:
    """Return the next reply of a child and its payload. Raises OSError, EOFError and ValueError as ``exchange`` does."""
    received = await _receive_some(sock)
    while len(received) < LENGTHS.size:
        received += await _receive_some(sock)
    header_length, payload_length = LENGTHS.unpack_from(received)
    if header_length > MAX_HEADER_BYTES or payload_length > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a frame of {header_length} and {payload_length} bytes")
    payload_start = LENGTHS.size + header_length
    missing = payload_start + payload_length - len(received)
    if missing < 0:
        raise ValueError("more than one frame for a request")
    received += await _read(sock, missing)
    return Reply.model_validate_json(received[LENGTHS.size : payload_start]), received[payload_start:]


async def receive_pid(sock: socket.socket) -> int:
    """Return the pid that a child sends first. Raises OSError or EOFError if there is none."""
    return int(PID.unpack(await _read(sock, PID.size))[0])


async def _receive_some(sock: socket.socket) -> bytes:
    """Return what has arrived, at least a byte. Raises EOFError if the child is gone."""
    received = await asyncio.get_running_loop().sock_recv(sock, _RECEIVED_BYTES)
    if not received:
        raise EOFError("the opener child has ended")
    return received


async def _read(sock: socket.socket, length: int) -> bytes:
    """Read ``length`` bytes. Raises EOFError if the child is gone."""
    loop, buffer = asyncio.get_running_loop(), bytearray(length)
    view, done = memoryview(buffer), 0
    while done < length:
        got = await loop.sock_recv_into(sock, view[done:])
        if not got:
            raise EOFError("the opener child has ended")
        done += got
    return bytes(buffer)

#!/usr/bin/env bash
# Chromium sends a POST (or PATCH) a second time by itself if its connection breaks, and the page never hears of it.
#
# Versions: Chromium 150.0.7871.100, driven by playwright 1.65.2. CHROMIUM names another browser.
# Behaviour: if a request goes over a connection that was used before, and the connection is reset after the server has read the
# whole request and before it has answered a byte, the browser opens another connection and sends the request again, whatever its
# method. fetch() resolves with the second answer; no event, no error and no entry on the console says that there were two.
# RFC 9110, 9.2.2, forbids it for methods that are not idempotent unless the client knows that the first try was never applied.
# What follows: what a page sends must have a key by which the server knows it again (here: Idempotency-Key), also where the
# page's own code never repeats a request; and a test that cuts a line once does not show what a page does after a lost connection.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check playwright==1.65.2
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v google-chrome)}
export CHROMIUM

cat >"$folder/try.py" <<'PY'
import os
import socket
import struct
import sys
import threading

from playwright.sync_api import sync_playwright

arrived = []  # (method, whether it was answered) of each request that came as a whole


def request_of(connection):
    """A whole request: its method and its path. None at the end of the connection."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            return None
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < sum(lengths):
        body += connection.recv(65536)
    method, path, _ = head.decode().split(" ", 2)
    return method, path


def serve(connection):
    while found := request_of(connection):
        method, path = found
        if path.startswith("/order"):
            first = not any(other == method for other, _ in arrived)
            arrived.append((method, not first))
            if first:  # the order is taken, and the answer is lost
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                break
        answer = b"<!doctype html><link rel=icon href=data:,>"
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
    connection.close()


def accept(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=accept, args=(listener,), daemon=True).start()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"])
    print("Chromium", browser.version)
    page = browser.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: "/order" in request.url and asked.append(request.method))
    page.on("requestfailed", lambda request: said.append(request.failure))
    page.goto(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    outcomes = []
    for method in ("POST", "PATCH"):
        page.evaluate("() => fetch('/').then((answer) => answer.text())")  # a connection that was used before
        outcomes.append(page.evaluate("(method) => fetch('/order', { method, body: 'one piece' }).then(({ status }) => status, String)", method))
    browser.close()
for method, outcome in zip(("POST", "PATCH"), outcomes, strict=True):
    print(f"  {method}: the page asked {asked.count(method)} time, {sum(other == method for other, _ in arrived)} orders came, fetch says {outcome}")
print("  the console says", said or "nothing")
sys.exit(not (outcomes == [200, 200] and len(arrived) == 4 and asked == ["POST", "PATCH"] and said == []))
PY
"$folder/venv/bin/python" "$folder/try.py"

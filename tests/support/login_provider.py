"""Login providers for tests: one whose tokens a test makes itself, and one with a login page."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

from tests.support.service import free_port, wait_until

AUDIENCE = "documents"


@dataclass
class Issuer:
    """Serves metadata and keys over HTTP, and signs tokens with any head and claims."""

    address: str = ""
    keys: dict[str, RSAKey] = field(default_factory=dict)
    asked: int = 0
    """How often the keys were asked for."""
    is_away: bool = False
    stated_issuer: str | None = None

    def add_key(self, name: str) -> None:
        self.keys[name] = RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.address, "aud": AUDIENCE, "sub": "4711", "iat": now, "exp": now + 300}
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def token(self, name: str = "first", **changes: Any) -> str:
        return jwt.encode({"alg": "RS256", "kid": name}, self.claims(**changes), self.keys[name])

    def token_by_shared_secret(self) -> str:
        """A token signed by HS256 with the public key as the secret, as if that were one. joserfc itself makes none."""
        head = {"alg": "HS256", "kid": "first"}
        signed = ".".join(_encode(json.dumps(part).encode()) for part in (head, self.claims()))
        secret = self.keys["first"].as_pem(private=False)
        return f"{signed}.{_encode(hmac.digest(secret, signed.encode(), 'sha256'))}"

    def unsigned_token(self) -> str:
        head = {"alg": "none", "kid": "first"}
        return ".".join(_encode(json.dumps(part).encode()) for part in (head, self.claims())) + "."

    def app(self) -> Flask:
        app = Flask("issuer")

        @app.get("/.well-known/openid-configuration")
        def metadata() -> Any:
            if self.is_away:
                return "away", 503
            return {"issuer": self.stated_issuer or self.address, "jwks_uri": f"{self.address}/keys"}

        @app.get("/keys")
        def keys() -> Any:
            self.asked += 1
            if self.is_away:
                return "away", 503
            public = KeySet(list(self.keys.values())).as_dict(private=False)
            return {"keys": [{"kty": "of the future", "kid": "x"}, *public["keys"]]}

        return app


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextlib.contextmanager
def running_issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    issuer.add_key("first")
    server = make_server("127.0.0.1", 0, issuer.app())
    issuer.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def running_login_page() -> Iterator[str]:
    """A provider at which anybody may log in under any name; gives its address, which is its issuer too."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(f"http://localhost:{port}/jwks"), 30, "the login provider answers")
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _answers(address: str) -> bool:
    try:
        return httpx2.get(address).status_code == 200
    except httpx2.TransportError:
        return False


def log_in_at(address: str, subject: str, *, allow: bool = True) -> str:
    """Log in at the provider, as a browser that a service has sent there. Return the address that it is sent back to."""
    form = {"sub": subject} if allow else {"action": "deny"}
    answer = httpx2.post(address, data=form, follow_redirects=False)
    return answer.headers["Location"]

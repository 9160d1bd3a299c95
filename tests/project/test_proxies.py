"""The examples for nginx, Caddy and logrotate: TLS, an upload, a resumable one and events through a real proxy."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
import pytest

from tests.support.deploy_tools import PATH, checked, tool
from tests.support.service import ROOT, Service, free_port, listens, wait_until
from tests.support.tls import certificate

NAME = "documents.example.org"
TUS = {"Tus-Resumable": "1.0.0"}
TOO_LARGE = 201 * 1024 * 1024


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service"), NUM_WORKERS=1, TRUSTED_PROXIES=1) as service:
        yield service


@contextlib.contextmanager
def nginx(folder, upstream):
    """nginx with the example's configuration; only addresses and files are of the test."""
    program, port = tool("nginx"), free_port()
    pem = certificate(folder, NAME)
    site = (ROOT / "deploy" / "nginx" / "docparse.conf").read_text()
    changes = {
        "127.0.0.1:1233": f"127.0.0.1:{upstream}",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
        "/etc/ssl/documents.pem": str(pem),
        "/etc/ssl/documents.key": str(pem),
    }
    for before, after in changes.items():
        assert before in site
        site = site.replace(before, after)
    temporary = "\n".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{site} }}"
    )
    command = [program, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    with running(command, port):
        yield pem, port


@contextlib.contextmanager
def caddy(folder, upstream):
    """Caddy with the example's configuration; only addresses and files are of the test."""
    program, port = tool("caddy"), free_port()
    pem = certificate(folder, NAME)
    site = (ROOT / "deploy" / "caddy" / "Caddyfile").read_text()
    assert site.count(f"{NAME} {{") == 1
    assert "127.0.0.1:1233" in site
    site = site.replace("127.0.0.1:1233", f"127.0.0.1:{upstream}")
    site = site.replace(f"{NAME} {{", f"https://{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {pem} {pem}")
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    (folder / "Caddyfile").write_text(options + site)
    environment = {"HOME": str(folder), "PATH": PATH}
    with running([program, "run", "--config", folder / "Caddyfile"], port, environment):
        yield pem, port


@contextlib.contextmanager
def running(command, port, environment=None):
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: listens(port), 20, "the proxy listens")
            yield
        finally:
            process.terminate()


@contextlib.contextmanager
def responder(status):
    """The port of a server that answers every request with this status, before its body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def client(request, service, tmp_path_factory):
    """A client of the proxy, which believes in its certificate and in its name."""
    with request.param(tmp_path_factory.mktemp("proxy"), service.port) as (pem, port):
        transport = httpx2.HTTPTransport(verify=ssl.create_default_context(cafile=str(pem)))
        extensions = {"sni_hostname": NAME}
        with httpx2.Client(base_url=f"https://127.0.0.1:{port}", transport=transport, timeout=60) as client:
            client.headers["Host"] = f"{NAME}:{port}"
            client.event_hooks["request"].append(lambda sent: sent.extensions.update(extensions))
            yield client


def test_a_page_of_the_proxy_uploads_and_events_arrive_before_the_stream_ends(client):
    origin = {"Origin": f"https://{client.headers['Host']}"}
    with (ROOT / "samples" / "scan.pdf").open("rb") as scan:
        sent = client.post("/v1/process/async", files={"file": ("scan.pdf", scan)}, data={"page_range": "2"}, headers=origin)
    assert sent.status_code == 202, sent.text
    assert "Strict-Transport-Security" in sent.headers, "the service knows that the client came by TLS"
    kinds = []
    with client.stream("GET", f"/v1/jobs/{sent.json()['job_id']}/events") as events:
        assert events.headers["Content-Type"].startswith("text/event-stream")
        for line in events.iter_lines():
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
            if kinds[-1:] == ["job.completed"]:
                break
    assert "page.completed" in kinds


def test_a_resumable_upload_goes_on_where_it_stopped(client):
    data = (ROOT / "samples" / "scan.pdf").read_bytes()
    began = client.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(data))})
    assert began.status_code == 201, began.text
    place = httpx2.URL(began.headers["Location"]).path
    half = len(data) // 2
    for offset, piece in ((0, data[:half]), (half, data[half:])):
        assert client.head(place, headers=TUS).headers["Upload-Offset"] == str(offset)
        told = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        assert client.patch(place, content=piece, headers=told).status_code == 204


def test_metrics_are_not_for_callers(client):
    assert client.get("/v1/metrics").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/process/async", 413), ("/v1/process/batch", 401), ("/v1/uploads", 401)],
    ids=lambda value: str(value),
)
def test_nginx_refuses_a_body_by_its_length_where_the_service_would(tmp_path, path, status):
    """What it lets through is answered by a service that stands in here."""
    with responder(401) as upstream, nginx(tmp_path, upstream) as (pem, port):
        context = ssl.create_default_context(cafile=str(pem))
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest("POST", path)
            connection.putheader("Content-Length", str(TOO_LARGE))
            connection.endheaders()
            with contextlib.closing(connection.getresponse()) as answer:
                assert answer.status == status


def test_caddy_takes_the_example_as_it_is(tmp_path):
    site = ROOT / "deploy" / "caddy" / "Caddyfile"
    environment = {"HOME": str(tmp_path)}
    checked(tool("caddy"), "validate", "--adapter", "caddyfile", "--config", site, **environment)
    assert subprocess.run([tool("caddy"), "fmt", "--diff", site], capture_output=True, check=False).returncode == 0


def test_logrotate_takes_the_example_as_it_is(tmp_path):
    program = shutil.which("logrotate", path=PATH)
    if program is None:
        pytest.skip("no logrotate here")
    rules = (ROOT / "deploy" / "logrotate" / "docparse").read_text()
    assert "    su docparse docparse\n" in rules
    log = tmp_path / "valkey.log"
    log.write_text("a line\n")
    rules = rules.replace("    su docparse docparse\n", "").replace("/var/lib/docparse/data/valkey/valkey.log", str(log))
    (tmp_path / "rules").write_text(rules)
    (tmp_path / "rules").chmod(0o600)
    checked(program, "--force", "--state", tmp_path / "state", tmp_path / "rules")
    assert log.read_text() == ""
    assert (tmp_path / "valkey.log.1").read_text() == "a line\n"

"""The JavaScript client: its types, its own tests on Node, and a page of another site in Chromium that uses it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from document_parser import __version__
from tests.support.documents import large_pdf
from tests.support.owners import make_key
from tests.support.service import ROOT, Service

CLIENT, SOURCE = ROOT / "clients" / "js", ROOT / "static" / "client"
TYPESCRIPT = CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
LEAST_NODE = (20, 11)
"""The first version whose test runner ends tests that hang."""
LARGE_BYTES = 24 << 20
PAGE = """async ([baseUrl, token]) => {
  const { Client } = await import("/client/index.js");
  const client = new Client({ baseUrl, token });
  const document = new Blob(["# Harbour\\n\\nThe quay is repaired."]);
  const progress = [];
  const call = { filename: "quay.md", onProgress: ({ sent }) => progress.push(sent) };
  const { job_id: job } = await client.submit(document, { page_range: "1" }, call);
  const types = [];
  for await (const { type } of client.follow(job)) types.push(type);
  const { markdown } = await client.result(job, "markdown");
  const file = await client.download(job, "markdown");
  const values = await client.extract(job, { fields: ["quay"] });
  const refused = await client.submit(document, { output_format: "papyrus" }).catch((error) => error);
  const large = new Blob([new Uint8Array(17 * 2 ** 20)]);
  const pieces = [];
  const stopper = new AbortController();
  const onProgress = ({ sent }) => pieces.push(sent) > 1 && stopper.abort();
  const ended = await client.upload(large, { signal: stopper.signal, onProgress }).catch(({ name }) => name);
  return { sent: progress.at(-1) === document.size, types, markdown, filename: file.filename, text: await file.text(),
    url: values.url, code: refused.code, requestId: refused.requestId, pieces: pieces.length > 1, ended };
}"""


def node() -> str:
    """The command of a Node that runs the tests. Skips the test without one."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not on this machine")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(int(part) for part in version.removeprefix("v").split(".")[:2]) < LEAST_NODE:
        pytest.skip(f"the tests of the JavaScript client need Node {'.'.join(map(str, LEAST_NODE))}, and this is {version}")
    return found


class Files(SimpleHTTPRequestHandler):
    """Serves the client's files, and says nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def other_site():
    """The address of another site, which has the client's files."""
    handler = partial(Files, directory=str(SOURCE.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def service(tmp_path_factory, other_site):
    settings = {"AUTH_MODE": "required", "WEB_WORKERS": 1, "NUM_WORKERS": 1, "WEBHOOK_ALLOW_HOSTS": '["127.0.0.1"]'}
    with Service(tmp_path_factory.mktemp("javascript"), **settings, CORS_ORIGINS=json.dumps([other_site])) as running:
        yield running


def test_the_types_are_those_of_this_api():
    spec = importlib.util.spec_from_file_location("make_types", CLIENT / "make_types.py")
    make_types = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_types)
    with (CLIENT / "types" / "openapi.d.ts").open() as file:
        assert file.readline() == make_types.first_line(), "The API has changed. Run make js-types, which needs npm."
    assert (CLIENT / "types" / "codes.d.ts").read_text() == make_types.codes_file(), "An error is new. Run make js-types."


def test_the_package_has_this_version_and_needs_no_other():
    package = json.loads((CLIENT / "package.json").read_text())
    assert package["version"] == __version__
    assert [name for name in package if name.endswith(("ependencies", "ependenciesMeta"))] == ["devDependencies"]
    for path in SOURCE.glob("*.js"):
        imports = re.findall(r'^(?:import|export)\b.*? from "([^"]+)"', path.read_text(), re.MULTILINE)
        assert [name for name in imports if not name.startswith("./")] == [], path.name


def test_typescript_finds_nothing_in_the_client_and_refuses_what_the_api_refuses():
    command = node()
    if not TYPESCRIPT.exists():
        pytest.skip("TypeScript is not installed in clients/js: make test-js does it")
    for arguments in ([TYPESCRIPT, "-p", "tsconfig.json"], ["build.js", "--types"], [TYPESCRIPT, "-p", "test/tsconfig.json"]):
        done = subprocess.run([command, *map(str, arguments)], cwd=CLIENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_on_node(service, tmp_path):
    command = node()
    large = large_pdf(tmp_path / "survey.pdf", "The survey of the harbour", LARGE_BYTES)
    environment = {
        **os.environ,
        "DOCUMENT_PARSER_URL": f"http://127.0.0.1:{service.port}",
        "OPERATOR_TOKEN": service.operator_token,
        "WEBHOOK_SECRET": (service.data_dir / "webhook.secret").read_text().strip(),
        "SAMPLES": str(ROOT / "samples"),
        "LARGE_DOCUMENT": str(large),
    }
    subprocess.run([command, "build.js"], cwd=CLIENT, check=True)
    tests = [command, "--test", "--test-reporter=spec", "--test-timeout=120000", "test/"]
    done = subprocess.run(tests, cwd=CLIENT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert re.search(r"^ℹ skipped 0$", done.stdout, re.MULTILINE), done.stdout[-2000:]


def test_the_example_of_the_docs_runs_on_node(service, tmp_path):
    (code, *_) = re.findall(r"^```js\n(.*?)^```$", (ROOT / "docs" / "javascript.md").read_text(), re.MULTILINE | re.DOTALL)
    for says, here in (
        ("http://127.0.0.1:1233", f"http://127.0.0.1:{service.port}"),
        ("samples/paper.pdf", str(ROOT / "samples" / "paper.pdf")),
        ("createWriteStream(file.filename)", f"createWriteStream('{tmp_path}/' + file.filename)"),
    ):
        assert says in code
        code = code.replace(says, here)
    command = node()
    subprocess.run([command, "build.js"], cwd=CLIENT, check=True)
    environment = {**os.environ, "API_KEY": make_key(service.data_dir, "acme").secret}
    example = [command, "--input-type=module", "--eval", code]
    done = subprocess.run(example, cwd=CLIENT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert re.search(r"^completed [1-9]\d+$", done.stdout, re.MULTILINE)
    assert (tmp_path / "paper.html").read_text().startswith("<!")


def test_in_a_page_of_another_site(service, opened, other_site):
    key = make_key(service.data_dir, "acme")
    page = opened(service, operator=False, expected={404, 422}).page
    page.goto(f"{other_site}/client/")
    found = page.evaluate(PAGE, [f"http://127.0.0.1:{service.port}", key.secret])
    assert found.pop("types")[-1] == "job.completed"
    assert found.pop("text") == found.pop("markdown")
    assert found.pop("url").startswith("/v1/jobs/")
    assert re.fullmatch(r"\S{8,}", found.pop("requestId"))
    assert found == {"sent": True, "filename": "quay.md", "code": "INVALID_OPTION", "pieces": True, "ended": "AbortError"}

"""Programs of others use the tools: MCP Inspector, which is built on the TypeScript SDK, and the assistant Gemini CLI."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.assistant import COMMAND, served_by_http
from tests.support.guides import why_not_installed
from tests.support.service import ROOT, Service

pytestmark = pytest.mark.guides
SAMPLES = ROOT / "samples"
OWN = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield f"http://127.0.0.1:{service.port}"


@pytest.fixture
def program(request):
    """The path of a program of npm, which make test-guides installs."""
    folder = request.config.getoption("--guides")
    if reason := why_not_installed(folder, "node"):
        pytest.skip(reason)
    return lambda name: str((folder / "node" / "node_modules" / ".bin" / name).resolve())


def test_the_inspector_lists_the_tools_reads_a_document_and_cites_it(program, service, tmp_path):
    command, *arguments = COMMAND
    server = {"command": command, "args": [*arguments, "--server", service, "--folder", str(SAMPLES)], "env": OWN}
    (tmp_path / "hosts.json").write_text(json.dumps({"mcpServers": {"documents": server}}))

    def ask(*arguments: str) -> dict:
        command = [program("mcp-inspector"), "--cli", "--config", "hosts.json", "--server", "documents", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def call(tool: str, **arguments: object) -> dict:
        given = [part for name, value in arguments.items() for part in ("--tool-arg", f"{name}={value}")]
        found = ask("--method", "tools/call", "--tool-name", tool, *given)
        assert not found.get("isError"), found
        return found["structuredContent"]

    assert len(ask("--method", "tools/list")["tools"]) == 6
    document = call("parse", path="paper.pdf")["document"]
    passage = call("read", document=document, page=1)["passages"][0]
    assert call("cite", document=document, quote=passage["text"].strip("# \n"))["places"][0]["page"] == 1


def test_gemini_cli_connects_to_the_server_by_http(program, service, tmp_path):
    with served_by_http("--server", service) as address:
        (tmp_path / ".gemini").mkdir()
        settings = {"mcpServers": {"documents": {"httpUrl": address}}}
        (tmp_path / ".gemini" / "settings.json").write_text(json.dumps(settings))
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GEMINI_CLI_TRUST_WORKSPACE": "true"}
        command = [program("gemini"), "mcp", "list"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    told = done.stdout + done.stderr
    assert f"documents: {address} (http) - Connected" in told, told

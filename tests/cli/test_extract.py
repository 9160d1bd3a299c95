"""``docparse extract``: values of documents that are read here."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.support.commands import docparse
from tests.support.service import NOBODY, Service
from tests.support.vllm_extract import MODEL, Asking, ExtractServer
from tests.support.vllm_server import served_from_thread


@pytest.fixture
def letter(tmp_path):
    path = tmp_path / "letter.pdf"
    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.drawString(60, 700, "Meter number:")
    canvas.drawString(200, 700, "ZX-5521")
    canvas.save()
    return path


def run(*arguments, **settings) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **settings} if settings else None
    return subprocess.run(docparse("extract", *arguments), capture_output=True, text=True, check=False, env=environment)


def test_a_schema_of_ones_own_is_answered_with_places(letter, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "object", "properties": {"meter": {"type": "string", "x-labels": ["meter number"]}}}))
    done = run(letter, "--schema", schema)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["data"] == {"meter": "ZX-5521"}
    assert answer["evidence"]["meter"]["page"] == 1


def test_names_alone_are_enough_and_the_data_can_be_had_alone(letter):
    done = run(letter, "--fields", "meter number, owner", "--data")
    assert json.loads(done.stdout) == {"file": str(letter), "data": {"meter number": "ZX-5521", "owner": None}}


def test_a_document_that_cannot_be_read_is_named_and_the_others_are_answered(letter, tmp_path):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4 nothing")
    done = run(broken, letter, "--fields", "meter number", "--data")
    assert done.returncode == 1
    assert str(broken) in done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert run(broken, "--fields", "a").returncode == 3
    missing = run("nowhere.pdf", letter, "--fields", "a")
    assert missing.returncode == 2
    assert "There is no file 'nowhere.pdf'." in missing.stderr


def test_a_schema_that_is_not_supported_is_said_before_anything_is_read(letter, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "object", "properties": {"a": {"allOf": []}}}))
    done = run(letter, "--schema", schema)
    assert done.returncode == 2
    assert "/properties/a/allOf" in done.stderr
    assert "none of the prebuilt schemas" in run(letter, "--schema", "novel").stderr


def test_a_model_is_heard_too_if_one_is_set_and_sees_the_page(letter):
    server = ExtractServer(fill=lambda asking: {"owner": "Nobody Real", "meter number": "ZX-5521"})
    environment = {"INFERENCE_MODE": "auto", "VLLM_DEEPSEEK_URL": NOBODY, "VLLM_NANONETS_URL": NOBODY}
    with served_from_thread(server):
        environment |= {"VLLM_EXTRACT_URL": server.url, "VLLM_EXTRACT_MODEL": MODEL}
        done = run(letter, "--fields", "meter number,owner", "--on-ungrounded", "null", **environment)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["data"] == {"meter number": "ZX-5521", "owner": None}
    assert [(one["code"], one["field"]) for one in answer["warnings"]] == [("ungrounded", "/owner")]
    assert [Asking(body).pictures for body in server.bodies] == [1]


def test_a_server_reads_and_answers_in_the_order_of_the_files(letter, tmp_path):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4 nothing")
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "object", "properties": {"meter": {"type": "string", "x-labels": ["meter number"]}}}))
    with Service(tmp_path / "service", NUM_WORKERS=1, WEB_WORKERS=1) as service:
        server = ("--server", f"http://127.0.0.1:{service.port}")
        done = run(broken, letter, "--fields", "meter number, owner", "--data", *server)
        assert done.returncode == 1, done.stderr
        assert json.loads(done.stdout) == {"file": str(letter), "data": {"meter number": "ZX-5521", "owner": None}}
        assert str(broken) in done.stderr
        answer = json.loads(run(letter, "--schema", schema, *server).stdout)
        assert (answer["data"], answer["evidence"]["meter"]["page"]) == ({"meter": "ZX-5521"}, 1)
        assert run(letter, "--fields", "captain", "--on-ungrounded", "null", *server).returncode == 0
        orders = [json.loads(path.read_text()) for path in service.data_dir.rglob("*.order.json")]
        asked = [one["on_ungrounded"] for one in orders if "captain" in one["json_schema"]["properties"]]
        assert asked == ["null"], "what the command line asks reaches the server"
        refused = run(letter, "--schema", "novel", *server)
        assert refused.returncode == 2
        assert "invoice" in refused.stderr, "the names that there are"

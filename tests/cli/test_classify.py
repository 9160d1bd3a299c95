"""``docparse classify``: what files hold that are read here, or by a server."""

from __future__ import annotations

import json
import subprocess

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.support.commands import docparse
from tests.support.service import Service


@pytest.fixture
def order(tmp_path):
    path = tmp_path / "order.pdf"
    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.setFont("Helvetica", 20)
    canvas.drawString(60, 760, "PURCHASE ORDER")
    canvas.setFont("Helvetica", 10)
    lines = (
        "PO number: 4711",
        "Order date: 2026-03-05",
        "Vendor: Northgate AG",
        "Ship to: 12 Harbour Road",
        "Delivery date: 2026-04-01",
    )
    for place, text in enumerate(lines):
        canvas.drawString(60, 720 - 16 * place, text)
    canvas.save()
    return path


def run(*arguments) -> subprocess.CompletedProcess[str]:
    return subprocess.run(docparse("classify", *arguments), capture_output=True, text=True, check=False)


def test_a_file_is_named_with_its_type_its_pages_and_the_reasons(order):
    done = run(order)
    assert done.returncode == 0, done.stderr
    (segment,) = json.loads(done.stdout)["segments"]
    assert (segment["type"], segment["pages"]) == ("purchase_order", [1])
    assert "title 'PURCHASE ORDER' on page 1" in segment["reasons"]


def test_labels_restrict_the_answer_and_unknown_ones_are_said_before_anything_is_read(order):
    (segment,) = json.loads(run(order, "--labels", "medical_record").stdout)["segments"]
    assert segment["type"] is None
    refused = run(order, "--labels", "novel")
    assert refused.returncode == 2
    assert "novel" in refused.stderr
    assert "LABELS_FILE" in refused.stderr


def test_a_document_that_cannot_be_read_is_named_and_the_others_are_answered(order, tmp_path):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4 nothing")
    done = run(broken, order)
    assert done.returncode == 1
    assert str(broken) in done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_a_server_reads_and_answers_in_the_order_of_the_files(order, tmp_path):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4 nothing")
    with Service(tmp_path / "service", NUM_WORKERS=1, WEB_WORKERS=1) as service:
        server = ("--server", f"http://127.0.0.1:{service.port}")
        done = run(broken, order, *server)
        assert done.returncode == 1, done.stderr
        answer = json.loads(done.stdout)
        assert answer == json.loads(run(order).stdout), "what is read here says the same"
        assert str(broken) in done.stderr
        (segment,) = json.loads(run(order, "--labels", "medical_record", *server).stdout)["segments"]
        assert segment["type"] is None
        refused = run(order, "--labels", "novel", *server)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "novel" in refused.stderr

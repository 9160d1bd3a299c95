"""A result says how many lines of heads and feet it leaves out, in each of its forms."""

from __future__ import annotations

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from document_parser import Client
from tests.support import documents
from tests.support.service import Service

ACCOUNT = "Harbour Bank, IBAN DE89 3704 0044 0532 0130 00"
TEXTS = ("The ship came in at dawn. ", "She left again at noon. ", "Nobody had seen her master. ")


def letter(path):
    """Three pages with an account and a note at the foot of each, and the page's number."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    for number, text in enumerate(TEXTS, 1):
        canvas.setFont("Helvetica", 11)
        for row, line in enumerate(documents.wrapped(text * 30, 470.0)):
            canvas.drawString(60, 770 - 14 * row, line)
        canvas.setFont("Helvetica", 8)
        canvas.drawString(60, 60, ACCOUNT)
        canvas.drawString(60, 36, "For the harbour's own use only")
        canvas.drawString(520, 20, str(number))
        canvas.showPage()
    canvas.save()
    return path


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def job(service, tmp_path_factory):
    job_id = service.submit(letter(tmp_path_factory.mktemp("documents") / "letter.pdf"))
    assert service.ended(job_id)["status"] == "completed"
    return job_id


def test_the_account_is_said_once_and_what_is_left_out_is_counted(service, job):
    body = service.result(job)
    assert body["markdown"].count(ACCOUNT) == 1
    assert "own use" not in body["markdown"]
    # The note on three pages and the account on two; page numbers do not count.
    assert body["stripped"] == 5
    document = service.result(job, format="json")
    assert document["stripped"] == 5
    assert [page.get("stripped", 0) for page in document["document"]["pages"]] == [1, 2, 2]


@pytest.mark.parametrize("name", ["markdown", "html", "text", "csv", "tables", "json", "zip"])
def test_files_say_it_in_a_header(service, job, name):
    answer = service.client.get(f"/v1/jobs/{job}/download", params={"format": name})
    assert (answer.status_code, answer.headers["X-Stripped-Lines"]) == (200, "5")


def test_the_client_tells_it_and_nothing_is_left_out_where_all_is_kept(service, tmp_path):
    with Client(f"127.0.0.1:{service.port}") as client:
        job_id = client.submit(letter(tmp_path / "letter.pdf"), headers_footers="keep")
        client.wait(job_id)
        result = client.result(job_id)
    assert result.stripped == 0
    assert result.markdown.count(ACCOUNT) == 3


def test_a_result_of_an_earlier_version_is_written_anew_with_the_count(service, job):
    (service.data_dir / "jobs" / job / "result.facts.json").unlink()
    assert service.result(job)["stripped"] == 5

"""Searchable PDFs over HTTP: asked for with the document or later, and what is answered if there can be none."""

from __future__ import annotations

import pytest

from tests.support import documents
from tests.support.searchable import copied_text
from tests.support.service import Service, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


def completed(service, path, **options):
    job_id = service.submit(path, **options)
    assert service.ended(job_id)["status"] == "completed"
    return job_id


def ask(service, job_id, route="result", **query):
    return service.client.get(f"/v1/jobs/{job_id}/{route}", params=query)


def test_a_scan_comes_back_as_a_pdf_that_can_be_searched(service, tmp_path):
    path = documents.picture(tmp_path / "harbour.png", "The harbour was opened in 1954")
    job_id = completed(service, path, output_format="pdf")
    answer = ask(service, job_id)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert "harbour.searchable.pdf" in answer.headers["Content-Disposition"]
    read = ask(service, job_id, format="text").json()["text"].split()
    assert copied_text(answer.content).split() == read
    assert "harbour" in read
    accepted = service.client.get(f"/v1/jobs/{job_id}/result", headers={"Accept": "application/pdf"})
    assert accepted.content == answer.content
    revised = service.client.post(f"/v1/jobs/{job_id}/pages/1/retry", json={"engine": "rapidocr"})
    assert revised.status_code == 202
    wait_until(lambda: ask(service, job_id, format="text").json()["revision"] == 2, 30, "no second revision")
    assert copied_text(ask(service, job_id, "download", format="pdf").content).split() == read


def test_a_text_has_no_pages_for_words_but_all_other_formats(service, tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader of the harbour report")
    job_id = completed(service, path, output_format="pdf")
    answer = ask(service, job_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "FORMAT_NEEDS_PAGES")
    assert "harbour" in ask(service, job_id, format="markdown").json()["markdown"]


def test_an_encrypted_pdf_is_written_while_its_password_is_known(service, tmp_path):
    path = documents.encrypted_pdf(tmp_path / "secret.pdf", "open sesame")
    asked = completed(service, path, output_format="pdf", password="open sesame")
    assert copied_text(ask(service, asked).content) == "Secret text"
    later = ask(service, completed(service, path, password="open sesame"), format="pdf")
    assert later.status_code == 500
    assert "Send the document again" in later.json()["error"]["message"]

"""Through the whole service: files made to break readers, and a good document after each."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.hostile.expected import Answer, Expected, faults_of, load_manifest
from tests.support.beacons import listening, write_all
from tests.support.documents import pdf_of_text
from tests.support.service import Service

SAMPLE = (
    "encrypted/rc4_40_user_secret.pdf",
    "html/nested_div_200k.html",
    "html/script_and_events.html",
    "image/truncated.jpg",
    "mismatch/exe_named.pdf",
    "mismatch/polyglot_pdf_zip.docx",
    "office/docx_nested_xml_100k.docx",
    "office/docx_xxe_http.docx",
    "office/docx_zip_slip.docx",
    "office/csv_utf16_nobom.csv",
    "office/eml_traversal_attachment.eml",
    "office/xlsx_dimension_lie.xlsx",
    "pdf/count_lie_2e9.pdf",
    "pdf/huge_mediabox_1e9.pdf",
    "pdf/nested_arrays_200k.pdf",
    "pdf/page_tree_loop.pdf",
    "pdf/random_bytes_pdf_header.pdf",
    "pdf/truncated_50pct.pdf",
    "pdf/truncated_last_200.pdf",
    "qpdf_bad/bad7.pdf",
    "qpdf_fuzz/57639.fuzz",
)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("hostile"), INFERENCE_MODE="cpu", NUM_WORKERS=1) as running:
        yield running


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return pdf_of_text(tmp_path_factory.mktemp("good") / "good.pdf", ["A good document."])


@pytest.fixture(scope="module")
def rows(corpus: Path) -> dict[str, Expected]:
    return {row.path: row for row in load_manifest(corpus / "hostile") if not row.password_sent}


def answer_of(service: Service, path: Path, name: str) -> Answer:
    """What the service answers to a file, as the benchmark notes it."""
    sent = service.client.post("/v1/process/async", files={"file": (path.name, path.read_bytes())})
    if sent.status_code != 202:
        return Answer(name, sent.status_code, sent.json()["error"]["code"])
    status = service.ended(sent.json()["job_id"], 120)
    if status["status"] == "failed":
        return Answer(name, status["error"]["status"], status["error"]["code"])
    job_id, progress = sent.json()["job_id"], status["progress"]
    result = service.result(job_id, format="markdown")
    return Answer(
        name,
        pages=progress["total_pages"],
        failed=progress["failed_pages"],
        markdown=result["markdown"],
        html=service.result(job_id, format="html")["html"],
        warnings={warning["code"] for warning in result["warnings"]},
    )


@pytest.mark.corpus
@pytest.mark.parametrize("name", SAMPLE)
def test_a_hostile_file_is_answered_as_expected_and_a_good_document_is_read_next(service, corpus, rows, good, name):
    answer = answer_of(service, corpus / "hostile" / name, name)
    assert faults_of(answer, rows[name]) == []
    assert "A good document." in answer_of(service, good, "good.pdf").markdown


def test_no_document_makes_the_service_connect_anywhere(service, good, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("never-to-be-read")
    with listening() as listener:
        for path in write_all(tmp_path, listener.url, secret):
            answer = answer_of(service, path, path.name)
            assert answer.code == ("XML_ENTITIES" if path.name == "entity.xml" else ""), path.name
            assert "never-to-be-read" not in answer.markdown + answer.html
    assert listener.connections == 0
    assert "A good document." in answer_of(service, good, "good.pdf").markdown


def test_after_all_of_that_nothing_lies_outside_of_the_folder_of_the_service(service):
    names = {path.name for path in service.folder.iterdir()}
    assert names <= {"data", "service.log"}

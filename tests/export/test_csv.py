"""CSV is CSV: over HTTP, with the client, and from the command, in process and through a service."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import zipfile

import pytest

from document_parser import Client, errors
from tests.support import documents
from tests.support.commands import docparse
from tests.support.service import ROOT, Service

PARTS = [["Part", "Number", "Price"], ["Brake lining", "12", "148.50"], ["Traction rope", "3", "842.00"]]
TOWNS = [["Town", "Pairs", "Broods"], ["Greyford", "41", "38"], ["Ashcombe", "17", "15"], ["Millhaven", "26", "21"]]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents")
    documents.tables_pdf(folder / "one.pdf", [PARTS])
    documents.tables_pdf(folder / "two.pdf", [PARTS, TOWNS])
    documents.pdf_of_text(folder / "none.pdf", ["No table stands here, only a sentence."])
    return folder


@pytest.fixture(scope="module")
def jobs(service, folder):
    """The ids of completed jobs, by the name of their document."""
    found = {path.stem: service.submit(path) for path in folder.glob("*.pdf")}
    for job_id in found.values():
        assert service.ended(job_id)["status"] == "completed"
    return found


def rows(data):
    return list(csv.reader(io.StringIO(data.decode() if isinstance(data, bytes) else data, newline="")))


def get(service, job_id, route="result", accept="*/*", **query):
    return service.client.get(f"/v1/jobs/{job_id}/{route}", params=query, headers={"Accept": accept})


# --- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["result", "download"])
def test_one_table_is_text_csv(service, jobs, route):
    answer = get(service, jobs["one"], route, format="csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["X-Tables"] == "1"
    assert answer.content.endswith(b"\r\n")
    assert rows(answer.content) == PARTS
    attached = answer.headers.get("Content-Disposition", "")
    assert attached == ("attachment; filename=\"one.csv\"; filename*=UTF-8''one.csv" if route == "download" else "")


@pytest.mark.parametrize("route", ["result", "download"])
def test_several_tables_are_a_zip_of_csv_files_and_a_list(service, jobs, route):
    answer = get(service, jobs["two"], route, format="csv")
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["X-Tables"] == "2"
    assert 'filename="two.csv.zip"' in answer.headers["Content-Disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.namelist() == ["page-0001-table-1.csv", "page-0002-table-1.csv", "tables.json"]
    assert rows(archive.read("page-0002-table-1.csv")) == TOWNS
    listed = json.loads(archive.read("tables.json"))
    assert listed[1] == {"file": "page-0002-table-1.csv", "page": 2, "caption": "", "header": True}


@pytest.mark.parametrize("route", ["result", "download"])
def test_one_of_several_tables_by_its_number(service, jobs, route):
    answer = get(service, jobs["two"], route, format="csv", table=2)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert rows(answer.content) == TOWNS
    assert ('filename="two-page-0002-table-1.csv"' in answer.headers.get("Content-Disposition", "")) == (route == "download")


@pytest.mark.parametrize(("name", "has"), [("two", "2 tables"), ("one", "one table"), ("none", "no table")])
def test_a_table_that_is_not_there_is_404_and_the_answer_says_how_many_are(service, jobs, name, has):
    answer = get(service, jobs[name], format="csv", table=3)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (404, "TABLE_NOT_FOUND")
    assert has in error["message"]
    assert error["details"] == {"tables": {"two": 2, "one": 1, "none": 0}[name]}


@pytest.mark.parametrize("query", [{"format": "markdown", "table": 1}, {"table": 1}, {"format": "csv", "table": 0}])
def test_a_table_of_another_format_or_no_number_is_refused(service, jobs, query):
    for route in ("result", "download"):
        answer = get(service, jobs["one"], route, **query)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "INVALID_OPTION")
        assert "table" in answer.json()["error"]["message"]


def test_a_document_without_tables_has_an_empty_csv(service, jobs):
    answer = get(service, jobs["none"], format="csv")
    assert (answer.status_code, answer.content, answer.headers["X-Tables"]) == (200, b"", "0")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=absent"


def test_accept_chooses_csv_json_or_the_archive(service, jobs):
    assert rows(get(service, jobs["one"], accept="text/csv").content) == PARTS
    assert rows(get(service, jobs["two"], accept="text/csv", table=1).content) == PARTS
    listed = get(service, jobs["one"], accept="application/json", format="csv").json()
    assert (listed["format"], rows(listed["tables"][0]["csv"])) == ("tables", PARTS)
    mixed = get(service, jobs["one"], accept="application/json, text/plain, */*", format="csv")
    assert mixed.headers["Content-Type"].startswith("text/csv")
    archive = get(service, jobs["one"], "download", accept="application/zip", format="csv")
    assert zipfile.ZipFile(io.BytesIO(archive.content)).namelist() == ["page-0001-table-1.csv", "tables.json"]


def test_the_json_list_stays_as_tables(service, jobs):
    body = get(service, jobs["two"], format="tables").json()
    assert body["format"] == "tables"
    found = [(table["page"], table["caption"], rows(table["csv"])) for table in body["tables"]]
    assert found == [(1, "", PARTS), (2, "", TOWNS)]
    saved = get(service, jobs["two"], "download", format="tables")
    assert saved.headers["Content-Type"] == "application/json"
    assert 'filename="two.tables.json"' in saved.headers["Content-Disposition"]
    assert saved.json() == body["tables"]


@pytest.mark.parametrize("route", ["sync", "async"])
def test_a_job_of_csv_answers_with_csv(service, folder, route):
    with (folder / "one.pdf").open("rb") as stream:
        answer = service.client.post(f"/v1/process/{route}", files={"file": ("one.pdf", stream)}, data={"output_format": "csv"})
    if route == "async":
        job_id = answer.json()["job_id"]
        service.ended(job_id)
        answer = get(service, job_id, table=1)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert rows(answer.content) == PARTS


def test_the_client_reads_csv_in_each_way(service, jobs, tmp_path):
    with Client(f"127.0.0.1:{service.port}") as client:
        assert rows(client.result(jobs["one"], "csv").tables[0]["csv"]) == PARTS
        assert len(client.result(jobs["two"], "tables").tables) == 2
        assert client.download(jobs["one"], tmp_path / "a.csv", "csv") == "text/csv"
        assert rows((tmp_path / "a.csv").read_bytes()) == PARTS
        assert client.download(jobs["two"], tmp_path / "b.csv", "csv", table=2) == "text/csv"
        assert rows((tmp_path / "b.csv").read_bytes()) == TOWNS
        assert client.download(jobs["two"], io.BytesIO(), "csv") == "application/zip"
        with pytest.raises(errors.TableNotFound):
            client.download(jobs["two"], tmp_path / "c.csv", "csv", table=9)
        assert not (tmp_path / "c.csv").exists()


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["here", "there"])
def parse(request, folder, tmp_path):
    """Calls ``docparse parse`` in an empty folder, in process or through the service; documents are in ``folder``."""
    there = ["--server", f"127.0.0.1:{request.getfixturevalue('service').port}"] if request.param == "there" else []

    def call(*arguments):
        paths = [str(folder / argument) if str(argument).endswith(".pdf") else str(argument) for argument in arguments]
        command = docparse("parse", *paths, *there)
        environment = os.environ | {"INFERENCE_MODE": "cpu", "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=100, check=False)

    return call


def files(path):
    return sorted(str(found.relative_to(path)) for found in path.rglob("*") if found.is_file())


def test_an_output_named_csv_is_the_table_of_the_document(parse, tmp_path):
    done = parse("one.pdf", "-o", "x.csv")
    assert done.returncode == 0, done.stderr
    assert rows((tmp_path / "x.csv").read_bytes()) == PARTS
    assert rows(parse("one.pdf", "--format", "csv").stdout) == PARTS


def test_several_tables_do_not_go_into_one_file_and_the_message_says_how(parse, tmp_path):
    for arguments in (["-o", "x.csv"], ["--format", "csv"]):
        done = parse("two.pdf", *arguments)
        assert (done.returncode, done.stdout) == (3, b"")
        assert b"2 tables" in done.stderr
        assert b"--table N" in done.stderr
        assert b"(SEVERAL_TABLES)" in done.stderr
    assert files(tmp_path) == []


def test_the_ways_that_the_message_names_work(parse, tmp_path):
    assert parse("two.pdf", "-o", "x.csv", "--table", "2").returncode == 0
    assert rows((tmp_path / "x.csv").read_bytes()) == TOWNS
    assert parse("two.pdf", "--format", "csv", "-o", "tables.zip").returncode == 0
    members = zipfile.ZipFile(tmp_path / "tables.zip").namelist()
    assert members == ["page-0001-table-1.csv", "page-0002-table-1.csv", "tables.json"]
    done = parse("two.pdf", "--format", "csv", "-o", "out/")
    assert b"out/two-page-0001-table-1.csv and 1 more" in done.stderr
    assert files(tmp_path / "out") == ["two-page-0001-table-1.csv", "two-page-0002-table-1.csv"]
    assert rows((tmp_path / "out" / "two-page-0002-table-1.csv").read_bytes()) == TOWNS
    done = parse("two.pdf", "--format", "csv", "--table", "3")
    assert (done.returncode, b"from 1 to 2" in done.stderr) == (3, True)


def test_a_document_without_tables_makes_an_empty_file_and_says_so(parse, tmp_path):
    done = parse("none.pdf", "-o", "x.csv")
    assert (done.returncode, (tmp_path / "x.csv").read_bytes()) == (0, b"")
    assert b"it has no table" in done.stderr


def test_a_format_that_is_named_may_go_to_a_file_of_any_name(parse, tmp_path):
    assert parse("one.pdf", "--format", "csv", "-o", "x.dat").returncode == 0
    assert rows((tmp_path / "x.dat").read_bytes()) == PARTS
    refused = parse("one.pdf", "-o", "y.dat")
    assert (refused.returncode, b"No output format has the extension '.dat'" in refused.stderr) == (2, True)
    assert b".csv" in refused.stderr


def test_a_single_file_replaces_nothing_but_itself(parse, tmp_path):
    assert parse("two.pdf", "--format", "csv", "-o", "./").returncode == 0
    before = files(tmp_path)
    assert "two-page-0001-table-1.csv" in before
    assert parse("two.pdf", "--table", "2", "-o", "two.csv").returncode == 0
    assert files(tmp_path) == sorted([*before, "two.csv"])


def test_results_of_a_folder_are_kept_skipped_or_replaced_as_a_whole(parse, tmp_path):
    wanted = ["one.csv", "two-page-0001-table-1.csv", "two-page-0002-table-1.csv"]
    arguments = ["one.pdf", "two.pdf", "--format", "csv", "-o", "out"]
    assert parse(*arguments).returncode == 0
    assert files(tmp_path / "out") == wanted
    refused = parse(*arguments)
    assert (refused.returncode, b"exists. --force" in refused.stderr) == (2, True)
    (tmp_path / "out" / "one.csv").write_text("mine")
    assert parse(*arguments, "--skip-existing").returncode == 0
    assert (tmp_path / "out" / "one.csv").read_text() == "mine"
    (tmp_path / "out" / "two-page-0009-table-1.csv").write_text("of an earlier reading")
    line = parse(*arguments, "--force", "--json").stdout.splitlines()[1]
    assert files(tmp_path / "out") == wanted
    assert json.loads(line)["outputs"] == ["out/two-page-0001-table-1.csv", "out/two-page-0002-table-1.csv"]
    assert json.loads(line)["tables"] == 2

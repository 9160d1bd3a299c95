"""``docparse parse`` as a user calls it, in process and against a real service; and the library's front door."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import document_parser
from document_parser import errors
from document_parser.engines.registry import Engines
from document_parser.models import Document, Options, Page, PageFacts
from document_parser.pipeline.local import result
from document_parser.pipeline.local.page_window import PageWindow
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.pipeline.local.result import ParseResult
from document_parser.settings import DeepSeekSettings, EngineSettings, Settings, WorkerSettings
from tests.support import documents
from tests.support.desk import COMMAND, Desk
from tests.support.peer import Answer, peer, problem
from tests.support.service import ROOT, Service, free_port, wait_until
from tests.support.vllm_server import ModelServer, serving

SCAN = ROOT / "samples" / "scan.pdf"
PAPER = ROOT / "samples" / "paper.pdf"
TITLE = "# Counting Swifts at Dusk"
CPU = Settings(engines=EngineSettings(inference_mode="cpu"))


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service"), OPENER_MEMORY_MB="256") as service:
        yield service


def url(service):
    return f"http://127.0.0.1:{service.port}"


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def text_pdf(path, text="The quick brown fox jumps over the lazy dog."):
    path.parent.mkdir(parents=True, exist_ok=True)
    return documents.pdf_of_text(path, [text])


# --- what is read, and where it goes ----------------------------------------------------------------------------------


def test_a_documents_markdown_goes_to_standard_output(desk):
    done = desk.parse(PAPER)
    assert done.returncode == 0
    assert done.stdout.startswith(TITLE)
    assert re.fullmatch(r".*paper\.pdf: 2 pages in [\d.]+ s\n", done.stderr)


def test_scans_are_read_on_the_cpu_without_a_server(desk):
    done = desk.parse(SCAN, "--pages", "2")
    assert done.returncode == 0
    assert done.stdout.startswith("# Maintenance Schedule")


def test_standard_input_is_read(desk):
    done = desk.parse("-", "--format", "json", stdin=PAPER.read_bytes())
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert (document["filename"], document["page_count"]) == ("stdin", 2)


def test_a_pipe_with_a_name_is_read(desk):
    os.mkfifo(desk.folder / "pipe")
    running = desk.popen("pipe", "--format", "text")
    (desk.folder / "pipe").write_bytes(PAPER.read_bytes())
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert out.startswith(b"Counting Swifts")


def test_several_documents_follow_one_another_with_a_blank_line_between(desk):
    one, two = text_pdf(desk.folder / "1.pdf", "First."), text_pdf(desk.folder / "2.pdf", "Second.")
    assert desk.parse(one, two).stdout == "First.\n\nSecond.\n"
    both = desk.parse(one, two, "--format", "json").stdout
    assert len(re.findall(r'^\{"filename"', both, re.MULTILINE)) == 2


def test_a_folder_is_mirrored_without_what_is_hidden_or_not_read(desk):
    for name in ("a.pdf", "sub/deep/b.pdf", ".hidden/c.pdf", ".d.pdf"):
        text_pdf(desk.folder / "docs" / name)
    documents.picture(desk.folder / "docs" / "sub" / "nameless", "A picture")
    (desk.folder / "docs" / "layers.psd").write_bytes(b"8BPS" + bytes(20))
    done = desk.parse("docs", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert "1 file skipped, of a kind that is not read: layers.psd\n" in done.stderr
    assert desk.files() == ["a.md", "sub/deep/b.md", "sub/nameless.md"]
    assert desk.text("out/sub/deep/b.md") == "The quick brown fox jumps over the lazy dog.\n"


def test_two_folders_keep_their_names(desk):
    text_pdf(desk.folder / "x" / "a.pdf", "From x")
    text_pdf(desk.folder / "y" / "a.pdf", "From y")
    desk.parse("x", "y", "-o", "out")
    assert (desk.text("out/x/a.md"), desk.text("out/y/a.md")) == ("From x\n", "From y\n")


def test_a_quoted_pattern_is_matched_by_the_command(desk):
    for name in ("2025/a.pdf", "2025/more/b.pdf", "2025/more/c.png.pdf"):
        text_pdf(desk.folder / "docs" / name)
    (desk.folder / "docs" / "2025" / "x.txt").write_text("no")
    assert desk.parse("docs/**/*.pdf", "-o", "out").returncode == 0
    assert desk.files() == ["2025/a.md", "2025/more/b.md", "2025/more/c.png.md"]


def test_no_two_documents_share_a_result(desk):
    text_pdf(desk.folder / "a.pdf", "A page")
    documents.picture(desk.folder / "a.png", "A picture")
    text_pdf(desk.folder / "other" / "a.pdf", "Another page")
    done = desk.parse("a.pdf", "a.png", "other/a.pdf", "./a.pdf", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert desk.files() == ["a.pdf-2.md", "a.pdf.md", "a.png.md"]
    assert desk.text("out/a.pdf.md") == "A page\n"
    assert desk.text("out/a.pdf-2.md") == "Another page\n"


def test_an_existing_result_is_kept_unless_told_otherwise(desk):
    text_pdf(desk.folder / "a.pdf")
    text_pdf(desk.folder / "b.pdf")
    (desk.folder / "out").mkdir()
    (desk.folder / "out" / "a.md").write_text("mine")
    refused = desk.parse("a.pdf", "b.pdf", "-o", "out")
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert desk.files() == ["a.md"]
    assert desk.parse("a.pdf", "b.pdf", "-o", "out", "--skip-existing").returncode == 0
    assert desk.text("out/a.md") == "mine"
    assert desk.files() == ["a.md", "b.md"]
    assert desk.parse("a.pdf", "b.pdf", "-o", "out", "--skip-existing").returncode == 0
    assert desk.parse("a.pdf", "b.pdf", "-o", "out", "--force").returncode == 0
    assert desk.text("out/a.md").startswith("The quick")


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("a.md", b"#"), ("a.json", b"{"), ("a.html", b"<"), ("a.txt", b"Counting"), ("a.zip", b"PK"), ("new/a", b"#")],
)
def test_the_output_files_name_chooses_the_format(desk, name, beginning):
    assert desk.parse(PAPER, "-o", name).returncode == 0
    assert (desk.folder / name).read_bytes().startswith(beginning)


def test_options_reach_the_reading(desk):
    documents.pdf_of_text(desk.folder / "a.pdf", ["One", "Two", "Three"])
    done = desk.parse("a.pdf", "--pages", "1,3-", "--page-separator", "--- {page} ---", "--mode", "fast")
    assert done.stdout == "One\n\n--- 3 ---\n\nThree\n"


def test_figures_are_written_beside_the_result_that_links_them(desk):
    documents.illustrated_pdf(desk.folder / "a b.pdf")
    assert desk.parse("a b.pdf", "-o", "out/a b.md").returncode == 0
    assert desk.files() == ["a b.figures/page-0001-figure-1.jpg", "a b.md"]
    assert "![](a%20b.figures/page-0001-figure-1.jpg)" in desk.text("out/a b.md")
    assert desk.parse("a b.pdf", "-o", "out/none.md", "--figures", "none").returncode == 0
    assert "![" not in desk.text("out/none.md")
    assert "](#page-1)" in desk.parse("a b.pdf").stdout
    assert "](data:image/jpeg;base64," in desk.parse("a b.pdf", "--figures", "embed").stdout


def test_quiet_says_nothing_of_what_goes_well(desk):
    assert desk.parse(PAPER, "-o", "a.md", "--quiet").stderr == ""
    assert "DAMAGED" in desk.parse(documents.truncated(PAPER, desk.folder / "cut.pdf", 0.01), "--quiet").stderr


def test_the_tables_of_standard_output_are_what_the_export_gives(desk):
    tables = json.loads(desk.parse(SCAN, "--pages", "1", "--format", "tables").stdout)
    assert tables[0]["page"] == 1
    assert "Traction rope" in tables[0]["csv"]
    assert desk.parse(SCAN, "--pages", "1", "--format", "csv").stdout == tables[0]["csv"]


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_password_opens_an_encrypted_document(desk):
    locked = documents.encrypted_pdf(desk.folder / "locked.pdf", "open sesame")
    (desk.folder / "secret").write_text("open sesame\n")
    assert desk.parse(locked, "--password", "open sesame").stdout == "Secret text\n"
    assert desk.parse(locked, "--password-file", "secret").stdout == "Secret text\n"
    without, wrong = desk.parse(locked), desk.parse(locked, "--password", "wrong")
    assert (without.returncode, wrong.returncode) == (3, 3)
    assert "ENCRYPTED_DOCUMENT" in without.stderr
    assert "WRONG_PASSWORD" in wrong.stderr


def on_a_terminal(desk, *arguments, answers=()):
    """Call the command on a terminal and answer its questions; its exit status and all it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(desk.folder)
        os.execve(sys.executable, [*COMMAND, *map(str, arguments)], desk.environment | {"TERM": "xterm", "COLUMNS": "100"})
    shown, left = b"", list(answers)
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        shown += piece
        if left and shown.endswith(b": ") and b"Password of" in shown.splitlines()[-1]:
            os.write(terminal, left.pop(0) + b"\n")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_person_at_the_terminal_is_asked_for_the_password(desk):
    locked = documents.encrypted_pdf(desk.folder / "locked.pdf", "open sesame")
    status, shown = on_a_terminal(desk, locked, "-o", "a.md", answers=[b"wrong", b"open sesame"])
    assert status == 0, shown
    assert desk.text("a.md") == "Secret text\n"
    assert "Wrong password" in shown
    assert "sesame" not in shown


def test_a_question_is_ended_by_ctrl_c(desk):
    locked = documents.encrypted_pdf(desk.folder / "locked.pdf", "open sesame")
    status, shown = on_a_terminal(desk, locked, "-o", "a.md", answers=[b"\x03"])
    assert status == 130, shown
    assert "Traceback" not in shown


def test_a_terminal_shows_pages_and_documents_as_they_are_read(desk):
    status, shown = on_a_terminal(desk, SCAN, PAPER, "-o", "out")
    assert status == 0
    assert "0/2 pages" in shown
    assert "all documents" in shown
    assert "2 documents: 2 read" in shown


def test_a_broken_document_among_sound_ones_costs_itself_only(desk):
    text_pdf(desk.folder / "docs" / "a.pdf")
    (desk.folder / "docs" / "b.pdf").write_bytes(b"%PDF-1.7\nnothing of the kind")
    (desk.folder / "docs" / "c.pdf").write_bytes(b"")
    text_pdf(desk.folder / "docs" / "d.pdf")
    done = desk.parse("docs", "-o", "out", "--json")
    assert done.returncode == 1
    told = lines(done)
    assert [(Path(line["file"]).name, line["status"]) for line in told] == [
        ("a.pdf", "complete"),
        ("b.pdf", "failed"),
        ("c.pdf", "failed"),
        ("d.pdf", "complete"),
    ]
    assert told[0] | {"seconds": 0} == {
        "file": "docs/a.pdf",
        "status": "complete",
        "pages": 1,
        "failed_pages": [],
        "warnings": [],
        "output": "out/a.md",
        "outputs": ["out/a.md"],
        "tables": None,
        "seconds": 0,
        "error": None,
        "job_id": None,
    }
    assert [line["error"]["code"] for line in told[1:3]] == ["DAMAGED_DOCUMENT", "EMPTY_FILE"]
    assert desk.files() == ["a.md", "d.md"]
    assert "4 documents: 2 read, 2 not read" in done.stderr


def test_a_page_that_cannot_be_read_is_kept_as_failed(desk):
    documents.huge_stream_page_pdf(desk.folder / "a.pdf")
    done = desk.parse("a.pdf", "-o", "a.md", "--json", OPENER_MEMORY_MB="256")
    assert done.returncode == 1
    [told] = lines(done)
    assert (told["status"], told["pages"], told["failed_pages"]) == ("partial", 2, [2])
    assert told["warnings"] == [{"page": 2, "code": "page_failed"}]
    assert "A good page" in desk.text("a.md")
    assert "<!-- page 2 could not be read: PAGE_CRASHES_PARSER -->" in desk.text("a.md")


def test_a_file_that_may_not_be_read_is_named(desk):
    (desk.folder / "a.pdf").symlink_to("/proc/self/mem")
    done = desk.parse("a.pdf", "-o", "a.md", "--json")
    assert done.returncode == 3
    message = "The file cannot be read: Input/output error. Check its path and permissions."
    assert lines(done)[0]["error"] == {"code": "FILE_UNREADABLE", "message": message}


def test_a_place_that_cannot_be_written_is_named(desk):
    text_pdf(desk.folder / "a.pdf")
    (desk.folder / "taken").write_text("a file")
    done = desk.parse("a.pdf", "-o", "taken/a.md", "--json")
    assert done.returncode == 3
    assert lines(done)[0]["error"]["code"] == "OUTPUT_UNWRITABLE"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.pdf"], "no file or folder"),
        (["*.tiff"], "Nothing matches"),
        (["empty"], "no document in"),
        (["a.pdf", "--pages", "3-1"], "--pages: counts pages from 1 upwards"),
        (["a.pdf", "--mode", "sloppy"], "invalid choice"),
        (["a.pdf", "--json"], "Name a place for the documents with -o"),
        (["a.pdf", "b.pdf", "--format", "zip"], "Use -o"),
        (["a.pdf", "-o", "a.docx"], "Known extensions: .tables.json, .chunks.jsonl, .jsonl, .md"),
        (["a.pdf", "--table", "1"], "--format csv"),
        (["a.pdf", "--format", "csv", "-o", "a.zip", "--table", "1"], "Name a .csv"),
        (["a.pdf", "b.pdf", "--format", "csv"], "need a folder"),
        (["a.pdf", "b.pdf", "-o", "b.pdf"], "several results need a folder"),
        (["a.pdf", "-o", "./a.pdf", "--force", "--format", "text"], "would overwrite it"),
        (["a.pdf", "--password-file", "missing"], "cannot be read"),
        (["a.pdf", "--jobs", "0", "--server", "x"], "--jobs"),
        (["a.pdf", "--server", "ftp://x"], "http://host:port"),
        (["a.pdf", "--unheard-of"], "there is no option --unheard-of"),
        ([], "required"),
    ],
)
def test_a_command_line_that_cannot_be_followed_ends_with_2_and_reads_nothing(desk, arguments, says):
    text_pdf(desk.folder / "a.pdf")
    text_pdf(desk.folder / "b.pdf")
    (desk.folder / "empty").mkdir()
    done = desk.parse(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_nothing_read_at_all_ends_with_3(desk):
    (desk.folder / "a.pdf").write_bytes(b"%PDF-1.7\nnothing of the kind")
    assert desk.parse("a.pdf").returncode == 3
    (desk.folder / "b.psd").write_bytes(b"8BPS" + bytes(20))
    assert desk.parse("b.psd").returncode == 3
    assert desk.parse(PAPER, "--pages", "9").returncode == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_no_half_file_and_ends_with_130(desk, number):
    text_pdf(desk.folder / "docs" / "a.pdf")
    documents.scanned_pdf(desk.folder / "docs" / "b.pdf", [documents.PARAGRAPH * 5] * 60)
    running = desk.popen("docs", "-o", "out")
    wait_until(lambda: "a.md" in desk.files(), 60, "the first document is done")
    running.send_signal(number)
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 130
    assert desk.files() == ["a.md"]
    assert b"Traceback" not in complaint


def test_a_disk_that_is_full_leaves_the_old_result_and_no_half_one(desk):
    text_pdf(desk.folder / "a.pdf")
    whole = len(desk.parse("a.pdf", "--format", "json").stdout)
    (desk.folder / "out").mkdir()
    (desk.folder / "out" / "a.json").write_text("old")
    limit = whole - 40  # stands for a full disk: the pages themselves just fit
    done = subprocess.run(
        [*COMMAND, "a.pdf", "-o", "out/a.json", "--force"],
        cwd=desk.folder,
        env=desk.environment,
        capture_output=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 3, done.stderr
    assert b"OUTPUT_UNWRITABLE" in done.stderr
    assert desk.files() == ["a.json"]
    assert desk.text("out/a.json") == "old"


def test_a_reader_that_goes_away_ends_the_command_without_a_word(desk):
    running = desk.popen(PAPER, "--quiet")
    running.stdout.close()
    assert running.wait(60) == 141
    with running.stderr:
        assert running.stderr.read() == b""


def test_the_help_and_the_docs_list_every_exit_status_and_option():
    told = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    docs = (ROOT / "docs" / "cli.md").read_text()
    for status in ("0", "1", "2", "3", "4", "130"):
        assert re.search(rf"^  {status} ", told, re.MULTILINE)
        assert f"| {status} |" in docs
    for option in re.findall(r"--[a-z-]+", told):
        assert option == "--help" or f"`{option}" in docs, option


# --- with a server ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "wanted"),
    [(SCAN, "markdown"), *((PAPER, wanted) for wanted in ("markdown", "html", "tables", "text"))],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_same_document_reads_the_same_in_process_and_through_the_service(desk, service, path, wanted):
    here, there = desk.parse(path, "--format", wanted), desk.parse(path, "--format", wanted, "--server", url(service))
    assert (here.returncode, there.returncode) == (0, 0), there.stderr
    assert here.stdout == there.stdout


@pytest.mark.parametrize("name", ["plans.md", "plans.html", "plans.json"])
def test_figures_of_a_server_are_written_beside_the_result_as_in_process(desk, service, name):
    documents.illustrated_pdf(desk.folder / "a.pdf", pages=2)
    assert desk.parse("a.pdf", "-o", f"here/{name}").returncode == 0
    done = desk.parse("a.pdf", "-o", f"there/{name}", "--server", url(service))
    assert done.returncode == 0, done.stderr
    figures = [path.name for path in sorted((desk.folder / "here" / "plans.figures").iterdir())]
    assert len(figures) == 2
    for figure in figures:
        here, there = ((desk.folder / place / "plans.figures" / figure).read_bytes() for place in ("here", "there"))
        assert here == there, figure
    if name != "plans.json":
        assert desk.text(f"here/{name}") == desk.text(f"there/{name}")
        assert "plans.figures/page-0001-figure-1.jpg" in desk.text(f"there/{name}")
    assert desk.parse("a.pdf", "-o", "none/a.md", "--figures", "none", "--server", url(service)).returncode == 0
    assert [path.name for path in (desk.folder / "none").iterdir()] == ["a.md"]


def test_a_server_reads_a_folder_with_several_documents_in_flight(desk, service):
    for number in range(6):
        text_pdf(desk.folder / "docs" / f"{number}.pdf", f"Document {number}")
    (desk.folder / "docs" / "3.pdf").write_bytes(b"%PDF-1.7\nnothing of the kind")
    documents.huge_stream_page_pdf(desk.folder / "docs" / "4.pdf")
    done = desk.parse("docs", "-o", "out", "--json", "--server", url(service), "--jobs", "3")
    assert done.returncode == 1, done.stderr
    told = lines(done)
    assert [line["status"] for line in told] == ["complete"] * 3 + ["failed", "partial", "complete"]
    assert (told[3]["error"]["code"], told[4]["failed_pages"]) == ("DAMAGED_DOCUMENT", [2])
    assert told[4]["warnings"] == [{"page": 2, "code": "page_failed"}]
    assert desk.text("out/5.md") == "Document 5\n"
    assert desk.files() == ["0.md", "1.md", "2.md", "4.md", "5.md"]
    assert service.status(told[0]["job_id"])["filename"] == "0.pdf"


def test_several_documents_of_a_server_come_out_in_their_order(desk, service):
    slow = documents.scanned_pdf(desk.folder / "1.pdf", [documents.PARAGRAPH])
    quick = [text_pdf(desk.folder / f"{number}.pdf", f"Quick {number}.") for number in (2, 3)]
    done = desk.parse(slow, *quick, "--server", url(service))
    first, *others = done.stdout.split("\n\n")
    assert "agreement" in first
    assert others == ["Quick 2.", "Quick 3.\n"]


def test_a_server_reads_standard_input_and_opens_with_the_password(desk, service):
    locked = documents.encrypted_pdf(desk.folder / "locked.pdf", "open sesame")
    arguments = ("-", "--server", url(service))
    assert desk.parse(*arguments, "--password", "open sesame", stdin=locked.read_bytes()).stdout == "Secret text\n"
    assert desk.parse(*arguments, stdin=locked.read_bytes()).returncode == 3


def test_a_person_is_asked_for_the_password_of_a_document_at_the_server_too(desk, service):
    locked = documents.encrypted_pdf(desk.folder / "locked.pdf", "open sesame")
    text_pdf(desk.folder / "a.pdf")
    arguments = (locked, "a.pdf", "-o", "out", "--server", url(service))
    status, shown = on_a_terminal(desk, *arguments, answers=[b"wrong", b"open sesame"])
    assert status == 0, shown
    assert desk.text("out/locked.md") == "Secret text\n"
    assert desk.files() == ["a.md", "locked.md"]


def test_an_interrupted_command_cancels_its_jobs(desk, service):
    documents.scanned_pdf(desk.folder / "long.pdf", [documents.PARAGRAPH * 5] * 60)
    running = desk.popen("long.pdf", "-o", "long.md", "--server", url(service))

    def ours():
        return [job for job in service.client.get("/v1/jobs").json()["jobs"] if job["filename"] == "long.pdf"]

    wait_until(lambda: ours() and ours()[0]["status"] == "processing", 60, "the job runs")
    running.send_signal(signal.SIGINT)
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 130, complaint
    assert ours()[0]["status"] == "cancelled"
    assert not (desk.folder / "long.md").exists()
    assert b"Traceback" not in complaint


def test_a_server_that_is_away_ends_with_4(desk):
    done = desk.parse(PAPER, SCAN, "-o", "out", "--json", "--server", f"127.0.0.1:{free_port()}")
    assert done.returncode == 4
    assert [line["error"]["code"] for line in lines(done)] == ["SERVER_UNREACHABLE"] * 2


def test_a_server_that_refuses_ends_with_4_and_is_asked_once(desk):
    with peer(lambda asked: problem(403, "FORBIDDEN")) as refusing:
        done = desk.parse(PAPER, SCAN, "--server", refusing.url, "--jobs", "1")
    assert done.returncode == 4
    assert len(refusing.asked) == 1


def test_a_server_is_told_how_long_to_keep_a_document_and_here_nothing_is_kept(desk, service):
    here = desk.parse(PAPER, "--retention-hours", "1")
    assert here.returncode == 2
    assert "--retention-hours is for --server" in here.stderr
    there = desk.parse(
        PAPER, "-o", "out", "--json", "--server", f"http://127.0.0.1:{service.port}", "--retention-hours", "9999"
    )
    (line,) = lines(there)
    assert line["error"]["code"] == "INVALID_OPTION"
    assert "retention_hours" in line["error"]["message"]


def test_a_document_the_server_is_too_busy_for_is_sent_again(desk, service):
    with peer(forward(service, refuse_first=2)) as busy:
        done = desk.parse(PAPER, "--server", busy.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(TITLE)
    assert busy.paths()[:3] == ["POST /v1/process/async"] * 3


def test_several_files_are_sent_in_one_request_and_a_refused_one_says_why(desk, service):
    (desk.folder / "empty.txt").touch()
    with peer(forward(service, refuse_first=0)) as front:
        done = desk.parse(PAPER, SCAN, "empty.txt", "-o", "out", "--json", "--server", front.url, "--pages", "1")
    assert done.returncode == 1, done.stderr
    assert [line["error"] and line["error"]["code"] for line in lines(done)] == [None, None, "EMPTY_FILE"]
    assert [path for path in front.paths() if "/process/" in path] == ["POST /v1/process/batch"]


def test_the_token_comes_from_the_option_or_the_environment(desk):
    with peer(lambda asked: problem(403, "FORBIDDEN")) as refusing:
        desk.parse(PAPER, "--server", refusing.url, "--token", "given", DOCPARSE_TOKEN="kept")
        desk.parse(PAPER, "--server", refusing.url, DOCPARSE_TOKEN="kept")
        desk.parse(PAPER, "--server", refusing.url, DOCPARSE_TOKEN="kept", DOCPARSE_API_KEY="key")
    assert [one.headers["Authorization"] for one in refusing.asked] == ["Bearer given", "Bearer kept", "Bearer key"]


def forward(service, refuse_first):
    """A front that says 429 a few times and then passes on to the service."""
    left = [refuse_first]

    def behave(asked):
        if left[0]:
            left[0] -= 1
            return problem(429, "RATE_LIMITED", "1")
        kept = {name: value for name, value in asked.headers.items() if name in ("Content-Type", "Accept")}
        answer = service.client.request(asked.method, asked.path, content=asked.body, headers=kept)
        return Answer(answer.status_code, answer.content)

    return behave


# --- the library ------------------------------------------------------------------------------------------------------


def test_parse_gives_what_the_json_export_says(desk):
    document = document_parser.parse(PAPER, settings=CPU)
    told = json.loads(desk.parse(PAPER, "--format", "json").stdout)
    for page in told["pages"]:
        page["attempts"] = []
    for page in document.pages:
        page.attempts = []
    assert document.model_dump(mode="json") == told


def test_parse_tells_of_its_progress():
    heard = []
    document_parser.parse(PAPER, settings=CPU, on_progress=heard.append)
    assert [(told.current_page, told.total_pages, told.percent) for told in heard] == [(0, 2, 0), (1, 2, 50), (2, 2, 100)]
    assert heard[-1].text_layer_pages == 2


def test_parse_refuses_what_it_does_not_know():
    with pytest.raises(errors.InvalidOption, match="page_rage"):
        document_parser.parse(PAPER, settings=CPU, page_rage="1")
    with pytest.raises(FileNotFoundError):
        document_parser.parse("missing.pdf", settings=CPU)
    with pytest.raises(errors.NoSuchPages):
        document_parser.parse(PAPER, settings=CPU, page_range="7")


def test_parse_says_what_to_do_inside_an_event_loop():
    async def main():
        with pytest.raises(RuntimeError, match="parse_async"):
            document_parser.parse(PAPER, settings=CPU)
        return await document_parser.parse_async(PAPER, settings=CPU, page_range="2")

    assert [page.number for page in asyncio.run(main()).pages] == [2]


def test_a_page_beyond_its_deadline_is_a_failed_page():
    hasty = CPU.model_copy(update={"workers": WorkerSettings(page_timeout_seconds=0.001)})
    document = document_parser.parse(SCAN, settings=hasty)
    assert [(page.status, page.error.code) for page in document.pages] == [("failed", "PAGE_TIMEOUT")] * 2


class FaultySource:
    """A document of three pages; looking at the second one meets a fault of ours."""

    async def facts(self, number):
        if number == 2:
            raise ZeroDivisionError("secret words of the document")
        return PageFacts(number=number, width_points=595, height_points=842, characters=500)

    async def words(self, number):
        return []

    async def damage(self, number):
        return []

    async def render(self, number, spec, turn=0):
        raise AssertionError("no picture is asked for")


def test_a_fault_of_ours_costs_one_page():
    async def main():
        window = PageWindow(FaultySource(), Options(), Engines(CPU), CPU)
        return {page.number: page async for page in window.read([1, 2, 3])}

    pages = asyncio.run(main())
    assert [pages[number].status for number in (1, 2, 3)] == ["done", "failed", "done"]
    assert pages[2].error.code == "INTERNAL_ERROR"
    assert f"ZeroDivisionError at {Path(__file__).name}" in pages[2].error.message
    assert "secret" not in pages[2].error.message


def test_a_reader_reads_many_documents_and_keeps_pages_on_disk(tmp_path):
    documents.pdf_of_text(tmp_path / "a.pdf", [f"Page {number}" for number in range(1, 31)])

    async def main():
        async with DocumentParser(CPU) as reader:
            for _ in range(2):
                with await reader.read(tmp_path / "a.pdf") as document:
                    assert document.complete
                    assert [page.blocks[0].text for page in document.pages()] == [f"Page {n}" for n in range(1, 31)]

    asyncio.run(main())


def test_pages_come_out_ascending_in_whatever_order_they_were_finished():
    with ParseResult(Document(filename="a.pdf", media_type="application/pdf", page_count=3), Options(), 3) as document:
        for number in (2, 3, 1):
            document.keep(Page(number=number, status="failed" if number > 1 else "blank"))
        assert [page.number for page in document.document().pages] == [1, 2, 3]
        assert document.failed_pages == [2, 3]
        assert (document.progress.blank_pages, document.progress.failed_pages, document.progress.percent) == (1, 2, 100)


def test_many_pages_are_in_flight_at_a_model_server(tmp_path):
    path = documents.stamped_pdf(tmp_path / "a.pdf", range(1, 21))
    server = ModelServer(tokens=60)

    async def main():
        async with serving(server):
            settings = Settings(
                engines=EngineSettings(inference_mode="vllm"),
                deepseek=DeepSeekSettings(url=server.url),
                workers=WorkerSettings(page_concurrency=6),
            )
            return await document_parser.parse_async(path, settings=settings)

    pages = asyncio.run(main()).pages
    assert [(page.number, page.engine) for page in pages] == [(number, "deepseek") for number in range(1, 21)]
    assert 3 <= server.batch.most_running <= 6


def test_the_package_itself_loads_no_reading_library():
    code = "import sys, document_parser; document_parser.__version__; print('document_parser.pipeline' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
    with pytest.raises(AttributeError):
        _ = document_parser.nothing


def test_pages_that_are_held_are_written_as_those_that_are_read_back(monkeypatch):
    """A small document is written from memory; the bytes are the same as from disk, again and again."""

    async def written():
        async with DocumentParser(CPU) as parser:
            with await parser.read(PAPER) as document:
                return [_written(document, name) for name in ("markdown", "html", "markdown", "text", "html")]

    held = asyncio.run(written())
    monkeypatch.setattr(result, "MAX_HELD_BYTES", 0)
    assert held == asyncio.run(written())


def test_what_a_caller_does_to_pages_changes_nothing_that_is_written():
    async def read():
        async with DocumentParser(CPU) as parser:
            with await parser.read(PAPER) as document:
                before = _written(document, "markdown")
                for page in [*document.pages(), *document.document().pages]:
                    page.blocks[0].text = "changed"
                assert _written(document, "markdown") == before

    asyncio.run(read())


def _written(document, name):
    out = io.BytesIO()
    document.write(name, out)
    return out.getvalue()

"""Shows the whole service at work: starts it, sends it the sample documents, checks what comes back, stops it.

Run by ``make demo``. Needs no GPU, no network and no Redis; writes under ``demo-output/`` only. Ends with 0 when every check
holds, with 1 when one fails, with 2 when the service does not come up or does not answer.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import cycle
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

import httpx2

from document_parser.settings import environment_fields, load_settings

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "demo-output"
LOG = OUTPUT / "service.log"
START_SECONDS, READ_SECONDS, STOP_SECONDS = 90, 300, 45
"""How long the service may take to get ready, one document to be read, and everything to stop."""
HEAD_LINES = 14
NEXT = f"""
All is well. What to do next:

  make run                                serve on http://127.0.0.1:1233 and open that address in a browser
  {Path(sys.executable).parent}/docparse parse FILE.pdf
                                          read a document of your own here, without a service; --help says more
  README.md, docs/api.md, docs/cli.md     the HTTP API, the command, and how to run it for good
  demo-output/                            what was read just now, whole"""


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


# --- the service ------------------------------------------------------------------------------------------------------


@contextmanager
def service() -> Iterator[httpx2.Client]:
    """The service as a child process, and a client of it. Stopped again however the demo ends."""
    fresh_output()
    port = free_port()
    # A session of its own: Ctrl-C reaches this process only, which then stops the service in order.
    child = subprocess.Popen(
        [sys.executable, "-m", "document_parser.api"],
        cwd=OUTPUT,  # away from any .env
        env=environment(port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    log = Thread(target=keep_log, args=(child,), daemon=True)
    log.start()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            await_ready(client, child)
            yield client
    finally:
        stop(child, log)


def keep_log(child: subprocess.Popen[bytes]) -> None:
    """Write the service's output to the log until the last of its processes has closed it."""
    assert child.stdout is not None
    with LOG.open("wb", buffering=0) as log:
        for line in child.stdout:
            log.write(line)


def fresh_output() -> None:
    shutil.rmtree(OUTPUT / "data", ignore_errors=True)
    OUTPUT.mkdir(exist_ok=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(port: int) -> dict[str, str]:
    """The caller's environment without anything that would lead the service elsewhere."""
    ours = {name for _, name, _ in environment_fields()} | {"GUNICORN_CMD_ARGS", "WEB_CONCURRENCY"}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    return kept | {
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "DATA_DIR": str(OUTPUT / "data"),
        "TESSDATA_DIR": str(load_settings().language_packs_dir),  # where make has brought packs to
        "NUM_WORKERS": "2",
        "INFERENCE_MODE": "cpu",
        "LOG_FORMAT": "text",
    }


def await_ready(client: httpx2.Client, child: subprocess.Popen[bytes]) -> None:
    """Wait for the first yes of /v1/health/ready. Raises DemoFailed with the end of the log."""
    spinner = Spinner("Starting the service")
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(client):
        if child.poll() is not None:
            raise DemoFailed(f"The service ended with {child.returncode} while starting.\n{log_tail()}")
        if time.monotonic() > deadline:
            raise DemoFailed(f"The service was not ready after {START_SECONDS} seconds.\n{log_tail()}")
        spinner.turn()
        time.sleep(0.2)
    spinner.end(f"ready at {client.base_url}")


def is_ready(client: httpx2.Client) -> bool:
    try:
        return client.get("/v1/health/ready").is_success
    except httpx2.TransportError:
        return False


def stop(child: subprocess.Popen[bytes], log: Thread) -> None:
    """Ask the service to end and wait for all of it: its workers and its store stop after the web server has."""
    deadline = time.monotonic() + STOP_SECONDS
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    log.join(max(1.0, deadline - time.monotonic()))
    if log.is_alive():
        say(f"The service did not stop within {STOP_SECONDS} seconds.\n{log_tail()}")


def log_tail(lines: int = 20) -> str:
    """The last lines of the service's log, indented."""
    text = LOG.read_text(encoding="utf-8", errors="replace") if LOG.exists() else ""
    return "\n".join([f"The end of {LOG}:", *(f"    {line}" for line in text.splitlines()[-lines:])])


# --- the screen -------------------------------------------------------------------------------------------------------


def say(text: str = "") -> None:
    print(text, flush=True)


class Spinner:
    """A word with a turning mark; on anything but a terminal a plain line at its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.marks = cycle("|/-\\")
        self.live = sys.stdout.isatty()

    def turn(self) -> None:
        if self.live:
            print(f"\r{self.text} {next(self.marks)}", end="", flush=True)

    def end(self, text: str) -> None:
        say(f"{chr(13) if self.live else ''}{self.text}: {text}")


class Bar:
    """How many pages of a document are read; on anything but a terminal a plain line at each change."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.live = sys.stdout.isatty()
        self.last = ""

    def show(self, status: Mapping[str, Any]) -> None:
        progress = status["progress"]
        done, total = progress["current_page"], progress["total_pages"] or 0
        filled = round(24 * done / total) if total else 0
        text = f"{self.name:<10} [{'#' * filled}{'.' * (24 - filled)}] {done}/{total or '?'} pages  {status['status']}"
        if text != self.last:
            print(f"\r{text:<78}" if self.live else text, end="" if self.live else "\n", flush=True)
        self.last = text

    def end(self) -> None:
        if self.live:
            say()


# --- the documents ----------------------------------------------------------------------------------------------------


def submit(client: httpx2.Client, path: Path) -> str:
    """Upload a document; the id of its job. Raises DemoFailed."""
    with path.open("rb") as file:
        answer = client.post("/v1/process/async", files={"file": (path.name, file, "application/pdf")})
    job_id: str = expected(answer, 202)["job_id"]
    return job_id


def follow(client: httpx2.Client, job_id: str, name: str) -> None:
    """Show a job's progress until it has ended. Raises DemoFailed where it did not complete."""
    bar, deadline = Bar(name), time.monotonic() + READ_SECONDS
    while True:
        status = expected(client.get(f"/v1/jobs/{job_id}/status", params={"wait": 2}), 200)
        bar.show(status)
        if status["status"] in {"completed", "failed", "cancelled"}:
            break
        if time.monotonic() > deadline:
            raise DemoFailed(f"\n{name} was not read within {READ_SECONDS} seconds.\n{log_tail()}")
        time.sleep(0.1)
    bar.end()
    if status["status"] != "completed":
        raise DemoFailed(f"{name} was not read: {status['error']}\n{log_tail()}")


def markdown(client: httpx2.Client, job_id: str) -> str:
    """A finished job's Markdown. Raises DemoFailed."""
    text: str = expected(client.get(f"/v1/jobs/{job_id}/result"), 200)["markdown"]
    return text


def expected(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The JSON body of an answer with this status. Raises DemoFailed with the service's own words for any other."""
    if answer.status_code != status:
        raise DemoFailed(f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text[:500]}")
    body: dict[str, Any] = answer.json()
    return body


def show_head(name: str, text: str) -> None:
    say(f"\n--- {name} ---")
    for line in text.splitlines()[:HEAD_LINES]:
        say(line if len(line) <= 110 else f"{line[:109]}…")


# --- the checks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    """A sentence about a document's Markdown, and whether it is true."""

    sentence: str
    holds: Callable[[str], bool]


SIMILAR = 0.9
"""A text counts as found where nine in ten of its letters are: OCR takes an l for an I now and then."""


def plain(text: str) -> str:
    """Letters and digits only, small: OCR errs in spaces, capitals and stops most."""
    return re.sub(r"[\W_]+", "", text.casefold())


def place_of(phrase: str, text: str) -> int | None:
    """Return the place of a phrase in a text, in letters from its start; None if nothing is similar enough."""
    wanted, letters = plain(phrase), plain(text)
    exact = letters.find(wanted)
    if exact >= 0:
        return exact
    matcher = SequenceMatcher(autojunk=False, b=wanted)
    best, place = 0.0, None
    for start in range(len(letters) - len(wanted) + 1):
        matcher.set_seq1(letters[start : start + len(wanted)])
        if matcher.quick_ratio() > max(best, SIMILAR) and (ratio := matcher.ratio()) > best:
            best, place = ratio, start
    return place if best >= SIMILAR else None


def says(phrase: str) -> Check:
    return Check(f"says “{phrase}”", lambda text: place_of(phrase, text) is not None)


def has_row(*cells: str) -> Check:
    """Whether one row of a table, piped or HTML, has all these cells."""
    wanted = {plain(cell) for cell in cells}
    return Check(f"has a table row with {' and '.join(cells)}", lambda text: any(wanted <= row for row in rows(text)))


def rows(text: str) -> Iterator[set[str]]:
    for line in text.splitlines():
        if line.lstrip().startswith("|"):
            yield {plain(cell) for cell in line.split("|")}
    for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL):
        yield {plain(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)}


def has_table(*wanted: str) -> Check:
    """Whether a piped table has exactly these rows, each cell as it is printed; cells are parted by |."""
    table = "\n".join(f"| {row} |" for row in (wanted[0], " | ".join(["---"] * (wanted[0].count("|") + 1)), *wanted[1:]))
    cells = len(wanted) * (wanted[0].count("|") + 1)
    return Check(f"has every one of the {cells} cells of its table", lambda text: f"\n{table}\n" in text)


def has_formula(latex: str) -> Check:
    """Whether a formula of its own is this LaTeX."""
    return Check(f"has the formula {latex}", lambda text: f"$$\n{latex}\n$$" in text)


def in_order(sentence: str, *phrases: str) -> Check:
    """Whether all phrases are there, one after the other."""

    def holds(text: str) -> bool:
        places = [place_of(phrase, text) for phrase in phrases]
        found = [place for place in places if place is not None]
        return len(found) == len(phrases) and found == sorted(found)

    return Check(sentence, holds)


CHECKS: dict[str, tuple[Check, ...]] = {
    "scan": (
        says("Elevator Inspection Report"),
        says("Payment is due within thirty days of receipt"),
        has_table(
            "Item | Quantity | Unit price | Amount",
            "Brake lining | 2 | 148.50 | 297.00",
            "Door roller | 6 | 19.75 | 118.50",
            "Traction rope | 1 | 842.00 | 842.00",
            "Gear oil | 4 | 23.10 | 92.40",
            "Labour hours | 7 | 95.00 | 665.00",
            "Total |  |  | 2014.90",
        ),
        says("Caretakers record unusual noises in the logbook"),
        in_order(
            "gives the page that lies on its side second, from its heading on",
            "Keep this report with the elevator logbook",
            "Maintenance Schedule",
            "The spare keys hang beside the fuse cabinet",
        ),
    ),
    "paper": (
        says("Counting Swifts at Dusk: A Field Comparison of Three Methods in Four Small Towns"),
        in_order(
            "reads column one to its end before column two begins",
            "1 Introduction",
            "without moving the head by more than a quarter turn",
            "Counts took place on dry evenings with light wind",
            "4 Results",
        ),
        in_order(
            "carries the sentence on from page one to page two",
            "agreed even better once the rule about",
            "differences had been applied, but looking at the",
            "The number of breeding pairs was known in Greyford",
        ),
        has_table(
            "Town | Party | Camera | Entries",
            "Ashby Mill | 141 | 74 | 47",
            "Greyford | 58 | 31 | 22",
            "Lower Tarrant | 52 | 29 | 24",
            "Wexcombe | 6 | 5 | 5",
        ),
        has_formula(r"d=\frac{1}{n} \sum_{i=1}^{n}|a_{i}-b_{i}|"),
    ),
}


def report(name: str, text: str) -> bool:
    """Print a line per check; whether all hold."""
    results = [(check.holds(text), check.sentence) for check in CHECKS[name]]
    for good, sentence in results:
        say(f"{'✓' if good else '✗'} {name}.pdf {sentence}")
    return all(good for good, _ in results)


# --- the story --------------------------------------------------------------------------------------------------------


def demo() -> bool:
    """Read every sample; whether all checks hold."""
    texts: dict[str, str] = {}
    with service() as client:
        jobs = {name: submit(client, ROOT / "samples" / f"{name}.pdf") for name in CHECKS}
        for name, job_id in jobs.items():
            follow(client, job_id, f"{name}.pdf")
            texts[name] = markdown(client, job_id)
            (OUTPUT / f"{name}.md").write_text(texts[name], encoding="utf-8")
        for name in jobs:
            show_head(f"demo-output/{name}.md", texts[name])
        say("\nStopping the service")
    say()
    results = [report(name, text) for name, text in texts.items()]
    good = all(results)
    if good:
        say(NEXT)
    return good


def stop_asked(signal_number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo; its exit status."""
    signal.signal(signal.SIGTERM, stop_asked)
    try:
        return 0 if demo() else 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130
    except (DemoFailed, httpx2.HTTPError) as error:
        say(f"\n{error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())

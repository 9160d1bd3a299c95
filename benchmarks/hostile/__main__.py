"""What comes of files made to break readers; writes docs/benchmarks.md.

    python -m benchmarks.hostile [--corpus DIR] [--only BEGINNING] [--trial]

The corpus is data of its own and not part of the project: ``--corpus`` says where it lies. ``--only`` limits the run to paths
that begin so, and writes nothing, as ``--trial``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from document_parser.settings import cap_threads

cap_threads()  # before any numeric library is imported

from benchmarks.hostile.expected import DAMAGED_PDFS, Answer, Expected, faults_of, load_manifest  # noqa: E402
from benchmarks.hostile.reading import read_all  # noqa: E402
from benchmarks.hostile.repairable import repairable  # noqa: E402
from benchmarks.report import Report  # noqa: E402
from tests.support.documents import pdf_of_text  # noqa: E402

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "hostile"
MAX_PEAK_MIB = 1500
MIN_REPAIRED_SHARE = 0.95


def main() -> None:
    options = _options()
    if not (options.corpus / "MANIFEST.tsv").is_file():
        sys.exit("The corpus is not there: say where with --corpus.")
    rows = [row for row in load_manifest(options.corpus) if row.path.startswith(options.only)]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        good = pdf_of_text(Path(name) / "good.pdf", ["A good document."])
        answers, poisoned = read_all(options.corpus, rows, good)
    made = report(rows, answers, poisoned)
    add_repairs(made, options.corpus, [row.path for row in rows], answers)
    made.publish(trial=options.trial or bool(options.only))


def report(rows: list[Expected], answers: list[Answer], poisoned: list[str]) -> Report:
    """Return the table, with each answer that is worse than its row among the notes."""
    made = Report("hostile")
    pairs = zip(rows, answers, strict=True)
    faults = {answer.path: found for row, answer in pairs if (found := faults_of(answer, row))}
    made.at_least("files answered as the manifest says, or better", len(answers) - len(faults), len(answers), "{:.0f}")
    made.at_least("files after which a good document is read", len(answers) - len(poisoned), len(answers), "{:.0f}")
    kinds = Counter(kind for answer in answers for kind in _kinds(answer))
    made.tell("read in full, in part, refused", f"{kinds['read']}, {kinds['in part']}, {kinds['refused']}")
    peak = max(answers, key=lambda answer: answer.peak_mib)
    made.below("peak of any process", peak.peak_mib, MAX_PEAK_MIB, "{:.0f} MiB")
    slowest = max(answers, key=lambda answer: answer.seconds)
    made.tell("slowest file", f"{slowest.seconds:.0f} s ({slowest.path})")
    refused = Counter(answer.code for answer in answers if not answer.is_read)
    made.notes.append("Refusals: " + ", ".join(f"`{code}` {count}" for code, count in refused.most_common()) + ".")
    made.notes += [f"Worse than its row: `{path}`: {'; '.join(found)}." for path, found in faults.items()]
    made.notes.append(
        "One after the other, forty documents a process, without model servers and language packs; each is opened in a child "
        "of its own. A document that fails on every page counts as refused."
    )
    return made


def add_repairs(made: Report, corpus: Path, paths: list[str], answers: list[Answer]) -> None:
    """Add the share of damaged PDFs that are read and say ``repaired``, of those that qpdf makes readable."""
    damaged = list(dict.fromkeys(path for path in paths if path.startswith(DAMAGED_PDFS)))
    wanted = repairable(corpus, damaged)
    if not wanted:
        return
    found = {answer.path: answer for answer in answers}
    read = [path for path in wanted if found[path].is_read]
    said = [path for path in read if "repaired" in found[path].warnings]
    made.at_least(f"damaged PDFs read, of {len(wanted)} that qpdf makes readable", len(read) / len(wanted), MIN_REPAIRED_SHARE)
    made.at_least("of those, say `repaired`", len(said) / max(1, len(read)), 1.0)


def _kinds(answer: Answer) -> list[str]:
    if not answer.is_read:
        return ["refused"]
    return ["in part" if answer.failed or answer.warnings & {"cut_off", "damaged_data"} else "read"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="the hostile corpus, with its MANIFEST.tsv")
    parser.add_argument("--only", default="", help="paths of the corpus that begin so")
    parser.add_argument("--trial", action="store_true", help="print the table and write nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()

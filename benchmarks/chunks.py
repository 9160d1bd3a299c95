"""How tokens are counted, and what chunks cost: exact against tiktoken, and of a document of 2,000 pages.

    pip install tiktoken; python -m benchmarks.chunks [--texts FOLDER …] [--o200k o200k_base.tiktoken] [--pages 2000] [--trial]

tiktoken is needed for the comparison alone; it takes the vocabulary of this program, and that of o200k_base from a file, so
that nothing is fetched. Texts are the project's own documentation, its words of many languages, and all ``.txt`` and ``.md``
files below the folders.
"""

from __future__ import annotations

import argparse
import base64
import io
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import tiktoken

from benchmarks.report import Report
from document_parser.export import FORMATS
from document_parser.models import Block, BoundingBox, Document, Options, OutputFormat, Page
from document_parser.text.tokens import _PATTERN, count_tokens, ranks

ROOT = Path(__file__).resolve().parent.parent
O200K_PATTERN = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
"""How o200k_base splits a text (tiktoken_ext/openai_public.py)."""
SENTENCE = "The committee met on the first Monday of the month and approved number {number} of its {page} proposals. "


def texts_below(folders: list[Path]) -> list[str]:
    """All texts of some length."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in (".txt", ".md")]
    return [text for path in files if len(text := path.read_text(errors="replace")) >= 200]


def compare(report: Report, texts: list[str], o200k: Path | None) -> None:
    """Count all texts with this program and with tiktoken."""
    exact = tiktoken.Encoding("cl100k", pat_str=_PATTERN, mergeable_ranks=ranks(), special_tokens={})
    begun = time.perf_counter()
    ours = [count_tokens(text) for text in texts]
    seconds = time.perf_counter() - begun
    same = sum(count == len(exact.encode_ordinary(text)) for count, text in zip(ours, texts, strict=True))
    report.tell("texts, characters, tokens", f"{len(texts):,}, {sum(map(len, texts)):,}, {sum(ours):,}")
    report.at_least("share of texts counted as tiktoken counts them (cl100k_base)", same / len(texts), 1.0, "{:.4f}")
    report.tell("tokens counted a second", f"{sum(ours) / seconds:,.0f}")
    if o200k is None:
        return
    pairs = (line.split() for line in o200k.read_bytes().splitlines())
    known = {base64.b64decode(token): int(rank) for token, rank in pairs}
    other = tiktoken.Encoding("o200k", pat_str=O200K_PATTERN, mergeable_ranks=known, special_tokens={})
    counts = [len(other.encode_ordinary(text)) for text in texts]
    report.tell("tokens of o200k_base for one of cl100k_base, all texts", f"{sum(counts) / sum(ours):.3f}")
    report.tell("the same, the greatest of a text", f"{max(b / a for a, b in zip(ours, counts, strict=True)):.3f}")


def pages_of(count: int) -> Iterator[Page]:
    """Pages of headings, paragraphs and list items."""
    for page in range(1, count + 1):
        texts = ["".join(SENTENCE.format(number=number, page=page) for number in range(start, start + 6)) for start in range(6)]
        blocks = [Block(kind="heading", text=f"Session {page}", level=2)]
        blocks += [Block(kind="paragraph" if place % 3 else "list_item", text=text) for place, text in enumerate(texts)]
        box = BoundingBox.of(0.1, 0.1, 0.9, 0.2)
        yield Page(number=page, blocks=[block.model_copy(update={"box": box}) for block in blocks])


def cost(name: OutputFormat, count: int) -> tuple[float, float]:
    """Seconds, and the most MB of objects at once, of writing a document in a format; the file itself is not counted."""

    class Nowhere(io.RawIOBase):
        def write(self, data: object) -> int:
            return len(data)  # type: ignore[arg-type]

    head = Document(filename="minutes.pdf", media_type="application/pdf", page_count=count)
    begun = time.perf_counter()
    FORMATS[name].write(head, pages_of(count), Options(), Nowhere())  # type: ignore[arg-type]
    seconds = time.perf_counter() - begun
    tracemalloc.start()
    FORMATS[name].write(head, pages_of(count), Options(), Nowhere())  # type: ignore[arg-type]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return seconds, most / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, nargs="*", default=[])
    parser.add_argument("--o200k", type=Path)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--trial", action="store_true")
    given = parser.parse_args()
    report = Report("chunks")
    compare(report, texts_below([ROOT / "docs", ROOT / "benchmarks" / "drawn" / "words_of", *given.texts]), given.o200k)
    few, many = cost("chunks", given.pages // 10), cost("chunks", given.pages)
    report.tell(f"chunks of {given.pages:,} pages, in s", f"{many[0]:.1f}")
    report.tell("Markdown of the same, in s, the pages made included", f"{cost('markdown', given.pages)[0]:.1f}")
    what = f"memory of objects for chunks of {given.pages // 10:,} and of {given.pages:,} pages, MB"
    report.tell(what, f"{few[1]:.1f}, {many[1]:.1f}")
    report.publish(trial=given.trial)


if __name__ == "__main__":
    main()

"""Write one document with its schema and its data into a folder.

python -m benchmarks.extraction.drawn SEED --to FOLDER
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.extraction.drawn.documents import draw_paper


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("seed", type=int)
    parser.add_argument("--to", type=Path, required=True)
    given = parser.parse_args()
    paper = draw_paper(given.seed)
    given.to.mkdir(parents=True, exist_ok=True)
    path = given.to / f"{paper.kind}-{paper.seed}.pdf"
    path.write_bytes(paper.pdf)
    truth = {"schema": paper.schema, "data": paper.data, "blank": sorted(paper.blanks), "words": paper.words}
    path.with_suffix(".json").write_text(json.dumps(truth, ensure_ascii=False, indent=1))
    print(f"{path}: {paper.layout}, language {paper.language}, {paper.pages} pages, held out: {paper.is_held_out}")


if __name__ == "__main__":
    main()

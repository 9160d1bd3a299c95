"""Pages of which the whole text is known, and model servers that read them truly, or with a fault planted.

A server knows a page by its look: a small grey picture of it. It knows the lower part of a page by the same, so that it can
read the rest of a page from a crop. What it says is the page's true text in its model's own grammar.
"""

from __future__ import annotations

import html
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.models import Block, BoundingBox
from tests.support.vllm_server import ModelServer

SIGNATURE_WIDTH = 64
FAULTS = ("loop", "counting loop", "truncated", "lie", "changed number", "garbage", "empty", "hang")
LIES = (
    "Furthermore the lessee surrenders every claim against previous owners, including damages caused by storms or neglect.",
    "Scientists from Reykjavik confirmed yesterday that migrating whales communicate across several thousand kilometres.",
    "Passengers travelling towards Marseille should change platforms immediately because engineering works obstruct traffic.",
    "Der Verkäufer haftet außerdem für sämtliche Wasserschäden, sofern deren Ursache bereits vor Übergabe bekannt gewesen ist.",
    "Les voyageurs munis de bagages encombrants doivent emprunter le quai opposé jusqu'à la réouverture du passage souterrain.",
    "Los inquilinos deberán abonar cada trimestre cualquier desperfecto causado por animales domésticos o visitantes ruidosos.",
    "天文学家昨夜在智利的观测站发现了一颗围绕双星运行的冰冷行星，其表面覆盖着甲烷与氨的厚厚云层。",
)
"""Sentences, in several languages, that stand on none of the pages."""

Signature = NDArray[np.float32]


@dataclass
class TruePage:
    """A page and its text. ``fault`` is what each model's server does to it, by the model's name."""

    name: str
    blocks: Sequence[Block]
    signature: Signature
    fault: dict[str, str] = field(default_factory=dict)
    lie: str = LIES[0]
    planted: set[str] = field(default_factory=set)
    """Texts that do not stand on the page and that a server said."""

    def below(self, top: float) -> list[Block]:
        """What stands below this share of the page, its boxes as on the crop."""
        kept = [block for block in self.blocks if block.box is not None and (block.box.top + block.box.bottom) / 2 > top]
        return [block.model_copy(update={"box": _on_crop(block.box, top)}) for block in kept]


def _on_crop(box: BoundingBox | None, top: float) -> BoundingBox | None:
    if box is None:
        return None
    return BoundingBox.of(box.left, (box.top - top) / (1 - top), box.right, (box.bottom - top) / (1 - top))


def signature_of(picture: Image.Image) -> Signature:
    """The look of a picture: grey, SIGNATURE_WIDTH wide, as high as its shape asks for."""
    height = max(1, round(SIGNATURE_WIDTH * picture.height / picture.width))
    small = picture.convert("L").resize((SIGNATURE_WIDTH, height), Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(small, dtype=np.float32)


def plant(pages: Sequence[TruePage], share: float, models: Sequence[str], seed: int = 0) -> None:
    """Let every server go wrong on its own draw of so many pages, each fault as often as any other."""
    for model in models:
        chance = random.Random(f"{seed} {model}")
        chosen = chance.sample(range(len(pages)), round(share * len(pages)))
        for place, number in enumerate(chosen):
            pages[number].fault[model] = FAULTS[place % len(FAULTS)]
            pages[number].lie = chance.choice(LIES)


@dataclass
class KnowingServer(ModelServer):
    """A model server that knows the pages it will be shown."""

    pages: Sequence[TruePage] = ()
    cut_loops: int = 0

    def step(self, stamp: int | None, picture: bytes) -> str:
        page, _ = self.recognised(picture)
        steps = {"hang": "stall", "truncated": "truncate", "garbage": "garbage", "empty": "empty"}
        return steps.get(page.fault.get(self.grammar, ""), "ok")

    def text(self, picture: bytes, key: int, limit: int, outcome: str) -> str:
        if outcome in ("garbage", "empty"):
            return super().text(picture, key, limit, outcome)
        page, top = self.recognised(picture)
        blocks = page.below(top) if top else list(page.blocks)
        written = WRITTEN[self.grammar]
        match page.fault.get(self.grammar):
            case "loop":
                return written(blocks[: len(blocks) // 2]) + " and the total of the second quarter" * (limit // 6)
            case "counting loop":
                lines = (f"{number}. the total of the second quarter\n" for number in range(1, limit // 8))
                return written(blocks[: len(blocks) // 2]) + "\n\n" + "".join(lines)
            case "lie":
                return written(self._with_lie(page, blocks))
            case "changed number":
                return written(self._with_other_number(page, blocks))
        return written(blocks)

    def recognised(self, picture: bytes) -> tuple[TruePage, float]:
        """The page whose picture this is, and from where down it shows it."""
        with Image.open(io.BytesIO(picture)) as opened:
            look = signature_of(opened)
        return min(((page, _top(look, page)) for page in self.pages), key=lambda found: _unlike(look, *found))

    def _with_lie(self, page: TruePage, blocks: Sequence[Block]) -> list[Block]:
        page.planted.add(page.lie)
        place = len(blocks) // 2
        box = blocks[place].box if blocks else None
        return [*blocks[:place], Block(kind="paragraph", text=page.lie, box=box), *blocks[place:]]

    def _with_other_number(self, page: TruePage, blocks: Sequence[Block]) -> list[Block]:
        """The first long number of the page with one digit changed; a lie where there is none."""
        copied = [block.model_copy(deep=True) for block in blocks]
        for part in (part for block in copied for part in (block, *(block.table.cells if block.table else ()))):
            for word in part.text.split():
                digits = [place for place, character in enumerate(word) if character.isdecimal()]
                if len(digits) >= 4 and page_text(page.blocks).count(word) == 1:
                    place = digits[1]
                    other = word[:place] + str((int(word[place]) + 3) % 10) + word[place + 1 :]
                    if other in page_text(page.blocks):
                        continue
                    page.planted.add(other)
                    part.text = part.text.replace(word, other)
                    return copied
        return self._with_lie(page, blocks)


def _top(look: Signature, page: TruePage) -> float:
    missing = len(page.signature) - len(look)
    return missing / len(page.signature) if missing > 2 else 0.0


def _unlike(look: Signature, page: TruePage, top: float) -> float:
    part = page.signature[len(page.signature) - len(look) :] if top else page.signature
    if abs(len(part) - len(look)) > 2:
        return float("inf")
    rows = min(len(part), len(look))
    return float(np.abs(part[:rows] - look[:rows]).mean())


def page_text(blocks: Sequence[Block]) -> str:
    """All texts of the blocks and of the cells of their tables."""
    parts = (part.text for block in blocks for part in (block, *(block.table.cells if block.table else ())))
    return "\n".join(filter(None, parts))


def as_deepseek(blocks: Sequence[Block]) -> str:
    """The blocks as DeepSeek-OCR writes them."""
    return "\n".join(
        f"<|ref|>{_label(block)}<|/ref|><|det|>[[{_grid(block.box)}]]<|/det|>\n{_content(block)}\n" for block in blocks
    )


def as_nanonets(blocks: Sequence[Block]) -> str:
    """The blocks as Nanonets-OCR2 writes them."""
    return "\n\n".join(_content(block) for block in blocks)


LABELS = {
    "title": "title",
    "heading": "sub_title",
    "table": "table",
    "formula": "equation",
    "page_header": "header",
    "page_footer": "footer",
}
WRITTEN: dict[str, Callable[[Sequence[Block]], str]] = {"deepseek": as_deepseek, "nanonets": as_nanonets}


def _label(block: Block) -> str:
    return LABELS.get(block.kind, "text")


def _grid(box: BoundingBox | None) -> str:
    edges = (box.left, box.top, box.right, box.bottom) if box else (0.0, 0.0, 1.0, 1.0)
    return ", ".join(str(round(999 * edge)) for edge in edges)


def _content(block: Block) -> str:
    if block.kind == "formula":
        return f"\\[ {block.text} \\]"
    if block.table is None:
        return "# " + block.text if block.kind in ("title", "heading") else block.text
    rows: dict[int, list[str]] = {}
    for cell in block.table.cells:
        span = "".join(
            f' {name}="{count}"' for name, count in (("rowspan", cell.row_span), ("colspan", cell.column_span)) if count > 1
        )
        rows.setdefault(cell.row, []).append(f"<td{span}>{html.escape(cell.text)}</td>")
    return "<table>" + "".join("<tr>" + "".join(cells) + "</tr>" for _, cells in sorted(rows.items())) + "</table>"

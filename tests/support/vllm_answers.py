"""What the simulated model servers say: deterministic text in each model's own grammar."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Literal

from document_parser.models import GrammarName

Grammar = Literal["deepseek", "nanonets", GrammarName]
MODELS: dict[Grammar, str] = {"deepseek": "deepseek-ai/DeepSeek-OCR", "nanonets": "nanonets/Nanonets-OCR2-3B"}
"""The names under which servers serve the models, as the settings have them by default."""
VLM_MODELS: dict[GrammarName, str] = {
    "markdown": "allenai/olmOCR-2-7B-1025",
    "html": "Qwen/Qwen3-VL-8B-Instruct",
    "chandra": "datalab-to/chandra-ocr-2",
    "lighton": "lightonai/LightOnOCR-3-4B",
    "paddleocr_vl": "PaddlePaddle/PaddleOCR-VL",
    "dots_mocr": "rednote-hilab/dots.mocr",
    "mineru": "opendatalab/MinerU2.5-2509-1.2B",
}
"""A model for each form of answers that the engine ``vlm`` reads."""

SPECIAL_TOKEN = re.compile(r"<\|[^<>|]{1,40}\|>")
"""What the other models lose without their special tokens."""
SPECIAL = re.compile(r"<\|/?(?:ref|det|grounding)\|>|</?t[dr]>")
WORDS = re.findall(
    r"\w+",
    "river table engine paper winter market letter garden signal copper bridge window number harbour village season "
    "record account pressure method result figure sample total quarter margin surface printer library morning",
)


def tokens_of(text: str) -> list[str]:
    """The text in pieces of about the size of a model's tokens. Joined they give the text again."""
    return re.findall(r"\s*\S{1,5}|\s+", text)


def answer_for(value: int, grammar: Grammar, tokens: int = 300) -> str:
    """What the model reads on the page with this stamp: about so many tokens, the same every time."""
    chance = random.Random(value)
    texts = _paragraphs(chance, value, tokens)
    return WRITERS[grammar](value, texts)


def loop_for(value: int, grammar: Grammar, tokens: int) -> str:
    """An answer that starts well and then says one phrase over and over, until it has this many tokens."""
    start = answer_for(value, grammar, 60)
    phrase = " and the total of the second quarter"
    return start + phrase * (tokens // len(tokens_of(phrase)) + 1)


def garbage_for(value: int) -> str:
    """Text that follows no grammar: tags opened and never closed, boxes that are none."""
    noise = random.Random(value)
    parts = ["<|ref|>", "<|det|>[[1,2,", "<table><tr><td>", "]]<|/det|>", "</div>", "\x00", "｜", "&#x110000;", "word"]
    return " ".join(noise.choice(parts) for _ in range(60)) + "<table><tr><td>"


def _paragraphs(chance: random.Random, value: int, tokens: int) -> list[str]:
    texts, spent = [f"This page carries stamp-{value} and nothing else."], 60
    while spent < tokens:
        words = [chance.choice(WORDS) for _ in range(30)]
        words[::10] = [f"u{value}n{len(texts)}{letter}" for letter in "abc"]
        texts.append(" ".join(words).capitalize() + ".")
        spent += len(tokens_of(texts[-1])) + 12
    return texts


def _deepseek(value: int, texts: list[str]) -> str:
    step = 860 // (len(texts) + 1)
    parts = [f"<|ref|>title<|/ref|><|det|>[[100, 60, 900, 100]]<|/det|>\n# Report stamp-{value}\n"]
    for index, text in enumerate(texts):
        top = 120 + index * step
        parts.append(f"<|ref|>text<|/ref|><|det|>[[100, {top}, 900, {top + step - 6}]]<|/det|>\n{text}\n")
    return "\n".join(parts)


def _nanonets(value: int, texts: list[str]) -> str:
    table = (
        "<table><thead><tr><th>Item</th><th>Amount</th></tr></thead><tbody>"
        f"<tr><td>stamp-{value}</td><td>{value % 997}.20</td></tr></tbody></table>"
    )
    return "\n\n".join([f"# Report stamp-{value}", *texts, table, f"<page_number>{value}</page_number>"])


CELLS = '<tr><th rowspan="2">Item</th><th colspan="2">Year</th></tr><tr><td>2024</td><td>2025</td></tr>'
"""Rows of a table with spans."""


def text_of_layout(value: int, tokens: int = 60) -> str:
    """What MinerU's two steps give for the page with this stamp, once the layout and the regions are joined."""
    texts = _paragraphs(random.Random(value), value, tokens)
    lines = answer_for(value, "mineru", tokens).splitlines()
    return "\n".join(f"{line}\n{text}" for line, text in zip(lines, [f"Report stamp-{value}", *texts, _OTSL], strict=True))


def _bands(texts: list[str]) -> list[tuple[int, int]]:
    """The top and bottom of each paragraph, of 0 to 1000."""
    step = 600 // len(texts)
    return [(120 + step * index, 114 + step * (index + 1)) for index in range(len(texts))]


def _markdown(value: int, texts: list[str]) -> str:
    return "\n\n".join([f"# Report stamp-{value}", *texts, f"<table>{CELLS}</table>"])


def _html(value: int, texts: list[str]) -> str:
    parts = [f'<h1 data-bbox="100 60 900 100">Report stamp-{value}</h1>']
    parts += [
        f'<p data-bbox="100 {top} 900 {bottom}">{text}</p>' for text, (top, bottom) in zip(texts, _bands(texts), strict=True)
    ]
    return "\n".join([*parts, f'<table data-bbox="100 800 900 900">{CELLS}</table>'])


def _chandra(value: int, texts: list[str]) -> str:
    parts = [f'<div data-bbox="100 60 900 100" data-label="Section-Header"><h1>Report stamp-{value}</h1></div>']
    for text, (top, bottom) in zip(texts, _bands(texts), strict=True):
        parts.append(f'<div data-bbox="100 {top} 900 {bottom}" data-label="Text"><p>{text}</p></div>')
    return "\n".join([*parts, f'<div data-bbox="100 800 900 900" data-label="Table"><table>{CELLS}</table></div>'])


def _lighton(value: int, texts: list[str]) -> str:
    parts = [f"![title](100,60,900,100) # Report stamp-{value}"]
    parts += [f"![text](100,{top},900,{bottom}) {text}" for text, (top, bottom) in zip(texts, _bands(texts), strict=True)]
    return "\n".join([*parts, f"![table](100,800,900,900) <table>{CELLS}</table>"])


_OTSL = "<fcel>Item<fcel>Year<lcel><nl><ucel><fcel>2024<fcel>2025<nl>"


def _paddleocr_vl(value: int, texts: list[str]) -> str:
    return "\n\n".join([f"Report stamp-{value}", *texts, _OTSL])


def _dots_mocr(value: int, texts: list[str]) -> str:
    """Boxes in pixels of an image of 1000 x 1000; tests that look at boxes write their own."""
    elements = [{"bbox": [100, 60, 900, 100], "category": "Title", "text": f"# Report stamp-{value}"}]
    for text, (top, bottom) in zip(texts, _bands(texts), strict=True):
        elements.append({"bbox": [100, top, 900, bottom], "category": "Text", "text": text})
    return json.dumps([*elements, {"bbox": [100, 800, 900, 900], "category": "Table", "text": f"<table>{CELLS}</table>"}])


def _mineru(value: int, texts: list[str]) -> str:
    """The layout alone."""
    del value
    boxes = [
        ("060", "100", "title"),
        *((f"{top:03}", f"{bottom:03}", "text") for top, bottom in _bands(texts)),
        ("800", "900", "table"),
    ]
    return "\n".join(
        f"<|box_start|>100 {top} 900 {bottom}<|box_end|><|ref_start|>{kind}<|ref_end|><|rotate_up|>"
        for top, bottom, kind in boxes
    )


WRITERS: dict[Grammar, Callable[[int, list[str]], str]] = {
    "deepseek": _deepseek,
    "nanonets": _nanonets,
    "markdown": _markdown,
    "html": _html,
    "chandra": _chandra,
    "lighton": _lighton,
    "paddleocr_vl": _paddleocr_vl,
    "dots_mocr": _dots_mocr,
    "mineru": _mineru,
}
"""How each model writes a page."""

"""What the simulated model servers say: deterministic text in each model's own grammar."""

from __future__ import annotations

import random
import re
from typing import Literal

Grammar = Literal["deepseek", "nanonets"]
MODELS: dict[Grammar, str] = {"deepseek": "deepseek-ai/DeepSeek-OCR", "nanonets": "nanonets/Nanonets-OCR2-3B"}
"""The names under which servers serve the models, as the settings have them by default."""

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
    return _deepseek(value, texts) if grammar == "deepseek" else _nanonets(value, texts)


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

"""The forms in which vision-language models answer: a pure parser for each, and what its model wants to be sent."""

from __future__ import annotations

import re

from document_parser.engines.vlm.grammars import chandra, dots_mocr, html, lighton, mineru, paddleocr_vl
from document_parser.engines.vlm.grammars.grammar import Grammar, PictureSize, Scale
from document_parser.engines.vlm.grammars.markdown import PROMPT as MARKDOWN_PROMPT
from document_parser.engines.vlm.grammars.markdown import parse_markdown
from document_parser.models import GrammarName

GRAMMARS: dict[GrammarName, Grammar] = {
    "markdown": Grammar(parse_markdown, MARKDOWN_PROMPT),
    "html": Grammar(html.parse_html, html.PROMPT, mark=html.MARK),
    "chandra": Grammar(
        chandra.parse_chandra,
        chandra.PROMPT,
        PictureSize(dpi=192, long_side=3072, short_side=1024, max_pixels=3072 * 2048, multiple=28),
        mark=html.MARK,
    ),
    "lighton": Grammar(lighton.parse_lighton, lighton.PROMPT, PictureSize(dpi=250, long_side=2048), extra=lighton.EXTRA),
    "paddleocr_vl": Grammar(
        paddleocr_vl.parse_paddleocr_vl,
        paddleocr_vl.PROMPT,
        PictureSize(dpi=144, long_side=1664, multiple=28),
        extra={"skip_special_tokens": False},
    ),
    "dots_mocr": Grammar(
        dots_mocr.parse_dots_mocr,
        dots_mocr.PROMPT,
        PictureSize(dpi=200, long_side=3000, max_pixels=dots_mocr.MAX_PIXELS, multiple=28),
        box_scale=0,
        mark=dots_mocr.MARK,
    ),
    "mineru": Grammar(
        mineru.parse_mineru, mineru.PROMPT, PictureSize(dpi=200, long_side=2600), mark=mineru.MARK, extra=mineru.EXTRA
    ),
}
"""All forms by name."""

START = r"\A\s{0,50}(?:```\w{0,10}\s{1,5})?"
"""The start of an answer. What a page merely quotes of another form is no sign of it."""
FORMS: tuple[tuple[re.Pattern[str], GrammarName | None, str], ...] = (
    (re.compile(r"<\|box_start\|>\s{0,5}\d"), "mineru", "regions as MinerU writes them"),
    (re.compile(r"<\|LOC_\d"), "paddleocr_vl", "places as PaddleOCR-VL writes them"),
    (re.compile(r"<(?:fcel|ecel|nl)>"), "paddleocr_vl", "tables in OTSL"),
    (re.compile(r"<\|ref\|>|<\|det\|>"), None, "boxes as DeepSeek-OCR writes them; its address goes into VLLM_DEEPSEEK_URL"),
    (re.compile(START + r"<div\b[^<>]{0,400}\bdata-label="), "chandra", "HTML with labels as Chandra writes it"),
    (re.compile(START + r"(?:<[^<>]{0,400}>\s{0,20}){0,5}<\w+\b[^<>]{0,400}\bdata-bbox="), "html", "HTML with boxes"),
    (re.compile(START + lighton.PART.pattern), "lighton", "places as LightOnOCR writes them"),
    (re.compile(START + r'\[?\s{0,20}\{\s{0,20}"bbox"\s{0,5}:'), "dots_mocr", "a JSON list as dots.mocr writes it"),
)
"""What shows the form of an answer, in the order in which it is looked for: pattern, grammar, and what to call it."""
READABLE: dict[GrammarName, frozenset[GrammarName]] = {
    "html": frozenset({"chandra"}),
    "chandra": frozenset({"html"}),
    "mineru": frozenset({"paddleocr_vl"}),
}
"""Forms that a grammar reads as well as its own."""
KNOWN_MODELS: dict[str, GrammarName] = {
    "lightonocr": "lighton",
    "chandra": "chandra",
    "paddleocr-vl": "paddleocr_vl",
    "dots.ocr": "dots_mocr",
    "dots.mocr": "dots_mocr",
    "dots-ocr": "dots_mocr",
    "mineru2": "mineru",
    "olmocr": "markdown",
    "nanonets-ocr": "markdown",
}
"""Parts of models' names, in lower case, and the form in which these models answer."""


def grammar_of_model(model: str) -> GrammarName | None:
    """Return the form in which the model of this name answers; None if it is not known."""
    name = model.lower()
    return next((grammar for part, grammar in KNOWN_MODELS.items() if part in name), None)


def problem_of_answer(name: GrammarName, text: str) -> str:
    """Return why an answer is not in this form, and what to set instead; empty if it may be. Quotes nothing of the answer."""
    if not text.strip():
        return ""
    found = next((form for form in FORMS if form[0].search(text)), None)
    if found is not None and found[1] != name and found[1] not in READABLE.get(name, ()):
        advice = f" Set VLLM_VLM_GRAMMAR={found[1]}." if found[1] else ""
        return f"The model's answer is not in the form that VLLM_VLM_GRAMMAR={name} expects: it has {found[2]}.{advice}"
    mark = GRAMMARS[name].mark
    if mark is not None and mark.search(text) is None:
        return (
            f"The model's answer has nothing of the form that VLLM_VLM_GRAMMAR={name} expects. "
            "Set VLLM_VLM_GRAMMAR and VLLM_VLM_PROMPT to those of the model; docs/engines.md lists them."
        )
    return ""


__all__ = ["GRAMMARS", "Grammar", "PictureSize", "Scale", "grammar_of_model", "problem_of_answer"]

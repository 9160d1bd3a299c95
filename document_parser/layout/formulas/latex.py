"""Write the words of a formula, given from left to right, as LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from document_parser.models import Word

FUNCTIONS = frozenset(
    re.split(
        " ",
        "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max min Pr"
        " sec sin sinh sup tan tanh",
    )
)
"""Names of functions for which LaTeX has a command of the same name."""
OPERATORS_WITH_LIMITS = frozenset("∑∏∐⋃⋂⋁⋀∫∮")
"""Large operators whose limits are set above and below them."""

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi . pi rho varsigma sigma tau upsilon varphi chi"
    " psi omega"
)
_LARGE_GREEK = ". . Gamma Delta . . . Theta . . Lambda . . Xi . Pi . . Sigma . Upsilon Phi . Psi Omega"
_OTHERS = (
    "ϵ epsilon,ϕ phi,ϑ vartheta,ϖ varpi,ϱ varrho,∂ partial,∞ infty,∑ sum,∏ prod,∐ coprod,∫ int,∮ oint,√ surd,∇ nabla,± pm,"
    "∓ mp,× times,÷ div,· cdot,⋅ cdot,∗ ast,⋆ star,∘ circ,∙ bullet,≤ leq,≥ geq,⩽ leq,⩾ geq,≪ ll,≫ gg,≠ neq,≈ approx,≃ simeq,"
    "∼ sim,≅ cong,≡ equiv,∝ propto,→ to,← leftarrow,↔ leftrightarrow,⇒ Rightarrow,⇐ Leftarrow,⇔ Leftrightarrow,↦ mapsto,"
    "↑ uparrow,↓ downarrow,∈ in,∉ notin,∋ ni,⊂ subset,⊃ supset,⊆ subseteq,⊇ supseteq,∪ cup,∩ cap,⋃ bigcup,⋂ bigcap,∅ emptyset,"
    "∀ forall,∃ exists,¬ neg,∧ wedge,∨ vee,⊕ oplus,⊗ otimes,⊙ odot,⊥ perp,⊤ top,∥ parallel,‖ |,⟨ langle,⟩ rangle,⌊ lfloor,"
    "⌋ rfloor,⌈ lceil,⌉ rceil,… dots,⋯ cdots,⋮ vdots,† dagger,‡ ddagger,ℏ hbar,ħ hbar,ℓ ell,ℜ Re,ℑ Im,ℵ aleph,′ prime,⊢ vdash,"
    "⊨ models,△ triangle,⊎ uplus,⊓ sqcap,⊔ sqcup,≺ prec,≻ succ,∖ setminus,⋁ bigvee,⋀ bigwedge,◦ circ"
)
_COMMANDS = {
    **{chr(0x3B1 + place): f"\\{name}" for place, name in enumerate(_GREEK.split()) if name != "."},
    **{chr(0x391 + place): f"\\{name}" for place, name in enumerate(_LARGE_GREEK.split()) if name != "."},
    **{pair[0]: f"\\{pair[2:]}" for pair in _OTHERS.split(",")},
    **{character: f"\\{character}" for character in "{}%#&_$"},
    "\\": "\\backslash", "−": "-", "^": "\\hat{}", "µ": "\\mu", "⟦": "[[", "⟧": "]]",
}  # fmt: skip
"""The LaTeX of characters, with a leading backslash for commands."""
_KEPT = frozenset("ϵϕϑϖϱℏℓℜℑ…ħ")
"""Characters that stay as they are if no command is known for them."""
_ACCENT_FORMS = {
    "hat": ("\u0302", "^ˆ"), "tilde": ("\u0303", "~˜"), "bar": ("\u0304", "¯"), "dot": ("\u0307", "˙"),
    "ddot": ("\u0308", "¨"), "check": ("\u030c", "ˇ"), "vec": ("\u20d7", ""), "breve": ("\u0306", "˘"),
    "mathring": ("\u030a", "˚"), "acute": ("\u0301", "´"), "grave": ("\u0300", "`"),
}  # fmt: skip
"""LaTeX accent command → (combining character, standalone characters)."""
_ACCENTS = {form: (mark, command) for command, (mark, forms) in _ACCENT_FORMS.items() for form in (mark, *forms)}
_ACCENTED = re.compile(rf"[^\W\d_][{re.escape(''.join(_ACCENTS))}]|[{re.escape(''.join(_ACCENTS))}][^\W\d_]")
_DOTS = re.compile(r"\\cdot\s*\\cdot\s*\\cdot(?![a-z])\s*")
_COMMAND_AT_END = re.compile(r"\\[A-Za-z]+$")


class Latex(Word):
    """A word of a formula whose text is LaTeX already."""


def is_accent(text: str) -> bool:
    """Return whether a word is only an accent that belongs above a letter."""
    return text in _ACCENTS


def add_accent(accent: str, base: Word) -> Word:
    """Return a letter with an accent above it: as LaTeX in a formula, as one composed character in text."""
    mark, command = _ACCENTS[accent]
    if base.math:
        return Latex(*base._replace(text=f"\\{command}{{{latex_of(base)}}}"))
    return base._replace(text=unicodedata.normalize("NFC", base.text[0] + mark + base.text[1:]))


def latex_of(word: Word) -> str:
    """Return one word as LaTeX. A word of several upright letters in a plain font becomes ``mathrm``."""
    if isinstance(word, Latex):
        return word.text
    if word.text in FUNCTIONS:
        return f"\\{word.text}"
    if word.math and len(word.text) > 1 and (accented := _ACCENTED.search(word.text)):
        letter, mark = sorted(accented[0], key=is_accent)
        head, tail = (word._replace(text=part) for part in (word.text[: accented.start()], word.text[accented.end() :]))
        return f"{latex_of(head)}\\{_ACCENTS[mark][1]}{{{latex_of_character(letter).strip()}}}{latex_of(tail)}"
    text = "".join(latex_of_character(character) for character in word.text)
    letters = sum(character.isalpha() for character in word.text)
    return f"\\mathrm{{{text}}}" if letters > 1 and not (word.math or word.italic) else text


def latex_of_character(character: str) -> str:
    """Return one character as LaTeX; a command of letters ends with a space."""
    if character in _COMMANDS:
        command = _COMMANDS[character]
        return f"{command} " if command[-1].isalpha() else command
    if character in _KEPT or character.isascii():
        return character
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain.isascii() and plain.isalnum() else "".join(_COMMANDS.get(part, part) for part in plain)


def join_latex(words: Sequence[Word]) -> str:
    """Return words as one piece of LaTeX, empty if there are none.

    A space separates two words only if letters or numbers would run together. ``words`` are in points, from left to right.
    """
    if not words:
        return ""
    pieces = [latex_of(words[0]).strip()]
    for before, word in pairwise(words):
        piece = latex_of(word).strip()
        if piece and pieces[-1] and _needs_space(pieces[-1], piece, word.left - before.right > 0.2 * word.size_points):
            pieces.append(" ")
        pieces.append(piece)
    return _DOTS.sub("\\\\cdots ", "".join(pieces)).replace("...", "\\ldots ").strip()


def _needs_space(before: str, after: str, apart: bool) -> bool:
    """Return whether a space must separate two pieces of LaTeX. ``apart`` says that the page shows a gap between them."""
    if _COMMAND_AT_END.search(before) and after[0].isalpha():
        return True
    return apart and (before[-1].isalnum() or before[-1] in "})") and (after[0].isalnum() or after[0] == "\\")

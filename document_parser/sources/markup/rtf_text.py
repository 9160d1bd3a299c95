"""The characters of RTF: bytes of a font's encoding, Unicode in pairs, symbols. Runs in the opener child."""

from __future__ import annotations

import codecs

_CHARSETS = {
    0: "cp1252", 77: "mac_roman", 78: "cp932", 79: "cp949", 80: "cp936", 81: "big5hkscs", 128: "cp932", 129: "cp949",
    130: "johab", 134: "gb18030", 136: "big5hkscs", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256",
    186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
"""Encodings by the number that ``\\fcharset`` gives. Source: Rich Text Format Specification 1.9.1."""
SYMBOL_CHARSET = 2
_PAGES = {
    10000: "mac_roman",
    10001: "shift_jis",
    10007: "mac_cyrillic",
    936: "gb18030",
    950: "big5hkscs",
    65001: "utf-8",
    709: "cp1256",
}
_SYMBOL_LETTERS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "αβχδεφγηιϕκλμνοπθρστυϖωξψζΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ",
        strict=True,
    )
)
_SYMBOL_SIGNS = {
    0xA3: "≤", 0xA5: "∞", 0xAB: "↔", 0xAC: "←", 0xAD: "↑", 0xAE: "→", 0xAF: "↓", 0xB0: "°", 0xB1: "±", 0xB3: "≥", 0xB4: "×",
    0xB5: "∝", 0xB6: "∂", 0xB7: "•", 0xB8: "÷", 0xB9: "≠", 0xBA: "≡", 0xBB: "≈", 0xBC: "…", 0xC5: "⊕", 0xC6: "∅", 0xC7: "∩",
    0xC8: "∪", 0xCC: "⊂", 0xCE: "∈", 0xD1: "∇", 0xD5: "∏", 0xD6: "√", 0xD7: "⋅", 0xDE: "⇒", 0xE5: "∑", 0xF2: "∫",
}  # fmt: skip
_DINGBATS = {0x6F: "☐", 0x71: "☐", 0xA8: "☐", 0xFE: "☒", 0xFD: "☒", 0xFC: "✓", 0xFB: "✗", 0xE0: "→", 0x4A: "☺"}
"""Signs of Wingdings that say something; the others are bullets."""


def codec_of_charset(charset: int) -> str | None:
    """Return the encoding of a font's character set; None if the number is unknown or the file's own is meant."""
    return _CHARSETS.get(charset)


def codec_of_page(page: int) -> str | None:
    """Return the encoding of a code page by its number; None for one that nobody knows."""
    name = _PAGES.get(page, f"cp{page}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def symbol(byte: int, font: str) -> str:
    """Return the character that a font of symbols shows for a byte."""
    if "wingdings" in font.lower() or "webdings" in font.lower():
        return _DINGBATS.get(byte, " " if byte == 0x20 else "•")
    if byte < 0x80:
        return _SYMBOL_LETTERS.get(chr(byte), chr(byte))
    return _SYMBOL_SIGNS.get(byte, "•")


def join_surrogates(text: str) -> str:
    """Return text whose halves of characters beyond U+FFFF are joined; U+FFFD stands for a half alone."""
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

"""Read JSON that may end in the middle, and see while it grows whether it still says something."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MAX_WHITE_SPACE = 200
"""Characters of white space in a row between values; more is a model that has stopped saying anything."""
MIN_REPEATED = 600
"""Characters that repeat what is before them, at least, until that is a loop."""
REPETITIONS = 30
"""The same piece this many times in a row is a loop."""
MAX_PERIOD = 400
"""Length of a piece that may repeat, at most."""
PROBE = 24
"""Characters at the end by which an earlier repetition is looked for."""

_LITERAL = re.compile(r"(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)")
_WHITE = " \t\r\n"


class PartialJson(NamedTuple):
    """What a text has of a JSON value: the value as far as it is complete, and whether that is all of it.

    ``open_path`` leads to the innermost object or list that was not closed: keys and places from the root.
    """

    value: Any
    whole: bool
    open_path: tuple[str | int, ...] = ()


@dataclass
class _Open:
    """An object or list that is not closed yet."""

    value: Any
    key: str | None = None


def read_json(text: str) -> PartialJson | None:
    """Return the first object or list in a text; of one that is cut off what is complete of it. None if there is none.

    What is around it, such as the fence of a code block, is left out. A value that is cut in its middle is left out too.
    """
    start = min((place for place in (text.find("{"), text.find("[")) if place >= 0), default=-1)
    if start < 0:
        return None
    try:
        return PartialJson(json.JSONDecoder().raw_decode(text, start)[0], whole=True)
    except (ValueError, RecursionError):
        return _Prefix(text, start).read()


@dataclass
class _Prefix:
    """A text that begins with JSON and may stop being so."""

    text: str
    at: int
    stack: list[_Open] = field(default_factory=list)

    def read(self) -> PartialJson:
        """Return what is complete of the value that begins here."""
        root: Any = None
        while self._read_next() and self.stack:
            root = self.stack[0].value
        path = tuple(one.key if isinstance(one.value, dict) else len(one.value) - 1 for one in self.stack[:-1])
        return PartialJson(root, whole=False, open_path=tuple(step for step in path if step is not None))

    def _read_next(self) -> bool:
        """Read one token into the value. Return False if the text ends, or is no JSON any more."""
        while self.at < len(self.text) and self.text[self.at] in _WHITE:
            self.at += 1
        if self.at >= len(self.text):
            return False
        char = self.text[self.at]
        if char in "{[":
            self.at += 1
            return self._add_open(_Open({} if char == "{" else []))
        if char in "}]":
            self.at += 1
            if not self.stack:
                return False
            self.stack.pop()
            if self.stack:
                self.stack[-1].key = None
            return True
        if char in ",:":
            self.at += 1
            return True
        return self._read_single(char)

    def _read_single(self, char: str) -> bool:
        """Read a string, number or literal. One at the very end of the text may be cut, and is not taken."""
        if not self.stack:
            return False
        if char == '"':
            try:
                value, self.at = json.JSONDecoder(strict=False).raw_decode(self.text, self.at)
            except ValueError:
                return False
        else:
            match = _LITERAL.match(self.text, self.at)
            if match is None or (match.end() == len(self.text) and match[0] not in ("true", "false", "null")):
                return False
            value, self.at = json.loads(match[0]), match.end()
        top = self.stack[-1]
        if isinstance(top.value, dict) and top.key is None:
            if not isinstance(value, str):
                return False
            top.key = value
        else:
            self._add(value)
        return True

    def _add_open(self, opened: _Open) -> bool:
        """Open an object or list inside the last one. Return False if it has no key there."""
        if self.stack:
            parent = self.stack[-1]
            if isinstance(parent.value, list):
                parent.value.append(opened.value)
            elif parent.key is None:
                return False
            else:
                parent.value[parent.key] = opened.value
        self.stack.append(opened)
        return True

    def _add(self, value: Any) -> None:
        top = self.stack[-1]
        if isinstance(top.value, dict):
            top.value[top.key], top.key = value, None
        else:
            top.value.append(value)


@dataclass
class JsonWatch:
    """Says when an answer that grows should be stopped: it writes white space without end, or the same over and over.

    A grammar of JSON allows both. Called with the whole text so far, as the watch of a stream.
    """

    _read: int = 0
    _in_string: bool = False
    _escaped: bool = False
    _white: int = 0

    def __call__(self, text: str) -> str | None:
        """Return why the answer should stop; None to go on."""
        for char in text[self._read :]:
            if self._in_string:
                if self._escaped:
                    self._escaped = False
                elif char == "\\":
                    self._escaped = True
                elif char == '"':
                    self._in_string = False
            elif char in _WHITE:
                self._white += 1
                if self._white > MAX_WHITE_SPACE:
                    return "white space"
                continue
            elif char == '"':
                self._in_string = True
            self._white = 0
        self._read = len(text)
        return "repetition" if is_repeating(text) else None


def is_repeating(text: str) -> bool:
    """Return whether a text ends with the same piece over and over."""
    tail = text[-(MAX_PERIOD + PROBE) :]
    if len(text) < MIN_REPEATED or len(tail) <= PROBE:
        return False
    earlier = tail.rfind(tail[-PROBE:], 0, len(tail) - 1)
    if earlier < 0:
        return False
    period = len(tail) - PROBE - earlier
    length = max(MIN_REPEATED, REPETITIONS * period)
    return len(text) >= length + period and text[-length:] == text[-length - period : -period]

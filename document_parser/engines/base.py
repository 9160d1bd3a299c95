"""The one interface of everything that reads a page picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from document_parser.models import Block, EngineName, PageImage, PageKind, PictureSpec, Reading, Word

Watch = Callable[[str], str | None]
"""Given the answer so far, says why reading should stop now, or None. Called now and then while an answer streams in."""


class LinesRead(NamedTuple):
    """The words of each of some lines, and the languages they were read in."""

    lines: list[list[Word]]
    languages: str


class Engine(ABC):
    """Reads one page picture. Many calls run at once; an engine keeps no state between them.

    Made inside the process and event loop that uses it, never before a fork.
    """

    name: ClassVar[EngineName]
    picture: PictureSpec

    @abstractmethod
    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Read the picture. Raises EngineError; cancelling the call ends the work behind it."""

    def machine(self) -> str:
        """What of this machine decides how it reads, and no setting tells: versions, language packs. Raises EngineError."""
        return ""

    def picture_for(self, kind: PageKind) -> PictureSpec:
        """The picture this engine wants of such a page."""
        del kind
        return self.picture

    def parse(self, text: str) -> list[Block]:
        """The blocks of an answer, or of the beginning of one; none for engines that find words. Never raises."""
        del text
        return []

    async def available(self) -> bool:
        """Whether a page sent now would be read. Cheap, never raises."""
        return True

    async def aclose(self) -> None:  # noqa: B027 - an engine that holds nothing gives nothing back
        """Give back connections and threads."""

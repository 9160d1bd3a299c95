"""The interface of every engine that reads page images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from document_parser.models import Block, BoundingBox, EngineName, PageImage, PageImageSpec, PageKind, Reading, Word
from document_parser.models.skew import LEVEL, Skew

Watch = Callable[[str], str | None]
"""Return why reading should stop now, or None to go on.

The argument is the answer so far. Called every now and then while an answer streams in.
"""


class LineReadings(NamedTuple):
    """The words that an engine read in each of the given lines, and the languages it read each line in.

    A line in letters that the engine does not know has no words. ``script`` is the script of these lines, if it was detected.
    """

    lines: list[list[Word]]
    languages: list[str]
    script: str = ""


class Turn(NamedTuple):
    """By how many degrees clockwise a page must be turned, and whether that is sure."""

    degrees: int
    sure: bool


UNKNOWN_TURN = Turn(0, sure=False)
"""The result if the orientation cannot be detected."""


class Engine(ABC):
    """Reads page images, one at each call. Many calls run at once; an engine keeps no state between them.

    An engine is made in the process and event loop that uses it, never before a fork.
    """

    name: ClassVar[EngineName]
    """The engine's name in routes, attempts and results."""
    image_spec: PageImageSpec
    """The page image that the engine wants of an ordinary page."""

    @abstractmethod
    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Read one page image.

        ``temperature`` is for engines that generate text; None takes the engine's own. ``watch`` can stop an answer early.
        Raises EngineError. Cancelling the call ends the work behind it.
        """

    def describe_machine(self) -> str:
        """Return the facts of this machine, settings aside, that decide how the engine reads: versions, language packs.

        Empty if there are none. Raises EngineError.
        """
        return ""

    def image_spec_for(self, kind: PageKind) -> PageImageSpec:
        """Return the page image that this engine wants of a page of this kind."""
        del kind
        return self.image_spec

    def parse(self, text: str, page: PageImage | None = None) -> list[Block]:
        """Return the blocks of an answer or of its beginning. Empty for engines that find words. Never raises.

        ``page`` is the image that was read. Boxes that a model gives in its pixels are known only with it.
        """
        del text, page
        return []

    async def is_available(self) -> bool:
        """Return whether the engine would read a page sent now. The call is cheap and never raises."""
        return True

    async def aclose(self) -> None:  # noqa: B027 - an engine that holds nothing has nothing to release
        """Release connections and threads."""


@runtime_checkable
class DetectsTurn(Protocol):
    """An engine that can also detect how a page lies."""

    async def is_available(self) -> bool:
        """Return whether the engine would answer now."""

    async def detect_turn(self, page: PageImage) -> Turn:
        """Return the clockwise turn in degrees (0, 90, 180 or 270) that makes the page image upright. Raises EngineError."""


@runtime_checkable
class ReadsLines(Protocol):
    """An engine that can also read single lines whose places are known."""

    async def read_lines(
        self, page: PageImage, lines: Sequence[Word], skew: Skew, script: str = "", languages: str = ""
    ) -> LineReadings:
        """Read the given lines of an image, once it is straightened by ``skew``.

        In this script if one is given, or with these language packs, joined by ``+``. Raises EngineError.
        """


@runtime_checkable
class ReadsSegments(Protocol):
    """An engine that can also read parts of an image: pieces of lines found by other means, and regions with lines to find."""

    name: ClassVar[EngineName]

    async def read_segments(self, page: PageImage, boxes: Sequence[BoundingBox], skew: Skew = LEVEL) -> list[Word]:
        """Return what stands in each of these boxes of an image, in order, without those that cannot be read.

        The boxes are those of the image straightened by ``skew``. Raises EngineError.
        """

    async def read_regions(self, page: PageImage, boxes: Sequence[BoundingBox], skew: Skew = LEVEL) -> list[list[Word]]:
        """Return the lines found in each of these boxes of an image and around it, also those of little confidence.

        The boxes are those of the image straightened by ``skew``. Raises EngineError.
        """

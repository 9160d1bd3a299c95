"""Make the engines that read page images, each when it is first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterator, Sequence
from copy import copy
from typing import TYPE_CHECKING

from document_parser.balancing.breaker import BreakerStore, LocalBreakers, Thresholds
from document_parser.engines.base import DetectsTurn, Engine, LineReadings, ReadsLines, ReadsSegments
from document_parser.engines.cpu_slots import CpuSlots, IdleCores
from document_parser.engines.traced import traced_engine
from document_parser.models import (
    CPU_ENGINES,
    VLM_ENGINES,
    BoundingBox,
    CpuEngine,
    EngineName,
    PageImage,
    ReaderName,
    VlmName,
    Word,
)
from document_parser.models.skew import LEVEL, Skew
from document_parser.settings import CheckedPages, Settings

if TYPE_CHECKING:
    from document_parser.engines.vlm.client import VisionEngine


def _make_deepseek(settings: Settings, board: BreakerStore) -> Engine:
    from document_parser.engines.vlm.deepseek import DeepSeekEngine

    return _make_replicated("deepseek", DeepSeekEngine, settings, board)


def _make_nanonets(settings: Settings, board: BreakerStore) -> Engine:
    from document_parser.engines.vlm.nanonets import NanonetsEngine

    return _make_replicated("nanonets", NanonetsEngine, settings, board)


def _make_vlm(settings: Settings, board: BreakerStore) -> Engine:
    from document_parser.engines.vlm.configured import ConfiguredEngine
    from document_parser.engines.vlm.two_step import TwoStepEngine

    return _make_replicated("vlm", TwoStepEngine if settings.vlm.grammar == "mineru" else ConfiguredEngine, settings, board)


def _make_replicated(
    name: VlmName,
    make: Callable[[Settings], VisionEngine],
    settings: Settings,
    board: BreakerStore,
) -> Engine:
    """Return one engine for all servers of a model."""
    from document_parser.engines.vlm.replicas import ReplicatedEngine

    own, engines = settings.model_server(name), settings.engines
    thresholds = Thresholds(engines.vllm_breaker_faults, engines.vllm_breaker_seconds, engines.vllm_request_seconds)
    servers = {
        f"{name} {url}": make(settings.model_copy(update={name: own.model_copy(update={"url": url})})) for url in own.urls
    }
    return ReplicatedEngine(servers, board, thresholds, engines.vllm_probe_seconds)


def _make_rapidocr(settings: Settings, _board: BreakerStore) -> Engine:
    from document_parser.engines.rapidocr.engine import RapidOcrEngine

    return RapidOcrEngine(settings)


def _make_tesseract(settings: Settings, _board: BreakerStore) -> Engine:
    from document_parser.engines.tesseract.engine import TesseractEngine

    return TesseractEngine(settings)


ENGINES: dict[EngineName, Callable[[Settings, BreakerStore], Engine]] = {
    "deepseek": _make_deepseek,
    "nanonets": _make_nanonets,
    "vlm": _make_vlm,
    "rapidocr": _make_rapidocr,
    "tesseract": _make_tesseract,
}
"""By name the function that makes an engine. Each imports its module itself, so an engine that is not used costs nothing.

If several engines have the same capability (DetectsTurn, ReadsLines), the first one listed here is asked first.
"""


def _return_unchanged(engine: Engine) -> Engine:
    return engine


def describe_machine(settings: Settings) -> str:
    """Return the facts of this machine that decide how its CPU engines read: versions, language packs. Raises EngineError."""
    names = settings.engines.cpu_engines
    return "; ".join(f"{name} {ENGINES[name](settings, LocalBreakers()).describe_machine()}" for name in names)


def cpu_engine_state(settings: Settings) -> CpuEngine | None:
    """Return the state of the CPU engine in this process. None if the settings leave all reading to the model servers."""
    from document_parser.engines.rapidocr import engine as rapidocr
    from document_parser.engines.tesseract import engine as tesseract

    if settings.engines.inference_mode == "vllm":
        return None
    if settings.engines.cpu_engine == "tesseract":
        return tesseract.engine_state(settings)
    return rapidocr.engine_state(settings).model_copy(update={"helpers": (tesseract.program_state(settings),)})


class Engines:
    """The engines of one process and event loop. Each is made once."""

    def __init__(self, settings: Settings, board: BreakerStore | None = None) -> None:
        """Keep the settings; no engine is made yet.

        ``board`` keeps the circuit breakers of the model servers. None keeps them in this object.
        """
        self._settings = settings
        self._board = board or LocalBreakers()
        self._engines: dict[EngineName, Engine] = {}
        self._wrap: Callable[[Engine], Engine] = _return_unchanged
        self._names: tuple[EngineName, ...] = settings.allowed_engines
        self.cpu_slots = CpuSlots(settings.cpu_window)
        self.idle_cores = IdleCores(settings.data_dir / "idle-cores")

    def wrap(self, around: Callable[[Engine], Engine]) -> Engines:
        """Return the same engines, each wrapped by ``around``. An engine made by one of the two objects is shared by both."""
        seen = copy(self)
        seen._wrap = around
        return seen

    def only(self, names: Container[EngineName] | None) -> Engines:
        """Return the same engines, of which only these read pages; None allows all. The text layer is always read."""
        if names is None:
            return self
        seen = copy(self)
        seen._names = tuple(name for name in self._names if name in names)
        return seen

    def get(self, name: EngineName) -> Engine:
        """Return the engine with this name. Raises KeyError for ``text_layer``, which reads no page images."""
        return self._wrap(traced_engine(self._engine(name)))

    def _engine(self, name: EngineName) -> Engine:
        if name not in self._engines:
            self._engines[name] = ENGINES[name](self._settings, self._board)
        return self._engines[name]

    @property
    def check_image_pages(self) -> CheckedPages:
        """Return which pages without a text layer the CPU engine reads beside a model."""
        return self._settings.engines.check_image_pages

    @property
    def vlm_first(self) -> bool:
        """Return whether the model of the settings is asked before the other models."""
        return self._settings.vlm.order == "first"

    def describe_model(self, name: ReaderName) -> dict[str, str]:
        """Return ``model`` and, if the settings choose it, ``grammar`` of an engine behind a model server; empty for others."""
        if name not in VLM_ENGINES:
            return {}
        own = {"grammar": self._settings.vlm.grammar} if name == "vlm" else {}
        return {"model": self._settings.model_server(name).model, **own}

    async def find_available(self) -> frozenset[EngineName]:
        """Return the engines that INFERENCE_MODE and ``only`` allow and that would read a page sent now."""
        names = self._names
        answers = await asyncio.gather(*(self._engine(name).is_available() for name in names))
        return frozenset(name for name, answer in zip(names, answers, strict=True) if answer)

    def renew(self) -> None:
        """Record that this process still waits for its requests in flight. May be called from any thread. Raises RedisError."""
        self._board.in_flight.renew()

    def _on_this_machine(self) -> Iterator[Engine]:
        """Yield the engines that read on this machine's processor, in the order of ENGINES."""
        return (self._engine(name) for name in CPU_ENGINES)

    async def detect_turn(self, page: PageImage) -> int:
        """Return the clockwise turn in degrees (0, 90, 180 or 270) that makes the image upright.

        The first engine that detects turns decides. If it is not sure, the next one that is there and sure does: Tesseract
        knows letters that RapidOCR does not. Raises EngineError.
        """
        first, *others = (engine for engine in self._on_this_machine() if isinstance(engine, DetectsTurn))
        turn = await first.detect_turn(page)
        for other in others:
            if not turn.sure and await other.is_available():
                found = await other.detect_turn(page)
                turn = found if found.sure else turn
        return turn.degrees

    async def read_lines(
        self, page: PageImage, lines: Sequence[Word], skew: Skew, script: str = "", languages: str = ""
    ) -> LineReadings:
        """Read the given lines of an image, straightened by ``skew``, with the engine that reads lines.

        In this script if one is given, or with these language packs, joined by ``+``. Raises EngineError.
        """
        reader = next(engine for engine in self._on_this_machine() if isinstance(engine, ReadsLines))
        return await reader.read_lines(page, lines, skew, script, languages)

    async def read_segments(
        self, name: EngineName, page: PageImage, boxes: Sequence[BoundingBox], skew: Skew = LEVEL
    ) -> list[Word] | None:
        """Return what this engine reads in these boxes of an image, straightened by ``skew``.

        None if it reads whole pages only. Raises EngineError.
        """
        reader = self._engine(name)
        return await reader.read_segments(page, boxes, skew) if isinstance(reader, ReadsSegments) else None

    async def read_regions(
        self, name: EngineName, page: PageImage, boxes: Sequence[BoundingBox], skew: Skew = LEVEL
    ) -> list[list[Word]]:
        """Return the lines that this engine finds in each of these boxes of an image, straightened by ``skew``.

        None of a box if it reads whole pages only. Raises EngineError.
        """
        reader = self._engine(name)
        return await reader.read_regions(page, boxes, skew) if isinstance(reader, ReadsSegments) else [[] for _ in boxes]

    async def aclose(self) -> None:
        """Close every engine that was made and the record of requests in flight."""
        made = list(self._engines.values())
        self._engines.clear()
        await asyncio.gather(*(engine.aclose() for engine in made))
        self._board.in_flight.close()

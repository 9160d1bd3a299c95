"""The engines that read page pictures, made when they are first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Literal

from document_parser.balancing.breaker import BreakerStore, LocalBreakers, Thresholds
from document_parser.engines.base import Engine, LinesRead
from document_parser.engines.cpu_slots import SpareCores
from document_parser.models import CpuEngine, EngineName, PageImage, Word
from document_parser.models.skew import Skew
from document_parser.settings import CheckedPages, Settings

if TYPE_CHECKING:
    from document_parser.engines.vlm.client import VisionEngine


def _deepseek(settings: Settings, board: BreakerStore) -> Engine:
    from document_parser.engines.vlm.deepseek import DeepSeekEngine

    return _replicated("deepseek", DeepSeekEngine, settings, board)


def _nanonets(settings: Settings, board: BreakerStore) -> Engine:
    from document_parser.engines.vlm.nanonets import NanonetsEngine

    return _replicated("nanonets", NanonetsEngine, settings, board)


def _replicated(
    name: Literal["deepseek", "nanonets"],
    make: Callable[[Settings], VisionEngine],
    settings: Settings,
    board: BreakerStore,
) -> Engine:
    """The model behind each of its addresses."""
    from document_parser.engines.vlm.replicas import ReplicatedEngine

    own, engines = getattr(settings, name), settings.engines
    rule = Thresholds(engines.vllm_breaker_faults, engines.vllm_breaker_seconds, engines.vllm_request_seconds)
    servers = {
        f"{name} {url}": make(settings.model_copy(update={name: own.model_copy(update={"url": url})})) for url in own.urls
    }
    return ReplicatedEngine(servers, board, rule, engines.vllm_probe_seconds)


def _rapidocr(settings: Settings, _board: BreakerStore) -> Engine:
    from document_parser.engines.rapidocr.engine import RapidOcrEngine

    return RapidOcrEngine(settings)


def _tesseract(settings: Settings, _board: BreakerStore) -> Engine:
    from document_parser.engines.tesseract.engine import TesseractEngine

    return TesseractEngine(settings)


ENGINES: dict[EngineName, Callable[[Settings, BreakerStore], Engine]] = {
    "deepseek": _deepseek,
    "nanonets": _nanonets,
    "rapidocr": _rapidocr,
    "tesseract": _tesseract,
}
"""Each factory imports its module inside, so that an engine nobody asks for costs nothing."""


def _as_it_is(engine: Engine) -> Engine:
    return engine


MODELS: tuple[EngineName, ...] = ("deepseek", "nanonets")


def on_this_machine(settings: Settings) -> str:
    """What of this machine decides how its CPU engines read. Raises EngineError."""
    names = [name for name in settings.engines.allowed if name not in MODELS]
    return "; ".join(f"{name} {ENGINES[name](settings, LocalBreakers()).machine()}" for name in names)


def cpu_engine(settings: Settings) -> CpuEngine | None:
    """How the CPU engine is in this process; None where the settings leave reading to the model servers."""
    from document_parser.engines.rapidocr import engine as rapidocr
    from document_parser.engines.tesseract import engine as tesseract

    if settings.engines.inference_mode == "vllm":
        return None
    if settings.engines.cpu_engine == "tesseract":
        return tesseract.state(settings)
    return rapidocr.state(settings).model_copy(update={"helpers": (tesseract.program_state(settings),)})


class Engines:
    """The engines of one process and event loop, each made once."""

    def __init__(self, settings: Settings, board: BreakerStore | None = None) -> None:
        """``board``: where the circuit breakers of the model servers are kept; without one, in this object."""
        self._settings = settings
        self._board = board or LocalBreakers()
        self._made: dict[EngineName, Engine] = {}
        self._around: Callable[[Engine], Engine] = _as_it_is
        self.spare_cores = SpareCores(settings.cpu_window)

    def seen_through(self, around: Callable[[Engine], Engine]) -> Engines:
        """The same engines, each as this gives it back: what one of the two makes, both have."""
        seen = copy(self)
        seen._around = around
        return seen

    def get(self, name: EngineName) -> Engine:
        """The engine of this name. Raises KeyError for one that reads no pictures."""
        return self._around(self._engine(name))

    def _engine(self, name: EngineName) -> Engine:
        if name not in self._made:
            self._made[name] = ENGINES[name](self._settings, self._board)
        return self._made[name]

    @property
    def check_image_pages(self) -> CheckedPages:
        """Which pages without a text layer the CPU reads beside a model."""
        return self._settings.engines.check_image_pages

    async def available(self) -> frozenset[EngineName]:
        """The engines that INFERENCE_MODE allows and that would read a page sent now."""
        names = self._settings.engines.allowed
        answers = await asyncio.gather(*(self._engine(name).available() for name in names))
        return frozenset(name for name, answer in zip(names, answers, strict=True) if answer)

    def renew(self) -> None:
        """Say that the requests in flight are waited for; may be called from any thread. Raises RedisError."""
        self._board.in_flight.renew()

    async def upright_turn(self, page: PageImage) -> int:
        """By how many degrees clockwise the picture must be turned to stand upright. Raises EngineError."""
        from document_parser.engines.rapidocr.engine import RapidOcrEngine

        engine = self._engine("rapidocr")
        assert isinstance(engine, RapidOcrEngine)
        turn = await engine.upright_turn(page)
        by_script = None if turn.sure else await self._turn_by_script(page)
        return turn.degrees if by_script is None else by_script

    async def _turn_by_script(self, page: PageImage) -> int | None:
        """The turn of a page of letters that RapidOCR does not know, as Tesseract tells it; None where that is not there."""
        from document_parser.engines.tesseract.engine import TesseractEngine

        engine = self._engine("tesseract")
        assert isinstance(engine, TesseractEngine)
        return await engine.upright_turn(page) if await engine.available() else None

    async def read_lines(self, page: PageImage, lines: Sequence[Word], skew: Skew) -> LinesRead:
        """What Tesseract reads in these lines of a picture, once it is straightened. Raises EngineError."""
        from document_parser.engines.tesseract.engine import TesseractEngine

        engine = self._engine("tesseract")
        assert isinstance(engine, TesseractEngine)
        return await engine.read_lines(page, lines, skew)

    async def aclose(self) -> None:
        made = list(self._made.values())
        self._made.clear()
        await asyncio.gather(*(engine.aclose() for engine in made))
        self._board.in_flight.close()

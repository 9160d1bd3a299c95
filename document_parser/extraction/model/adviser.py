"""Hear a model beside the CPU engine: ask it about all pages, ask again for rows that it left out, and join both.

``ModelAdviser`` has an event loop of its own, so that extraction is called as without a model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from document_parser.balancing.breaker import BreakerStore
from document_parser.engines.vlm.structured import Spent, StructuredModel
from document_parser.extraction.candidates import Candidate, Pages
from document_parser.extraction.conventions import conventions_of
from document_parser.extraction.engine import Advice
from document_parser.extraction.model.asking import Asker, Picture, Said
from document_parser.extraction.model.joining import ListJoin, Values, join
from document_parser.extraction.model.windows import Window, lines_of_view
from document_parser.extraction.rows import Rows
from document_parser.extraction.schema import Group, Leaf, lists_of
from document_parser.extraction.view import PageView
from document_parser.models.extraction import ExtractionCheck, ExtractionWarning
from document_parser.settings import Settings

ROWS_A_QUESTION = 20
"""Rows that were left out and are asked again together, at most."""


class Pictures(NamedTuple):
    """Where images of pages come from. Both functions are called in the adviser's event loop."""

    page: Picture
    close: Callable[[], Awaitable[None]]


class ModelAdviser:
    """The model of VLLM_EXTRACT_URL. A context manager, to be used outside of event loops; one for each document.

    After ``prepare`` and ``advise``, ``is_away`` says whether the model could not be used at all, and ``spent`` what it took.
    """

    def __init__(self, settings: Settings, board: BreakerStore | None = None, pictures: Pictures | None = None) -> None:
        """Keep the settings; nothing is asked yet. Raises ValueError if they name no model."""
        self._own = settings.extract
        self._model = StructuredModel(settings, board)
        self._pictures = pictures if self._own.pictures else None
        self._runner = asyncio.Runner()
        self._asker: Asker | None = None
        self._said: list[Said] = []

    @property
    def is_away(self) -> bool:
        """Return whether the model could not be used, so that the answer is that of the CPU engine, at least in part."""
        return self._asker is not None and self._asker.away is not None

    @property
    def spent(self) -> Spent:
        """Return the requests, tokens and milliseconds of all answers."""
        return self._model.spent

    def prepare(self, root: Group, views: Sequence[PageView]) -> None:
        """Ask the model about all pages."""
        conventions = conventions_of(segment.text for view in views for segment in view.segments)
        picture = self._pictures.page if self._pictures is not None else None
        self._asker = Asker(self._model, picture, conventions, self._own.concurrency, self._own.max_requests)
        self._said = self._runner.run(self._asker.ask_pages(root, views))

    def advise(
        self, root: Group, chosen: Mapping[str, tuple[Leaf, Candidate | None]], rows: Mapping[str, Rows], pages: Pages
    ) -> Advice:
        """Return the values of both. Pages that the model was not asked about by ``prepare`` have none of it."""
        asker = self._asker
        if asker is None:
            raise ValueError("Call prepare first.")
        numbers = {view.number for view in pages.views}
        said = [one for one in self._said if one.window.view.number in numbers]
        values = Values()
        for one in said:
            values.add(one, {pointer: leaf for pointer, (leaf, _) in chosen.items()}, pages, asker)
        joined, checks = {}, list[ExtractionCheck]()
        for pointer, (leaf, found) in chosen.items():
            joined[pointer], check = join(leaf, found, values.chosen.get(pointer), pointer)
            checks += [check] if check is not None else []
        all_rows, warnings, complete = dict(rows), [*values.invalid], True
        for pointer, join_ in self._join_lists(root, rows, said, pages, asker).items():
            all_rows[pointer], more, told, whole = join_.join()
            checks, warnings, complete = [*checks, *more], [*warnings, *told], complete and whole
        return Advice(joined, all_rows, checks, [*self._faults(asker, numbers), *warnings], complete)

    def _join_lists(
        self, root: Group, rows: Mapping[str, Rows], said: Sequence[Said], pages: Pages, asker: Asker
    ) -> dict[str, ListJoin]:
        """Return the lists with what the model says of them. It is asked once more for rows that it left out."""
        lists = {pointer: ListJoin(pointer, wanted, rows[pointer], pages, asker) for pointer, wanted in lists_of(root).items()}
        for one in said:
            for found in lists.values():
                found.add(one)
        views = {view.number: view for view in pages.views}
        again = [
            (pointer, _lines_at(views[page], spans[at : at + ROWS_A_QUESTION]))
            for pointer, found in lists.items()
            for page, spans in found.left_out().items()
            for at in range(0, len(spans), ROWS_A_QUESTION)
        ]
        for one in self._runner.run(asker.ask_rows(root, again)) if again else ():
            for pointer in one.rows:
                lists[pointer].add(one)
        return lists

    def _faults(self, asker: Asker, numbers: set[int]) -> list[ExtractionWarning]:
        """Return what went wrong when the model was asked about these pages."""
        found = [one for one in asker.warnings if one.page in numbers]
        if asker.away is None:
            return found
        partly = "Pages without its values were" if asker.answered else "All values were"
        message = f"The model could not be used: {asker.away} {partly} read without it. Ask again when it is there."
        return [*found, ExtractionWarning(code="model_unavailable", message=message)]

    def close(self) -> None:
        """Close all connections, and the document whose pages were drawn."""

        async def close() -> None:
            await self._model.aclose()
            if self._pictures is not None:
                await self._pictures.close()

        self._runner.run(close())
        self._runner.close()

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close all connections."""
        self.close()


def _lines_at(view: PageView, spans: Sequence[tuple[float, float]]) -> Window:
    """Return the lines of a page at these heights."""
    return Window(view, tuple(lines_of_view(view))).within(spans)

"""A model that is described by settings alone: its prompt, the page image it wants, and the form in which it answers."""

from __future__ import annotations

from typing import ClassVar

from document_parser.engines.vlm.client import VisionEngine
from document_parser.engines.vlm.grammars import GRAMMARS, Scale, problem_of_answer
from document_parser.engines.vlm.grammars.dots_mocr import size_for_model
from document_parser.engines.vlm.request import ModelRequest
from document_parser.engines.vlm.response import Answer
from document_parser.errors import AnswerUnreadable
from document_parser.models import Block, EngineName, PageImage, PageImageSpec, Reading
from document_parser.settings import Settings, VlmSettings


class ConfiguredEngine(VisionEngine):
    """The model of ``VLLM_VLM_URL``."""

    name: ClassVar[EngineName] = "vlm"

    def __init__(self, settings: Settings) -> None:
        """Build the request and the page image from the settings. What they leave open is the grammar's."""
        self._own = settings.vlm
        self._grammar = GRAMMARS[self._own.grammar]
        self.image_spec = image_spec_of(self._own)
        engines = settings.engines.model_copy(update={"vllm_api_key": settings.key_of("vlm")})
        super().__init__(engines, request_of(self._own))

    def parse(self, text: str, page: PageImage | None = None) -> list[Block]:
        """Return the blocks of an answer or of its beginning. Never raises.

        Boxes that count pixels need the image that was sent.
        """
        return self._grammar.parse(text, self.scale_of(page))

    def scale_of(self, page: PageImage | None) -> Scale | None:
        """Return the largest coordinates of the model's boxes in a page image; None if they are not known."""
        if largest := self._own.box_scale or self._grammar.box_scale:
            return Scale(largest, largest)
        if page is None:
            return None
        return size_for_model(page.width_pixels, page.height_pixels, max(1, self.image_spec.multiple_of))

    def _make_reading(self, answer: Answer, page: PageImage, temperature: float, started: float) -> Reading:
        """Return an answer as a reading. Raises AnswerUnreadable if it is not in the form that the settings say."""
        if problem := problem_of_answer(self._own.grammar, answer.text):
            raise AnswerUnreadable(problem)
        return super()._make_reading(answer, page, temperature, started)


def request_of(own: VlmSettings) -> ModelRequest:
    """Return the request to the model. Fields of ``VLLM_VLM_EXTRA`` replace those of the grammar."""
    grammar = GRAMMARS[own.grammar]
    prompt = "" if own.prompt == "none" else own.prompt or grammar.prompt
    return ModelRequest(own.url, own.model, prompt, own.max_tokens, own.temperature, {**grammar.extra, **own.extra})


def image_spec_of(own: VlmSettings) -> PageImageSpec:
    """Return the page image that the model wants: the settings, and where they are 0 the grammar's."""
    usual = GRAMMARS[own.grammar].picture
    return PageImageSpec(
        dpi=own.picture_dpi or usual.dpi,
        max_long_side=own.picture_long_side or usual.long_side,
        min_short_side=own.picture_short_side or usual.short_side,
        max_pixels=own.picture_max_pixels or usual.max_pixels,
        multiple_of=own.picture_multiple or usual.multiple,
        straighten=True,
    )

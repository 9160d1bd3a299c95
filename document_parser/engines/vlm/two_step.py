"""A model that detects the layout of a page first and then reads each region from a crop of its own (MinerU2.5)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from document_parser.engines.base import Watch
from document_parser.engines.vlm.configured import ConfiguredEngine
from document_parser.engines.vlm.grammars import Scale, mineru, problem_of_answer
from document_parser.engines.vlm.grammars.mineru import Region
from document_parser.engines.vlm.response import Answer
from document_parser.errors import AnswerUnreadable, EngineRefused
from document_parser.models import PageImage
from document_parser.settings import Settings

MIN_SIDE_PIXELS = 28
"""Shortest side of a crop; smaller ones are enlarged."""
MAX_SIDES_RATIO = 50
"""Ratio of the sides of a crop; thinner ones get white beside them."""
MAX_REGIONS = 400
"""Regions of one page; a layout with more has gone wrong."""
JPEG_QUALITY = 92
"""JPEG quality of what is sent, 1 to 95."""


@dataclass(frozen=True)
class _Crop:
    """A region and its picture as a JPEG; None if it is not read."""

    region: Region
    jpeg: bytes | None


class TwoStepEngine(ConfiguredEngine):
    """A model that is asked for the layout, then for each region. One reading is one layout and many crops."""

    def __init__(self, settings: Settings) -> None:
        """Build the request from the settings."""
        super().__init__(settings)
        self._at_once = settings.vlm.region_requests

    async def _ask_in_context(self, page: PageImage, temperature: float, watch: Watch | None) -> Answer:
        """Return the layout with the contents of its regions as one answer. Raises EngineError.

        It ends with the first region whose answer does not end by itself: what is after it would not be in its place.
        """
        layout = await self._ask(self._request, await asyncio.to_thread(_layout_picture, page), temperature, watch)
        if problem := problem_of_answer(self._own.grammar, layout.text):
            raise AnswerUnreadable(problem)
        if layout.finish_reason != "stop":
            return layout
        scale = self.scale_of(page) or Scale(1000, 1000)
        regions = mineru.regions_of(layout.text, scale)
        if len(regions) > MAX_REGIONS:
            raise EngineRefused(f"The model's layout has {len(regions)} regions; at most {MAX_REGIONS} are read.")
        answers = await self._read_crops(await asyncio.to_thread(_cut, page, regions), temperature, watch)
        return _join([layout, *answers], regions)

    async def _read_crops(self, crops: Sequence[_Crop], temperature: float, watch: Watch | None) -> list[Answer]:
        """Return the answers for all crops, in order. If one fails, the others are ended. Raises EngineError."""
        free = asyncio.Semaphore(self._at_once)

        async def read(crop: _Crop) -> Answer:
            if crop.jpeg is None:
                return Answer(finish_reason="stop")
            extra = {**crop.region.extra, **self._request.extra}
            async with free:
                request = replace(self._request, prompt=crop.region.prompt, extra=extra)
                return await self._ask(request, crop.jpeg, temperature, watch)

        tasks = [asyncio.ensure_future(read(crop)) for crop in crops]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


def _join(answers: Sequence[Answer], regions: Sequence[Region]) -> Answer:
    """Return the layout and the answers for its regions as one answer."""
    layout, *parts = answers
    broken = next((place for place, answer in enumerate(parts) if answer.finish_reason != "stop"), None)
    kept = parts if broken is None else parts[: broken + 1]
    text = mineru.join_answers([(region, answer.text) for region, answer in zip(regions, kept, strict=False)])
    return Answer(
        pieces=[text],
        length=len(text),
        finish_reason=kept[-1].finish_reason if kept else layout.finish_reason,
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        completion_tokens=sum(answer.completion_tokens for answer in answers),
    )


def _layout_picture(page: PageImage) -> bytes:
    """Return the page image in the size in which the layout is detected. Raises EngineRefused."""
    with _open(page) as image:
        return _encode(image.resize((mineru.LAYOUT_SIDE, mineru.LAYOUT_SIDE), Image.Resampling.BICUBIC))


def _cut(page: PageImage, regions: Sequence[Region]) -> list[_Crop]:
    """Return the crop of each region that is read, turned upright. Raises EngineRefused."""
    with _open(page) as image:
        return [_Crop(region, _encode(_crop(image, region)) if region.prompt else None) for region in regions]


def _crop(image: Image.Image, region: Region) -> Image.Image:
    """Return the part of the image in a region, upright and neither too small nor too thin."""
    box, (width, height) = region.box, image.size
    left, top = int(box.left * width), int(box.top * height)
    right, bottom = max(left + 1, round(box.right * width)), max(top + 1, round(box.bottom * height))
    part = image.crop((left, top, right, bottom))
    if region.angle:
        part = part.rotate(region.angle, expand=True)
    least = -(-max(part.size) // MAX_SIDES_RATIO)
    if min(part.size) < least:
        wide = Image.new("RGB", (max(part.width, least), max(part.height, least)), "white")
        wide.paste(part, ((wide.width - part.width) // 2, (wide.height - part.height) // 2))
        part = wide
    if min(part.size) < MIN_SIDE_PIXELS:
        scale = MIN_SIDE_PIXELS / min(part.size)
        part = part.resize((round(part.width * scale), round(part.height * scale)), Image.Resampling.BICUBIC)
    return part


def _open(page: PageImage) -> Image.Image:
    """Return the decoded page image. Raises EngineRefused if it is broken."""
    try:
        with Image.open(io.BytesIO(page.data), formats=["JPEG"]) as picture:
            return picture.convert("RGB")
    except OSError:
        raise EngineRefused("The page image cannot be decoded.") from None


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()

"""Small letters with marks are read once more from a larger image: their marks are taken, nothing else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from document_parser.models import PageImage, PageImageSpec, Reading, Word
from document_parser.pipeline.reading.closer_look import look_closer
from document_parser.text.letter_marks import merge_marks

SEEN = PageImage(1, 900, 1260, "rgb", b"")


def line(text, top):
    return Word(text, 0.1, top, 0.5, top + 0.015, confidence=0.95)


class Context:
    """A page whose larger image says these texts; ``asked`` has the specs of the images that were rendered."""

    def __init__(self, *texts):
        self.texts, self.asked = texts, []
        self.images = SimpleNamespace(render=self.render)
        spec = PageImageSpec(dpi=108, max_long_side=2000)
        self.engines = SimpleNamespace(get=lambda name: SimpleNamespace(image_spec=spec), read_segments=self.read)

    async def render(self, spec):
        self.asked.append((spec.dpi, spec.max_long_side))
        return SEEN

    async def read(self, name, image, boxes, skew):
        found = [Word(text, box.left, box.top, box.right, box.bottom) for text, box in zip(self.texts, boxes, strict=True)]
        return [word for word in found if word.text]


def look(context, *texts):
    words = [line(text, 0.1 + 0.03 * number) for number, text in enumerate(texts)]
    return asyncio.run(look_closer(context, Reading("rapidocr", words=words), SEEN))


def test_marks_of_a_larger_image_are_taken_from_the_lines_that_it_shows():
    context = Context("zarząd łąka 1.250", "", "światło miesiąc")
    found = look(context, "zarzad łąka 1,250", "płatność żąd", "światło miesiac")
    assert [word.text for word in found.words] == ["zarząd łąka 1,250", "płatność żąd", "światło miesiąc"]
    assert found.how == "marks on the letters of 2 of 3 lines read in a larger image"
    assert context.asked == [(162, 3000)]


@pytest.mark.parametrize("texts", [("The whole œuvre of 1920", "was sold in Genève"), ("ł", "and one Polish name")])
def test_a_page_with_few_letters_of_such_a_language_is_not_read_again(texts):
    context = Context()
    assert [word.text for word in look(context, *texts).words] == list(texts)
    assert not context.asked


@pytest.mark.parametrize(
    ("text", "closer", "merged"),
    [
        ("ditě 2,5 dříve", "dítě 2.5 dříve", "dítě 2,5 dříve"),
        ("mały dom", "mały do m", "mały dom"),
        ("m² díl", "m2 díl", "m² díl"),
        ("spoléhá z příkaz", "śpoléhá ż přikaz", "spoléhá z příkaz"),
    ],
)
def test_only_marks_that_the_page_has_elsewhere_are_put_on_the_same_letters(text, closer, merged):
    assert merge_marks(text, closer, "áéíěř") == merged

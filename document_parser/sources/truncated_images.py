"""Pillow's switch for images whose data ends early, which is one for the whole process."""

from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ImageFile

from document_parser.sources import decoder_messages


@contextmanager
def truncated_images(*, allowed: bool) -> Iterator[None]:
    """Have Pillow decode what is there of an image that ends early, or raise an error for one.

    Whoever reads an image says which: other packages of the process, such as WeasyPrint, turn the switch on for all.
    In an opener child only one thread decodes.
    """
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = allowed
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
        if allowed:
            decoder_messages.take_messages()

"""Pictures of pages in a PDF: their objects, how they lie on the page, and the files where they wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name

from document_parser.export.searchable.words import Point
from document_parser.models.page_picture import PagePicture, PictureTile

MAX_WAITING_BYTES = 1 << 25
"""Bytes of pictures in memory, beyond which they are put into a file."""
Matrix = tuple[float, float, float, float, float, float]
_COLOURS = {"gray": (1, Name.DeviceGray), "rgb": (3, Name.DeviceRGB), "cmyk": (4, Name.DeviceCMYK)}
"""Components of each colour space, and its name."""
_UPRIGHT: dict[int, Callable[[float, float], Point]] = {
    1: lambda x, y: (x, y),
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}
"""By EXIF orientation: where a point of the stored picture lies on the upright page, both in fractions from the top left."""


def place_tile(tile: PictureTile, orientation: int, width: float, height: float) -> Matrix:
    """Return the matrix that puts the unit square of an image onto a page of this size in points."""
    upright = _UPRIGHT[orientation]

    def to_page(across: float, up: float) -> Point:
        u, v = upright(across, tile.bottom - up * (tile.bottom - tile.top))
        return u * width, (1 - v) * height

    (x0, y0), (x1, y1), (x2, y2) = to_page(0, 0), to_page(1, 0), to_page(0, 1)
    return x1 - x0, y1 - y0, x2 - x0, y2 - y0, x0, y0


def stored_point(picture: PagePicture, point: Point) -> Point:
    """Return where a point of the page as it was read lies on the page as its picture shows it."""
    if picture.perspective is None:
        return point
    x, y = point
    a, b, c, d, e, f, g, h = picture.perspective
    scale = g * x + h * y + 1
    return (a * x + b * y + c) / scale, (d * x + e * y + f) / scale


class WaitingPictures:
    """The images of a PDF under way. Those of many pages wait in files, so that few are in memory at a time."""

    def __init__(self, folder: Path) -> None:
        """Keep the files in a folder, which the caller removes."""
        self._folder = folder
        self._files: list[tuple[Path, int]] = []
        self._part = pikepdf.new()
        self._part.Root.Waiting = Array()
        self._bytes = 0
        self.count = 0

    def add(self, tile: PictureTile, data: bytes) -> int:
        """Keep an image, and return its number from 0. Raises OSError."""
        waiting = self._part.Root.Waiting
        waiting.append(self._part.make_indirect(_image_of(self._part, tile, data)))
        self._bytes += len(data)
        if self._bytes > MAX_WAITING_BYTES:
            self._put_away()
        self.count += 1
        return self.count - 1

    def _put_away(self) -> None:
        """Write the images in memory to a file."""
        path = self._folder / f"pictures-{len(self._files)}.pdf"
        self._part.save(path, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
        self._files.append((path, len(self._part.Root.Waiting)))
        self._part.close()
        self._part, self._bytes = pikepdf.new(), 0
        self._part.Root.Waiting = Array()

    def copies(self, pdf: pikepdf.Pdf, opened: list[pikepdf.Pdf]) -> Iterator[pikepdf.Object]:
        """Yield the images as objects of ``pdf``, in order. ``opened`` gets the files, to be closed after it was saved."""
        for path, _ in self._files:
            opened.append(pikepdf.open(path))
            yield from (pdf.copy_foreign(image) for image in _images_in(opened[-1]))
        opened.append(self._part)
        yield from (pdf.copy_foreign(image) for image in _images_in(self._part))


def _images_in(part: pikepdf.Pdf) -> Sequence[pikepdf.Object]:
    waiting: Sequence[pikepdf.Object] = part.Root.Waiting  # type: ignore[assignment]
    return waiting


def _image_of(pdf: pikepdf.Pdf, tile: PictureTile, data: bytes) -> pikepdf.Stream:
    """Return the image object of a tile."""
    components, _ = _COLOURS[tile.colours]
    entries = Dictionary(
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=tile.width,
        Height=tile.height,
        ColorSpace=_colour_space(pdf, tile),
        BitsPerComponent=tile.bits,
        Filter=Name("/" + tile.encoding),
    )
    if tile.inverted:
        entries.Decode = Array([1, 0] * components)
    if tile.encoding == "CCITTFaxDecode":
        entries.DecodeParms = Dictionary(K=-1, Columns=tile.width, Rows=tile.height, BlackIs1=tile.black_is_one)
    elif tile.encoding == "FlateDecode":
        colours = 1 if tile.palette else components
        entries.DecodeParms = Dictionary(Predictor=15, Colors=colours, Columns=tile.width, BitsPerComponent=tile.bits)
    elif tile.transform >= 0:
        entries.DecodeParms = Dictionary(ColorTransform=tile.transform)
    return pikepdf.Stream(pdf, data, entries)


def _colour_space(pdf: pikepdf.Pdf, tile: PictureTile) -> pikepdf.Object:
    """Return the colour space of a tile."""
    components, name = _COLOURS[tile.colours]
    space: pikepdf.Object = name
    if tile.profile:
        profile = pikepdf.Stream(pdf, tile.profile, Dictionary(N=components, Alternate=name))
        space = Array([Name.ICCBased, pdf.make_indirect(profile)])
    if not tile.palette:
        return space
    return Array([Name.Indexed, space, len(tile.palette) // 3 - 1, pikepdf.String(tile.palette)])

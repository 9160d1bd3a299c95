"""An image file as a document, read with Pillow. Runs in the opener child.

Every frame of a TIFF is a page. Other formats may hold an animation or a preview; their first frame is the page. The size in
points comes from the resolution that the file declares if that is above 72 (which cameras and Pillow write if they do not know
it) and at most 1200 dpi; else 144 dpi are assumed.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pi_heif
from PIL import AvifImagePlugin, Image, Jpeg2KImagePlugin, TiffImagePlugin, WebPImagePlugin

from document_parser.errors import DamagedDocument, DocumentError, OversizedImage, OversizedPage, PageUnreadable
from document_parser.imaging.page_image import INK_MARGIN_GREY_LEVELS, RenderedPage, compute_pixel_size, drop_absent_colour
from document_parser.imaging.paper import apply_flattening, find_flattening, in_fractions
from document_parser.models import BoundingBox, Damage, PageFacts, PageImageSpec
from document_parser.sources import decoder_messages
from document_parser.sources.base import WithoutTextLayer
from document_parser.sources.cut_images import (
    TAIL_BYTES,
    Salvaged,
    describe_cut,
    find_frame_damage,
    salvage,
    show_cut,
)
from document_parser.sources.padded_images import CutFile, find_cut, may_say_length
from document_parser.sources.page_pictures import (
    LOSSY_HEAD_BYTES,
    Packed,
    is_lossy,
    keep_as_stored,
    pack_as_jpeg,
    pack_without_loss,
)
from document_parser.sources.pdf.stream_checks import jpeg_sample_bits, may_be_lossless_jpeg
from document_parser.sources.truncated_images import truncated_images

ASSUMED_DPI = 144.0
"""Resolution of an image whose file declares none that can be believed."""
HEAD_BYTES = 65_536
"""What of a JPEG is searched for the bits of its samples."""
KEPT_LONG_SIDE_PIXELS = 4096
"""Decoded images are reduced to this long side; no engine asks for more."""

# Two plugins by their modules, so that they are loaded with this module and not at their first image.
pi_heif.register_heif_opener()
_FORMATS = (
    "PNG", "JPEG", TiffImagePlugin.TiffImageFile.format, "BMP", "DIB", "GIF", WebPImagePlugin.WebPImageFile.format,
    AvifImagePlugin.AvifImageFile.format, Jpeg2KImagePlugin.Jpeg2KImageFile.format, "HEIF",
)  # fmt: skip
_ANIMATED = frozenset({"GIF", "WEBP", "PNG", "AVIF"})
"""Formats whose further frames are an animation. Those of a JPEG or HEIC are previews and further photos."""
_SUBFILE_TAG, _PHOTOMETRIC_TAG = 254, 262
"""Tags of a TIFF: whether a frame is a smaller copy (lowest bit), and whether 0 is white (0) or black (1)."""
_ORIENTATION_TAG = 0x0112
_A4_LONG_SIDE_POINTS = 842.0
"""Long side of A4 in points."""
# Raised by Pillow's decoders for bytes that are not what their header promises.
_FAULTS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip
# By EXIF orientation: what to do with the pixels, and by how many degrees clockwise a viewer turns them.
_ORIENTATIONS: dict[int, tuple[Image.Transpose, int]] = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, 0),
    3: (Image.Transpose.ROTATE_180, 180),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, 180),
    5: (Image.Transpose.TRANSPOSE, 90),
    6: (Image.Transpose.ROTATE_270, 90),
    7: (Image.Transpose.TRANSVERSE, 270),
    8: (Image.Transpose.ROTATE_90, 270),
}
_TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


class _Shape(NamedTuple):
    """Size in points of the upright page, the resolution of its pixels in dpi, and the EXIF orientation still to be applied."""

    width_points: float
    height_points: float
    dpi: float
    orientation: int


class ImageFile(WithoutTextLayer):
    """An opened image file.

    Construction raises DamagedDocument, DocumentError or OversizedImage; the methods raise PageUnreadable, or OversizedPage
    for a frame above the limits. An image of one page is decoded at once, so that one of which nothing can be shown is refused.
    A sheet photographed from the side is flattened: the page is the sheet as it lies before a reader.
    If the data of an image ends early or is damaged, the part that is there is shown, and ``damage`` reports how much that is.
    """

    def __init__(self, file: Path | bytes, max_megapixels: int, max_memory_mb: int = 1024) -> None:
        """Open a file by its path or contents. The limits are in millions of pixels and in MiB at the peak of decoding."""
        self._file = file
        self._max_memory_mb = max_memory_mb
        self._max_pixels = max_megapixels * 1_000_000
        self._kept: tuple[int, Image.Image] | None = None
        self._damage: dict[int, list[Damage]] = {}
        self._perspective: dict[int, list[float]] = {}
        self._frames_lost = False
        self._frames = [0]
        Image.MAX_IMAGE_PIXELS = None  # our own limit is checked before decoding
        self._cut = find_cut(self._contents()) if may_say_length(self._piece(0, 12)) else None
        if self._cut is not None:
            self._file = self._cut.padded
        with _faults_as(DamagedDocument, self._refusal()), self._open_frame(1) as image:
            if image.format == "TIFF":
                self._frames = _pages_of(image, self._count_frames(image))
        self.page_count = len(self._frames)
        if self.page_count == 1:
            self._check_only_page()

    def _check_only_page(self) -> None:
        """Decode the only page. Raises OversizedImage and DamagedDocument in place of the errors of a page."""
        try:
            self._load_frame(1)
        except OversizedPage as error:
            facts = error.details
            raise OversizedImage.with_limit(facts["megapixels"], facts["limit_megapixels"], error.setting) from error
        except PageUnreadable as error:
            raise DamagedDocument(self._refusal()) from error

    def _refusal(self) -> str:
        """Return why nothing of the image can be shown: samples that are not read, or that it is cut off and where."""
        if (bits := jpeg_sample_bits(self._piece(0, HEAD_BYTES))) > 8:
            return f"The JPEG has {bits} bits in each sample; only those with 8 are read. Save it with 8, or as PNG or TIFF."
        if self._cut is None:
            size = self._size()
            cut = describe_cut(self._piece(0, 8), self._piece(max(0, size - TAIL_BYTES), TAIL_BYTES), size)
        else:
            cut = f"after {len(self._cut.raw)} of {self._cut.promised} bytes"
        if not cut:
            return "The image is damaged. Upload it again."
        return f"The image is cut off {cut}, and nothing of it can be shown. Upload it again."

    def _count_frames(self, image: Image.Image) -> int:
        """Return the number of frames of a TIFF, as far as their directories can be found."""
        try:
            return int(getattr(image, "n_frames", 1))
        except _FAULTS:
            self._frames_lost = True
        found = 1
        with suppress(*_FAULTS):
            while True:
                image.seek(found)
                found += 1
        return found

    def damage(self, number: int) -> list[Damage]:
        """Return the damaged parts of the frame's data. The frame is decoded for this, and kept for its image."""
        self._load_frame(number)
        lost = [Damage(part="pages", fault="missing", unit="pages")] if self._frames_lost and number == self.page_count else []
        return [*self._damage[number], *lost]

    def facts(self, number: int) -> PageFacts:
        """Return size and rotation of a frame. Raises PageUnreadable."""
        with _faults_as(PageUnreadable, "This frame of the image is damaged."), self._open_frame(number) as image:
            shape, frames = _shape(image), int(getattr(image, "n_frames", 1))
        return PageFacts(
            number=number,
            width_points=round(shape.width_points, 2),
            height_points=round(shape.height_points, 2),
            rotation=_ORIENTATIONS[shape.orientation][1] if shape.orientation in _ORIENTATIONS else 0,
            image_share=1.0,
            objects=1,
            unread_frames=frames - 1 if image.format in _ANIMATED or image.format == "HEIF" else 0,
        )

    def render(self, number: int, spec: PageImageSpec, turn: int) -> RenderedPage:
        """Return the frame at the requested resolution, but not enlarged unless ``min_short_side`` requires it.

        Frames shorter than A4 keep as many pixels as A4 would have: small print and wrong resolution tags are common.
        """
        with _faults_as(PageUnreadable, "This frame of the image is damaged."), self._open_frame(number) as image:
            shape = _shape(image)
        decoded = self._load_frame(number)
        if spec.region is not None:
            return _render_region(decoded, spec, spec.region, turn)
        long_side = max(shape.width_points, shape.height_points)
        dpi = min(shape.dpi, spec.dpi * max(1.0, _A4_LONG_SIDE_POINTS / long_side))
        size = compute_pixel_size(shape.width_points, shape.height_points, spec, dpi)
        picture = decoded if decoded.size == size else decoded.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        if turn in _TURNS:
            picture = picture.transpose(_TURNS[turn])
        return RenderedPage.from_image(picture, spec)

    def page_picture(self, number: int) -> Packed:
        """Return the frame as a PDF can hold it, at its full resolution; one that is damaged as far as it can be shown."""
        shown = self._load_frame(number)
        if self._damage.get(number) or self._cut is not None:
            return pack_as_jpeg(shown)
        perspective = self._perspective.get(number)
        with _faults_as(PageUnreadable, "This frame of the image is damaged."), self._open_frame(number) as image:
            orientation = _shape(image).orientation
            packed = keep_as_stored(image, self._piece, self._size(), orientation)
            if packed is None:
                self._check_memory(image)
                image.load()
                profile = image.info.get("icc_profile", b"")
                pack = pack_as_jpeg if is_lossy(image, self._piece(0, LOSSY_HEAD_BYTES)) else pack_without_loss
                packed = pack(_packable(image), _shape(image).orientation, profile)
        return packed._replace(picture=packed.picture.model_copy(update={"perspective": perspective}))

    def _stream(self) -> Path | BytesIO:
        """Return what Pillow opens: a new stream of the contents, or the path."""
        return BytesIO(self._file) if isinstance(self._file, bytes) else self._file

    def _contents(self) -> bytes:
        """Return all bytes of the file."""
        return self._file if isinstance(self._file, bytes) else self._file.read_bytes()

    def _piece(self, start: int, count: int) -> bytes:
        """Return some bytes of the file: only what is looked at is read, since a TIFF may have gigabytes."""
        if isinstance(self._file, bytes):
            return self._file[start : start + count]
        with self._file.open("rb") as file:
            file.seek(start)
            return file.read(count)

    def _size(self) -> int:
        """Return the number of bytes of the file."""
        return len(self._file) if isinstance(self._file, bytes) else self._file.stat().st_size

    @contextmanager
    def _open_frame(self, number: int) -> Iterator[Image.Image]:
        """Open the file at this frame; its header is read, nothing is decoded."""
        with warnings.catch_warnings(), truncated_images(allowed=False):
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which does not concern the image
            with Image.open(self._stream(), formats=_FORMATS) as image:
                if frame := self._frames[number - 1]:
                    image.seek(frame)
                yield image

    def _load_frame(self, number: int) -> Image.Image:
        """Return the upright frame as L or RGB over white, at most KEPT_LONG_SIDE_PIXELS long; the last one is kept."""
        if self._kept is None or self._kept[0] != number:
            self._kept = None
            decoder_messages.take_messages()
            with _faults_as(PageUnreadable, "This frame is damaged or cut off."), self._open_frame(number) as image:
                self._check_size(image)
                self._kept = number, self._decode(number, image)
        return self._kept[1]

    def _decode(self, number: int, image: Image.Image) -> Image.Image:
        """Decode a frame, or what is there of it, and note its damage."""
        try:
            if image.format != "JPEG" or not may_be_lossless_jpeg(self._contents()):
                image.draft(None, (KEPT_LONG_SIDE_PIXELS, KEPT_LONG_SIDE_PIXELS))
            self._check_memory(image)
            with truncated_images(allowed=self._cut is not None):
                image.load()  # before the orientation is read: Pillow then decodes a PNG, and reports its damage only once
        except _FAULTS as error:
            return self._salvage(number, error)
        if self._cut is not None:
            return self._show_cut(number, image, self._cut)
        if number not in self._damage:
            self._damage[number] = self._find_damage(number)
        if any(one.fault == "cut" for one in self._damage[number]):
            return self._salvage(number, PageUnreadable("This frame is cut off."))
        plain = drop_absent_colour(_flatten_to_white(image))
        upright = self._turn_upright(plain, _shape(image).orientation)
        flattening = find_flattening(upright)
        if flattening is not None:
            self._perspective[number] = in_fractions(flattening, *upright.size)
        return apply_flattening(upright, flattening)

    def _show_cut(self, number: int, image: Image.Image, cut: CutFile) -> Image.Image:
        """Return what is there of a decoded frame whose file ends early. Raises PageUnreadable if that is nothing."""
        found = show_cut(image, cut)
        decoder_messages.take_messages()
        if found is None:
            raise PageUnreadable("This frame is cut off.")
        self._damage[number] = [found.damage]
        return self._turn_upright(_whiten_missing(_flatten_to_white(found.image), found), _orientation(image))

    def _salvage(self, number: int, fault: Exception) -> Image.Image:
        """Return what is there of a frame. Raises ``fault`` if that is nothing."""
        with self._open_frame(number) as image:
            found = salvage(image, self._contents(), self._frames[number - 1])
            orientation = 1 if image.format == "TIFF" else _orientation(image)
        if found is None:
            raise fault
        self._damage[number] = [found.damage]
        return self._turn_upright(_whiten_missing(_flatten_to_white(found.image), found), orientation)

    def _find_damage(self, number: int) -> list[Damage]:
        """Return the damage of a frame that decodes: what the decoder reported, or what a check finds."""
        messages = decoder_messages.take_messages()
        with self._open_frame(number) as image:
            found = find_frame_damage(image, self._contents()) if image.format in {"JPEG", "TIFF"} else None
        if found is None and messages:
            found = Damage(part="frame", fault="corrupt", decoder=messages[0])
        return [found] if found else []

    @staticmethod
    def _turn_upright(plain: Image.Image, orientation: int) -> Image.Image:
        """Return the image reduced to KEPT_LONG_SIDE_PIXELS and turned as its EXIF orientation says."""
        if max(plain.size) > KEPT_LONG_SIDE_PIXELS:
            plain.thumbnail((KEPT_LONG_SIDE_PIXELS, KEPT_LONG_SIDE_PIXELS), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return plain.transpose(_ORIENTATIONS[orientation][0]) if orientation in _ORIENTATIONS else plain

    def _check_size(self, image: Image.Image) -> None:
        """Raise OversizedPage for an image with too many pixels."""
        pixels = image.width * image.height
        if pixels > self._max_pixels:
            raise OversizedPage.with_limit(round(pixels / 1_000_000, 1), self._max_pixels // 1_000_000)

    def _check_memory(self, image: Image.Image) -> None:
        """Raise OversizedPage if decoding would take too much memory: a JPEG may be set to decode at a smaller size."""
        most = (self._max_memory_mb << 20) // _pixel_bytes(image)
        pixels = image.width * image.height
        if pixels > most:
            raise OversizedPage.with_limit(round(pixels / 1_000_000, 1), round(most / 1_000_000, 1), "MAX_IMAGE_MEMORY_MB")


def _pixel_bytes(image: Image.Image) -> int:
    """Return how many bytes a pixel takes at the peak of ``_flatten_to_white``, the decoded image included."""
    if image.mode.startswith(("I", "F")):
        return 20  # four bytes, and arrays of single floats
    if image.has_transparency_data:
        return 20
    return 2 if image.mode in {"1", "L"} else 4 if image.mode == "RGB" else 8


def _whiten_missing(plain: Image.Image, found: Salvaged) -> Image.Image:
    """Return the image with the missing rows in white."""
    top, bottom = round(found.top * plain.height), round(found.bottom * plain.height)
    for first, last in ((0, top), (bottom, plain.height)):
        if last > first:
            plain.paste("white", (0, first, plain.width, last))
    return plain


def _render_region(decoded: Image.Image, spec: PageImageSpec, region: BoundingBox, turn: int) -> RenderedPage:
    """Return a part of a frame, at its own resolution if the limits of ``spec`` allow it."""
    picture = decoded.transpose(_TURNS[turn]) if turn in _TURNS else decoded
    left, right = (round(edge * picture.width) for edge in (region.left, region.right))
    top, bottom = (round(edge * picture.height) for edge in (region.top, region.bottom))
    part = picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    part.thumbnail((spec.max_long_side, spec.max_long_side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return RenderedPage.from_image(part, spec)


@contextmanager
def _faults_as(error_type: type[DocumentError | PageUnreadable], message: str) -> Iterator[None]:
    """Raise an error of ours, with ``message``, for what Pillow's decoders raise."""
    try:
        yield
    except _FAULTS as error:
        raise error_type(message) from error


def _pages_of(image: Image.Image, count: int) -> list[int]:
    """Return which of a TIFF's frames, from 0, are pages. Smaller copies of another frame are none.

    The tag alone is not believed: a frame is a copy if another one has its shape and more pixels.
    """
    sizes = [_size_of_frame(image, frame) for frame in range(count)]
    whole = [size for size, is_reduced in sizes if not is_reduced]
    return [
        frame
        for frame, (size, is_reduced) in enumerate(sizes)
        if not (is_reduced and any(_is_smaller(size, other) for other in whole))
    ]


def _size_of_frame(image: Image.Image, frame: int) -> tuple[tuple[int, int], bool]:
    """Return the size of a TIFF's frame, and whether its tag says that it is a smaller copy of another one."""
    try:
        image.seek(frame)
        return image.size, bool(int(getattr(image, "tag_v2", {}).get(_SUBFILE_TAG, 0)) & 1)
    except _FAULTS:
        return (0, 0), False  # who reads the frame will say what is damaged


def _is_smaller(copy: tuple[int, int], page: tuple[int, int]) -> bool:
    """Return whether a frame can be a smaller copy of a page: it has fewer pixels, and its shape up to a rounded pixel."""
    (width, height), (page_width, page_height) = copy, page
    if not (0 < width < page_width and 0 < height < page_height):
        return False
    return abs(width * page_height - height * page_width) <= max(page_width, page_height)


def _shape(image: Image.Image) -> _Shape:
    """Return the shape of an image whose header is read."""
    across, along = _resolution(image)
    # Pillow turns the frames of a TIFF by itself and reports their turned size.
    orientation = 1 if image.format == "TIFF" else _orientation(image)
    width, height = image.width * 72 / across, image.height * 72 / along
    if orientation in {5, 6, 7, 8}:
        width, height = height, width
    return _Shape(width, height, max(across, along), orientation)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8. Pillow decodes a PNG for it, as the tag may follow the pixels."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except _FAULTS:
        return 1


def _resolution(image: Image.Image) -> tuple[float, float]:
    """Return dots per inch across and along; they differ in a fax, whose pixels are not square."""
    try:
        across, along = (float(value) for value in image.info.get("dpi", (0, 0)))
    except (TypeError, ValueError, ZeroDivisionError):
        return ASSUMED_DPI, ASSUMED_DPI
    sane = 72 < across <= 1200 and 72 < along <= 1200 and 0.4 <= across / along <= 2.5
    return (across, along) if sane else (ASSUMED_DPI, ASSUMED_DPI)


def _flatten_to_white(image: Image.Image) -> Image.Image:
    """Return the image as L or RGB. Transparent parts are white, or black if all that is drawn is white itself."""
    if image.mode.startswith(("I", "F")):
        return _to_eight_bits(image)
    if image.has_transparency_data:
        return _flatten_alpha(image.convert("RGBA"))
    if image.mode in {"1", "L"}:
        return image.convert("L")
    return image if image.mode == "RGB" else image.convert("RGB")  # a copy would double the memory of a large image


def _packable(image: Image.Image) -> Image.Image:
    """Return an image in a mode that is packed without loss: as it is, or over white as L or RGB."""
    is_plain = image.mode in ("1", "L", "P", "RGB") and not image.has_transparency_data
    return image if is_plain else _flatten_to_white(image)


def _flatten_alpha(image: Image.Image) -> Image.Image:
    """Return an RGBA image as RGB."""
    alpha = image.getchannel("A")
    levels = np.asarray(image.convert("L").histogram(mask=alpha.point(lambda value: 255 if value > 127 else 0)))
    drawn, dark = int(levels.sum()), int(levels[: 256 - INK_MARGIN_GREY_LEVELS].sum())
    white_on_nothing = 0 < drawn < image.width * image.height and dark < 0.001 * drawn
    paper = Image.new("RGB", image.size, "black" if white_on_nothing else "white")
    paper.paste(image, mask=alpha)
    return paper


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Return 16 bits and more as 8: by the width of the type, or by the range of values if they do not fill it."""
    values = np.asarray(image, dtype=np.float32)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low >= 0 and high > 255 and high <= 65535:
        low, high = 0.0, 65535.0 if high > 4095 else 4095.0
    elif low >= 0 and high <= 255 and image.mode != "F":
        low, high = 0.0, 255.0
    span = (high - low) or 1.0
    eight = np.nan_to_num((values - low) * (255 / span)).clip(0, 255).astype(np.uint8)
    white_is_zero = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC_TAG) == 0  # Pillow inverts up to 8 bits only
    return Image.fromarray(255 - eight if white_is_zero else eight)

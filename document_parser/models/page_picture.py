"""The picture of a page of an image file as a PDF can hold it: the pixels as they are stored, or packed without loss."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

MAX_TILES = 512
"""Pieces that a picture may be stored in, one below the other."""
_Side = Annotated[int, Field(ge=1, le=65535)]


class PictureTile(BaseModel):
    """A piece of a picture across its whole width: how its data is encoded, and which share of the height it covers."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    width: _Side
    height: _Side
    encoding: Literal["DCTDecode", "JPXDecode", "CCITTFaxDecode", "FlateDecode"]
    colours: Literal["gray", "rgb", "cmyk"]
    bits: Literal[1, 2, 4, 8] = 8
    length: Annotated[int, Field(ge=0)]
    """Bytes of the data."""
    palette: Annotated[Base64Bytes, Field(max_length=2048)] = b""
    """Colours of a palette, three bytes each; ``colours`` is rgb then."""
    profile: Annotated[Base64Bytes, Field(max_length=1 << 23)] = b""
    """An ICC profile of the colours; without one they are sRGB."""
    black_is_one: bool = False
    """Of CCITT: whether set bits are black."""
    transform: Annotated[int, Field(ge=-1, le=1)] = -1
    """Of a JPEG: whether its colours are stored as YCbCr (1) or RGB (0); -1 if its own marks say it."""
    inverted: bool = False
    """Whether all values are stored inverted, as in CMYK by Adobe."""
    top: Annotated[float, Field(ge=0, le=1)] = 0.0
    bottom: Annotated[float, Field(ge=0, le=1)] = 1.0


class PagePicture(BaseModel):
    """A picture in pieces. ``orientation`` is as in EXIF (1 to 8): how the stored pixels lie on the upright page.

    ``perspective`` are the eight coefficients of the map from the page as it is read, a sheet seen from the front, to the page
    as the picture shows it, both in fractions of the upright page; None if they are the same.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    tiles: Annotated[list[PictureTile], Field(min_length=1, max_length=MAX_TILES)]
    orientation: Annotated[int, Field(ge=1, le=8)] = 1
    perspective: Annotated[list[float], Field(min_length=8, max_length=8)] | None = None

"""The direction of writing; the skew of an image, and how places on it correspond to those on the straightened image."""

from __future__ import annotations

import math
from typing import NamedTuple

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in fractions of the image."""

MAX_QUARTER_DEVIATION_DEGREES = 3.0
"""Writing that deviates from a quarter turn by this much at most runs straight: the text layer of a scan is often as skewed as
its image."""


def direction_of(across: float, down: float) -> int:
    """Return the direction of a vector in whole degrees clockwise from one to the right, 0 to 359; ``down`` grows downwards.

    It is 0, 90, 180 or 270 up to MAX_QUARTER_DEVIATION_DEGREES from these, and 0 if the vector has no length.
    """
    if not (math.isfinite(across) and math.isfinite(down)):
        return 0
    degrees = math.degrees(math.atan2(down, across))
    quarter = 90 * round(degrees / 90)
    return round(quarter if abs(degrees - quarter) <= MAX_QUARTER_DEVIATION_DEGREES else degrees) % 360


class Skew(NamedTuple):
    """By how much an image's lines of writing fall to the right, and how it was straightened.

    ``degrees`` is clockwise. The image was turned back about its centre and reduced by ``scale``, so that no writing left it.
    ``shape`` is its width over its height.
    """

    degrees: float = 0.0
    scale: float = 1.0
    shape: float = 1.0

    def unstraighten(self, box: Box) -> Box:
        """Return the box on the image as shown around a box on the straightened one. It may reach over the edges."""
        left, top, right, bottom = box
        corners = [self._rotate(x, y, self.degrees, 1 / self.scale) for x in (left, right) for y in (top, bottom)]
        across, down = zip(*corners, strict=True)
        return min(across), min(down), max(across), max(down)

    def straighten(self, box: Box) -> Box:
        """Return the place on the straightened image of a small box on the image as shown.

        The box is moved, not enlarged.
        """
        left, top, right, bottom = box
        across, down = self._rotate((left + right) / 2, (top + bottom) / 2, -self.degrees, self.scale)
        half_width, half_height = (right - left) / 2 * self.scale, (bottom - top) / 2 * self.scale
        return across - half_width, down - half_height, across + half_width, down + half_height

    def _rotate(self, across: float, down: float, degrees: float, scale: float) -> tuple[float, float]:
        """Return a point turned clockwise about the image's centre and scaled."""
        cosine, sine = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
        x, y = (across - 0.5) * self.shape, down - 0.5
        return (x * cosine - y * sine) / self.shape + 0.5, x * sine + y * cosine + 0.5


LEVEL = Skew()
"""That of an image that is read as it is."""

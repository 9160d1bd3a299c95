"""How a picture lies askew, and where what was found on the straightened picture stands on the one as shown."""

from __future__ import annotations

import math
from typing import NamedTuple

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in fractions of the picture."""


class Skew(NamedTuple):
    """By how much a picture's lines of writing fall to the right, and how it was straightened.

    ``degrees`` is clockwise. The picture was turned back about its middle and made smaller by ``scale``, so that no writing
    left it; ``shape`` is its width over its height.
    """

    degrees: float = 0.0
    scale: float = 1.0
    shape: float = 1.0

    def as_shown(self, box: Box) -> Box:
        """The box, on the picture as shown, around a box on the straightened one. It may reach over the edges."""
        left, top, right, bottom = box
        corners = [self._moved(x, y, self.degrees, 1 / self.scale) for x in (left, right) for y in (top, bottom)]
        across, down = zip(*corners, strict=True)
        return min(across), min(down), max(across), max(down)

    def straightened(self, box: Box) -> Box:
        """Where a small box on the picture as shown stands on the straightened one: moved, not made larger."""
        left, top, right, bottom = box
        across, down = self._moved((left + right) / 2, (top + bottom) / 2, -self.degrees, self.scale)
        half_width, half_height = (right - left) / 2 * self.scale, (bottom - top) / 2 * self.scale
        return across - half_width, down - half_height, across + half_width, down + half_height

    def _moved(self, across: float, down: float, degrees: float, scale: float) -> tuple[float, float]:
        """A place turned clockwise about the picture's middle."""
        cosine, sine = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
        x, y = (across - 0.5) * self.shape, down - 0.5
        return (x * cosine - y * sine) / self.shape + 0.5, x * sine + y * cosine + 0.5

"""How many uploads a second a profile sends, and for how long. Imports nothing, for Locust's process and ours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """A rate that is reached within ``rise`` seconds and then held for ``hold`` seconds."""

    rate: int
    rise: float
    hold: float

    def scaled(self, scale: float, shorter: float) -> Profile:
        return Profile(max(1, round(self.rate * scale)), self.rise / shorter, self.hold / shorter)


PROFILES = {
    "normal": Profile(10, 1, 60),
    "peak": Profile(100, 5, 60),
    "spike": Profile(200, 60, 15),
    "sustained": Profile(20, 1, 300),
}

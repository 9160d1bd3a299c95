"""Who goes first: express before normal before batch, and yet nobody starves.

Of sixteen turns in a row express begins twelve, normal three and batch one; a turn that finds its lane empty goes to the next
lane that has something. So normal work always gets at least 3/16 of what the service can do, and batch work at least 1/16.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

from document_parser.models import Lane, Options
from document_parser.settings import QueueSettings

LANES: tuple[Lane, ...] = ("express", "normal", "batch")
ROUND = 16
NORMAL_EVERY = 4


def order(turn: int) -> tuple[Lane, ...]:
    """The lanes as they are asked at this turn, first choice first."""
    first: Lane = "batch" if turn % ROUND == 0 else "normal" if turn % NORMAL_EVERY == 0 else "express"
    return (first, *(lane for lane in LANES if lane != first))


def turns() -> Iterator[tuple[Lane, ...]]:
    """One order after the other. Each process begins anywhere in the round, so that short lives keep the shares too."""
    return map(order, count(random.randrange(ROUND)))


def lane_at_upload(options: Options, size: int, settings: QueueSettings, *, overspent: bool = False) -> Lane:
    """The lane before the document has been opened; ``size`` in bytes. ``overspent``: its owner's budget is, see ``budget``."""
    return "batch" if overspent else _lane(options, small=size <= settings.express_max_kb << 10)


def lane_once_opened(options: Options, pages: int, settings: QueueSettings, *, overspent: bool = False) -> Lane:
    """The lane for the number of pages to read."""
    return "batch" if overspent else _lane(options, small=pages <= settings.express_max_pages)


def _lane(options: Options, *, small: bool) -> Lane:
    if options.priority != "auto":
        return options.priority
    return "express" if small else "normal"

"""Decide which lane goes first: express before normal before batch, without starving any of them.

Of sixteen turns in a row, express goes first in twelve, normal in three and batch in one. If the lane of a turn is empty, the
turn goes to the next lane that has work. So normal work gets at least 3/16 of the capacity, and batch work at least 1/16.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import count

from document_parser.models import Lane, Options
from document_parser.settings import QueueSettings

LANES: tuple[Lane, ...] = ("express", "normal", "batch")
"""All lanes, fastest first."""
TURNS_PER_ROUND = 16
"""The number of turns after which the order repeats. Batch goes first in one of them."""
NORMAL_EVERY = 4
"""Normal goes first in every fourth turn, unless that turn is batch's."""


def order(turn: int) -> tuple[Lane, ...]:
    """Return the lanes in the order in which this turn asks them."""
    first: Lane = "batch" if turn % TURNS_PER_ROUND == 0 else "normal" if turn % NORMAL_EVERY == 0 else "express"
    return (first, *(lane for lane in LANES if lane != first))


def turns() -> Iterator[tuple[Lane, ...]]:
    """Yield the order of lanes of one turn after the other, without end.

    Each process starts at a random turn, so that processes that take few turns keep the shares as well.
    """
    return map(order, count(random.randrange(TURNS_PER_ROUND)))


def lane_at_upload(
    options: Options, size: int, settings: QueueSettings, *, overspent: bool = False, allowed: Sequence[Lane] | None = None
) -> Lane:
    """Return the lane of a document that has not been opened yet; ``size`` is in bytes.

    ``overspent`` says that its owner's budget is used up, see ``budget``. ``allowed`` are the lanes of its owner's tier; None
    allows all.
    """
    return "batch" if overspent else _lane(options, allowed, small=size <= settings.express_max_kb << 10)


def lane_once_opened(
    options: Options, pages: int, settings: QueueSettings, *, overspent: bool = False, allowed: Sequence[Lane] | None = None
) -> Lane:
    """Return the lane of an opened document; ``pages`` is the number of pages to read. The rest is as at the upload."""
    return "batch" if overspent else _lane(options, allowed, small=pages <= settings.express_max_pages)


def _lane(options: Options, allowed: Sequence[Lane] | None, *, small: bool) -> Lane:
    wanted: Lane = options.priority if options.priority != "auto" else "express" if small else "normal"
    return wanted if allowed is None else _nearest(wanted, allowed)


def _nearest(wanted: Lane, allowed: Sequence[Lane]) -> Lane:
    """Return the wanted lane if it is allowed, else the next slower one that is, else the slowest that is."""
    slower = [lane for lane in LANES[LANES.index(wanted) :] if lane in allowed]
    return slower[0] if slower else next(lane for lane in reversed(LANES) if lane in allowed)

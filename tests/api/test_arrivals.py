"""What arrives slowly: who is cut off, and who keeps its thread. The moments are given, nobody waits for them."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from document_parser.api.intake.arrivals import SLOW_SECONDS, Arrivals, Slots, slots_for_threads


@pytest.fixture
def connection():
    with contextlib.ExitStack() as stack:

        def connect():
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            stack.enter_context(theirs)
            return ours

        yield connect


def begun(arrivals, connection, received=0):
    arrival = arrivals.begin(connection())
    arrival.received = received
    return arrival


def test_a_client_is_cut_off_where_a_piece_takes_too_long_but_not_where_we_do(connection):
    arrivals = Arrivals(whole_seconds=1000, piece_seconds=60)
    waits, works = begun(arrivals, connection), begun(arrivals, connection)
    with arrivals.timed_piece(waits):
        arrivals.cut_off_slow(time.monotonic() + 59)
        assert (waits.cut, works.cut) == ("", "")
        arrivals.cut_off_slow(time.monotonic() + 61)
        assert (waits.cut, works.cut) == ("stalled", "")
        assert waits.client.recv(1) == b""


def test_nobody_may_take_longer_than_the_whole_time_however_many_bytes_come(connection):
    arrivals = Arrivals(whole_seconds=1000)
    arrival = begun(arrivals, connection, received=1 << 40)
    arrivals.cut_off_slow(arrival.began + 999)
    assert arrival.cut == ""
    arrivals.cut_off_slow(arrival.began + 1000)
    assert arrival.cut == "too_long"


def test_where_too_many_are_slow_the_slowest_go_and_the_quick_are_never_counted(connection):
    arrivals = Arrivals(whole_seconds=1000, slots=Slots(2))
    slow = [begun(arrivals, connection, received=size) for size in (10, 30, 20, 40)]
    later = slow[0].began + SLOW_SECONDS
    arrivals.cut_off_slow(later - 1)
    assert [arrival.cut for arrival in slow] == [""] * 4
    arrivals.cut_off_slow(later + 1)
    assert [arrival.cut for arrival in slow] == ["no_room", "", "no_room", ""]
    # A place is free again once its upload has come.
    arrivals.end(slow[1])
    arrivals.end(slow[1])
    another = begun(arrivals, connection, received=1)
    arrivals.cut_off_slow(later + 10)
    assert (another.has_slot, another.cut, slow[3].cut) == (True, "", "")


@pytest.mark.parametrize(("threads", "most"), [(1, 1), (2, 1), (4, 3), (8, 6), (16, 12)])
def test_a_quarter_of_the_threads_stays_for_what_is_answered_at_once(threads, most):
    places = slots_for_threads(threads)
    assert [places.take() for _ in range(threads + 1)].count(True) == most


def test_who_waits_takes_a_place_from_those_who_send_slowly_and_the_other_way_round():
    held = Slots(3)
    waiting = Slots(2, of=held)
    assert [waiting.take(), waiting.take(), waiting.take()] == [True, True, False]
    assert [held.take(), held.take()] == [True, False]
    waiting.release()
    assert [held.take(), waiting.take()] == [True, False]
    held.release()
    assert waiting.take()

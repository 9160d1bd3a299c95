"""The short form of ``make chaos``: two faults that no other test has, over documents of several kinds at once."""

from __future__ import annotations

from tests import chaos


def test_documents_of_several_kinds_read_as_undisturbed_whatever_is_killed_meanwhile(tmp_path):
    found = chaos.run(tmp_path, ["kill -9 of gunicorn's master", "kill -9 of everything"])
    assert [one.complaints for one in found] == [[], []]


def test_every_fault_comes_once_before_any_comes_twice_and_a_seed_gives_the_same_order_again():
    faults = chaos.order(3, 2 * len(chaos.FAULTS))
    assert sorted(faults[: len(chaos.FAULTS)]) == sorted(chaos.FAULTS)
    assert faults == chaos.order(3, 2 * len(chaos.FAULTS))

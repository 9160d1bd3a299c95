"""The short form of ``make chaos``: the faults that no other test has, over documents of several kinds at once."""

from __future__ import annotations

from tests.support import chaos


def test_documents_of_several_kinds_read_as_undisturbed_whatever_is_killed_meanwhile(tmp_path):
    faults = ["kill -9 of gunicorn's master", "a full disk", chaos.MODEL_SERVER]
    assert {one.fault: one.complaints for one in chaos.run(tmp_path, faults)} == {fault: [] for fault in faults}


def test_every_fault_comes_once_before_any_comes_twice_and_a_seed_gives_the_same_order_again():
    faults = chaos.order(3, 2 * len(chaos.ALL_FAULTS))
    assert sorted(faults[: len(chaos.ALL_FAULTS)]) == sorted(chaos.ALL_FAULTS)
    assert faults == chaos.order(3, 2 * len(chaos.ALL_FAULTS))

"""Files changed at random are read or refused; no reader dies of one. ``make fuzz`` tries thousands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from document_parser.sources.base import OpenerLimits
from tests.support import documents
from tests.support.fuzz_formats import CHANGES, Fuzzer, changed, place_of, seeds, sniffer_never_fails

EXAMPLES = 60


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzer]:
    found = Fuzzer(tmp_path_factory.mktemp("fuzz"))
    yield found
    found.close()


def test_every_file_is_valid_before_it_is_changed(fuzzer: Fuzzer):
    read = fuzzer.read
    for name, data in fuzzer.files.items():
        fuzzer.check(name, data)
    assert fuzzer.faults == []
    assert fuzzer.read - read == len(fuzzer.files) - len({"entity.xml"})


def test_no_reader_dies_of_a_changed_file(fuzzer: Fuzzer):
    fuzzer.run_batch(7, EXAMPLES)
    assert [(fault, place_of(fault.path)) for fault in fuzzer.faults] == []


def test_a_reader_that_does_not_come_back_is_a_fault(tmp_path: Path):
    endless = documents.endless_page_pdf(tmp_path / "endless.pdf").read_bytes()
    fuzzer = Fuzzer(tmp_path / "fuzz", OpenerLimits(timeout_seconds=0.5))
    fuzzer.check("endless.pdf", endless)
    fuzzer.close()
    (fault,) = fuzzer.faults
    assert (fault.told, fault.path.read_bytes()) == ("PAGE_TOO_SLOW timeout", endless)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes]]:
    return list(seeds(tmp_path_factory.mktemp("sniffed") / "seeds").items())


def test_the_sniffer_answers_whatever_the_bytes_and_the_name(files: list[tuple[str, bytes]]):
    names = [name for name, _ in files]

    @settings(max_examples=400, deadline=None, derandomize=True, database=None)
    @given(
        at=some.integers(0, len(files) - 1),
        changes=some.lists(CHANGES, max_size=4),
        name=some.sampled_from(names) | some.text(max_size=300),
    )
    def sniffed(at: int, changes: list, name: str) -> None:
        sniffer_never_fails(changed(files[at][1], changes), name)

    sniffed()

    @settings(max_examples=400, deadline=None, derandomize=True, database=None)
    @given(data=some.binary(max_size=600), name=some.sampled_from(names) | some.text(max_size=300))
    def sniffed_bytes(data: bytes, name: str) -> None:
        sniffer_never_fails(data, name)

    sniffed_bytes()

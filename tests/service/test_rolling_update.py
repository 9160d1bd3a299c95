"""A rolling update to this version and back. ``make rollout-test`` is the long form, under more load."""

from __future__ import annotations

import pytest

from tests.support import rollout
from tests.support.released import MIGRATIONS, last_release, unmet, unpack
from tests.support.service import ROOT


@pytest.mark.rollout
@pytest.mark.timeout(1800)
def test_an_update_under_load_there_and_back_loses_no_job_and_fails_no_request(tmp_path):
    outcome = rollout.run(tmp_path, seconds=2, pace=0.5)
    assert (outcome.failed, outcome.lost) == ([], [])
    assert all(found.counts.accepted for found in outcome.phases[:-1]), "documents were sent all the time"


def test_a_rolling_update_has_each_version_s_api_over_the_other_s_workers_and_ends_where_it_began():
    served = {(phase.apis, phase.workers) for phase in rollout.PHASES}
    old, new = (rollout.OLD,), (rollout.NEW,)
    assert {(old, old), (new, new), (new, old), (old, new)} <= served
    assert [phase.migrates for phase in rollout.PHASES].count(True) == 1
    assert (rollout.PHASES[-2].apis, rollout.PHASES[-2].workers) == (old, old)


def test_the_last_release_can_be_unpacked_and_misses_nothing_here_that_it_needs(tmp_path):
    try:
        release = unpack(last_release(), tmp_path)
    except rollout.NoRelease as reason:
        pytest.skip(str(reason))
    assert unmet(release.root / "setup.cfg") == []
    assert (release.root / "document_parser" / "__init__.py").is_file()
    assert {path.name for path in (release.root / MIGRATIONS).glob("*.py")} <= {
        path.name for path in (ROOT / MIGRATIONS).glob("*.py")
    }


def test_a_requirement_that_is_not_met_is_named(tmp_path):
    setup = tmp_path / "setup.cfg"
    requirements = ["# why", "flask >=3", "flask >=99", "no-such-package", "flask >=98; python_version < '3'"]
    lines = ["[options]", "install_requires =", *(f"    {one}" for one in requirements)]
    setup.write_text("\n".join([*lines, "[options.extras_require]", "s3 =", "    boto3 >=1", "db =", ""]))
    assert unmet(setup) == ["flask>=99", "no-such-package"]

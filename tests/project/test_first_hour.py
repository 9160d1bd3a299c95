"""Every command and program of the newcomers' documents stands in docs/first_hour.sh, which works as it says."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.support.service import ROOT

SCRIPT = ROOT / "docs" / "first_hour.sh"
DOCUMENTS = ("README.md", "docs/api.md", "docs/cli.md", "docs/deployment.md")
MINUTES = 30


def blocks(document, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)


def commands(document):
    """The lines of consoles that begin with a prompt: their continuations joined, comments left out."""
    for block in blocks(document, "console"):
        joined = re.sub(r" *\\\n +", " ", block)
        for line in re.findall(r"^\$ (.*)$", joined, re.MULTILINE):
            yield re.sub(r"\s+# .*", "", line)


def programs(document):
    return [block.rstrip("\n") for block in blocks(document, "python")]


@pytest.fixture(scope="module")
def steps():
    """What the script goes through, document by document."""
    told = subprocess.run([SCRIPT, "--list"], capture_output=True, text=True, check=True).stdout
    found: dict[str, list[str]] = {}
    for step in told.rstrip("\0").split("\0"):
        if step.startswith("# "):
            name = step.removeprefix("# ")
            found[name] = []
        else:
            found[name].append(step)
    return found


def test_the_script_goes_through_these_documents(steps):
    assert tuple(steps) == DOCUMENTS


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_script_has_every_command_and_program_of_the_document_and_no_other(steps, document):
    assert sorted(steps[document]) == sorted([*commands(document), *programs(document)])


@pytest.mark.timeout(MINUTES * 60 + 300)
def test_the_first_hour_goes_as_the_documents_say():
    if os.environ.get("FIRST_HOUR_RUNS"):
        pytest.skip("the first hour runs this suite")
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, of which a newcomer could make a clone")
    environment = {**os.environ, "FIRST_HOUR_IN_SUITE": "1"}
    with subprocess.Popen([SCRIPT], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        try:
            told, _ = run.communicate(timeout=MINUTES * 60)
        except subprocess.TimeoutExpired:
            run.terminate()
            told = f"{run.communicate()[0]}\nThe rest was not reached within {MINUTES} minutes."
        finally:
            # Asked to end it stops what it has started; killed it could not.
            run.terminate()
    if run.returncode == 77:
        pytest.skip(told.strip())
    assert run.returncode == 0, told

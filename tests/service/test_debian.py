"""docs/gpu-box.md and deploy/install.sh on a fresh Debian 12 and 13, as far as that goes without a GPU and without systemd."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.support.debian_root import DebianRoot
from tests.support.service import ROOT

pytestmark = [pytest.mark.debian, pytest.mark.timeout(2400)]
GUIDE = (ROOT / "docs/gpu-box.md").read_text()
BY_THE_INSTALLER = """\
#deb cdrom:[Debian GNU/Linux]/ {release} contrib main non-free-firmware

deb {mirror} {release} main non-free-firmware
deb-src {mirror} {release} main non-free-firmware
deb {mirror} {release}-updates main non-free-firmware
"""
OF_A_CLOUD_IMAGE = """\
Types: deb deb-src
URIs: {mirror}
Suites: {release} {release}-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
SERVE = """docparse-admin serve >/tmp/service.log 2>&1 &
for second in $(seq 120); do curl -sf http://127.0.0.1:1233/v1/health/ready >/dev/null && break; sleep 1; done
"""


def command(beginning: str) -> str:
    """The one command of the guide that begins so, as a person would copy it."""
    (found,) = {line for line in re.findall(r"^[#$] (.*)$", GUIDE, re.MULTILINE) if line.startswith(beginning)}
    return found


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def debian(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "root"
    yield DebianRoot(folder, request.param)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def installed(debian):
    """The same, after the installer has run."""
    ran = debian.run('deploy/install.sh --languages "eng rus"')
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    return debian


@pytest.mark.parametrize("style", ["installer", "cloud image"])
def test_the_drivers_packages_can_be_had_whatever_form_the_sources_have(debian, style):
    _, mirror, release, *_ = debian.sources.split()
    facts = {"mirror": mirror, "release": release}
    apt = debian.folder / "etc/apt"
    cloud = apt / "sources.list.d/debian.sources"
    (apt / "sources.list").write_text(BY_THE_INSTALLER.format(**facts) if style == "installer" else "# See debian.sources\n")
    cloud.unlink(missing_ok=True)
    if style != "installer":
        cloud.write_text(OF_A_CLOUD_IMAGE.format(**facts))
    add_sections = command("grep -ls main")
    assert debian.run(f"{add_sections}; apt-get update && {command('apt-cache policy nvidia-driver')}").stdout.count(
        "Candidate: 5"
    )
    for packages in ("apt-get install --yes linux-headers-amd64", "apt-get install --yes nvidia-driver "):
        tried = debian.run(command(packages).replace("--yes", "--simulate"))
        assert tried.returncode == 0, tried.stderr
    written = [path.read_text() for path in (apt / "sources.list", cloud) if path.exists()]
    debian.run(add_sections)
    assert [path.read_text() for path in (apt / "sources.list", cloud) if path.exists()] == written, (
        "a second run changes nothing"
    )


def test_the_other_packages_of_the_guide_can_be_had(debian):
    for beginning in ("apt-get update && apt-get install --yes git", "apt-get install --yes ufw"):
        packages = command(beginning).partition("--yes ")[2].split(" && ")[0]
        tried = debian.run(f"apt-get update -qq && apt-get install --simulate {packages}")
        assert tried.returncode == 0, tried.stderr


def test_a_second_run_of_the_installer_changes_nothing(installed):
    again = installed.run('deploy/install.sh --languages "eng rus"')
    assert again.returncode == 0, again.stderr
    assert "nothing has changed" in again.stdout


def test_an_unknown_language_pack_is_refused_with_the_one_that_is_meant(installed):
    refused = installed.run("deploy/install.sh --languages 'eng german'")
    assert refused.returncode == 2
    assert "deu (German)" in refused.stderr


def test_the_doctor_finds_that_the_service_can_do_its_job(installed):
    said = installed.run("docparse-admin doctor --json", network=False)
    assert said.returncode == 0, said.stdout + said.stderr
    found = {finding["name"]: finding for finding in json.loads(said.stdout)["checks"]}
    assert found["tesseract"]["status"] == "ok"
    assert "eng, rus" in found["tesseract"]["detail"]


def test_the_first_page_is_read_without_a_network_by_the_services_own_user(installed):
    read = command("curl -s -F file=@samples/scan.pdf")
    ran = installed.run(f"{SERVE}{read} && echo && stat --format %U /var/lib/docparse/data/keeper.lock", network=False)
    answer, owner = ran.stdout.splitlines()
    assert json.loads(answer)["complete"]
    assert "Caretakers record unusual noises in the logbook" in json.loads(answer)["markdown"]
    assert owner == "docparse"

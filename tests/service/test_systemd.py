"""The units are accepted, locked down, and the service lives with it; the installer makes the tree and keeps what is there."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from document_parser.cli.models import server_command
from document_parser.settings import Settings, StoreSettings, WorkerSettings
from document_parser.sources.confinement import get_landlock_abi
from tests.support.documents import scanned_pdf
from tests.support.service import API, ROOT, Service, processes_of, wait_until

UNITS = sorted(path.name for path in (ROOT / "systemd").glob("*.service"))
OURS = ("docparse-api.service", "docparse-worker@.service")
INSTALL = ROOT / "deploy" / "install.sh"
PROGRAMS = (
    "opt/docparse/bin/docparse",
    "opt/docparse/bin/python",
    "opt/vllm/bin/vllm",
    "usr/bin/curl",
    "usr/bin/nvidia-modprobe",
)

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def values(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", (ROOT / "systemd" / unit).read_text(), re.MULTILINE)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def box(tmp_path):
    """A root folder with the units, and programs where they expect them."""
    for program in (*PROGRAMS, "bin/kill"):
        path = tmp_path / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    for name in UNITS:
        shutil.copy(ROOT / "systemd" / name, units)
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    return tmp_path


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_accepts_each_unit_without_a_word(box, unit):
    checked = analyze("verify", f"--root={box}", "--man=no", unit.replace("@.", "@4."))
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize(
    ("unit", "most"), [*((unit, 1.5) for unit in OURS), ("vllm-deepseek.service", 2.6), ("vllm-nanonets.service", 2.6)]
)
def test_a_unit_exposes_little(box, unit, most):
    shown = analyze("security", "--offline=true", f"--root={box}", "--no-pager", unit)
    assert float(re.search(r"Overall exposure level for \S+: ([\d.]+)", shown.stdout)[1]) <= most


@pytest.mark.parametrize("name", ["deepseek", "nanonets"])
def test_the_model_servers_units_carry_the_flags_that_docparse_models_prints(name):
    (line,) = values(f"vllm-{name}.service", "ExecStart")
    assert shlex.split(line) == server_command(Settings(), name, vllm="/opt/vllm/bin/vllm")


@pytest.mark.parametrize("name", ["deepseek", "nanonets"])
def test_a_model_server_is_started_when_its_port_answers(name):
    (line,) = values(f"vllm-{name}.service", "ExecStart")
    port = shlex.split(line)[shlex.split(line).index("--port") + 1]
    assert values(f"vllm-{name}.service", "ExecStartPost")[0].endswith(f"http://127.0.0.1:{port}/health")


@pytest.mark.parametrize("unit", OURS)
def test_systemd_waits_for_longer_than_pages_may_drain(unit):
    assert int(values(unit, "TimeoutStopSec")[0]) >= 2 * WorkerSettings().drain_seconds


def test_each_instance_of_the_workers_unit_is_one_worker():
    (line,) = values("docparse-worker@.service", "ExecStart")
    assert shlex.split(line) == ["/opt/docparse/bin/docparse", "worker", "--workers", "1"]


def test_api_and_workers_see_the_same_valkey():
    assert [values(unit, "Environment") for unit in OURS] == [
        ["DATA_DIR=/var/lib/docparse/data TMPDIR=/var/lib/docparse/tmp"]
    ] * 2
    settings = Settings(store=StoreSettings(data_dir=Path("/var/lib/docparse/data")))
    assert len(f"/var/lib/docparse/tmp/docparse-{2**32 - 2}-123456789012/{settings.valkey_socket.name}") <= 107


def filtered_calls() -> list[str]:
    """The system calls that the API's unit allows, by systemd's own sets."""
    allowed, denied = values("docparse-api.service", "SystemCallFilter")
    return sorted(set().union(*map(calls_of, allowed.split())) - calls_of(denied.removeprefix("~")))


def calls_of(group: str) -> set[str]:
    if not group.startswith("@"):
        return {group}
    found = set()
    for line in analyze("syscall-filter", group).stdout.splitlines()[1:]:
        word = line.strip()
        found |= calls_of(word) if word.startswith("@") else {word} if word and not word.startswith("#") else set()
    return found


LAUNCHER = """
import ctypes, errno, os, sys
names, command = sys.argv[1].split(","), sys.argv[2:]
libc, seccomp = ctypes.CDLL(None), ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
refuse_with_eperm, allow = 0x00050000 | errno.EPERM, 0x7FFF0000
rules = ctypes.c_void_p(seccomp.seccomp_init(refuse_with_eperm))
for name in names:
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        assert seccomp.seccomp_rule_add(rules, allow, number, 0) == 0, name
deny_write_execute, no_new_privileges = 65, 38
assert libc.prctl(deny_write_execute, 1, 0, 0, 0) == 0
assert libc.prctl(no_new_privileges, 1, 0, 0, 0) == 0
assert seccomp.seccomp_load(rules) == 0
os.execv(command[0], command)
"""


def missing_for_lockdown() -> str:
    """Why the locks of the unit cannot be had here, or nothing."""
    if shutil.which("systemd-analyze") is None:
        return "systemd-analyze is not installed"
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return "libseccomp is not installed"
    get_mdwe = 66
    return "" if ctypes.CDLL(None).prctl(get_mdwe, 0, 0, 0, 0) >= 0 else "the kernel is older than 6.3"


def test_the_service_reads_scans_under_the_units_locks(tmp_path):
    if reason := missing_for_lockdown():
        pytest.skip(reason)
    scanned_pdf(tmp_path / "scan.pdf", ["Maintenance schedule of the lift"])
    launcher = [sys.executable, "-c", LAUNCHER, ",".join(filtered_calls())]
    with Service(tmp_path / "service", [*launcher, *API]) as service:
        job_id = service.submit(tmp_path / "scan.pdf")
        status = service.ended(job_id)
        (page,) = service.result(job_id, format="json")["document"]["pages"]
        held = Path(f"/proc/{service.pids('document_parser.worker')[0]}/status").read_text()
        health, system = (service.client.get(path).json() for path in ("/v1/health", "/v1/system"))
        doctor = [*launcher, sys.executable, "-m", "document_parser", "doctor"]
        told = subprocess.run(doctor, cwd=tmp_path, env=service.environment, capture_output=True, text=True, check=False)
    assert (status["status"], status["progress"]["failed_pages"]) == ("completed", 0)
    assert (page["engine"], [block["text"] for block in page["blocks"]]) == ("rapidocr", ["Maintenance schedule of the lift"])
    assert re.search(r"^Seccomp:\s+2$", held, re.MULTILINE)
    # OpenVINO needs memory that is writable and executable; everybody who is asked says what took its place, and why.
    assert (health["status"], health["checks"]["rapidocr"]["ok"], health["warnings"]) == ("ok", True, [])
    assert "onnxruntime computes: " in health["checks"]["rapidocr"]["detail"]
    assert "MemoryDenyWriteExecute" in health["checks"]["rapidocr"]["detail"]
    assert system["engines"]["rapidocr"]["runtimes"] == {"onnxruntime": 2}
    assert "computed by onnxruntime, since OpenVINO" in told.stdout
    assert service.log.count('"cpu_engine"') == 1
    # What opens documents confines itself under the unit's locks as well.
    (openers,) = system["openers"].values()
    assert (openers["seccomp"], openers["landlock_abi"]) == (True, get_landlock_abi())
    assert "openers: can reach only their document" in told.stdout or not get_landlock_abi()


def test_gunicorn_tells_systemd_when_it_listens(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(f"\0docparse-notify-{os.getpid()}")
        notified.settimeout(60)
        with Service(tmp_path, NOTIFY_SOCKET=f"@docparse-notify-{os.getpid()}"):
            assert b"READY=1" in notified.recv(4096).splitlines()


def test_the_stop_of_the_api_waits_for_its_keeper_and_all_below(tmp_path):
    with Service(tmp_path) as service:
        waiting = service.also([sys.executable, "-m", "document_parser.cli.wait_drained"])
        wait_until(lambda: service.pids("cli.wait_drained"), 30, "somebody waits")
        service.process.send_signal(signal.SIGTERM)
        assert waiting.wait(40) == 0
        assert not [line for line in processes_of(service.data_dir).values() if "worker" in line or "valkey" in line]


# --- the installer --------------------------------------------------------------------------------------------------


def install(root: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [INSTALL, "--root", root, *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def tree_of(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file and link below a folder: when it was written, its mode and content."""
    found = {}
    for path in root.rglob("*"):
        facts = path.lstat()
        content = os.fsencode(path.readlink()) if path.is_symlink() else b"" if path.is_dir() else path.read_bytes()
        found[str(path.relative_to(root))] = (facts.st_mtime_ns, facts.st_mode, content)
    return found


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say_of_the_installer():
    checked = subprocess.run(["shellcheck", INSTALL], capture_output=True, text=True, check=False)
    assert checked.stdout == ""


def test_the_installer_makes_settings_with_secrets_that_only_the_service_may_read(tmp_path):
    assert install(tmp_path, "--no-venv").returncode == 0
    settings = tmp_path / "etc/docparse/env"
    facts = dict(re.findall(r"^(\w+)=(.*)$", settings.read_text(), re.MULTILINE))
    assert min(len(facts["ADMIN_TOKEN"]), len(facts["SECRET_KEY"])) >= 40
    assert facts["ADMIN_TOKEN"] != facts["SECRET_KEY"]
    assert settings.stat().st_mode & 0o777 == 0o640


def test_the_units_come_with_the_models_only_where_asked_for(tmp_path):
    install(tmp_path, "--no-venv")
    units = tmp_path / "etc/systemd/system"
    assert {path.name for path in units.iterdir()} == set(OURS)
    install(tmp_path, "--no-venv", "--with-models")
    assert {path.name: path.read_text() for path in units.iterdir()} == {
        name: (ROOT / "systemd" / name).read_text() for name in UNITS
    }


def test_a_second_run_changes_nothing(tmp_path):
    install(tmp_path, "--no-venv", "--with-models")
    before = tree_of(tmp_path)
    again = install(tmp_path, "--no-venv", "--with-models")
    assert again.returncode == 0
    assert "nothing has changed" in again.stdout
    assert tree_of(tmp_path) == before


def test_an_upgrade_brings_new_units_and_keeps_the_settings(tmp_path):
    install(tmp_path, "--no-venv")
    (tmp_path / "etc/docparse/env").write_text("API_PORT=4242\n")
    unit = tmp_path / "etc/systemd/system/docparse-api.service"
    unit.write_text("[Unit]\n")
    install(tmp_path, "--no-venv")
    assert (tmp_path / "etc/docparse/env").read_text() == "API_PORT=4242\n"
    assert unit.read_text() == (ROOT / "systemd" / unit.name).read_text()


OLD_WORKERS = "[Service]\nExecStart=/opt/docparse/bin/docparse worker --workers %i\n"


def enable(root: Path, unit: str) -> Path:
    link = root / "etc/systemd/system/multi-user.target.wants" / unit
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to("/etc/systemd/system/docparse-worker@.service")
    return link


def test_an_upgrade_says_what_an_instance_that_was_four_workers_is_now(tmp_path):
    install(tmp_path, "--no-venv")
    (tmp_path / "etc/systemd/system/docparse-worker@.service").write_text(OLD_WORKERS)
    enable(tmp_path, "docparse-worker@4.service")
    said = install(tmp_path, "--no-venv").stderr
    assert "systemctl enable --now docparse-worker@{1..4}" in said
    assert install(tmp_path, "--no-venv").stderr == "", "once"


def test_an_instance_that_was_one_worker_is_not_worth_a_word(tmp_path):
    install(tmp_path, "--no-venv")
    (tmp_path / "etc/systemd/system/docparse-worker@.service").write_text(OLD_WORKERS)
    enable(tmp_path, "docparse-worker@1.service")
    assert install(tmp_path, "--no-venv").stderr == ""


def test_uninstalling_leaves_no_instance_enabled(tmp_path):
    install(tmp_path, "--no-venv")
    links = [enable(tmp_path, f"docparse-worker@{instance}.service") for instance in (1, 2, 3)]
    install(tmp_path, "--uninstall")
    assert not [link for link in links if link.is_symlink()]


@pytest.mark.parametrize(
    ("languages", "packages"),
    [
        ("eng", ["osd", "eng"]),
        ("eng rus chi_sim", ["osd", "eng", "rus", "chi-sim"]),
        ("eng,ara", ["osd", "eng", "ara"]),
        ("all", ["all"]),
        ("none", []),
    ],
)
def test_tesseract_is_installed_with_its_packs(tmp_path, languages, packages):
    said = install(tmp_path, "--no-venv", "--languages", languages).stdout
    assert re.findall(r" tesseract-ocr-(\S+)", said) == packages
    assert bool(re.search(r" tesseract-ocr(?!-)", said)) == bool(packages)


def test_without_a_word_tesseract_comes_with_english(tmp_path):
    assert re.findall(r" tesseract-ocr-(\S+)", install(tmp_path, "--no-venv").stdout) == ["osd", "eng"]


@pytest.mark.parametrize(("languages", "brought"), [("eng", True), ("none", False)])
def test_packs_for_scans_in_other_scripts_are_brought_and_cannot_stop_the_installation(tmp_path, languages, brought):
    said = install(tmp_path, "--dry-run", "--languages", languages).stdout
    assert ("docparse-admin languages add default --if-reachable --timeout 120" in said) == brought


@pytest.fixture
def listed_packs():
    """Names of language packs as apt lists them."""
    if shutil.which("apt-cache") is None:
        pytest.skip("apt is not installed")
    listed = subprocess.run(["apt-cache", "search", "--names-only", "^tesseract-ocr-"], capture_output=True, check=False)
    if not listed.stdout:
        pytest.skip("apt has no package lists here")


@pytest.mark.usefixtures("listed_packs")
@pytest.mark.parametrize(("unknown", "like"), [("german", "deu (German)"), ("ru", "rus (Russian)"), ("zh", "")])
def test_a_language_pack_that_debian_does_not_have_is_refused_with_those_like_it(tmp_path, unknown, like):
    refused = install(tmp_path, "--no-venv", "--languages", f"eng {unknown}")
    assert refused.returncode == 2
    assert f"there is no language pack {unknown}. " in refused.stderr
    assert like in refused.stderr
    assert tree_of(tmp_path) == {}


@pytest.mark.parametrize(
    ("driver", "options", "wanted"),
    [
        ("550.163.01", [], "vllm>=0.11.1,<0.20"),
        ("580.95.05", [], "vllm>=0.11.1"),
        ("", [], "vllm>=0.11.1"),
        ("550.163.01", ["--vllm", "vllm==0.30.0"], "vllm==0.30.0"),
    ],
)
def test_the_driver_decides_which_vllm_is_installed(tmp_path, driver, options, wanted):
    said = subprocess.run(
        [INSTALL, "--root", tmp_path / "root", "--dry-run", "--with-models", *options],
        env={**os.environ, "PATH": f"{nvidia_smi(tmp_path, driver)}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (line,) = (line for line in said.stdout.splitlines() if "/opt/vllm/bin/python -m pip" in line)
    assert shlex.split(line)[-1] == wanted
    assert ("the driver is 550.163.01" in said.stderr) == ("<" in wanted)


def nvidia_smi(folder: Path, driver: str) -> Path:
    """A folder with a program that says what nvidia-smi says of this driver; of none it says what it does without a GPU."""
    program = folder / "bin/nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho {driver}\n" if driver else "#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    program.chmod(0o755)
    return program.parent


def test_another_prefix_stands_in_units_and_commands(tmp_path):
    install(tmp_path, "--no-venv", "--prefix", "/srv/parser")
    assert "ExecStart=/srv/parser/bin/docparse serve" in (tmp_path / "etc/systemd/system/docparse-api.service").read_text()
    assert "/srv/parser/bin/docparse" in (tmp_path / "usr/local/sbin/docparse-admin").read_text()
    assert (tmp_path / "usr/local/bin/docparse").readlink() == Path("/srv/parser/bin/docparse")


def test_a_dry_run_names_the_steps_and_takes_none(tmp_path):
    said = install(tmp_path, "--dry-run", "--with-models")
    assert said.returncode == 0
    assert tree_of(tmp_path) == {}
    for step in ("apt-get install", "useradd", "-m venv", "pip install", "systemctl daemon-reload", "/etc/docparse/env"):
        assert step in said.stdout


def test_uninstalling_keeps_settings_and_documents_unless_purged(tmp_path):
    install(tmp_path, "--no-venv", "--with-models")
    document = tmp_path / "var/lib/docparse/data/jobs/1/source"
    document.parent.mkdir(parents=True)
    document.write_bytes(b"kept")
    assert install(tmp_path, "--uninstall").returncode == 0
    left = {path for path, (_, mode, _) in tree_of(tmp_path).items() if not stat.S_ISDIR(mode)}
    assert left == {"etc/docparse/env", "etc/docparse/vllm", "var/lib/docparse/.env", "var/lib/docparse/data/jobs/1/source"}
    install(tmp_path, "--uninstall", "--purge")
    assert not document.exists()
    assert not (tmp_path / "etc/docparse").exists()


@pytest.mark.parametrize(
    "wrong", [["--bogus"], ["--prefix", "relative"], ["--purge"], ["--prefix"], ["--languages", "eng;rus"], ["--languages", ""]]
)
def test_the_installer_refuses_what_it_does_not_understand(tmp_path, wrong):
    assert install(tmp_path, *wrong).returncode == 2
    assert tree_of(tmp_path) == {}


@pytest.mark.skipif(
    importlib.util.find_spec("wheel") is None and importlib.util.find_spec("setuptools.command.bdist_wheel") is None,
    reason="setuptools here is too old to build a wheel offline",
)
def test_the_program_is_installed_once(tmp_path):
    # Built with the setuptools of this run, without its libraries: nothing is fetched.
    libraries = str(Path(pytest.__file__).parent.parent)
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PYTHONPATH": libraries}
    ran = install(tmp_path, "--python", sys.executable, **offline)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "opt/docparse/bin/docparse").is_file()
    before = tree_of(tmp_path)
    assert "is up to date" in install(tmp_path, "--python", sys.executable, **offline).stdout
    assert tree_of(tmp_path) == before

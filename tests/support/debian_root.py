"""A fresh Debian in a folder, made by debootstrap: what a new machine has before anything is installed on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.service import ROOT

CHECKOUT = "/root/document-parser"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def why_no_debian(*, asked_for: bool) -> str:
    """Why these tests cannot run here, or nothing."""
    if not asked_for:
        return "fresh Debian systems are tried by make test-debian"
    if os.geteuid() != 0:
        return "debootstrap needs root"
    return next(
        (f"{program} is not installed" for program in ("debootstrap", "unshare", "ip") if not shutil.which(program)), ""
    )


class DebianRoot:
    """The smallest Debian of a release, with the checkout where a person would have cloned it."""

    def __init__(self, folder: Path, release: str) -> None:
        self.folder = folder
        mirror = [os.environ["DEBIAN_MIRROR"]] if "DEBIAN_MIRROR" in os.environ else []
        subprocess.run(["debootstrap", "--variant=minbase", release, folder, *mirror], capture_output=True, check=True)
        self.sources = (folder / "etc/apt/sources.list").read_text()
        shutil.copy("/etc/resolv.conf", folder / "etc")
        self._copy_checkout()
        # pip trusts whom this machine trusts; Debian's own certificates stay as they are.
        shutil.copy(CERTIFICATES, folder / "root")
        self.pip = {"PIP_CERT": "/root/ca-certificates.crt"}

    def _copy_checkout(self) -> None:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            target = self.folder / CHECKOUT[1:] / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)

    def run(self, script: str, *, network: bool = True, seconds: float = 1500) -> subprocess.CompletedProcess[str]:
        """What bash does with it as root in the checkout. All that it started ends with it.

        Without ``network`` there is only a loopback device of its own.
        """
        outside = [] if network else ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--root={self.folder}", "--mount-proc"]
        mounted = f"mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /dev/shm && cd {CHECKOUT} && {{ {script}\n}}"
        return subprocess.run(
            [*outside, *inside, "bash", "-c", mounted],
            env={"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", **self.pip},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

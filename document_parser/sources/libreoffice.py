"""Convert documents of old formats with LibreOffice, as a limited process of its own. Runs in the opener child.

The opener starts it before it confines itself, and has not read the document by then. LibreOffice gets a folder for its profile
and its output, where alone it may write; it cannot start programs or open sockets, and ends with the opener. The output is
judged by itself, since LibreOffice ends with 0 also if it made nothing; then the opener reads it as a file of its format.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
import resource
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from document_parser.errors import DamagedDocument, DocumentError, TooLargeUnpacked
from document_parser.host.processes import die_with_parent
from document_parser.models import ConvertedKind, FlowingKind
from document_parser.sources.base import OpenerLimits
from document_parser.sources.confinement import FONT_FOLDERS, ProgramFilter, Reach, confine_program

OUTPUT_FOLDER = "output"
"""Where the converted file is, in the folder of a conversion."""
_PROFILE_FOLDER = "profile"
_RESTART = 81
"""How LibreOffice ends when it has made its profile, and asks to be started again."""
_MAX_OPEN_FILES = 1024
_READABLE = (
    "/etc/fonts", "/etc/libreoffice", "/etc/ld.so.cache", "/etc/locale.alias", "/etc/localtime", "/etc/nsswitch.conf",
    "/etc/passwd", "/usr/share", "/var/cache/fontconfig", "/var/lib/libreoffice", "/var/spool/libreoffice",
    "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero", "/proc/cpuinfo", "/proc/meminfo", *FONT_FOLDERS,
)  # fmt: skip
"""What LibreOffice reads beside its own folder: fonts, and what describes the machine."""
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_SETTINGS = (
    ("Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Office.Writer/Content/Update", "Link", "2"),
    ("Office.Writer/Content/Update", "Field", "false"),
    ("Office.Calc/Content/Update", "Link", "2"),
)
"""The profile of a conversion: no macros, no links that are followed, no fields that are computed."""
_SETTING = '<item oor:path="/org.openoffice.{}"><prop oor:name="{}" oor:op="fuse"><value>{}</value></prop></item>'
_SETTINGS_FILE = (
    '<?xml version="1.0" encoding="UTF-8"?><oor:items xmlns:oor="http://openoffice.org/2001/registry">{}</oor:items>'
)


class Output(NamedTuple):
    """A new format: its extension, LibreOffice's name of it, and how it is opened."""

    extension: str
    writer: str
    kind: FlowingKind


@dataclass(frozen=True)
class Conversion:
    """How a format is converted.

    ``reader`` is LibreOffice's name of the format, which it must not guess: it takes garbage for text. ``name`` is the format
    in words.
    """

    name: str
    reader: str
    output: Output


_DOCX = Output("docx", "MS Word 2007 XML", "docx")
_PPTX = Output("pptx", "Impress MS PowerPoint 2007 XML", "pptx")
_XLSX = Output("xlsx", "Calc MS Excel 2007 XML", "xlsx")
_ODT = Output("odt", "writer8", "odt")
_ODS = Output("ods", "calc8", "ods")
_ODP = Output("odp", "impress8", "odp")
_ODG = Output("odg", "draw8", "odp")
CONVERSIONS: dict[ConvertedKind, Conversion] = {
    "doc": Conversion("Word 97", "MS Word 97", _DOCX),
    "ppt": Conversion("PowerPoint 97", "MS PowerPoint 97", _PPTX),
    "damaged xls": Conversion("Excel 97", "MS Excel 97", _XLSX),
    "wordperfect": Conversion("WordPerfect", "WordPerfect", _ODT),
    "works": Conversion("Works", "MS_Works", _ODT),
    "publisher": Conversion("Publisher", "Publisher Document", _ODG),
    "visio": Conversion("Visio", "Visio Document", _ODG),
    "sxw": Conversion("OpenOffice 1 text", "StarOffice XML (Writer)", _ODT),
    "sxc": Conversion("OpenOffice 1 workbook", "StarOffice XML (Calc)", _ODS),
    "sxi": Conversion("OpenOffice 1 presentation", "StarOffice XML (Impress)", _ODP),
}
"""The formats that LibreOffice converts. Those of Microsoft become its new ones, of which our readers know all layers."""


def convert(document: Path, kind: ConvertedKind, folder: Path, limits: OpenerLimits, asker: int) -> Path:
    """Return the file that LibreOffice makes of a document in ``folder``; one that an earlier call made is returned as it is.

    ``asker`` is a descriptor whose other end is closed when nobody waits any more: then this process ends. Raises
    DamagedDocument, TooLargeUnpacked, and DocumentError if it takes too long.
    """
    conversion = CONVERSIONS[kind]
    output = folder / OUTPUT_FOLDER
    if (made := _output_of(output, conversion)) is not None:
        return made
    profile = folder / _PROFILE_FOLDER / "user"
    profile.mkdir(parents=True, exist_ok=True)
    output.mkdir(exist_ok=True)
    (profile / "registrymodifications.xcu").write_text(
        _SETTINGS_FILE.format("".join(_SETTING.format(*one) for one in _SETTINGS))
    )
    until = time.monotonic() + limits.libreoffice_timeout_seconds
    code = _RESTART
    for _ in range(2):  # it makes its profile first, and then wants to be started again
        if code == _RESTART:
            code = _run(_command(document, conversion, folder, limits), folder, document, limits, until, asker)
    made = _output_of(output, conversion)
    if made is not None:
        return made
    if code == -signal.SIGXFSZ:
        raise TooLargeUnpacked()
    raise DamagedDocument(
        f"LibreOffice cannot convert the file from {conversion.name}: it is damaged, or takes more memory than "
        "LIBREOFFICE_MEMORY_MB. Save it in a newer format, then send it."
    )


def _output_of(folder: Path, conversion: Conversion) -> Path | None:
    """Return the converted file; None if there is none, or one that is empty."""
    found = sorted(folder.glob(f"*.{conversion.output.extension}")) if folder.is_dir() else []
    return found[0] if len(found) == 1 and found[0].is_file() and found[0].stat().st_size else None


def _command(document: Path, conversion: Conversion, folder: Path, limits: OpenerLimits) -> list[str]:
    """Return the program and its arguments."""
    return [
        limits.libreoffice, f"-env:UserInstallation={(folder / _PROFILE_FOLDER).as_uri()}",
        "-env:OSL_SOCKET_PATH=.",  # it listens for other copies of itself, in its working directory
        *("--headless", "--norestore", "--nolockcheck", "--nodefault", "--nologo", "--nofirststartwizard"),
        f"--infilter={conversion.reader}", "--convert-to", f"{conversion.output.extension}:{conversion.output.writer}",
        "--outdir", str(folder / OUTPUT_FOLDER), str(document),
    ]  # fmt: skip


def _run(command: list[str], folder: Path, document: Path, limits: OpenerLimits, until: float, asker: int) -> int:
    """Run LibreOffice and return how it ended, as ``subprocess`` does. Raises DocumentError if it takes too long."""
    program, parent = Path(command[0]), os.getpid()
    reach = Reach(
        readable=[document, *map(Path, _READABLE)],
        runnable=[program.parent.parent, *map(Path, _LIBRARIES)],
        writable=[folder],
    )
    calls = ProgramFilter(platform.machine())
    left = max(1.0, until - time.monotonic())

    def limit() -> None:
        die_with_parent(parent)
        _set_limits(limits, left)
        confine_program(reach, calls)

    environment = {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "SAL_USE_VCLPLUGIN": "svp",
        "PATH": "/nowhere",
    }
    running = subprocess.Popen(
        command, cwd=folder, env=environment, preexec_fn=limit, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        if not _has_ended(running.pid, left, asker):
            raise DocumentError(
                f"LibreOffice needs more than {limits.libreoffice_timeout_seconds:g} seconds for the file "
                "(LIBREOFFICE_TIMEOUT_SECONDS). Save it in a newer format, then send it."
            )
    finally:
        running.kill()
        running.wait()
    return running.returncode


def _has_ended(pid: int, seconds: float, asker: int) -> bool:
    """Wait for a process to end, and return whether it did. This process ends if the asking one is gone."""
    handle = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.register(asker, select.POLLRDHUP | select.POLLHUP)
        events = poll.poll(seconds * 1000)
    finally:
        os.close(handle)
    ended = {descriptor for descriptor, _ in events}
    if asker in ended:
        os.kill(pid, signal.SIGKILL)
        os._exit(0)
    return bool(ended)


def _set_limits(limits: OpenerLimits, seconds: float) -> None:
    """Limit memory, processor time, written files, core dumps and open files of this process."""
    for kind, most in (
        (resource.RLIMIT_AS, limits.libreoffice_memory_mb << 20),
        (resource.RLIMIT_CPU, math.ceil(seconds)),
        (resource.RLIMIT_FSIZE, limits.max_unpacked_mb << 20),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")

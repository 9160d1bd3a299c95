"""OpenVINO computes where it can; where it cannot, ONNX Runtime reads the same words, and whoever is asked says why."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys

import numpy as np
import pytest

from document_parser.engines.rapidocr import networks, openvino
from document_parser.jobs import queue
from document_parser.jobs.redis.connection import connect
from document_parser.settings import Settings, StoreSettings
from tests.support.doctor import environment_for, run_checks
from tests.support.service import ROOT, Service, redis_url_of, wait_until

LOCKS = {
    "the kernel's lock": "assert libc.prctl(65, 1, 0, 0, 0) == 0",  # PR_SET_MDWE
    # What systemd loads where the kernel is older: mmap of memory that is both, and mprotect to executable, are EPERM.
    "systemd's filter": """
class Compared(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
rules = ctypes.c_void_p(seccomp.seccomp_init(0x7FFF0000))
masked_equal, refuse = 7, 0x00050000 | errno.EPERM
for call, bits in ((b"mmap", 6), (b"mprotect", 4), (b"pkey_mprotect", 4)):
    number = seccomp.seccomp_syscall_resolve_name(call)
    assert seccomp.seccomp_rule_add(rules, refuse, number, 1, Compared(2, masked_equal, bits, bits)) == 0
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert seccomp.seccomp_load(rules) == 0
""",
}
LAUNCHER = """
import ctypes, errno, os, sys
libc = ctypes.CDLL(None)
{lock}
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
READ = """
import asyncio, io, json, sys
from PIL import Image, ImageDraw, ImageFont
from document_parser.engines.rapidocr.engine import RapidOcrEngine
from document_parser.errors import EngineError
from document_parser.models import PageImage
from document_parser.settings import Settings

page = Image.new("RGB", (560, 300), "white")
ImageDraw.Draw(page).text((50, 60), "Copper, timber and winter wheat", fill="black", font=ImageFont.load_default(20))

async def main():
    engine = RapidOcrEngine(Settings())
    there, machine = await engine.is_available(), engine.describe_machine().split()[-1]
    try:
        reading = await engine.read(PageImage(1, *page.size, "rgb", page.tobytes()))
        words, fault = [word.text for word in reading.words], ""
    except EngineError as error:
        words, fault = [], error.message
    await engine.aclose()
    sys.stdout.write(json.dumps([there, machine, words, fault]))

asyncio.run(main())
"""


READ_AT_ONCE = """
import sys
from threading import Barrier, Thread
import numpy as np
from document_parser.engines.rapidocr import networks

network, together = networks.load_detection("openvino", 4), Barrier(4)
sys.setswitchinterval(1e-7)  # threads take turns as they do on a busy machine

def read():
    picture = np.zeros((1, 3, 32, 32), np.float32)
    together.wait()
    network(picture)

threads = [Thread(target=read) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.stdout.write("read")
"""


def locked(lock: str) -> list[str]:
    """What starts Python under a lock; the test is skipped where that cannot be had."""
    if lock == "systemd's filter":
        try:
            ctypes.CDLL("libseccomp.so.2")
        except OSError:
            pytest.skip("libseccomp is not installed")
    elif ctypes.CDLL(None).prctl(66, 0, 0, 0, 0) < 0:
        pytest.skip("the kernel is older than 6.3")
    return [sys.executable, "-c", LAUNCHER.format(lock=LOCKS[lock])]


def reading_under(lock: str, tmp_path, **settings: str) -> list:
    environment = environment_for(tmp_path, **settings)
    told = subprocess.run(
        [*locked(lock), "-c", READ], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    return json.loads(told.stdout)


@pytest.mark.parametrize("lock", LOCKS)
def test_where_memory_may_not_be_executable_onnx_runtime_reads_the_same(lock, tmp_path):
    assert reading_under(lock, tmp_path) == [True, "onnxruntime", ["Copper, timber and winter wheat"], ""]


def test_where_nothing_is_forbidden_openvino_computes():
    assert openvino.find_trouble() == ""
    assert networks.runtime_of("auto") == "openvino"


def test_networks_are_computed_in_single_precision_on_processors_that_have_a_shorter_one():
    """Their letters and spaces would depend on the machine. Of a processor without bfloat16 this says nothing."""
    model = openvino.compile_graph(openvino.read_graph(networks.model_path_of(networks.DETECTION)), 1)
    assert model.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"


def test_openvino_that_was_asked_for_and_cannot_compute_is_said_with_what_to_do(tmp_path):
    lock = "the kernel's lock"
    there, _, words, fault = reading_under(lock, tmp_path, CPU_OCR_RUNTIME="openvino")
    assert (there, words) == (False, [])
    assert fault.startswith("RapidOCR cannot read: OpenVINO generates machine code")
    told = run_checks(tmp_path, "--only", "cpu-engine", program=locked(lock), CPU_OCR_RUNTIME="openvino")["rapidocr"]
    assert (told["status"], told["advice"]) == ("missing", "Set CPU_OCR_RUNTIME=auto to use ONNX Runtime.")
    assert "MemoryDenyWriteExecute" in told["detail"]


def test_doctor_says_which_runtime_computes(tmp_path):
    only = ("--only", "cpu-engine")
    assert run_checks(tmp_path, *only)["rapidocr"]["detail"].endswith("ms, computed by openvino")
    onnxruntime = run_checks(tmp_path, *only, CPU_OCR_RUNTIME="onnxruntime")["rapidocr"]
    assert onnxruntime["detail"].endswith("ms, computed by onnxruntime")
    under_lock = run_checks(tmp_path, *only, program=locked("the kernel's lock"))["rapidocr"]
    assert "ms, computed by onnxruntime, since OpenVINO generates machine code" in under_lock["detail"]


@pytest.mark.parametrize("sample", ["scan.pdf"])
def test_both_runtimes_read_the_same_words_of_the_samples(sample, tmp_path):
    told = {
        runtime: subprocess.run(
            [sys.executable, "-m", "document_parser", "parse", "--quiet", "--format", "text", ROOT / "samples" / sample],
            env=environment_for(tmp_path, CPU_OCR_RUNTIME=runtime),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for runtime in ("openvino", "onnxruntime")
    }
    assert len(told["openvino"]) > 100
    assert told["openvino"] == told["onnxruntime"]


class Failing:
    """A network that compiles, and answers nothing."""

    characters = "ab"

    def __call__(self, batch):
        raise RuntimeError("Exception from src/inference:\ncan't protect\n\n")


class Doubling:
    characters = "ab"

    def __call__(self, batch):
        return 2 * batch


def refusing():
    raise RuntimeError("Exception from src/inference:\ncan't protect\n\n")


@pytest.fixture
def forgiven():
    """What fails here is forgotten afterwards: OpenVINO computes in the tests that come next."""
    yield
    openvino.clear_faults()


@pytest.mark.parametrize("first", [Failing, refusing])
def test_a_runtime_that_fails_to_compile_or_to_answer_is_relieved_for_good(first, forgiven):
    network = networks.FallbackNetwork(first, Doubling)
    assert network(np.ones(2)).tolist() == [2, 2]
    assert network.characters == "ab"
    assert openvino.find_trouble() == "OpenVINO failed: can't protect"
    assert networks.runtime_of("auto") == "onnxruntime"


def test_a_relief_that_fails_too_raises_its_own_error(forgiven):
    network = networks.FallbackNetwork(refusing, Failing)
    with pytest.raises(RuntimeError, match="can't protect"):
        network(np.ones(2))


def all_have_told(service: Service) -> None:
    """Wait until each of both workers, which are alive, has said how its engine is."""

    def told() -> bool:
        return sum(service.client.get("/v1/system").json()["engines"]["rapidocr"]["runtimes"].values()) == 2

    wait_until(told, 30, "both workers have told")


def test_the_workers_of_a_service_say_which_runtime_computes(tmp_path):
    with Service(tmp_path) as service:
        all_have_told(service)
        health, system = (service.client.get(path).json() for path in ("/v1/health", "/v1/system"))
        settings = Settings(store=StoreSettings(redis_url=redis_url_of(service)))
        with connect(settings) as redis:
            told = [worker.cpu_engine for worker in queue.living_workers(redis)]
    assert health["checks"]["rapidocr"] == {"ok": True, "detail": "openvino computes"}
    assert system["engines"]["rapidocr"]["runtimes"] == {"openvino": 2}
    assert [(engine.name, engine.runtime, engine.trouble) for engine in told] == [("rapidocr", "openvino", "")] * 2


def test_a_service_whose_workers_cannot_read_with_the_runtime_asked_for_is_degraded_and_says_so(tmp_path):
    program = [*locked("the kernel's lock"), "-m", "document_parser.api"]
    with Service(tmp_path, program, CPU_OCR_RUNTIME="openvino") as service:
        all_have_told(service)
        health = service.client.get("/v1/health").json()
        engine = service.client.get("/v1/system").json()["engines"]["rapidocr"]
    assert (health["status"], health["checks"]["rapidocr"]["ok"], engine["ok"]) == ("degraded", False, False)
    assert "CPU_OCR_RUNTIME=auto" in health["warnings"][0]


def test_the_first_pages_of_a_process_may_be_read_at_once():
    """Without ``initialise_numpy_interface`` one process in three deadlocks: six are tried.

    Not where the processor has VNNI: there the arrays of the quantised graph initialise it first.
    """
    for _ in range(6):
        done = subprocess.run([sys.executable, "-c", READ_AT_ONCE], capture_output=True, text=True, cwd=ROOT, timeout=60)
        assert done.stdout == "read", done.stderr

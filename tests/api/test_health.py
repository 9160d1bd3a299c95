"""Health says what is so, for whoever asks why pages are not read."""

from __future__ import annotations

import shutil
import socket
from copy import copy

import pytest
from rq.queue import Queue
from rq.serializers import JSONSerializer

from document_parser.api.factory import create_app
from document_parser.balancing.breaker import Thresholds, record_fault
from document_parser.engines.rapidocr import openvino
from document_parser.jobs.queue import QUEUES
from document_parser.jobs.redis.breakers import RedisBreakers
from document_parser.jobs.redis.connection import connect
from document_parser.settings import (
    DeepSeekSettings,
    EngineSettings,
    NanonetsSettings,
    Settings,
    StoreSettings,
    WorkerSettings,
)
from document_parser.settings.operator_access import operator_token
from document_parser.supervisor.valkey import EmbeddedValkey
from document_parser.workers.pool import PageWorker
from tests.support.service import NOBODY, wait_until
from tests.support.vllm_server import ModelServer, served_from_thread

NANONETS = "nanonets/Nanonets-OCR2-3B"


@pytest.fixture
def own_store(tmp_path_factory):
    """Settings over a Valkey of this test alone, to be filled and broken."""
    settings = Settings(store=StoreSettings(data_dir=tmp_path_factory.mktemp("own"), redis_url=""))
    server = EmbeddedValkey(settings)
    wait_until(server.ensure, 30, "Valkey answers")
    yield settings
    with connect(settings) as redis:
        redis.config_set("maxmemory", 0)
        redis.config_set("save", "")
    server.stop()


def settings_over(store: Settings, tmp_path, *, deepseek=NOBODY, nanonets=NOBODY, num_workers=0, **engines) -> Settings:
    return Settings(
        store=StoreSettings(data_dir=tmp_path / "data", redis_url=store.redis_url),
        workers=WorkerSettings(num_workers=num_workers),
        engines=EngineSettings(**engines),
        deepseek=DeepSeekSettings(url=deepseek),
        nanonets=NanonetsSettings(url=nanonets),
    )


def health_of(settings: Settings, path: str = "/v1/health"):
    answer = create_app(settings).test_client().get(path)
    assert (answer.status_code == 503) == (answer.get_json()["status"] == "down")
    return answer.get_json()


def come_up(settings: Settings, redis, name: str = "one", host: str = "") -> PageWorker:
    """A worker that has come up, as far as anybody sees who looks into Redis."""
    queues = [Queue(lane, connection=redis, serializer=JSONSerializer) for lane in QUEUES]
    worker = PageWorker(queues, name=name, connection=redis, serializer=JSONSerializer, settings=settings, prefers_pages=False)
    worker.hostname = host or worker.hostname
    worker.register_birth()
    worker.heartbeat()
    return worker


def send(client, paper):
    return client.post("/v1/process/async", data={"file": (paper.open("rb"), "paper.pdf")})


def test_without_a_worker_anywhere_documents_wait_and_health_says_so(valkey, redis, tmp_path):
    settings = settings_over(valkey, tmp_path, inference_mode="cpu")
    for path in ("/v1/health", "/v1/health/ready"):
        alone = health_of(settings, path)
        assert (alone["status"], alone["workers"]) == ("degraded", 0)
        assert alone["warnings"] == [
            "No worker runs: documents are accepted and wait. Start docparse worker, or raise NUM_WORKERS."
        ]
    assert not create_app(settings).test_client().get("/v1/system").get_json()["engines"]["rapidocr"]["ok"]
    come_up(settings, redis)
    assert (health_of(settings)["status"], health_of(settings)["warnings"]) == ("ok", [])


def test_a_service_whose_own_workers_have_not_come_up_is_not_ready(valkey, redis, tmp_path):
    found = health_of(settings_over(valkey, tmp_path, num_workers=2, inference_mode="cpu"), "/v1/health/ready")
    assert (found["status"], found["checks"]["workers"]["ok"]) == ("down", False)


def test_where_only_models_may_read_one_at_least_must_serve_its_model(valkey, redis, tmp_path):
    settings = settings_over(valkey, tmp_path, inference_mode="vllm")
    come_up(settings, redis)
    found = health_of(settings)
    assert found["status"] == "degraded"
    (warning,) = found["warnings"]
    assert warning.startswith("INFERENCE_MODE=vllm, but no model server can be used")
    assert "deepseek: does not answer (ConnectError)." in warning
    with served_from_thread(ModelServer()) as server:
        well = health_of(settings_over(valkey, tmp_path, inference_mode="vllm", deepseek=server.url))
        other = health_of(settings_over(valkey, tmp_path, inference_mode="vllm", nanonets=server.url))
    assert (well["status"], well["checks"]["deepseek"]) == ("ok", {"ok": True, "detail": ""})
    assert other["status"] == "degraded", "the server answers, and serves another model: the workers do not ask it"
    assert f"not {NANONETS}" in other["checks"]["nanonets"]["detail"]


def test_without_models_the_cpu_reads_and_nothing_is_amiss(valkey, redis, tmp_path):
    settings = settings_over(valkey, tmp_path)
    come_up(settings, redis)
    found = health_of(settings)
    assert (found["status"], found["warnings"], found["checks"]["deepseek"]["ok"]) == ("ok", [], False)
    assert found["checks"]["rapidocr"] == {"ok": True, "detail": "openvino computes"}


def test_where_neither_models_nor_the_cpu_can_read_health_says_why(valkey, redis, tmp_path):
    unable = {"cpu_engine": "tesseract", "tesseract_program": ""}
    come_up(settings_over(valkey, tmp_path, **unable), redis)
    reason = "tesseract: cannot read: TESSERACT_PROGRAM is empty, so it is not used."
    for mode in ("auto", "cpu"):
        settings = settings_over(valkey, tmp_path, inference_mode=mode, **unable)
        (warning,) = health_of(settings)["warnings"]
        assert warning.startswith("Only pages with a sound text layer are read")
        assert reason in warning
        assert not create_app(settings).test_client().get("/v1/system").get_json()["engines"]["tesseract"]["ok"]
    with served_from_thread(ModelServer()) as server:
        found = health_of(settings_over(valkey, tmp_path, deepseek=server.url, **unable))
    assert found["status"] == "degraded"
    assert [warning.startswith(reason) for warning in found["warnings"]] == [True]


def test_workers_that_differ_are_told_apart_by_host(valkey, redis, tmp_path):
    one = settings_over(valkey, tmp_path, inference_mode="cpu", cpu_ocr_runtime="openvino")
    two = settings_over(valkey, tmp_path, inference_mode="cpu", cpu_ocr_runtime="onnxruntime")
    come_up(one, redis, "one", "alpha")
    for name in ("two", "three"):
        come_up(two, redis, name, "beta")
    detail = "onnxruntime computes (2 workers on beta); openvino computes (1 worker on alpha)"
    assert health_of(one)["checks"]["rapidocr"] == {"ok": True, "detail": detail}
    engine = create_app(one).test_client().get("/v1/system").get_json()["engines"]["rapidocr"]
    assert engine["runtimes"] == {"openvino": 1, "onnxruntime": 2}


def test_the_engine_that_helps_with_other_scripts_is_told_of_and_its_lack_is_no_trouble(valkey, redis, tmp_path):
    settings = settings_over(valkey, tmp_path, inference_mode="cpu", tesseract_program="no-such-program")
    come_up(settings, redis)
    found = create_app(settings).test_client().get("/v1/system").get_json()["engines"]
    detail = "cannot read: its program no-such-program is not installed. apt-get install tesseract-ocr"
    assert (found["rapidocr"]["ok"], found["tesseract"]["ok"], found["tesseract"]["detail"]) == (True, False, detail)
    assert (health_of(settings)["status"], health_of(settings)["warnings"]) == ("ok", [])


def test_the_scripts_that_can_be_read_in_scans_are_told(valkey, redis, tmp_path):
    alone = settings_over(valkey, tmp_path, inference_mode="cpu", tesseract_program="no-such-program")
    come_up(alone, redis, "one")
    assert create_app(alone).test_client().get("/v1/system").get_json()["scripts"] == ["Latin", "Han", "Japanese"]
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs/ell.traineddata").touch()
    with_packs = settings_over(valkey, tmp_path, inference_mode="cpu", tessdata_dir=str(tmp_path / "packs"))
    come_up(with_packs, redis, "two")
    assert "Greek" in create_app(with_packs).test_client().get("/v1/system").get_json()["scripts"]


def test_what_only_computing_shows_is_told_until_the_worker_finds_something_new(valkey, redis, tmp_path):
    settings = settings_over(valkey, tmp_path, inference_mode="cpu")
    worker = come_up(settings, redis)
    horse = copy(worker)  # forked, it knows what the worker knew
    openvino.record_fault(RuntimeError("illegal instruction"))
    try:
        horse.report_cpu_engine()
    finally:
        openvino.clear_faults()
    worker.heartbeat()
    detail = "onnxruntime computes: OpenVINO failed: illegal instruction"
    assert health_of(settings)["checks"]["rapidocr"] == {"ok": True, "detail": detail}
    worker.settings = settings_over(valkey, tmp_path, inference_mode="cpu", cpu_ocr_runtime="onnxruntime")
    worker.heartbeat()
    assert health_of(settings)["checks"]["rapidocr"]["detail"] == "onnxruntime computes"


def test_a_model_whose_every_server_is_left_alone_is_told(valkey, redis, tmp_path):
    rule, board = Thresholds(faults=1, pause_seconds=1.0, probe_seconds=60.0), RedisBreakers(redis)
    with served_from_thread(ModelServer()) as one, served_from_thread(ModelServer()) as two:
        settings = settings_over(valkey, tmp_path, deepseek=f"{one.url},{two.url}")
        come_up(settings, redis)
        board.change(f"deepseek {one.url}", record_fault(rule))
        assert health_of(settings)["status"] == "ok", "the other server reads"
        board.change(f"deepseek {two.url}", record_fault(Thresholds(1, 60.0, 60.0)))
        found = health_of(settings)
        assert (found["status"], found["checks"]["deepseek"]["ok"]) == ("degraded", False)
        assert "server 2: has failed repeatedly and is not used for a while" in found["warnings"][0]
        wait_until(lambda: "the next page tries it" in health_of(settings)["warnings"][0], 20, "the first is to be tried")


def test_a_full_redis_takes_nothing_in_and_health_says_so(own_store, tmp_path, paper):
    settings = settings_over(own_store, tmp_path, inference_mode="cpu")
    with connect(own_store) as redis:
        come_up(settings, redis)
        client = create_app(settings).test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {operator_token(settings)}"
        job_id = send(client, paper).get_json()["job_id"]
        redis.set("filling", bytes(64 << 20))  # beside it, what clients and a deletion hold or free for a moment is little
        redis.config_set("maxmemory", 4 << 20)
        for path in ("/v1/health", "/v1/health/ready"):
            found = health_of(settings, path)
            assert found["checks"]["redis"]["detail"].startswith("Redis is full (maxmemory) and accepts nothing")
        assert client.get("/v1/system").get_json()["accepting"] is False
        refused = send(client, paper)
        assert (refused.status_code, refused.get_json()["error"]["code"]) == (503, "QUEUE_UNAVAILABLE")
        assert client.get(f"/v1/jobs/{job_id}/status").get_json()["status"] == "queued", "what is there is told of"
        assert client.delete(f"/v1/jobs/{job_id}").status_code == 200, "and can be deleted, which makes room"
        redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] * 1.05))
        found = health_of(settings)
        assert (found["status"], found["checks"]["redis"]["ok"]) == ("degraded", True)
        assert "% of its maxmemory" in found["warnings"][0]
        redis.config_set("maxmemory", 0)
        assert client.get("/v1/system").get_json()["accepting"] is True


def test_a_redis_that_cannot_write_its_file_takes_nothing_in(own_store, tmp_path):
    settings = settings_over(own_store, tmp_path)
    with connect(own_store) as redis:
        redis.config_set("save", "3600 1")
        shutil.rmtree(own_store.data_dir / "valkey")
        redis.bgsave()
        wait_until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err", 30, "the file is not written")
    assert "MISCONF" in health_of(settings, "/v1/health/ready")["checks"]["redis"]["detail"]


def test_a_replica_and_a_redis_behind_a_password_are_told_from_one_that_is_away(own_store, tmp_path):
    settings = settings_over(own_store, tmp_path)
    with connect(own_store) as redis:
        redis.replicaof("127.0.0.1", 9)
        assert "a replica that only reads" in health_of(settings)["checks"]["redis"]["detail"]
        redis.replicaof("NO", "ONE")
        redis.config_set("requirepass", "hush")
        detail = health_of(settings)["checks"]["redis"]["detail"]
        redis.config_set("requirepass", "")
    assert detail.startswith("Redis refuses the user or the password of REDIS_URL, or forbids this user to write.")


def test_storage_that_takes_no_file_is_down_and_accepts_nothing(valkey, redis, tmp_path):
    (tmp_path / "data").write_text("a file where the folder should be")
    settings = settings_over(valkey, tmp_path, inference_mode="cpu")
    come_up(settings, redis)
    assert not health_of(settings)["checks"]["storage"]["ok"]
    assert create_app(settings).test_client().get("/v1/system").get_json()["accepting"] is False


def test_redis_is_full_before_the_next_upload_finds_out_and_nobody_waits_for_models(own_store, tmp_path, server):
    """A key of a few bytes is still taken; a model server that does not answer is not asked first."""
    with socket.create_server(("127.0.0.1", 0)) as silent, connect(own_store) as redis:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        settings = settings_over(own_store, tmp_path, deepseek=url, nanonets=url, inference_mode="auto")
        redis.setrange("filling", 8 << 20, b"end")  # not sent: the server would give the room of a long command back later
        redis.config_set("maxmemory", int(redis.info("memory")["used_memory"]) + (32 << 10))
        found = health_of(settings)
        assert found["status"] == "down"
        assert found["checks"]["redis"]["detail"].startswith("Redis is full")
        assert "deepseek" not in found["checks"]


def test_what_was_deleted_leaves_the_append_only_file(own_store, tmp_path):
    """The file is rewritten in turn by whoever keeps the server; here every second instead of every hour."""
    folder = own_store.data_dir / "valkey"

    def on_disk() -> bool:
        return any(b"a name that was deleted" in path.read_bytes() for path in folder.rglob("*") if path.is_file())

    with connect(own_store) as redis:
        redis.set("document", "a name that was deleted")
        wait_until(on_disk, 10, "it is written")
        redis.delete("document")
    settings = Settings(store=StoreSettings(data_dir=own_store.data_dir, redis_url=""))
    keeper = EmbeddedValkey(settings, rewrite_seconds=1.0)
    keeper.held = True  # the lock is this test's, by the server of the fixture
    wait_until(lambda: keeper.ensure() and not on_disk(), 30, "it is nowhere on the disk any more")

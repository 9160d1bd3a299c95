"""What the sweeper's process measures for the metrics: GPUs, model servers, and the database."""

from __future__ import annotations

import pytest

from document_parser.accounts.database import Database
from document_parser.jobs import gauges
from document_parser.settings import AccountSettings, DeepSeekSettings, EngineSettings, NanonetsSettings
from document_parser.workers import measure
from tests.support.nvml import PreparedGpu, PreparedNvml
from tests.support.service import NOBODY, free_port
from tests.support.vllm_server import ModelServer, served_from_thread


@pytest.fixture
def settings(valkey, tmp_path):
    """Settings with a database of their own, and of model servers as asked."""

    def make(mode="cpu", deepseek=NOBODY, database_url=""):
        store = valkey.store.model_copy(update={"data_dir": tmp_path})
        parts = {"store": store, "engines": EngineSettings(inference_mode=mode), "deepseek": DeepSeekSettings(url=deepseek)}
        parts |= {"nanonets": NanonetsSettings(url=NOBODY), "accounts": AccountSettings(database_url=database_url)}
        return valkey.model_copy(update=parts)

    return make


def test_gpus_are_shown_by_host_and_number(redis, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "gpu-1")
    measure.report_gpus(redis, PreparedNvml([PreparedGpu(97, 60 << 30), PreparedGpu(None, 1 << 30)]))
    monkeypatch.setattr("socket.gethostname", lambda: "gpu-2")
    measure.report_gpus(redis, PreparedNvml([PreparedGpu(10, 0)]))
    found = gauges.samples(redis)
    assert {name: value for name, value in found.items() if name.startswith("gpu_util")} == {
        "gpu_utilization_ratio|gpu-1|0": 0.97,
        "gpu_utilization_ratio|gpu-2|0": 0.1,
    }
    assert (found["gpu_memory_used_bytes|gpu-1|1"], found["gpu_memory_size_bytes|gpu-1|1"]) == (1 << 30, 80 << 30)


def test_a_host_without_gpus_reports_none(redis):
    measure.report_gpus(redis, None)
    measure.report_gpus(redis, PreparedNvml())
    assert not [name for name in gauges.samples(redis) if name.startswith("gpu_")]


def test_model_servers_tell_whether_they_serve_and_how_busy_they_are(settings, redis):
    with served_from_thread(ModelServer()) as server:
        chosen = settings("vllm", deepseek=f"{server.url},{NOBODY}")
        measure.report_shared_parts(chosen, redis, Database(chosen))
    found = {name: value for name, value in gauges.samples(redis).items() if name.startswith("model_server_")}
    assert {name: found[name] for name in found if name.startswith("model_server_up")} == {
        "model_server_up|deepseek|1": 1,
        "model_server_up|deepseek|2": 0,
        "model_server_up|nanonets|1": 0,
    }
    assert {name for name in found if not name.startswith("model_server_up")} == {
        "model_server_requests|deepseek|1|running",
        "model_server_requests|deepseek|1|waiting",
        "model_server_cache_usage_ratio|deepseek|1",
    }


def test_without_model_servers_none_is_asked(settings, redis):
    chosen = settings("cpu")
    measure.report_shared_parts(chosen, redis, Database(chosen))
    assert not [name for name in gauges.samples(redis) if name.startswith("model_server_up")]


def test_a_database_that_is_away_or_too_old_is_down(settings, redis, database):
    chosen = settings(database_url=f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    measure.report_shared_parts(chosen, redis, Database(chosen))
    assert gauges.samples(redis)["database_up"] == 0
    measure.report_shared_parts(chosen, redis, database)
    assert gauges.samples(redis)["database_up"] == 1

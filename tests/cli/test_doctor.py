"""``docparse doctor`` sees what is missing, says what to do, and tells no secrets."""

from __future__ import annotations

import os
import re
import socket

import pytest

from document_parser.api.routes.store import redis_warnings
from document_parser.cli.checks.machine import is_loopback
from document_parser.cli.checks.parts import check_redis_exposure, without_secrets
from document_parser.settings import Settings, StoreSettings
from tests.support.doctor import run_checks, run_doctor
from tests.support.service import NOBODY, Service, free_port
from tests.support.vllm_answers import VLM_MODELS
from tests.support.vllm_extract import MODEL, ExtractServer
from tests.support.vllm_server import ModelServer, served_from_thread


def test_a_bare_machine_without_gpu_and_redis_can_do_the_job(tmp_path):
    found = run_checks(tmp_path)
    of_the_machine = {"memory", "open files", "clock", "folder", "openers", "languages", "libreoffice", "libarchive"}
    assert {check["status"] for name, check in found.items() if name not in of_the_machine} == {"ok"}
    assert "starts with the service" in found["embedded valkey"]["detail"]
    assert "read a small image" in found["rapidocr"]["detail"]


def test_the_trial_of_the_embedded_server_leaves_nothing_running(tmp_path):
    run_checks(tmp_path, "--only", "redis", TMPDIR=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_socket()]
    assert not (tmp_path / "data" / "valkey").exists()


def test_each_bad_variable_is_named_and_its_value_is_not(tmp_path):
    told = run_doctor(tmp_path, API_PORT="secret-port", WEB_WORKERS="0", RETRY_TEMPERATURES="hot", WEBHOOK_SECRET="hush")
    assert told.returncode == 1
    for name in ("API_PORT", "WEB_WORKERS", "RETRY_TEMPERATURES", "WEBHOOK_SECRET"):
        assert f"settings: {name}: " in told.stdout
    assert "secret-port" not in told.stdout + told.stderr
    assert "hush" not in told.stdout + told.stderr


def test_a_redis_that_is_away_is_missing_and_its_password_is_not_told(tmp_path):
    url = f"redis://user:hunter2@127.0.0.1:{free_port()}/0"
    told = run_doctor(tmp_path, REDIS_URL=url)
    assert told.returncode == 1
    assert "missing  redis:" in told.stdout
    assert "hunter2" not in told.stdout + told.stderr


def test_a_redis_address_of_another_kind_is_missing(tmp_path):
    assert "redis://" in run_checks(tmp_path, "--only", "redis", REDIS_URL="http://127.0.0.1:6379")["redis"]["advice"]


def test_a_redis_that_may_evict_or_forget_is_warned_about(tmp_path, valkey, redis):
    redis.config_set("maxmemory-policy", "allkeys-lru")
    redis.config_set("appendonly", "no")
    try:
        told = run_doctor(tmp_path, "--only", "redis", REDIS_URL=valkey.redis_url)
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
        redis.config_set("appendonly", "yes")
    assert told.returncode == 0
    assert "warning  redis: Redis may evict jobs" in told.stdout
    assert "warning  redis: Redis keeps no append-only file" in told.stdout
    assert redis_warnings(redis) == []


def test_a_folder_that_is_a_file_is_missing(tmp_path):
    (tmp_path / "file").touch()
    assert run_checks(tmp_path, "--only", "folder", DATA_DIR=tmp_path / "file")["folder"]["status"] == "missing"


def test_a_folder_with_spaces_is_missing_for_the_embedded_server(tmp_path):
    assert "spaces" in run_checks(tmp_path, "--only", "redis", DATA_DIR=tmp_path / "my data")["embedded valkey"]["advice"]


def test_a_socket_path_that_is_too_long_is_missing(tmp_path):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    assert "TMPDIR" in run_checks(tmp_path, "--only", "runtime-folder", TMPDIR=deep)["runtime folder"]["advice"]


def test_a_bucket_that_cannot_be_reached_is_missing(tmp_path):
    away = f"http://127.0.0.1:{free_port()}"
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_DEFAULT_REGION": "eu-west-1"}
    told = run_doctor(tmp_path, STORAGE_URL="s3://bucket/docs", S3_ENDPOINT_URL=away, **keys)
    assert "missing  storage: s3://bucket/docs" in told.stdout
    assert "hush" not in told.stdout + told.stderr


def test_a_storage_address_of_another_kind_is_missing(tmp_path):
    assert "s3://bucket/prefix" in run_checks(tmp_path, "--only", "storage", STORAGE_URL="ftp://bucket")["storage"]["detail"]


def test_a_tesseract_without_its_program_is_missing(tmp_path):
    found = run_checks(tmp_path, "--only", "cpu-engine", CPU_ENGINE="tesseract", TESSERACT_PROGRAM="no-such-program")
    assert "apt-get install tesseract-ocr" in found["tesseract"]["advice"]


def test_the_scripts_that_can_be_read_in_scans_are_told(tmp_path):
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs/ell.traineddata").touch()
    found = run_checks(tmp_path, "--only", "cpu-engine", TESSDATA_DIR=tmp_path / "packs")["languages"]
    assert found["status"] == "ok"
    assert re.match(r"reads Latin, Han, Japanese,.* Greek.* in scans, with the packs .*ell", found["detail"])


def test_a_language_that_tesseract_lacks_is_missing(tmp_path):
    found = run_checks(tmp_path, "--only", "cpu-engine", CPU_ENGINE="tesseract", TESSERACT_LANGUAGES="xxx_yyy")
    assert found["tesseract"]["status"] == "missing"
    assert found["tesseract"]["advice"].startswith("docparse languages add xxx_yyy")


def urls(deepseek: str = "", nanonets: str = "") -> dict[str, str]:
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    return {"VLLM_DEEPSEEK_URL": deepseek or nowhere, "VLLM_NANONETS_URL": nanonets or nowhere}


def test_without_model_servers_the_cpu_can_do_the_job(tmp_path):
    found = run_checks(tmp_path, "--only", "model-servers", "cpu-engine", INFERENCE_MODE="auto", **urls())
    assert (found["deepseek"]["status"], found["nanonets"]["status"]) == ("warning", "warning")


def test_without_model_servers_there_is_nobody_to_read_in_vllm_mode(tmp_path):
    found = run_checks(tmp_path, "--only", "model-servers", "cpu-engine", INFERENCE_MODE="vllm", **urls())
    assert (found["deepseek"]["status"], found["nanonets"]["status"]) == ("missing", "missing")
    assert "rapidocr" not in found


def test_a_model_server_with_another_model_is_told_from_one_that_is_well(tmp_path):
    with served_from_thread(ModelServer()) as right, served_from_thread(ModelServer(model="other/model")) as wrong:
        found = run_checks(tmp_path, "--only", "model-servers", INFERENCE_MODE="vllm", **urls(right.url, wrong.url))
    assert found["deepseek"]["status"] == "ok"
    assert "serves other/model" in found["nanonets"]["detail"]
    assert "VLLM_NANONETS_MODEL" in found["nanonets"]["advice"]


def test_an_address_that_does_not_end_in_v1_is_told(tmp_path):
    with served_from_thread(ModelServer()) as server:
        found = run_checks(tmp_path, "--only", "model-servers", INFERENCE_MODE="auto", **urls(server.url.removesuffix("/v1")))
    assert "should end in /v1" in found["deepseek"]["advice"]


def test_deep_has_each_model_server_read_a_picture(tmp_path):
    with served_from_thread(ModelServer()) as server:
        found = run_checks(tmp_path, "--deep", "--only", "model-servers", INFERENCE_MODE="auto", **urls(server.url))
        assert len(server.log) == 1
    assert "read a small image" in found["deepseek"]["detail"]


def test_a_form_that_does_not_fit_the_third_model_is_told_with_the_one_that_does(tmp_path):
    with served_from_thread(ModelServer(VLM_MODELS["chandra"], "chandra")) as server:
        own = {"VLLM_DEEPSEEK_URL": "", "VLLM_NANONETS_URL": "", "VLLM_VLM_URL": server.url, "INFERENCE_MODE": "vllm"}
        only = ("--only", "model-servers")
        found = run_checks(tmp_path, *only, "--deep", **own, VLLM_VLM_MODEL=server.model, VLLM_VLM_GRAMMAR="dots_mocr")
        assert found["vlm"]["status"] == "warning"
        assert "not in the form" in found["vlm"]["detail"]
        assert "docs/engines.md" in found["vlm"]["advice"]
        found = run_checks(tmp_path, *only, **own, VLLM_VLM_MODEL=server.model, VLLM_VLM_GRAMMAR="dots_mocr")
        assert "VLLM_VLM_GRAMMAR=chandra" in found["vlm grammar"]["advice"]
        older = {"VLLM_VLM_MODEL": "lightonai/LightOnOCR-2-1B", "VLLM_VLM_GRAMMAR": "lighton"}
        assert run_checks(tmp_path, *only, **own, **older)["vlm prompt"]["advice"] == "Set VLLM_VLM_PROMPT=none."
        found = run_checks(tmp_path, *only, **own)
        assert found["vlm"]["advice"] == "Set VLLM_VLM_MODEL, or leave both empty."
        assert {"deepseek", "nanonets"}.isdisjoint(found)


def test_a_port_that_another_program_has_is_missing(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = run_checks(tmp_path, "--only", "port", API_PORT=taken.getsockname()[1])
    assert "API_PORT" in found["port"]["advice"]


def test_beside_a_running_service_its_port_redis_and_workers_are_found(tmp_path):
    with Service(tmp_path) as service:
        found = run_checks(tmp_path, "--only", "port", "redis", DATA_DIR=service.data_dir, API_PORT=service.port)
    assert "the service answers" in found["port"]["detail"]
    assert found["workers"]["detail"] == "2 alive"
    assert "answers at unix://" in found["embedded valkey"]["detail"]


def test_an_open_address_without_an_admin_token_is_warned_about(tmp_path):
    assert run_checks(tmp_path, "--only", "reach", API_HOST="0.0.0.0")["admin token"]["status"] == "warning"
    assert run_checks(tmp_path, "--only", "reach", TRUSTED_PROXIES="1")["admin token"]["status"] == "warning"
    assert run_checks(tmp_path, "--only", "reach", API_HOST="0.0.0.0", ADMIN_TOKEN="x" * 16)["admin token"]["status"] == "ok"


def test_a_public_address_without_a_chosen_auth_mode_is_missing_something(tmp_path):
    assert run_checks(tmp_path, "--only", "reach", API_HOST="0.0.0.0")["auth mode"]["status"] == "missing"
    assert run_checks(tmp_path, "--only", "reach", API_HOST="0.0.0.0", AUTH_MODE="required")["auth mode"]["status"] == "ok"
    assert run_checks(tmp_path, "--only", "reach")["auth mode"]["status"] == "ok"


def test_a_shared_redis_without_a_secret_key_is_warned_about(tmp_path, valkey):
    assert run_checks(tmp_path, "--only", "reach", REDIS_URL=valkey.redis_url)["secret key"]["status"] == "warning"
    assert "secret key" not in run_checks(tmp_path, "--only", "reach", REDIS_URL=valkey.redis_url, SECRET_KEY="s")


@pytest.mark.parametrize(
    ("url", "lacks"),
    [
        ("redis://queue.invalid:6379/0", "no password and no TLS"),
        ("redis://:secret@queue.invalid:6379/0", "no TLS"),
        ("rediss://queue.invalid:6379/0", "no password"),
        ("redis+sentinel://queue.invalid:26379/main", "no password and no TLS"),
        ("rediss://:secret@queue.invalid:6379/0", ""),
        ("redis://127.0.0.1:9/0", ""),
    ],
)
def test_a_redis_on_another_host_without_password_or_tls_is_warned_about(url, lacks):
    found = [(one.status, one.detail) for one in check_redis_exposure(Settings(store=StoreSettings(redis_url=url)))]
    assert found == ([("warning", f"{without_secrets(url)} is another host, with {lacks}")] if lacks else [])


def test_who_can_read_the_operator_token_is_looked_at(tmp_path):
    assert "made when the service starts" in run_checks(tmp_path, "--only", "reach")["operator token"]["detail"]
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    (data_dir / "operator.token").write_text("x")
    (data_dir / "operator.token").chmod(0o644)
    assert run_checks(tmp_path, "--only", "reach", DATA_DIR=data_dir)["operator token"]["status"] == "warning"


@pytest.mark.parametrize(("mib", "status"), [("49140", "ok"), ("16384", "warning")])
def test_the_gpus_memory_is_held_against_what_both_models_need(tmp_path, mib, status):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho 'NVIDIA L40S, {mib}'\n")
    program.chmod(0o755)
    found = run_checks(tmp_path, "--only", "gpu", INFERENCE_MODE="auto", PATH=f"{tmp_path}:{os.environ['PATH']}", **urls())
    assert found["gpu"]["status"] == status


def test_more_workers_than_the_memory_holds_are_warned_about(tmp_path):
    assert "NUM_WORKERS" in run_checks(tmp_path, "--only", "memory", NUM_WORKERS="4000")["memory"]["advice"]


def test_checks_that_are_not_asked_for_do_not_run(tmp_path):
    found = run_checks(tmp_path, "--only", "memory", "open-files", REDIS_URL="http://of.another.kind")
    assert list(found) == ["python", "settings", "memory", "open files"]


def test_a_run_of_some_checks_does_not_say_that_the_service_can_do_its_job(tmp_path):
    told = run_doctor(tmp_path, "--only", "open-files")
    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "Of what was checked nothing is missing.")


def test_without_a_terminal_each_check_is_a_line(tmp_path):
    lines = run_doctor(tmp_path).stdout.splitlines()
    assert {line.split()[0] for line in lines[:-1]} <= {"ok", "warning", "missing"}
    assert lines[-1] == "The service can do its job."


def test_addresses_are_shown_without_user_password_and_query():
    assert without_secrets("rediss://u:p@host:6379/0?password=x") == "rediss://host:6379/0"
    assert without_secrets("unix:///run/valkey.sock") == "unix:///run/valkey.sock"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.4", False),
        ("", False),
        ("box", False),
    ],
)
def test_which_addresses_are_reached_from_here_alone(host, loopback):
    assert is_loopback(host) is loopback


def test_the_model_that_fills_schemas_is_looked_at_and_never_missing(tmp_path):
    server = ExtractServer()
    with served_from_thread(server):
        servers = {"VLLM_DEEPSEEK_URL": NOBODY, "VLLM_NANONETS_URL": NOBODY, "VLLM_EXTRACT_URL": server.url}
        asked = {"INFERENCE_MODE": "auto", **servers}
        told = run_checks(tmp_path, "--only", "model-servers", **asked, VLLM_EXTRACT_MODEL=MODEL)["extract"]
        assert (told["status"], told["detail"]) == ("ok", f"{server.url} serves {MODEL}")
        told = run_checks(tmp_path, "--only", "model-servers", "--deep", **asked, VLLM_EXTRACT_MODEL=MODEL)["extract"]
        assert (told["status"], told["detail"]) == ("warning", "its answer follows no schema (stop)")
        server.fill = lambda asking: dict.fromkeys(asking.names, "seen")
        told = run_checks(tmp_path, "--only", "model-servers", "--deep", **asked, VLLM_EXTRACT_MODEL=MODEL)["extract"]
        assert told["detail"].startswith("filled a small schema")
        told = run_checks(tmp_path, "--only", "model-servers", **asked, VLLM_EXTRACT_MODEL="another")["extract"]
        assert (told["status"], told["advice"]) == ("warning", "Set VLLM_EXTRACT_MODEL, or serve that model.")
        told = run_checks(tmp_path, "--only", "model-servers", **asked)["extract"]
        assert told["advice"] == "Set VLLM_EXTRACT_MODEL to its name."
        told = run_checks(tmp_path, "--only", "model-servers", **servers, VLLM_EXTRACT_MODEL=MODEL)["extract"]
        assert told["advice"] == "Set INFERENCE_MODE=auto to have it asked."

"""Starting, stopping, and dying: what runs, what ends, what is there again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from document_parser.jobs.queue import living_workers
from document_parser.jobs.redis.connection import connect
from document_parser.settings import Settings, StoreSettings
from document_parser.supervisor.supervisor import SupervisorWatch, starting_lock
from tests.support.forked_process import ForkedProcess
from tests.support.processes import pids_named, pool_pids, seen
from tests.support.service import (
    API,
    ROOT,
    WORKER,
    Service,
    free_port,
    gunicorn,
    parents_of,
    processes_of,
    redis_url_of,
    wait_until,
)

KEEPER = "document_parser.supervisor.supervisor"
VALKEY = "valkey-server"


@pytest.mark.parametrize(
    ("command", "cwd"),
    [
        pytest.param(API, None, id="python -m document_parser.api"),
        pytest.param([sys.executable, "-m", "document_parser", "serve"], None, id="docparse serve"),
        pytest.param(gunicorn("--workers", "3"), ROOT, id="gunicorn with our gunicorn.conf.py"),
        pytest.param(gunicorn("--workers", "4", "--timeout", "300"), None, id="gunicorn without it"),
    ],
)
def test_it_starts_one_keeper_and_one_pool_and_stops_without_a_trace(tmp_path, command, cwd):
    service = Service(tmp_path, command, cwd, preloaded=False)
    if "gunicorn" in command and cwd is None:
        service.command = [*command, "--bind", f"127.0.0.1:{service.port}"]
    with service:
        assert len(service.pids(KEEPER)) == 1
        assert len(pool_pids(service)) == 1
        wait_until(lambda: service.client.get("/v1/health").json()["workers"] == 2, 30, "both workers")
        service.stop()
        assert processes_of(service.data_dir) == {}
        assert not Settings(store=StoreSettings(data_dir=service.data_dir)).runtime_dir.exists()


@pytest.fixture
def usual_umask():
    """The umask of a shell: what tests ran in this process before may have left that of the service."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_the_processes_that_most_tests_use_which_are_forked_are_to_the_system_as_those_that_are_started(tmp_path):
    facts, port = [], free_port()
    for preloaded in (False, True):
        with Service(tmp_path, preloaded=preloaded, API_PORT=port, NUM_WORKERS=1, WEB_WORKERS=1) as service:
            assert isinstance(service.process, ForkedProcess) == preloaded
            wait_until(lambda: service.client.get("/v1/health").json()["workers"] == 1, 30, "all have started")
            (keeper,), (pool,) = service.pids(KEEPER), pool_pids(service)
            assert parents_of(service.data_dir)[pool] == keeper
            (zygote,) = pids_named(service, "docparse-zygote")
            assert parents_of(service.data_dir)[zygote] == pool
            ours = set(processes_of(service.data_dir))
            processes = {"api": service.pid, "keeper": keeper, "pool": pool}  # test_confinement.py compares zygotes
            facts.append({name: seen(pid, ours) for name, pid in processes.items()})
        assert processes_of(service.data_dir) == {}
    started, forked = facts
    for name, fact in started.items():
        assert {what: (fact[what], forked[name][what]) for what in fact if fact[what] != forked[name][what]} == {}, name


def test_hup_starts_no_second_pool_and_term_still_stops_everything(tmp_path):
    with Service(tmp_path, gunicorn("--workers", "2"), ROOT) as service:
        before = pool_pids(service), service.pids(KEEPER)
        web_workers = set(service.pids("gunicorn"))
        os.kill(service.pid, signal.SIGHUP)
        wait_until(lambda: len(set(service.pids("gunicorn")) - web_workers) >= 2, 30, "new web workers")
        service.ready()
        assert (pool_pids(service), service.pids(KEEPER)) == before
        service.stop()


HOLDING = (
    "import fcntl, sys; held = open(sys.argv[1], 'w'); fcntl.lockf(held, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
)


def test_while_one_web_worker_starts_a_keeper_the_others_start_none(tmp_path):
    settings = Settings(store=StoreSettings(data_dir=tmp_path))
    starting = [sys.executable, "-c", HOLDING, starting_lock(settings).path]
    watch = SupervisorWatch(settings, os.getpid())
    with subprocess.Popen(starting, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        assert not watch.take_turn()
        other.communicate()
    assert watch.take_turn()
    watch.starting.release()


def test_where_no_lock_can_be_written_a_web_worker_starts_a_keeper_which_says_why_it_cannot_run(tmp_path):
    (tmp_path / "data").touch()
    assert SupervisorWatch(Settings(store=StoreSettings(data_dir=tmp_path / "data")), os.getpid()).take_turn()


def test_nothing_outlives_a_master_killed_by_9(tmp_path):
    with Service(tmp_path, DRAIN_SECONDS=4) as service:
        os.kill(service.pid, signal.SIGKILL)
        wait_until(lambda: not processes_of(service.data_dir), 4 + 10, "everything ends within the drain deadline")


def test_a_pool_that_dies_is_started_again_and_so_are_keeper_and_valkey(tmp_path):
    with Service(tmp_path, NUM_WORKERS=1) as service:
        for name, find in {
            "pool": lambda: pool_pids(service),
            "keeper": lambda: service.pids(KEEPER),
            "valkey": lambda: service.pids(VALKEY),
        }.items():
            (old,) = find()
            os.kill(old, signal.SIGKILL)
            wait_until(lambda find=find, old=old: len(find()) == 1 and find() != [old], 30, f"a new {name}")
            service.ready()


def test_without_workers_documents_wait_for_a_worker_started_alone(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=0) as service:
        assert pool_pids(service) == []
        job_id = service.submit(paper)
        assert service.status(job_id)["status"] == "queued"
        worker = service.also([*WORKER, "--workers", "1"])
        assert service.ended(job_id)["status"] == "completed"
        worker.terminate()
        assert worker.wait(30) == 0


def test_a_worker_that_hangs_holds_its_pool_for_the_drain_deadline_and_no_longer(tmp_path):
    with Service(tmp_path, NUM_WORKERS=0, DRAIN_SECONDS=2) as service:
        pool = service.also([*WORKER, "--workers", "2"])
        wait_until(lambda: workers(service) == 2, 60, "two workers")
        with connect(Settings(store=StoreSettings(redis_url=redis_url_of(service)))) as redis:
            hung = int(living_workers(redis)[0].key.split("-")[-2])
        os.kill(hung, signal.SIGSTOP)
        pool.terminate()
        assert pool.wait(30) == 0
        assert "drain_deadline_passed" in service.log


def workers(service: Service) -> int:
    found = service.client.get("/v1/health").json().get("workers")
    return -1 if found is None else int(found)


def test_three_pools_of_one_worker_share_a_host_and_one_that_stops_leaves_the_work_to_the_others(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=0) as service:
        units = [service.also([*WORKER, "--workers", "1"]) for _ in range(3)]
        wait_until(lambda: workers(service) == 3, 60, "three workers")
        assert len(service.pids(VALKEY)) == 1
        jobs = [service.submit(paper) for _ in range(9)]
        units[1].terminate()
        assert units[1].wait(30) == 0
        jobs += [service.submit(paper) for _ in range(3)]
        assert {service.ended(job_id)["status"] for job_id in jobs} == {"completed"}
        assert workers(service) == 2
        assert sorted(pool_pids(service)) == sorted(unit.pid for unit in (units[0], units[2]))
        service.stop()


def test_the_pool_that_brought_valkey_may_stop_and_another_keeps_it(tmp_path, paper):
    with_valkey = Service(tmp_path, [*WORKER, "--workers", "1"], NUM_WORKERS=0)
    try:
        with_valkey.start()
        wait_until(lambda: "workers_started" in with_valkey.log, 60, "the first worker is up")
        with_valkey.also([*WORKER, "--workers", "1"])
        with_valkey.also(API)
        with_valkey.ready()
        wait_until(lambda: workers(with_valkey) == 2, 60, "two workers")
        before, jobs = with_valkey.pids(VALKEY), [with_valkey.submit(paper) for _ in range(4)]
        with_valkey.process.terminate()
        assert with_valkey.process.wait(30) == 0
        wait_until(lambda: with_valkey.answers("/v1/health/ready"), 30, "Valkey is kept by another")
        assert {with_valkey.ended(job_id)["status"] for job_id in jobs} == {"completed"}
        assert len(with_valkey.pids(VALKEY)) == 1
        assert with_valkey.pids(VALKEY) != before
        with_valkey.stop()
    finally:
        with_valkey.kill_everything()
        with_valkey.client.close()


def test_docparse_worker_alone_brings_the_embedded_server_with_it(tmp_path):
    service = Service(tmp_path, [sys.executable, "-m", "document_parser", "worker", "--workers", "1"])
    service.start()
    try:
        wait_until(lambda: "workers_started" in service.log, 60, "the worker is up")
        assert len(service.pids(VALKEY)) == 1
        service.stop()
    finally:
        service.kill_everything()
        service.client.close()


def test_two_services_run_side_by_side(tmp_path, paper):
    with Service(tmp_path / "one", NUM_WORKERS=1) as one, Service(tmp_path / "two", NUM_WORKERS=1) as two:
        first, second = one.submit(paper), two.submit(paper)
        assert one.ended(first)["status"] == "completed"
        assert two.ended(second)["status"] == "completed"
        assert one.client.get(f"/v1/jobs/{second}/status").status_code == 404
        one.stop()
        assert two.answers("/v1/health/ready")


def test_after_a_power_cut_the_next_start_finds_the_queue_as_it_was(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=0) as service:
        jobs = [service.submit(paper) for _ in range(3)]
        service.kill_everything()
        service.start().ready()
        listed = service.client.get("/v1/jobs").json()["jobs"]
        assert [job["job_id"] for job in listed] == jobs[::-1]
        assert {job["status"] for job in listed} == {"queued"}
        service.also([*WORKER, "--workers", "1"])
        assert {service.ended(job_id)["status"] for job_id in jobs} == {"completed"}

"""Quotas of a real service: never exceeded by many clients at once, and exact though its processes are killed."""

from __future__ import annotations

import random
import time

from tests.support.owners import client_of, make_key
from tests.support.processes import kill, kill_horses, pids_named
from tests.support.quota_storm import storm
from tests.support.service import API, SOON, UNCHECKED, Service, asking, free_port, gunicorn, listens, redis_url_of, wait_until

STAMPS = range(900, 912)
PLACES, DOCUMENTS, CLIENTS = 4, 60, 24


def tiers(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiers.toml"
    path.write_text(text)
    return {"AUTH_MODE": "required", "TIERS_FILE": path, "RATE_LIMIT_UPLOADS": "none", "RATE_LIMIT_READS": "none"}


def test_many_clients_at_several_web_processes_never_exceed_places_or_documents_though_one_is_killed(tmp_path):
    settings = tiers(tmp_path, f"[key]\nconcurrent_jobs = {PLACES}\ndocuments_per_day = {DOCUMENTS}")
    with Service(tmp_path, API, NUM_WORKERS=0, WEB_WORKERS=2, **settings) as service:
        other = free_port()
        service.also(gunicorn("--workers", "1", "--bind", f"127.0.0.1:{other}"))
        secret = make_key(service.data_dir, "acme").secret
        wait_until(lambda: listens(other), 30, "the second host listens")

        def kill_a_web_process():
            time.sleep(0.3)
            kill(service.pids("gunicorn")[-1:])

        found = storm(
            service.data_dir, redis_url_of(service), [service.port, other], secret, "acme", CLIENTS, kill_a_web_process
        )
        assert found.most <= PLACES
        assert found.created == DOCUMENTS
        assert found.answers["RATE_LIMIT_EXCEEDED"] > 0
        assert set(found.answers) <= {"accepted", "RATE_LIMIT_EXCEEDED", "QUOTA_EXCEEDED", "connection lost"}


def test_quotas_usage_and_ledgers_agree_to_the_page_over_random_jobs_and_kills(tmp_path, server, scan):
    chance = random.Random(16)
    settings = tiers(tmp_path, "[key]\nconcurrent_jobs = 99\ndocuments_per_day = 99\npages_per_month = 999")
    with Service(tmp_path, PAGE_CONCURRENCY=3, **settings, **asking(server.url, "auto"), **UNCHECKED, **SOON) as service:
        secret = make_key(service.data_dir, "acme").secret
        with client_of(service.port, secret) as client:
            jobs = []
            for _ in range(8):
                first = chance.randint(1, len(STAMPS))
                fields = {"page_range": f"{first}-{chance.randint(first, len(STAMPS))}"}
                with scan.open("rb") as stream:
                    answer = client.post("/v1/process/async", files={"file": ("scan.pdf", stream)}, data=fields)
                jobs.append(answer.json()["job_id"])
                time.sleep(chance.random() / 4)
                if chance.random() < 0.3:
                    client.post(f"/v1/jobs/{chance.choice(jobs)}/cancel")
                if len(jobs) in (3, 6):
                    kill_horses(service)
                    kill(pids_named(service, "docparse-sweep"))
            states = [_ended(client, job_id)["status"] for job_id in jobs]
            entries = [entry for job_id in jobs for entry in client.get(f"/v1/jobs/{job_id}/pages").json()["pages"]]
            pages = sum(entry["state"] in ("done", "blank") for entry in entries)

            def counted():
                report = client.get("/v1/usage").json()
                used = {one["quota"]: one["used"] for one in report["quotas"]}
                return (report["total"]["pages"], report["total"]["documents"], *used.values())

            completed = states.count("completed")
            assert completed
            assert pages
            expected = (pages, completed, 0, completed, pages)
            wait_until(lambda: counted() == expected, 30, f"counts are {expected}, not {counted()}")


def _ended(client, job_id):
    def status():
        return client.get(f"/v1/jobs/{job_id}/status", params={"wait": 5}).json()

    wait_until(lambda: status()["status"] in ("completed", "failed", "cancelled"), 120, "the job ends")
    return status()


def test_a_document_with_more_pages_than_are_left_fails_and_gives_all_back(tmp_path, rich, paper):
    settings = tiers(tmp_path, "[key]\npages_per_month = 1\nconcurrent_jobs = 1\nretention_hours = 1")
    with Service(tmp_path, **settings, **SOON) as service:
        secret = make_key(service.data_dir, "acme").secret
        with client_of(service.port, secret) as client, paper.open("rb") as stream:
            job_id = client.post("/v1/process/async", files={"file": ("paper.pdf", stream)}).json()["job_id"]
            error = _ended(client, job_id)["error"]
            assert error["code"] == "QUOTA_EXCEEDED"
            assert (error["details"]["left"], error["details"]["wanted"]) == (1, 2)
            assert client.get(f"/v1/jobs/{job_id}/result").status_code == 429
            assert {one["used"] for one in client.get("/v1/usage").json()["quotas"]} == {0}
            one_page = {"page_range": "2"}
            stream.seek(0)
            answer = client.post("/v1/process/async", files={"file": ("paper.pdf", stream)}, data=one_page)
            assert _ended(client, answer.json()["job_id"])["status"] == "completed"
            assert [one["left"] for one in client.get("/v1/usage").json()["quotas"]] == [1, 0]

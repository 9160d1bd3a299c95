"""What was read once is not read again: as copies, each owner's own, forgotten in time and on demand."""

from __future__ import annotations

import shutil
from importlib import metadata

import pytest

from document_parser.engines.base import Engine
from document_parser.engines.registry import describe_machine
from document_parser.engines.tesseract.packs import find_packs
from document_parser.engines.traced import TracedEngine
from document_parser.engines.wrapped import WrappedEngine
from document_parser.jobs import queue
from document_parser.jobs.cache import Cache, cache_key, document_key, reading_key
from document_parser.jobs.ending import delete_job, end_job
from document_parser.jobs.records import record
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.scheduling import forecast
from document_parser.jobs.scheduling.forecast import Unfinished
from document_parser.models import PIPELINE_VERSION, JobState, Options, Page, PageImage
from document_parser.settings import DeepSeekSettings, EngineSettings, Settings, StoreSettings
from document_parser.storage import LocalStorage
from document_parser.workers.reading_cache import CachedEngine
from document_parser.workers.sweep import Sweep
from tests.support import documents
from tests.support.documents import pdf_of_text
from tests.support.ledger_jobs import JOB, OTHER, make_card
from tests.support.service import SOON, UNCHECKED, Service, asking, wait_until
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread

KEY = "cache/public/readings/ab/abcd"


@pytest.fixture
def cache(valkey, redis, tmp_path):
    return Cache(valkey, redis, LocalStorage(tmp_path))


def known(redis, job_id=JOB, **facts):
    record.create(redis, make_card(job_id, **facts), None)
    return record.load(redis, job_id)


def hour(redis):
    return int(redis.time()[0]) * 1000 + 3_600_000


def test_what_was_put_is_there_until_its_time_is_over(cache, redis):
    known(redis)
    assert cache.get(JOB, KEY) is None
    cache.put(JOB, KEY, b"read")
    assert cache.get(JOB, KEY) == b"read"
    cache.expire(hour(redis))
    assert cache.get(JOB, KEY) == b"read"
    cache.expire(hour(redis) * 2)
    assert (cache.get(JOB, KEY), cache.storage.exists(KEY)) == (None, False)


def test_an_entry_past_its_time_is_no_hit_although_nobody_has_swept(cache, redis):
    known(redis)
    cache.put(JOB, KEY, b"read")
    redis.zadd("cache:expiring", {KEY: 1})
    assert cache.get(JOB, KEY) is None


@pytest.mark.parametrize("deleted", [JOB, OTHER])
def test_deleting_a_job_deletes_what_it_put_there_and_what_it_took(cache, redis, deleted):
    known(redis)
    known(redis, OTHER)
    cache.put(JOB, KEY, b"read")
    assert cache.get(OTHER, KEY) == b"read"
    assert delete_job(redis, Ledger(redis, cache.settings), cache.storage, record.load(redis, deleted)).files == 1
    assert (redis.zcard("cache:expiring"), cache.storage.exists(KEY)) == (0, False)
    assert not redis.exists(f"job:{deleted}:cached")


def test_nothing_is_kept_for_a_job_that_was_deleted_meanwhile(cache, redis):
    cache.put(JOB, KEY, b"read")
    assert (redis.keys("*"), cache.storage.exists(KEY)) == ([], False)


def test_a_lost_file_is_no_hit(cache, redis, tmp_path):
    known(redis)
    cache.put(JOB, KEY, b"read")
    shutil.rmtree(tmp_path / "cache")
    assert cache.get(JOB, KEY) is None


def test_a_redis_that_lost_the_index_finds_the_entries_again(cache, redis):
    known(redis)
    cache.put(JOB, KEY, b"read")
    redis.flushall()
    known(redis)
    cache.rebuild(hour(redis))
    assert cache.get(JOB, KEY) == b"read"


def test_the_sweep_takes_old_entries_away(valkey, redis, tmp_path):
    sweep = Sweep(valkey, redis, LocalStorage(tmp_path), "test")
    known(redis)
    sweep.cache.put(JOB, KEY, b"read")
    redis.zadd("cache:expiring", {KEY: 1})
    assert sweep.run_once()
    assert not sweep.storage.exists(KEY)


def document(settings=None, **facts):
    return document_key(settings or Settings(), make_card(**facts))


@pytest.mark.parametrize(
    "other",
    [
        {"owner": "bob"},
        {"options": Options(accuracy_mode="maximum")},
        {"options": Options(page_range="1")},
        {"settings": Settings(deepseek=DeepSeekSettings(prompt="Read."))},
        {"settings": Settings(engines=EngineSettings(cpu_engine="tesseract"))},
    ],
)
def test_a_document_read_otherwise_is_another(other):
    assert document(**other) not in ("", document())


@pytest.mark.parametrize("options", [{"output_format": "json"}, {"priority": "batch"}, {"page_separator": "--"}])
def test_what_changes_nothing_of_the_reading_is_the_same(options):
    facts = {"options": Options(**options)}
    assert document(**facts) == document()
    elsewhere = Settings(deepseek=DeepSeekSettings(url="http://elsewhere:1/v1"))
    assert document(elsewhere) == document()


def test_a_new_pipeline_reads_anew():
    facts = ["sha256", "pdf", {"accuracy_mode": "balanced"}]
    assert cache_key("ann", "documents", facts) == cache_key("ann", "documents", facts, PIPELINE_VERSION)
    assert cache_key("ann", "documents", facts) != cache_key("ann", "documents", facts, "next")


def picture_key(engine="deepseek", data=b"picture", temperature=None, owner="ann", machine=""):
    picture = PageImage(1, 10, 10, "jpeg", data)
    return reading_key(Settings(), owner, engine, picture, temperature, machine)


@pytest.mark.parametrize(
    "other",
    [{"engine": "nanonets"}, {"data": b"other"}, {"temperature": 0.2}, {"owner": "bob"}, {"machine": "5.5 eng+rus"}],
)
def test_a_picture_read_otherwise_is_another(other):
    assert picture_key(**other) != picture_key()


def test_what_the_machine_has_for_a_cpu_engine_is_part_of_how_it_reads():
    without = Settings(engines=EngineSettings(inference_mode="cpu", tesseract_program=""))
    assert describe_machine(without).startswith(f"rapidocr {metadata.version('rapidocr')} ")
    assert describe_machine(without).endswith("tesseract ")
    assert describe_machine(Settings(engines=EngineSettings(inference_mode="vllm"))) == ""


@pytest.mark.skipif(not find_packs(Settings()).languages, reason="no language pack of Tesseract is installed")
def test_the_language_packs_of_tesseract_are_part_of_how_it_reads():
    found = describe_machine(Settings(engines=EngineSettings(inference_mode="cpu", cpu_engine="tesseract")))
    assert found.split()[-1].split("+") == sorted(find_packs(Settings()).languages)


def test_whatever_an_engine_can_do_it_does_by_way_of_the_cache_too():
    told = {name for name in vars(Engine) if callable(getattr(Engine, name)) and not name.startswith("_")}
    assert told <= vars(CachedEngine).keys() | vars(WrappedEngine).keys()
    assert told <= vars(TracedEngine).keys() | vars(WrappedEngine).keys()


def test_whoever_says_so_stays_out_of_the_cache():
    assert document(options=Options(cache=False)) == ""
    assert document(Settings(store=StoreSettings(cache_hours=0))) == ""


# --- the same document at the same time -------------------------------------------------------------------------------


THIRD = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
def sent(valkey, redis):
    """Sends the same document under an id."""

    def send(job_id, **facts):
        return queue.submit(redis, valkey, make_card(job_id, **facts), None)

    return send


@pytest.fixture
def ledger(valkey, redis):
    ledger = Ledger(redis, valkey)
    ledger.heartbeat("a", [])
    return ledger


def rung(redis):
    return [job_id.decode() for job_id in redis.lrange("rq:queue:normal", 0, -1)]


def waits(redis, job_id):
    job = record.load(redis, job_id)
    return job.waits_for, job.cache, job.shared


def begun(ledger, job_id):
    """A job of one page that somebody reads."""
    claim = ledger.claim_stage(job_id, "plan", "a", alone=True)
    ledger.create_entries(job_id, 1, [1])
    ledger.make_ready(job_id, [1])
    ledger.close_plan(claim)
    return ledger.claim("a", empty_handed=True)


def test_of_the_same_document_sent_twice_one_is_read_and_the_other_waits(sent, redis):
    assert not sent(JOB).shared
    assert sent(OTHER).shared
    assert rung(redis) == [JOB]
    assert waits(redis, OTHER) == (JOB, "miss", True)
    assert record.load(redis, OTHER).to_status().shared


@pytest.mark.parametrize(
    "facts",
    [{"owner": "bob"}, {"options": Options(cache=False)}, {"options": Options(page_range="1")}, {"lane": "express"}],
)
def test_nobody_waits_for_another_owner_another_reading_or_a_slower_lane(sent, redis, facts):
    sent(JOB)
    assert not sent(OTHER, **facts).shared


def test_who_waited_gets_copies_once_the_document_is_in_the_cache(sent, redis, ledger, cache):
    sent(JOB)
    sent(OTHER)
    sent(THIRD)
    ledger.finish(begun(ledger, JOB), Page(number=1))
    ledger.end(JOB, JobState.COMPLETED)
    cache.put(JOB, document(), b"pages")
    queue.enqueue_waiting(redis, ledger, JOB, record.waiting_for(redis, JOB))
    assert rung(redis) == [JOB, OTHER, THIRD]
    assert waits(redis, OTHER) == waits(redis, THIRD) == ("", "hit", True)


@pytest.mark.parametrize("how", ["cancelled", "failed", "deleted"])
def test_when_the_first_does_not_end_well_the_next_reads_and_the_others_wait_for_it(sent, redis, ledger, tmp_path, how):
    for job_id in (JOB, OTHER, THIRD):
        sent(job_id)
    storage = LocalStorage(tmp_path)
    if how == "deleted":
        delete_job(redis, ledger, storage, record.load(redis, JOB))
    else:
        end_job(redis, ledger, storage, JOB, JobState(how))
    assert rung(redis)[-1] == OTHER
    assert THIRD not in rung(redis)
    assert waits(redis, OTHER) == ("", "miss", False)
    assert waits(redis, THIRD) == (OTHER, "miss", True)


def test_a_document_that_cannot_be_shared_is_read_by_each(sent, redis, ledger):
    for job_id in (JOB, OTHER, THIRD):
        sent(job_id)
    ledger.finish(begun(ledger, JOB), Page(number=1, status="failed"))
    ledger.end(JOB, JobState.COMPLETED)
    queue.enqueue_waiting(redis, ledger, JOB, record.waiting_for(redis, JOB))
    assert rung(redis) == [JOB, OTHER, THIRD]


def test_the_sweep_wakes_those_whom_nobody_told(sent, redis, ledger, valkey, tmp_path):
    for job_id in (JOB, OTHER, THIRD):
        sent(job_id)
    sweep = Sweep(valkey, redis, LocalStorage(tmp_path), "test")
    for _ in range(3):
        sweep.enqueue_lost_stages()
    assert rung(redis) == [JOB], "while the first is at it they wait"
    ledger.end(JOB, JobState.CANCELLED)
    for _ in range(2):
        sweep.enqueue_lost_stages()
    assert rung(redis) == [JOB, OTHER]
    assert waits(redis, THIRD) == (OTHER, "miss", True)


def test_who_waits_is_foretold_what_the_first_is_and_adds_nothing_to_the_work():
    reads = Unfinished(JOB, "normal", "ann", 100)
    waiting = Unfinished(OTHER, "normal", "ann", None, queued=True, waits_for=JOB)
    told = forecast.forecast([reads, waiting], pace=1.0)
    assert told == {JOB: forecast.Forecast(100), OTHER: forecast.Forecast(100)}


# --- through the service ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server():
    with served_from_thread(ModelServer(speed=Speed(), tokens=60)) as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory, server):
    folder = tmp_path_factory.mktemp("service")
    with Service(folder, CACHE_HOURS=24, **asking(server.url, "auto"), **UNCHECKED) as service:
        yield service


def read(service, server, path, **fields):
    """The ended job's status and text, and how often a model was asked."""
    asked, kept = len(server.log), kept_documents(service)
    job_id = service.submit(path, **fields)
    status = service.ended(job_id)
    assert (status["status"], status["complete"]) == ("completed", True)
    if status["cache"] == "miss":
        wait_until(lambda: kept_documents(service) == kept + 1, 20, "the document is kept, for which nobody else waits")
    return status, service.result(job_id, format="markdown"), len(server.log) - asked


def kept_documents(service):
    return sum(path.is_file() for path in (service.data_dir / "cache" / "public" / "documents").rglob("*"))


def test_the_same_document_again_is_a_copy_and_says_so(service, server, tmp_path):
    scan = documents.stamped_pdf(tmp_path / "scan.pdf", range(880, 886))
    first, text, asked = read(service, server, scan)
    assert (first["cache"], first["progress"]["cached_pages"], asked) == ("miss", 0, 6)
    again, same, asked = read(service, server, scan)
    assert (again["cache"], again["progress"]["cached_pages"], asked) == ("hit", 6, 0)
    assert again["progress"]["deepseek_pages"] == 6
    assert (same["markdown"], same["cache"], text["cache"]) == (text["markdown"], "hit", "miss")
    page = service.client.get(f"/v1/jobs/{again['job_id']}/pages/3").json()
    assert page["attempts"][-1]["cached"] is True
    assert service.client.delete(f"/v1/jobs/{first['job_id']}").status_code == 200
    assert service.result(again["job_id"], format="markdown")["markdown"] == text["markdown"]


def test_of_a_document_of_which_one_page_changed_one_page_is_read(service, server, tmp_path):
    stamps = list(range(900, 906))
    read(service, server, documents.stamped_pdf(tmp_path / "one.pdf", stamps))
    stamps[3] = 999
    status, _, asked = read(service, server, documents.stamped_pdf(tmp_path / "two.pdf", stamps))
    assert asked == 1
    assert (status["cache"], status["progress"]["cached_pages"]) == ("miss", 5)


def test_pages_that_the_cpu_reads_go_by_way_of_the_cache_too(tmp_path):
    with Service(tmp_path, INFERENCE_MODE="cpu", WEB_WORKERS=1, CACHE_HOURS=1) as service:
        other = "Quarterly figures of the northern district. " * 8
        for number, texts in enumerate(([documents.PARAGRAPH], [documents.PARAGRAPH, other])):
            job_id = service.submit(documents.scanned_pdf(tmp_path / f"{number}.pdf", texts))
            assert service.ended(job_id)["status"] == "completed"
        pages = [service.client.get(f"/v1/jobs/{job_id}/pages/{number}").json()["page"] for number in (1, 2)]
    assert [page["engine"] for page in pages] == ["rapidocr", "rapidocr"]
    assert [any(attempt.get("cached") for attempt in page["attempts"]) for page in pages] == [True, False]


def test_cache_false_reads_anew_and_keeps_nothing(service, server, tmp_path):
    scan = documents.stamped_pdf(tmp_path / "scan.pdf", range(920, 923))
    for _ in range(2):
        status, _, asked = read(service, server, scan, cache="false")
        assert (status["cache"], asked) == ("off", 3)


def test_nothing_that_came_with_a_password_is_shared(service, server, tmp_path):
    scan = documents.stamped_pdf(tmp_path / "scan.pdf", range(940, 943))
    for _ in range(2):
        status, _, asked = read(service, server, scan, password="secret")
        assert (status["cache"], asked) == ("off", 3)
    assert read(service, server, scan)[2] == 3


def test_a_deleted_job_leaves_nothing_in_the_cache(service, server, tmp_path):
    folder = service.data_dir / "cache"
    before = {path for path in folder.rglob("*") if path.is_file()}
    status, _, _ = read(service, server, documents.stamped_pdf(tmp_path / "scan.pdf", range(960, 963)))
    wait_until(lambda: len({path for path in folder.rglob("*") if path.is_file()} - before) == 4, 20, "all is kept")
    told = service.client.delete(f"/v1/jobs/{status['job_id']}").json()
    assert {path for path in folder.rglob("*") if path.is_file()} == before
    assert told["deleted_files"] >= 4 + 5


def test_a_text_document_is_copied_too(service, server, tmp_path):
    paper = pdf_of_text(tmp_path / "paper.pdf", ["The first page of a paper about harbours.", "And the second one."])
    _, text, _ = read(service, server, paper)
    again, same, _ = read(service, server, paper)
    assert (again["cache"], again["progress"]["text_layer_pages"]) == ("hit", 2)
    assert same["markdown"] == text["markdown"]


def test_a_power_cut_in_the_middle_of_a_copy_loses_and_doubles_nothing(tmp_path, server):
    pages = [f"Page {number} of a long register of ships." for number in range(1, 301)]
    book = pdf_of_text(tmp_path / "book.pdf", pages)
    with Service(tmp_path / "service", CACHE_HOURS=24, **SOON) as service:
        _, text, _ = read(service, server, book)
        copy = service.submit(book)
        wait_until(lambda: service.status(copy)["progress"]["cached_pages"] >= 20, 30, "some pages are copied")
        service.kill_everything()
        service.start().ready()
        status = service.ended(copy)
        assert (status["cache"], status["complete"], status["progress"]["text_layer_pages"]) == ("hit", True, 300)
        assert service.result(copy, format="markdown")["markdown"] == text["markdown"]


def test_twins_are_read_once_and_when_the_first_is_cancelled_the_other_goes_on_where_it_was(tmp_path):
    scan = documents.stamped_pdf(tmp_path / "scan.pdf", range(700, 712))
    with served_from_thread(ModelServer(speed=Speed(tokens_per_second=300, per_sequence=100), tokens=60)) as slow:
        settings = {"CACHE_HOURS": 24, "PAGE_CONCURRENCY": 2, "SWEEP_SECONDS": 0.5, **asking(slow.url)}
        with Service(tmp_path / "service", **settings) as service:
            # One lane from the start: once opened, the document leaves the express lane, and a later twin would overtake it.
            first, second, third = (service.submit(scan, priority="normal") for _ in range(3))
            wait_until(lambda: service.status(first)["progress"]["deepseek_pages"] >= 4, 60, "some pages are read")
            read_by_the_first = service.status(first)["progress"]["deepseek_pages"]
            assert service.status(third)["progress"]["deepseek_pages"] == 0
            service.client.post(f"/v1/jobs/{first}/cancel")
            found = [service.ended(job_id) for job_id in (second, third)]
            assert [status["complete"] for status in found] == [True, True]
            assert found[0]["progress"]["cached_pages"] >= read_by_the_first
            assert (found[1]["cache"], found[1]["shared"]) == ("hit", True)
            texts = [service.result(job_id, format="markdown")["markdown"] for job_id in (second, third)]
            assert texts[0] == texts[1]
            # What the first had in flight when it was cancelled is asked again, and nothing else.
            assert len(slow.log) <= 12 + 2 * 2

"""The client that MinerU 3's command line uses, pointed at this service. It sends no key."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile

import pytest

from tests.support.client_packages import client_package
from tests.support.service import Service

httpx = client_package("httpx")
click = client_package("click")
mineru = client_package("mineru.cli.api_client")


@pytest.fixture(scope="module")
def open_service(tmp_path_factory):
    """A service for callers without keys."""
    settings = {"FACADES": "mineru", "OPENER_TIMEOUT_SECONDS": 2, "WEB_WORKERS": 1}
    with Service(tmp_path_factory.mktemp("mineru"), NUM_WORKERS=2, **settings) as service:
        yield service


def base_of(service):
    return f"http://127.0.0.1:{service.port}/compat/mineru"


def submitted(service, *paths, end_page=None):
    """A task, with what the command line asks for."""
    form = mineru.build_parse_request_form_data(
        ["en"],
        "pipeline",
        "auto",
        formula_enable=True,
        table_enable=True,
        server_url=None,
        start_page_id=0,
        end_page_id=end_page,
        return_md=True,
        return_middle_json=True,
        return_model_output=True,
        return_content_list=True,
        return_images=True,
        response_format_zip=True,
        return_original_file=True,
    )
    return mineru.submit_parse_task_sync(base_of(service), [mineru.UploadAsset(path, path.name) for path in paths], form)


def files_of(task):
    """What the archive of a task holds, once it has ended."""

    async def fetch():
        async with httpx.AsyncClient(trust_env=False) as client:
            await mineru.wait_for_task_result(client, task, "the task")
            return await mineru.download_result_zip(client, task, "the task")

    path = asyncio.run(fetch())
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        path.unlink()
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_service_is_healthy_for_the_client(open_service):
    async def health():
        async with httpx.AsyncClient(trust_env=False) as client:
            return await mineru.fetch_server_health(client, base_of(open_service))

    assert asyncio.run(health()).max_concurrent_requests > 0


def test_documents_are_read_and_fetched_twice(open_service, report, five_pages):
    task = submitted(open_service, report, five_pages, end_page=0)
    assert task.file_names == (report.stem, five_pages.stem)
    files = files_of(task)
    assert files == files_of(task)
    assert files[f"{report.stem}/auto/{report.stem}.md"].startswith("# Quarterly report")
    contents = json.loads(files[f"{five_pages.stem}/auto/{five_pages.stem}_content_list.json"])
    assert [item["text"] for item in contents] == ["This is the sentence of page 1, and of no other one."]
    assert len(json.loads(files[f"{report.stem}/auto/{report.stem}_middle.json"])["pdf_info"]) == 1


def test_a_page_that_cannot_be_read_says_so(open_service, half_readable):
    (markdown,) = [text for name, text in files_of(submitted(open_service, half_readable)).items() if name.endswith(".md")]
    assert markdown.startswith("A good page")
    assert "page 2 could not be read: PAGE_TOO_SLOW" in markdown


def test_a_document_that_cannot_be_read_is_a_failed_task(open_service, tmp_path):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4\nno more")
    with pytest.raises(click.ClickException, match="failed for the task"):
        files_of(submitted(open_service, broken))
    broken.write_bytes(b"\x00\x01\x02" * 99)
    with pytest.raises(click.ClickException, match="415"):
        submitted(open_service, broken)


def test_a_key_that_is_needed_is_named(served, report):
    with pytest.raises(click.ClickException, match="401"):
        submitted(served.service, report)


def test_a_task_outlives_a_restart(open_service, five_pages):
    task = submitted(open_service, five_pages)
    open_service.stop()
    open_service.start().ready()
    assert f"{five_pages.stem}/auto/{five_pages.stem}.md" in files_of(task)

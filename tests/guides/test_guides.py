"""The guides' programs do what the guides say, as they are printed."""

from __future__ import annotations

import re
import shutil
import subprocess

import boto3
import pytest

from tests.support.bucket import KEYS, Bucket
from tests.support.guides import GUIDES, environment_of, program_of, run_program, run_python, why_not_installed
from tests.support.n8n import Workflow
from tests.support.receiver import secret_of
from tests.support.service import ROOT, SOON, Service, free_port, listens, wait_until

RECEIVER_PORT = free_port()


@pytest.fixture(scope="module")
def bucket():
    with Bucket() as bucket:
        yield bucket


@pytest.fixture(scope="module")
def service(tmp_path_factory, bucket):
    """A service that keeps its own files on the disk, and reads from one bucket and writes to another."""
    settings = {name: value for name, value in bucket.settings.items() if name != "STORAGE_URL"}
    more = {
        "FETCH_S3_BUCKETS": '["inbox"]',
        "RESULT_S3_BUCKETS": '["texts/read"]',
        "WEBHOOK_ALLOW_HOSTS": f'["127.0.0.1:{RECEIVER_PORT}"]',
    }
    with Service(tmp_path_factory.mktemp("service"), **settings, **SOON, **more) as service:
        yield service


@pytest.fixture
def paper(tmp_path):
    path = tmp_path / "paper.pdf"
    path.write_bytes((ROOT / "samples" / "paper.pdf").read_bytes())
    return path


def needs(*programs: str):
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not on this machine: {', '.join(missing)}")


def test_every_guide_is_in_the_list():
    listed = re.findall(r"^\| \[.*?\]\((\w+\.md)\)", (GUIDES / "index.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in GUIDES.glob("*.md") if path.name != "index.md")


@needs("curl", "jq")
def test_the_shell_script_writes_the_markdown_of_a_file_and_sends_it_once(service, paper, tmp_path):
    (tmp_path / "to-markdown.sh").write_text(program_of("curl.md", "sh"))
    for _ in range(2):
        told = run_program(["sh", "to-markdown.sh", "paper.pdf"], tmp_path, environment_of(service))
        assert told == "paper.pdf: complete true, failed pages []\n"
    assert (tmp_path / "paper.pdf.md").read_text().startswith("# ")
    names = [job["filename"] for job in service.client.get("/v1/jobs").json()["jobs"]]
    assert names.count("paper.pdf") == 1
    (tmp_path / "wrong.pdf").write_bytes(b"\0\1" * 99)
    refused = subprocess.run(
        ["sh", "to-markdown.sh", "wrong.pdf"], cwd=tmp_path, env=environment_of(service), capture_output=True, text=True
    )
    assert refused.returncode != 0


def test_the_python_program_reads_a_folder_and_names_what_it_could_not_read(service, tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "a.pdf").write_bytes((ROOT / "samples" / "paper.pdf").read_bytes())
    environment = environment_of(service)
    assert run_python("python.md", tmp_path, environment, str(inbox)) == "a.pdf: complete\n"
    assert (inbox / "a.md").read_text().startswith("# ")
    assert run_python("python.md", tmp_path, environment, str(inbox)) == "", "it was read before"


@needs("node")
def test_the_javascript_program_writes_the_markdown_of_a_file(service, paper, tmp_path):
    (tmp_path / "to-markdown.mjs").write_text(program_of("javascript.md", "js"))
    told = run_program(["node", "to-markdown.mjs", "paper.pdf"], tmp_path, environment_of(service))
    assert told == "paper.pdf: complete true, failed pages []\n"
    assert (tmp_path / "paper.pdf.md").read_text().startswith("# ")


@needs("node")
def test_the_receiver_stores_the_result_of_a_job_and_takes_nothing_that_is_not_signed(service, paper, tmp_path):
    (tmp_path / "receiver.mjs").write_text(program_of("webhooks.md", "js"))
    own = environment_of(service, PORT=str(RECEIVER_PORT), WEBHOOK_SECRET=secret_of(service))
    receiver = subprocess.Popen(["node", "receiver.mjs"], cwd=tmp_path, env=own)
    try:
        wait_until(lambda: listens(RECEIVER_PORT), 30, "the receiver listens")
        address = f"http://127.0.0.1:{RECEIVER_PORT}/"
        assert service.client.post(address, json={"type": "job.completed"}).status_code == 401
        job = service.submit(paper, webhook_url=address)
        wait_until(lambda: (tmp_path / "results" / f"{job}.md").exists(), 60, "the result is stored")
        wait_until(lambda: service.status(job)["webhook"]["state"] == "delivered", 30, "the message is answered")
    finally:
        receiver.terminate()
        receiver.wait(10)


def test_the_program_for_buckets_has_what_is_in_one_read_into_another(service, bucket, tmp_path):
    address = f"http://127.0.0.1:{bucket.port}"
    store = boto3.client(
        "s3", endpoint_url=address, aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    for name in ("inbox", "texts"):
        store.create_bucket(Bucket=name)
    store.upload_file(str(ROOT / "samples" / "paper.pdf"), "inbox", "in/paper.pdf")
    told = run_python("s3.md", tmp_path, environment_of(service, S3_ENDPOINT_URL=address, **KEYS))
    source, result = told.strip().split(": ")
    assert source == "s3://inbox/in/paper.pdf"
    key = result.removeprefix("s3://texts/")

    def stored() -> bool:
        return any(entry["Key"] == key for entry in store.list_objects_v2(Bucket="texts").get("Contents", []))

    wait_until(stored, 60, "the result is in the bucket")
    assert store.get_object(Bucket="texts", Key=key)["Body"].read().startswith(b"# ")


def test_the_workflow_of_n8n_sends_a_file_waits_and_has_its_markdown(service, paper):
    workflow = Workflow(GUIDES / "n8n.json", f"http://127.0.0.1:{service.port}", service.operator_token, paper)
    result = workflow.run()
    assert result["complete"]
    assert result["markdown"].startswith("# ")
    assert [*dict.fromkeys(workflow.visited)] == ["Start", "Files", "Send", "Wait for the end", "Is it done?", "Result"]
    page = (GUIDES / "n8n.md").read_text()
    assert {name for name in workflow.visited if f"**{name}**" not in page} == {"Start"}


# --- with packages of others ------------------------------------------------------------------------------------------


@pytest.fixture
def packages(request):
    """The folder of a group of packages, by its name; without it the test is skipped."""
    folder = request.config.getoption("--guides")

    def of(name):
        if reason := why_not_installed(folder, name):
            pytest.skip(reason)
        return (folder / name).resolve()

    return of


@pytest.mark.guides
def test_the_loader_of_langchain_returns_documents_with_their_places(service, packages, tmp_path):
    python = str(packages("python") / "bin" / "python")
    told = run_python("langchain.md", tmp_path, environment_of(service), python=python)
    assert re.match(r"[0-9a-f]{32} \[1\] \['", told)


@pytest.mark.guides
def test_the_reader_of_llamaindex_returns_nodes(service, packages, tmp_path):
    python = str(packages("python") / "bin" / "python")
    told = run_python("llamaindex.md", tmp_path, environment_of(service), python=python)
    assert re.match(r"[0-9a-f]{32} file_name: paper\.pdf pages: \[1\]", told)


@pytest.mark.guides
def test_the_converter_of_haystack_fills_a_store(service, packages, tmp_path):
    python = str(packages("python") / "bin" / "python")
    written, stored, failed = run_python("haystack.md", tmp_path, environment_of(service), python=python).split(maxsplit=2)
    assert int(written) == int(stored) > 3
    assert failed.strip() == "[]"


@pytest.mark.guides
def test_the_dag_of_airflow_reads_what_is_new_in_a_folder(service, packages, paper, tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    paper.rename(folder / "paper.pdf")
    python = packages("airflow") / "bin"
    own = environment_of(service, DOCPARSE_FOLDER=str(folder), AIRFLOW_HOME=str(tmp_path / "airflow"))
    own |= {
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path),
        "PATH": f"{python}:/usr/bin:/bin",
    }
    path = tmp_path / "read_documents.py"
    path.write_text(program_of("airflow.md", "python").replace("\nread_documents()\n", "\ndag = read_documents()\n"))
    run_program(["airflow", "db", "migrate"], tmp_path, own)
    run_program(["python", "-c", "import read_documents as guide; guide.dag.test()"], tmp_path, own)
    assert (folder / "paper.pdf.md").read_text().startswith("# ")

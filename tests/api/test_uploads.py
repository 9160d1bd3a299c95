"""Resumable uploads: tus 1.0.0 word by word, what a job is made of, and the names under which the routes go."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
from email.utils import parsedate_to_datetime

import pytest

from document_parser.api.factory import create_app
from document_parser.api.intake.draining import MAX_DRAINED_BYTES
from document_parser.api.routes import aliases
from document_parser.jobs.records import storage_keys, uploads
from document_parser.jobs.records.uploads import Hold
from document_parser.settings import ApiSettings, Settings, StoreSettings, UploadSettings
from document_parser.storage import LocalStorage
from document_parser.workers.sweep import Sweep

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
NAME = {"Upload-Metadata": f"filename {base64.b64encode(b'letter.txt').decode()},kind"}
TEXT = b"A letter that came in pieces.\n"
assert len(TEXT) == 30, "the length that create() announces"


@pytest.fixture
def client(app):
    return app()


@pytest.fixture
def limited(valkey, redis, tmp_path):
    """Makes clients under other limits of uploads."""

    def make(api=None, **limits):
        store = StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url)
        settings = Settings(uploads=UploadSettings(**limits), api=ApiSettings(**(api or {})), store=store)
        return create_app(settings).test_client()

    return make


def create(client, length=30, **headers):
    sent = {**TUS, **({"Upload-Length": str(length)} if length is not None else {"Upload-Defer-Length": "1"}), **headers}
    answer = client.post("/v1/uploads", headers=sent)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def send(client, location, data, offset=0, **headers):
    return client.patch(location, data=data, headers={**PIECE, "Upload-Offset": str(offset), **headers})


def whole(client, data=TEXT, **headers):
    """The id of an upload of which everything has come."""
    location = create(client, len(data), **headers)
    assert send(client, location, data).status_code == 204
    return id_of(location)


def id_of(location):
    return location.rpartition("/")[2]


def offset_of(client, location):
    answer = client.head(location, headers=TUS)
    assert answer.status_code == 200, answer.status
    return int(answer.headers["Upload-Offset"])


def refused(answer, status, code):
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code), answer.text
    return answer.get_json()["error"]["details"]


def checksum(algorithm, data):
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"}


def source_of(tmp_path, answer):
    """What is stored as the document of a job that was accepted, and its name."""
    assert answer.status_code == 202, answer.text
    job_id = answer.get_json()["job_id"]
    card = json.loads((tmp_path / "data" / storage_keys.card(job_id)).read_text())["card"]
    stored = (tmp_path / "data" / storage_keys.source(job_id)).read_bytes()
    assert (card["size"], card["sha256"]) == (len(stored), hashlib.sha256(stored).hexdigest())
    return stored, card["filename"]


# --- the core protocol ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/uploads", "/v1/uploads/any"])
def test_options_says_what_is_spoken_and_asks_for_no_version(client, path):
    answer = client.options(path, headers={"Tus-Resumable": "0.2.2"})
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == str(200 << 20)
    assert set(answer.headers["Tus-Checksum-Algorithm"].split(",")) == {"sha1", "sha256", "md5"}
    extensions = "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration,concatenation"
    assert set(answer.headers["Tus-Extension"].split(",")) == set(extensions.split(","))


def test_a_document_that_came_in_pieces_is_that_of_a_job(client, tmp_path):
    location = create(client, **NAME)
    assert location == f"/v1/uploads/{id_of(location)}"
    for start, end in ((0, 5), (5, 6), (6, len(TEXT))):
        answer = send(client, location, TEXT[start:end], start)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(end))
        assert "Upload-Expires" in answer.headers
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        assert offset_of(client, location) == end
    answer = client.post("/v1/process/async", json={"upload_id": id_of(location)})
    assert source_of(tmp_path, answer) == (TEXT, "letter.txt")


def test_head_tells_offset_length_and_what_the_upload_was_created_with(client):
    location = create(client, **NAME)
    found = client.head(location, headers=TUS).headers
    assert (found["Upload-Offset"], found["Upload-Length"], found["Cache-Control"]) == ("0", str(len(TEXT)), "no-store")
    assert found["Upload-Metadata"] == NAME["Upload-Metadata"]
    assert "Upload-Defer-Length" not in found
    state = client.get(location).get_json()
    assert (state["offset"], state["length"], state["complete"], state["filename"]) == (0, len(TEXT), False, "letter.txt")


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1"])
@pytest.mark.parametrize("method", ["post", "patch", "head", "delete"])
def test_other_versions_are_refused_with_the_one_that_is_spoken(client, method, version):
    location = create(client)
    headers = {"Upload-Length": "3", "Upload-Offset": "0", **({"Tus-Resumable": version} if version else {})}
    answer = getattr(client, method)("/v1/uploads" if method == "post" else location, headers=headers)
    assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")
    if method != "head":
        refused(answer, 412, "TUS_VERSION_UNSUPPORTED")
    assert offset_of(client, location) == 0


def test_a_piece_for_another_offset_is_refused_with_the_right_one(client):
    location = create(client)
    send(client, location, TEXT[:5])
    for offset in (0, 4, 6):
        answer = send(client, location, TEXT[offset:], offset)
        assert refused(answer, 409, "UPLOAD_OFFSET_MISMATCH")["offset"] == 5
        assert answer.headers["Upload-Offset"] == "5"
    assert offset_of(client, location) == 5


def test_a_piece_of_another_media_type_is_refused(client):
    location = create(client)
    answer = send(client, location, TEXT, **{"Content-Type": "application/octet-stream"})
    assert refused(answer, 415, "UPLOAD_CONTENT_TYPE")["expected"] == PIECE["Content-Type"]
    assert offset_of(client, location) == 0


@pytest.mark.parametrize("headers", [{"Upload-Offset": "x"}, {"Upload-Offset": "-1"}, {}])
def test_a_piece_without_a_number_as_its_offset_is_refused(client, headers):
    answer = client.patch(create(client), data=TEXT, headers={**PIECE, **headers})
    assert refused(answer, 400, "BAD_REQUEST")["header"] == "Upload-Offset"


def test_more_bytes_than_announced_are_refused_and_nothing_is_stored_beyond_the_end(client):
    location = create(client, 10)
    assert refused(send(client, location, TEXT), 413, "UPLOAD_TOO_LONG")["length"] == 10
    # Without a length of its own the end of the body shows only while it comes.
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.patch(
        location, input_stream=io.BytesIO(TEXT), headers={**PIECE, "Upload-Offset": "0"}, environ_overrides=chunked
    )
    refused(answer, 413, "UPLOAD_TOO_LONG")
    assert offset_of(client, location) == 0


def test_an_upload_that_is_not_there_is_404_and_one_that_was_is_410(client):
    location = create(client)
    for unknown in ("/v1/uploads/no-upload", "/v1/uploads/00000000-0000-4000-8000-000000000000"):
        assert client.head(unknown, headers=TUS).status_code == 404
        refused(send(client, unknown, TEXT), 404, "UPLOAD_NOT_FOUND")
        refused(client.post("/v1/process/async", json={"upload_id": id_of(unknown)}), 404, "UPLOAD_NOT_FOUND")
    assert client.delete(location, headers=TUS).status_code == 204
    assert client.head(location, headers=TUS).status_code == 410
    refused(send(client, location, TEXT), 410, "UPLOAD_GONE")
    refused(client.delete(location, headers=TUS), 410, "UPLOAD_GONE")


def test_the_method_may_be_named_in_a_header(client):
    location = create(client)
    headers = {**PIECE, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert client.post(location, data=TEXT, headers=headers).status_code == 204
    assert client.post(location, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert client.head(location, headers=TUS).status_code == 410


def test_while_one_request_sends_another_is_told_to_wait(client, valkey, redis):
    location = create(client)
    hold = Hold.take(redis, valkey, id_of(location))
    answer = send(client, location, TEXT)
    refused(answer, 423, "UPLOAD_LOCKED")
    assert answer.headers["Retry-After"]
    hold.release()
    assert send(client, location, TEXT).status_code == 204


def test_a_request_that_was_silent_for_too_long_loses_the_upload_and_writes_no_more(client, valkey, redis):
    location = create(client)
    hold = Hold.take(redis, valkey, id_of(location))
    redis.hset(f"upload:{id_of(location)}", "held_until", 1)  # its lease has ended
    assert send(client, location, TEXT).status_code == 204
    for late in (lambda: hold.renew(), lambda: hold.save(hold.upload)):
        with pytest.raises(uploads.UploadLocked):
            late()
    assert offset_of(client, location) == len(TEXT)


# --- extensions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "ten"},
        {"Upload-Length": "10", "Upload-Defer-Length": "1"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Length": "10", "Upload-Metadata": "filename no-base64!"},
        {"Upload-Length": "10", "Upload-Metadata": "filename YQ==,filename YQ=="},
        {"Upload-Concat": "final;"},
        {"Upload-Concat": "final;/v1/elsewhere/1"},
        {"Upload-Length": "10", "Upload-Concat": "whole"},
    ],
)
def test_a_creation_that_makes_no_sense_is_refused_and_leaves_nothing(client, redis, headers):
    refused(client.post("/v1/uploads", headers={**TUS, **headers}), 400, "BAD_REQUEST")
    assert redis.keys("upload*") == []


def test_an_empty_upload_metadata_is_none(client):
    location = create(client, **{"Upload-Metadata": ""})
    assert "Upload-Metadata" not in client.head(location, headers=TUS).headers


def test_the_first_piece_may_come_with_the_creation(client, tmp_path):
    headers = {**PIECE, "Upload-Length": str(len(TEXT)), **NAME}
    answer = client.post("/v1/uploads", data=TEXT[:7], headers=headers)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "7")
    answer = send(client, answer.headers["Location"], TEXT[7:], 7)
    assert answer.headers["Upload-Offset"] == str(len(TEXT))


def test_a_length_may_come_later_once(client, tmp_path):
    location = create(client, None)
    found = client.head(location, headers=TUS).headers
    assert (found["Upload-Defer-Length"], "Upload-Length" in found) == ("1", False)
    send(client, location, TEXT[:9])
    refused(client.post("/v1/process/async", json={"upload_id": id_of(location)}), 409, "UPLOAD_INCOMPLETE")
    answer = send(client, location, TEXT[9:], 9, **{"Upload-Length": str(len(TEXT))})
    assert answer.status_code == 204
    refused(send(client, location, b"", len(TEXT), **{"Upload-Length": "99"}), 413, "UPLOAD_TOO_LONG")
    answer = client.post("/v1/process/async", json={"upload_id": id_of(location), "filename": "late.txt"})
    assert source_of(tmp_path, answer) == (TEXT, "late.txt")


def test_a_file_larger_than_the_server_accepts_is_refused_with_the_limit(limited):
    client = limited({"max_upload_mb": 1})
    answer = client.post("/v1/uploads", headers={**TUS, "Upload-Length": str((1 << 20) + 1)})
    assert refused(answer, 413, "FILE_TOO_LARGE")["limit_mb"] == 1
    assert answer.headers["Tus-Max-Size"] == str(1 << 20)
    location = create(client, None)
    send(client, location, bytes(1 << 20))
    refused(send(client, location, b"x", 1 << 20), 413, "FILE_TOO_LARGE")


def test_a_deleted_upload_leaves_no_file(client, tmp_path):
    location = create(client)
    send(client, location, TEXT[:5])
    stored = tmp_path / "data" / storage_keys.upload(id_of(location))
    assert stored.read_bytes() == TEXT[:5]
    client.delete(location, headers=TUS)
    assert not stored.parent.exists()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_piece_with_a_wrong_checksum_is_refused_whole(client, algorithm):
    location = create(client)
    assert send(client, location, TEXT[:5], **checksum(algorithm, TEXT[:5])).status_code == 204
    answer = send(client, location, TEXT[5:], 5, **checksum(algorithm, b"something else"))
    refused(answer, 460, "CHECKSUM_MISMATCH")
    assert answer.status == "460 Checksum Mismatch"
    assert offset_of(client, location) == 5
    assert send(client, location, TEXT[5:], 5, **checksum(algorithm, TEXT[5:])).status_code == 204
    assert offset_of(client, location) == len(TEXT)


@pytest.mark.parametrize("header", ["crc32 AAAA", "sha1 not-base64!", "sha1"])
def test_a_checksum_that_cannot_be_checked_is_refused(client, header):
    location = create(client)
    if header == "sha1":
        refused(send(client, location, TEXT, **{"Upload-Checksum": header}), 460, "CHECKSUM_MISMATCH")
    else:
        refused(send(client, location, TEXT, **{"Upload-Checksum": header}), 400, "BAD_REQUEST")
    assert offset_of(client, location) == 0


@pytest.mark.parametrize("prefix", ["", "http://localhost"], ids=["relative", "absolute"])
def test_uploads_are_joined_in_their_order(client, tmp_path, prefix):
    partial = {"Upload-Concat": "partial"}
    parts = [create(client, len(piece), **partial) for piece in (TEXT[:9], TEXT[9:])]
    for location, piece in zip(parts, (TEXT[:9], TEXT[9:]), strict=True):
        assert client.head(location, headers=TUS).headers["Upload-Concat"] == "partial"
        send(client, location, piece)
    concat = "final;" + " ".join(prefix + location for location in parts)
    answer = client.post("/v1/uploads", headers={**TUS, "Upload-Concat": concat, **NAME})
    location = answer.headers["Location"]
    found = client.head(location, headers=TUS).headers
    assert (found["Upload-Concat"], found["Upload-Length"]) == (concat, str(len(TEXT)))
    refused(send(client, location, b"", len(TEXT)), 403, "UPLOAD_IS_FINAL")
    answer = client.post("/v1/process/async", json={"upload_id": id_of(location)})
    assert source_of(tmp_path, answer) == (TEXT, "letter.txt")


def test_only_complete_uploads_are_joined(client):
    location = create(client, **{"Upload-Concat": "partial"})
    answer = client.post("/v1/uploads", headers={**TUS, "Upload-Concat": f"final;{location}"})
    assert refused(answer, 409, "UPLOAD_INCOMPLETE")["offset"] == 0


def test_an_upload_expires_after_its_last_piece_and_the_sweep_takes_its_files(client, redis, valkey, tmp_path):
    location = create(client)
    answer = send(client, location, TEXT[:5])
    left = parsedate_to_datetime(answer.headers["Upload-Expires"]).timestamp() - time.time()
    assert 23.9 * 3600 < left <= 24 * 3600
    storage = LocalStorage(tmp_path / "data")
    sweep = Sweep(valkey, redis, storage, "test")
    sweep.expire()
    assert offset_of(client, location) == 5
    redis.zadd("uploads:expiring", {id_of(location): 1})
    sweep.expire()
    assert client.head(location, headers=TUS).status_code == 410
    assert not list((tmp_path / "data" / "uploads").iterdir())
    assert redis.keys("upload*") == [f"upload:{id_of(location)}:gone".encode()]


def test_files_of_an_upload_that_redis_has_lost_are_removed(client, redis, valkey, tmp_path):
    kept, lost = (create(client) for _ in range(2))
    for location in (kept, lost):
        send(client, location, TEXT[:5])
    redis.delete(f"upload:{id_of(lost)}")
    sweep = Sweep(valkey, redis, LocalStorage(tmp_path / "data"), "test")
    found = uploads.files_without_record(redis, sweep.storage)
    assert found == {id_of(lost)}
    sweep.remove_lost_uploads(found)
    assert [path.name for path in (tmp_path / "data" / "uploads").iterdir()] == [id_of(kept)]


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "bound", "limit"),
    [
        ({"max_per_caller": 2}, "caller_uploads", 2),
        ({"max_count": 2}, "uploads", 2),
        ({"max_mb_per_caller": 1}, "caller_bytes", 1 << 20),
        ({"max_mb": 1}, "bytes", 1 << 20),
    ],
)
def test_uploads_that_no_job_has_used_are_bounded(limited, redis, limits, bound, limit):
    client = limited(**limits)
    size = 400_000
    locations = [create(client, size) for _ in range(2)]
    answer = client.post("/v1/uploads", headers={**TUS, "Upload-Length": str(size)})
    details = refused(answer, 503, "TOO_MANY_UPLOADS")
    assert (details["bound"], details["limit"]) == (bound, limit)
    assert uploads.BOUNDS[bound] in answer.get_json()["error"]["message"]
    client.delete(locations[0], headers=TUS)
    used = create(client, len(TEXT))
    send(client, used, TEXT)
    assert client.post("/v1/process/async", json={"upload_id": id_of(used), "filename": "a.txt"}).status_code == 202
    another = create(client, size)  # what a job has used counts no more
    for location in (another, locations[1], used):
        client.delete(location, headers=TUS)
    assert redis.hgetall("uploads:load") == {}


def test_bytes_that_were_not_announced_count_when_they_come(limited):
    client = limited(max_mb_per_caller=1)
    location = create(client, None)
    send(client, location, bytes(900_000))
    assert refused(send(client, location, bytes(200_000), 900_000), 503, "TOO_MANY_UPLOADS")["bound"] == "caller_bytes"
    assert offset_of(client, location) == 900_000


def test_pieces_are_never_rate_limited_and_creations_are_told_to_come_again(app):
    client = app(rate_limit_uploads="1/hour", rate_limit_reads="1/hour")
    location = create(client)
    for offset in range(5):
        assert send(client, location, TEXT[offset : offset + 1], offset).status_code == 204
        assert offset_of(client, location) == offset + 1
    answer = client.post("/v1/uploads", headers={**TUS, "Upload-Length": "3"})
    refused(answer, 503, "SERVER_BUSY")
    assert int(answer.headers["Retry-After"]) > 3000


def test_pages_of_allowed_origins_may_speak_tus(app):
    client = app(cors_origins=("https://app.example.org",))
    headers = {
        "Origin": "https://app.example.org",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "tus-resumable, upload-offset, content-type",
    }
    answer = client.options("/v1/uploads/any", headers=headers)
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert {"tus-resumable", "upload-offset", "content-type"} <= {name.strip() for name in allowed.split(",")}
    answer = client.post("/v1/uploads", headers={**TUS, "Upload-Length": "3", "Origin": "https://app.example.org"})
    assert answer.status_code == 201
    exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert {"Location", "Upload-Offset", "Upload-Length", "Tus-Resumable", "Upload-Expires"} <= exposed
    other = client.post("/v1/uploads", headers={**TUS, "Upload-Length": "3", "Origin": "https://evil.example.org"})
    assert other.status_code == 403


# --- jobs of uploads --------------------------------------------------------------------------------------------------

FORMS = {
    "form": lambda upload_id: {"data": {"upload_id": upload_id, "figures": "none"}},
    "multipart": lambda upload_id: {
        "data": {"upload_id": upload_id, "figures": "none"},
        "content_type": "multipart/form-data",
    },
    "json": lambda upload_id: {"json": {"upload_id": upload_id, "figures": "none"}},
    "query": lambda upload_id: {"query_string": {"upload_id": upload_id, "figures": "none"}},
}


@pytest.mark.parametrize("form", FORMS)
def test_an_upload_takes_the_place_of_the_file_in_every_form_of_request(client, tmp_path, form):
    upload_id = whole(client, **NAME)
    answer = client.post("/v1/process/async", **FORMS[form](upload_id))
    assert source_of(tmp_path, answer) == (TEXT, "letter.txt")
    card = json.loads((tmp_path / "data" / storage_keys.card(answer.get_json()["job_id"])).read_text())["card"]
    assert card["options"]["figures"] == "none"


def test_the_document_is_not_copied_and_an_upload_can_be_used_again_for_an_hour(client, tmp_path, redis):
    upload_id = whole(client, **NAME)
    stored = tmp_path / "data" / storage_keys.upload(upload_id)
    jobs = [client.post("/v1/process/async", json={"upload_id": upload_id}).get_json()["job_id"] for _ in range(2)]
    sources = [tmp_path / "data" / storage_keys.source(job_id) for job_id in jobs]
    assert {path.stat().st_ino for path in sources} == {stored.stat().st_ino}
    left = float(redis.hget(f"upload:{upload_id}", "expires")) / 1000 - time.time()
    assert 0 < left <= 3600
    assert redis.hget(f"upload:{upload_id}", "sha256").decode() == hashlib.sha256(TEXT).hexdigest()
    client.delete(f"/v1/uploads/{upload_id}", headers=TUS)
    assert [path.read_bytes() for path in sources] == [TEXT, TEXT]


def test_a_repeated_request_for_an_upload_is_the_same_job(client):
    upload_id, key = whole(client, **NAME), {"Idempotency-Key": "one"}
    first, second = (client.post("/v1/process/async", json={"upload_id": upload_id}, headers=key) for _ in range(2))
    assert first.get_json()["job_id"] == second.get_json()["job_id"]
    assert second.headers["Idempotency-Replayed"] == "true"


def test_an_upload_that_is_not_complete_is_no_document_yet(client):
    location = create(client, **NAME)
    send(client, location, TEXT[:5])
    details = refused(client.post("/v1/process/sync", json={"upload_id": id_of(location)}), 409, "UPLOAD_INCOMPLETE")
    assert (details["offset"], details["length"]) == (5, len(TEXT))


def test_an_empty_upload_is_an_empty_file(client):
    location = create(client, 0)
    assert client.get(location).get_json()["complete"]
    refused(client.post("/v1/process/async", json={"upload_id": id_of(location)}), 400, "EMPTY_FILE")
    assert client.delete(location, headers=TUS).status_code == 204


def test_a_file_beside_an_upload_is_refused(client):
    upload_id = whole(client, **NAME)
    form = {"upload_id": upload_id, "file": (io.BytesIO(TEXT), "letter.txt")}
    for answer in (
        client.post("/v1/process/async", data=form),
        client.post(f"/v1/process/async?upload_id={upload_id}", data=TEXT, content_type="text/plain"),
    ):
        assert refused(answer, 422, "INVALID_OPTION")["fields"][0]["field"] == "upload_id"


def test_an_unknown_option_beside_an_upload_is_named(client):
    answer = client.post("/v1/process/async", json={"upload_id": whole(client), "figure": "none"})
    assert refused(answer, 422, "INVALID_OPTION")["fields"][0]["field"] == "figure"
    answer = client.post("/v1/process/async", json={"upload_id": 7})
    assert refused(answer, 422, "INVALID_OPTION")["fields"][0]["field"] == "upload_id"


@pytest.mark.parametrize("query", ["?filename=data.json", ""])
def test_a_json_document_is_still_a_document(client, tmp_path, query):
    content = {"upload_id": "a field of the document"} if query else {"rows": [1, 2]}
    answer = client.post(f"/v1/process/async{query}", json=content)
    stored, _ = source_of(tmp_path, answer)
    assert json.loads(stored) == content


def test_the_file_of_an_upload_whose_server_died_before_it_was_whole_is_made_whole_at_its_use(client, redis, tmp_path):
    upload_id = whole(client, **NAME)
    redis.hset(f"upload:{upload_id}", "finished", 0)
    answer = client.post("/v1/process/async", json={"upload_id": upload_id})
    assert source_of(tmp_path, answer)[0] == TEXT
    assert redis.hget(f"upload:{upload_id}", "finished") == b"1"


def test_an_upload_whose_file_was_lost_is_gone(client, tmp_path):
    upload_id = whole(client)
    (tmp_path / "data" / storage_keys.upload(upload_id)).unlink()
    refused(client.post("/v1/process/async", json={"upload_id": upload_id}), 410, "UPLOAD_GONE")
    refused(client.post("/v1/process/async", json={"upload_id": upload_id}), 410, "UPLOAD_GONE")


# --- without tus, and under other names -------------------------------------------------------------------------------

CHUNKED = "/api/v1/documents/upload"


@pytest.mark.parametrize("announced", [True, False], ids=["with its size", "without"])
def test_a_document_comes_in_chunks_without_tus(client, tmp_path, announced):
    size = {"size": len(TEXT)} if announced else {}
    begun = client.post(f"{CHUNKED}/init", json={"filename": "größe.txt", **size})
    assert begun.status_code == 201
    upload_id = begun.get_json()["upload_id"]
    answer = client.post(f"{CHUNKED}/chunk?upload_id={upload_id}&index=0", data=TEXT[:7])
    assert (answer.status_code, answer.get_json()["offset"]) == (200, 7)
    form = {"upload_id": upload_id, "offset": "7", "file": (io.BytesIO(TEXT[7:]), "blob")}
    for _ in range(2):  # the answer was lost, and the chunk comes again
        form["file"] = (io.BytesIO(TEXT[7:]), "blob")
        answer = client.post(f"{CHUNKED}/chunk", data=form)
        assert (answer.status_code, answer.get_json()["offset"]) == (200, len(TEXT))
    answer = client.post(f"{CHUNKED}/complete", json={"upload_id": upload_id, "output_format": "json"})
    assert source_of(tmp_path, answer) == (TEXT, "größe.txt")


@pytest.mark.parametrize("query", ["", "&offset=0&index=0", "&offset=x", "&index=-1"])
def test_a_chunk_says_once_where_it_belongs(client, query):
    upload_id = client.post(f"{CHUNKED}/init", data={"size": "3"}).get_json()["upload_id"]
    refused(client.post(f"{CHUNKED}/chunk?upload_id={upload_id}{query}", data=b"abc"), 422, "INVALID_OPTION")


def test_a_chunk_after_a_gap_is_refused_with_the_offset(client):
    upload_id = client.post(f"{CHUNKED}/init", json={}).get_json()["upload_id"]
    answer = client.post(f"{CHUNKED}/chunk?upload_id={upload_id}&index=1", data=b"abc")
    assert refused(answer, 409, "UPLOAD_OFFSET_MISMATCH")["offset"] == 0


def test_an_init_with_unknown_fields_names_them(client):
    answer = client.post(f"{CHUNKED}/init", json={"name": "a.pdf"})
    assert refused(answer, 422, "INVALID_OPTION")["fields"][0]["field"] == "name"
    refused(client.post(f"{CHUNKED}/init", json=[1]), 400, "BAD_REQUEST")
    refused(client.post(f"{CHUNKED}/chunk", data={"upload_id": "a"}, content_type="multipart/form-data"), 400, "FILE_MISSING")


def test_aliases_are_the_same_views(client):
    rules = {rule.rule: client.application.view_functions[rule.endpoint] for rule in client.application.url_map.iter_rules()}
    views = client.application.view_functions
    for _, path, endpoint in aliases.ALIASES:
        if endpoint in views:
            assert rules[path] is views[endpoint] or path == "/api/v1/jobs/<job_id>"


def test_a_job_lives_under_the_other_names(app, tmp_path):
    client, operator = app(), app(operator=True)
    answer = client.post("/api/v1/documents", data={"file": (io.BytesIO(TEXT), "letter.txt")})
    assert source_of(tmp_path, answer) == (TEXT, "letter.txt")
    job = f"/api/v1/jobs/{answer.get_json()['job_id']}"
    assert client.get(job).get_json()["status"] == "queued"
    for rest in ("/result", "/download"):
        refused(client.get(job + rest), 409, "JOB_NOT_COMPLETE")
    refused(client.delete(job), 403, "FORBIDDEN")
    assert operator.delete(job).status_code == 200


def test_aliases_count_as_the_uploads_that_they_are(app):
    client = app(rate_limit_uploads="1/hour")
    client.post("/v1/process/async", data={"no": "file"})
    refused(client.post("/api/v1/documents", data={"file": (io.BytesIO(TEXT), "a.txt")}), 429, "RATE_LIMITED")


def test_a_piece_that_is_refused_is_read_so_that_its_sender_hears_why(client):
    location = create(client, 1 << 20)
    body = io.BytesIO(bytes(1 << 20))
    answer = client.patch(location, input_stream=body, content_length=1 << 20, headers={**PIECE, "Upload-Offset": "9"})
    refused(answer, 409, "UPLOAD_OFFSET_MISMATCH")
    assert body.tell() == 1 << 20 <= MAX_DRAINED_BYTES

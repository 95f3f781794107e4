"""REST's JSON, and every row of the error table as an HTTP client meets it."""

import re
import subprocess
import uuid
from datetime import datetime, timedelta, timezone

import pytest
import requests

from conftest import s3_client
from programs import answers, environment, free_port, server, wait_for


def call(http: str, route: str, body) -> requests.Response:
    keywords = {"data": body} if isinstance(body, bytes) else {"json": body}
    return requests.post(f"{http}/api/v1/{route}", timeout=60, **keywords)


def problem(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"] and body["detail"]
    return answer.status_code, body["code"]


def upload(http: str, name: str, body: bytes) -> None:
    issued = call(http, "upload-url", {"object_name": name}).json()
    assert requests.put(issued["upload_url"], data=body, timeout=60).status_code == 200


@pytest.fixture
def name() -> str:
    return f"{uuid.uuid4().hex[:8]}/file.jpg"


def test_answers_are_snake_case_json(system, name):
    http = system.server.http
    before = datetime.now(timezone.utc)
    issued = call(http, "upload-url", {"object_name": name, "content_length": "5", "expires_in": 60}).json()
    assert {"upload_url", "object_name", "expires_at", "method", "headers", "fields"} == set(issued)
    assert issued["fields"] == {}, "a PUT has no form"
    assert (issued["object_name"], issued["method"]) == (name, "PUT")
    assert {key.lower(): value for key, value in issued["headers"].items()} == {"content-length": "5"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", issued["expires_at"])
    expires_at = datetime.fromisoformat(issued["expires_at"])
    assert before + timedelta(seconds=58) <= expires_at <= datetime.now(timezone.utc) + timedelta(seconds=61)
    assert requests.put(issued["upload_url"], data=b"hello", timeout=60).status_code == 200

    preview = call(http, "download-url", {"object_name": name}).json()
    assert preview["stage"] == "STAGE_DRAFT"
    assert preview["size"] == "5"
    assert requests.get(preview["download_url"], timeout=60).content == b"hello"

    confirmed = call(http, "confirm-upload", {"object_name": name})
    assert confirmed.status_code == 200
    assert confirmed.json()["success"] is True
    assert confirmed.json()["final_location"] == f"main/{name}"
    replayed = {**confirmed.json(), "replayed": True}
    assert call(http, "confirm-upload", {"object_name": name}).json() == replayed


def test_answers_are_not_cached(system, name):
    answer = call(system.server.http, "upload-url", {"object_name": name})
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "body, field",
    [
        (b"{", "body"),
        (b"[]", "body"),
        ({}, "object_name"),
        ({"object_name": 5}, "object_name"),
        ({"object_name": "a", "nonsense": 1}, "nonsense"),
        ({"object_name": "a", "content_length": "many"}, "content_length"),
        ({"object_name": "../a"}, "object_name"),
    ],
)
def test_invalid_is_400_and_names_the_field(system, body, field):
    answer = call(system.server.http, "upload-url", body)
    assert problem(answer) == (400, "INVALID_REQUEST")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_missing_is_404(system, name):
    http = system.server.http
    assert problem(call(http, "confirm-upload", {"object_name": name})) == (404, "DRAFT_NOT_FOUND")
    assert problem(call(http, "download-url", {"object_name": name})) == (404, "OBJECT_NOT_FOUND")
    assert call(http, "nothing-here", {}).status_code == 404
    assert requests.get(f"{http}/api/v1/upload-url", timeout=60).status_code == 405


def test_another_object_in_main_is_409(system, name):
    http = system.server.http
    upload(http, name, b"first")
    assert call(http, "confirm-upload", {"object_name": name}).status_code == 200
    upload(http, name, b"second")
    assert problem(call(http, "confirm-upload", {"object_name": name})) == (409, "OBJECT_ALREADY_EXISTS")


def test_a_batch_says_what_became_of_each(system, name):
    http = system.server.http
    names = [f"{name}.{n}" for n in range(3)]
    for kept in names[:2]:
        upload(http, kept, b"bytes")
    uploads = [{"object_name": name} for name in names]
    for atomic, expected in [
        (True, ["BATCH_ROLLED_BACK", "BATCH_ROLLED_BACK", "DRAFT_NOT_FOUND"]),
        (False, ["main/" + names[0], "main/" + names[1], "DRAFT_NOT_FOUND"]),
    ]:
        answer = call(http, "confirm-uploads", {"uploads": uploads, "atomic": atomic})
        assert answer.status_code == 200
        assert answer.json()["success"] is False
        outcomes = answer.json()["outcomes"]
        assert [
            outcome["error"]["reason"] if "error" in outcome else outcome["confirmed"]["final_location"]
            for outcome in outcomes
        ] == expected
        assert outcomes[2]["error"]["http_status"] == 404


def test_a_pin_that_does_not_match_is_412(system, name):
    http = system.server.http
    upload(http, name, b"swapped")
    pinned = {"object_name": name, "if_match": "0" * 32}
    assert problem(call(http, "confirm-upload", pinned)) == (412, "PIN_MISMATCH")


def test_too_large_is_413(system, name):
    http = system.server.http
    six_gib = {"object_name": name, "content_length": str(6 * 1024**3)}
    assert problem(call(http, "upload-url", six_gib)) == (413, "TOO_LARGE")
    assert problem(call(http, "upload-url", b" " * 8 * 1024**2)) == (413, "TOO_LARGE")


def variables_of(system, **changes: str) -> dict[str, str]:
    """What makes another server use the same store as an S3 endpoint."""
    client = s3_client(system.server.variables)
    credentials = client._request_signer._credentials
    return {
        "STORAGE_TYPE": "s3",
        "BIND_ADDRESS": "127.0.0.1",
        "S3_ENDPOINT": client.meta.endpoint_url,
        "AWS_REGION": client.meta.region_name,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        **changes,
    }


def test_a_missing_main_bucket_is_named(system, binaries, tmp_path, name):
    buckets = {"BUCKET_NAME": "never-made", "DRAFT_BUCKET_NAME": system.draft_bucket}
    upload(system.server.http, name, b"kept nowhere")
    with server(binaries / "draftstore-server", tmp_path, variables_of(system, **buckets)) as other:
        # Before it knows the store it would stage the copy, and leave a note on it for some minutes.
        wait_for(lambda: answers(f"{other.http}/health/ready"), other.process, "draftstore-server without a main bucket")
        answer = call(other.http, "confirm-upload", {"object_name": name})
        # SeaweedFS says that it has failed, and that it may be asked again.
        expected = (503, "STORE_UNAVAILABLE") if system.name == "seaweedfs" else (404, "BUCKET_NOT_FOUND")
        assert problem(answer) == expected
        found = subprocess.run(
            [binaries / "draftstore-server", "doctor"],
            cwd=tmp_path,
            env=environment(tmp_path, **other.variables),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert re.search(r"missing +main bucket never-made", found.stdout), found.stdout


def test_refused_credentials_are_500(system, binaries, tmp_path, name):
    wrong = variables_of(system, AWS_SECRET_ACCESS_KEY="not-the-secret")
    with server(binaries / "draftstore-server", tmp_path, wrong) as other:
        answer = call(other.http, "confirm-upload", {"object_name": name})
        assert problem(answer) == (500, "STORE_CREDENTIALS_REFUSED")


def test_an_unreachable_store_is_503_and_says_when_to_retry(system, binaries, tmp_path, name):
    nobody = f"http://127.0.0.1:{free_port()}"
    with server(binaries / "draftstore-server", tmp_path, variables_of(system, S3_ENDPOINT=nobody)) as other:
        answer = call(other.http, "confirm-upload", {"object_name": name})
        assert problem(answer) == (503, "STORE_UNAVAILABLE")
        assert int(answer.headers["retry-after"]) > 0

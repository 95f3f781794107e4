"""The whole contract through gRPC, as a client in another language sees it, and plain HTTP to the store."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
import requests
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from calls import eventually, is_missing, refused, unique

MIB = 1024 * 1024

# Kept verbatim: spaces and what URLs, forms and shells give a meaning to, a decomposed accent, joined emoji, CJK.
NAMES = [
    "file.jpg",
    "with several  spaces .txt",
    "one+two.txt",
    "100%.txt",
    "already%20escaped%2Fonce.txt",
    "fragment#one.txt",
    "query?x=1&y=2;z.txt",
    "quotes '\"` and $HOME (!) [*] {~} @ , : = ^ |.txt",
    "cafe\u0301.txt",
    "caf\u00e9.txt",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467.png",
    "資料/日本語のファイル.txt",
    "...",
    "-rf",
    "/".join(["n" * 224] * 4),
]

# A single one that is as long. SeaweedFS has a file for each.
LONG_SEGMENT = "n" * 900
LONGEST_SEGMENT = {"seaweedfs": 255}


def test_health_is_serving(system):
    stub = health_pb2_grpc.HealthStub(system.channel)
    for service in ("", "draft.v1.DraftService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_lists_the_service(system):
    database = ProtoReflectionDescriptorDatabase(system.channel)
    assert "draft.v1.DraftService" in database.get_services()
    assert database.FindFileContainingSymbol("draft.v1.DraftService").package == "draft.v1"


def test_reflection_describes_the_details_of_errors(system):
    database = ProtoReflectionDescriptorDatabase(system.channel)
    by_symbol = database.FindFileContainingSymbol("google.rpc.ErrorInfo")
    assert by_symbol.name == "google/rpc/error_details.proto"
    assert by_symbol == database.FindFileByName("google/rpc/error_details.proto")
    for imported in by_symbol.dependency:
        assert database.FindFileByName(imported).name == imported


def test_grpcurl_shows_the_details_of_errors(system):
    method = "draft.v1.DraftService/GetUploadURL"
    called = subprocess.run(
        [Path(sys.executable).with_name("grpcurl"), "-plaintext", "-format-error", "-d", "{}", system.server.grpc, method],
        capture_output=True,
        text=True,
    )
    status = json.loads(called.stderr)
    info, fields = status["details"]
    assert (info["@type"], info["reason"]) == ("type.googleapis.com/google.rpc.ErrorInfo", "INVALID_REQUEST")
    assert fields["fieldViolations"][0]["field"] == "object_name"


def test_making_the_buckets_again_changes_nothing(system, contract):
    answer = system.drafts.CreateDraftBucket(contract.messages.CreateDraftBucketRequest())
    assert list(answer.created) == []
    assert (answer.draft_bucket, answer.main_bucket) == ("main-draft", "main")


def test_a_segment_of_a_name_is_as_long_as_the_store_takes(system, contract, put, confirm):
    longest = LONGEST_SEGMENT.get(system.name, len(LONG_SEGMENT))
    name = LONG_SEGMENT[:longest]
    put(name, b"kept")
    assert confirm(name).final_location == f"main/{name}"
    if longest < len(LONG_SEGMENT):
        issued = system.drafts.GetUploadURL(contract.messages.GetUploadURLRequest(object_name=LONG_SEGMENT))
        refused_by_store = requests.put(issued.upload_url, data=b"lost", timeout=60)
        assert (refused_by_store.status_code, "KeyTooLongError" in refused_by_store.text) == (400, True)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:24]))
def test_a_file_goes_through(system, contract, put, get, confirm, name):
    body = os.urandom(4 * MIB)
    sha256 = hashlib.sha256(body).hexdigest()

    issued = put(name, body)
    assert issued.object_name == name
    assert dict(issued.headers) == {}

    preview, answer = get(name)
    assert preview.stage == contract.messages.STAGE_DRAFT
    assert preview.size == len(body)
    assert hashlib.sha256(answer.content).hexdigest() == sha256

    confirmed = confirm(name)
    assert confirmed.success
    assert confirmed.final_location == f"main/{name}"
    assert confirmed.size == len(body)

    kept, answer = get(name)
    assert kept.stage == contract.messages.STAGE_MAIN
    assert kept.etag == confirmed.etag
    assert hashlib.sha256(answer.content).hexdigest() == sha256
    gone = contract.messages.GetDownloadURLRequest(object_name=name, stage="STAGE_DRAFT")
    # A confirm is answered before its draft is deleted.
    eventually(lambda: is_missing(system.drafts.GetDownloadURL, gone))

    confirmed.replayed = True
    assert confirm(name) == confirmed


def test_a_large_file_goes_through(put, get, confirm):
    name, body = unique("large.bin"), os.urandom(100 * MIB)
    put(name, body)
    confirm(name)
    assert hashlib.sha256(get(name, "STAGE_MAIN")[1].content).digest() == hashlib.sha256(body).digest()


def test_type_and_metadata_survive_confirm(put, get, confirm):
    name, body = unique("typed.json"), b'{"a": 1}'
    issued = put(name, body, content_type="application/json", metadata={"origin": "scanner 7"})
    assert {header.lower(): value for header, value in issued.headers.items()} == {
        "content-type": "application/json",
        "x-amz-meta-origin": "scanner 7",
    }
    assert confirm(name).content_type == "application/json"
    kept, answer = get(name, "STAGE_MAIN")
    assert kept.content_type == "application/json"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amz-meta-origin"] == "scanner 7"


def test_constraints_are_enforced_by_the_store(system, contract):
    body, other = b"the bytes that were promised", b"other bytes of the same size"
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    request = contract.messages.GetUploadURLRequest(
        object_name=unique("exact.txt"), content_type="text/plain", content_length=len(body), checksum_sha256=digest
    )
    issued = system.drafts.GetUploadURL(request)
    headers = dict(issued.headers)
    lengths = {key: value for key, value in headers.items() if key.lower() != "content-length"}
    retyped = {key: "text/html" if key.lower() == "content-type" else value for key, value in headers.items()}

    def status(data: bytes, headers: dict[str, str]) -> int:
        return requests.put(issued.upload_url, data=data, headers=headers, timeout=60).status_code

    assert status(other, headers) in (400, 403)
    assert status(body + b"!", lengths) in (400, 403)
    assert status(body, retyped) in (400, 403)
    assert status(body, {}) in (400, 403)
    assert status(body, headers) == 200


def test_a_download_is_saved_under_the_name_asked_for(put, get):
    name = unique("report")
    put(name, b"x")
    _, answer = get(name, filename="Übersicht 2024.pdf")
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment")
    assert "%C3%9Cbersicht%202024.pdf" in disposition


def test_what_a_browser_would_execute_is_saved(put, get):
    name = unique("page.html")
    put(name, b"<script>alert(1)</script>", content_type="text/html")
    assert get(name)[1].headers["content-disposition"].startswith("attachment")
    assert not get(name, disposition="DISPOSITION_INLINE")[1].headers["content-disposition"].startswith("attachment")


def test_main_is_never_replaced(system, contract, put, get, confirm):
    name = unique("taken.txt")
    put(name, b"first")
    confirm(name)
    put(name, b"second")
    code, reason, _ = refused(
        system.drafts.ConfirmUpload, contract.messages.ConfirmUploadRequest(object_name=name)
    )
    assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "OBJECT_ALREADY_EXISTS")
    assert get(name, "STAGE_MAIN")[1].content == b"first"
    assert get(name, "STAGE_DRAFT")[1].content == b"second"


@pytest.mark.parametrize("quote", ["", '"'], ids=["bare", "quoted"])
def test_confirm_keeps_only_the_version_pinned(system, contract, put, get, confirm, quote):
    name = unique("pinned.txt")
    put(name, b"seen")
    seen = get(name)[0].etag
    put(name, b"swapped")
    request = contract.messages.ConfirmUploadRequest(object_name=name, if_match=f"{quote}{seen}{quote}")
    code, reason, _ = refused(system.drafts.ConfirmUpload, request)
    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PIN_MISMATCH")
    now = get(name)[0].etag
    confirm(name, if_match=f"{quote}{now}{quote}")
    assert get(name, "STAGE_MAIN")[1].content == b"swapped"


def test_a_batch_says_what_became_of_each(system, contract, put, get):
    names = [unique(f"{n}.txt") for n in range(3)]
    for name in names[:2]:
        put(name, b"bytes")
    uploads = [contract.messages.ConfirmUploadRequest(object_name=name) for name in names]

    def outcomes(**options):
        request = contract.messages.BatchConfirmUploadsRequest(uploads=uploads, **options)
        answer = system.drafts.BatchConfirmUploads(request)
        assert not answer.success
        return answer.outcomes

    together = outcomes(atomic=True)
    assert [outcome.error.reason for outcome in together] == ["BATCH_ROLLED_BACK"] * 2 + ["DRAFT_NOT_FOUND"]
    assert together[2].error.grpc_code == grpc.StatusCode.NOT_FOUND.value[0]
    each = outcomes()
    assert [outcome.WhichOneof("outcome") for outcome in each] == ["confirmed", "confirmed", "error"]
    assert get(names[0], "STAGE_MAIN")[1].content == b"bytes"


def test_a_missing_draft_is_not_found(system, contract):
    request = contract.messages.ConfirmUploadRequest(object_name=unique("never"))
    assert refused(system.drafts.ConfirmUpload, request)[:2] == (grpc.StatusCode.NOT_FOUND, "DRAFT_NOT_FOUND")


@pytest.mark.parametrize("stage", ["STAGE_UNSPECIFIED", "STAGE_DRAFT", "STAGE_MAIN"])
def test_a_missing_object_is_not_found(system, contract, stage):
    request = contract.messages.GetDownloadURLRequest(object_name=unique("never"), stage=stage)
    assert refused(system.drafts.GetDownloadURL, request)[:2] == (grpc.StatusCode.NOT_FOUND, "OBJECT_NOT_FOUND")


@pytest.mark.parametrize(
    "field, values",
    [
        ("object_name", {"object_name": ""}),
        ("object_name", {"object_name": "/leading"}),
        ("object_name", {"object_name": "trailing/"}),
        ("object_name", {"object_name": "a//b"}),
        ("object_name", {"object_name": "a/../b"}),
        ("object_name", {"object_name": "./a"}),
        ("object_name", {"object_name": "back\\slash"}),
        ("object_name", {"object_name": "line\nbreak"}),
        ("object_name", {"object_name": "over\u202eride.txt"}),
        ("object_name", {"object_name": ".drafts/00/x"}),
        ("object_name", {"object_name": "n" * 901}),
        ("content_length", {"content_length": -1}),
        ("checksum_sha256", {"checksum_sha256": "bm90IDMyIGJ5dGVz"}),
        ("metadata", {"metadata": {"Upper": "case"}}),
        ("metadata", {"metadata": {"name": "line\nbreak"}}),
        ("content_type", {"content_type": "no slash"}),
        ("expires_in", {"expires_in": 0}),
        ("expires_in", {"expires_in": 1_000_000}),
    ],
    ids=lambda value: value if isinstance(value, str) else ascii(next(iter(value.values())))[:24],
)
def test_an_invalid_field_is_named(system, contract, field, values):
    request = contract.messages.GetUploadURLRequest(**{"object_name": "file.jpg", **values})
    code, reason, fields = refused(system.drafts.GetUploadURL, request)
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert {name.split(".")[0].split("[")[0] for name in fields} == {field}

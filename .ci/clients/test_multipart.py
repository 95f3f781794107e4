"""Uploads in parts, forms and batches of URLs through gRPC, and plain HTTP to the store."""

import base64
import hashlib
import os

import grpc
import pytest
import requests

from calls import refused, unique

MIB = 1024 * 1024


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.fixture
def begin(system, contract):
    def begin(name: str, body: bytes, **options):
        request = contract.messages.CreateMultipartUploadRequest(object_name=name, content_length=len(body), **options)
        return system.drafts.CreateMultipartUpload(request)

    return begin


@pytest.fixture
def send(system, contract):
    """Uploads the parts of these numbers, each signed with its size and SHA-256."""

    def send(upload, body: bytes, *numbers: int) -> None:
        def part(number: int) -> bytes:
            return body[(number - 1) * upload.part_size : number * upload.part_size]

        parts = [
            contract.messages.PartToSign(
                part_number=number, content_length=len(part(number)), checksum_sha256=sha256(part(number))
            )
            for number in numbers
        ]
        request = contract.messages.SignPartsRequest(**the(upload), parts=parts)
        for signed in system.drafts.SignParts(request).parts:
            data = part(signed.part_number)
            answer = requests.put(signed.upload_url, data=data, headers=dict(signed.headers), timeout=60)
            assert answer.status_code == 200, f"the store answered {answer.status_code}: {answer.text[:500]}"

    return send


def the(upload) -> dict[str, str]:
    draft = {"draft_id": upload.draft_id} if upload.HasField("draft_id") else {}
    return {"object_name": upload.object_name, "upload_id": upload.upload_id, **draft}


@pytest.mark.parametrize("unique_draft", [False, True], ids=["named", "unique"])
def test_a_file_goes_through_in_parts(system, contract, begin, send, get, confirm, unique_draft):
    name, body = unique("film.mp4"), os.urandom(20 * MIB + 17)
    upload = begin(name, body, unique=unique_draft, content_type="video/mp4", part_checksums=True)
    assert upload.part_count == -(-len(body) // upload.part_size)
    send(upload, body, 3, 1)

    arrived = system.drafts.ListParts(contract.messages.ListPartsRequest(**the(upload)))
    assert [part.part_number for part in arrived.parts] == [1, 3]
    # SeaweedFS checks what a part is signed with, and lists it without.
    listed = "" if system.name == "seaweedfs" else sha256(body[: upload.part_size])
    assert arrived.parts[0].checksum_sha256 == listed
    incomplete = contract.messages.CompleteMultipartUploadRequest(**the(upload))
    assert refused(system.drafts.CompleteMultipartUpload, incomplete)[0] in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
    )
    send(upload, body, 2)

    complete = contract.messages.CompleteMultipartUploadRequest(**the(upload))
    draft = system.drafts.CompleteMultipartUpload(complete)
    assert draft.size == len(body)
    assert system.drafts.CompleteMultipartUpload(complete) == draft
    options = {"draft_id": upload.draft_id} if unique_draft else {}
    kept = confirm(name, if_match=draft.etag, **options)
    assert kept.content_type == "video/mp4"
    assert hashlib.sha256(get(name, "STAGE_MAIN")[1].content).digest() == hashlib.sha256(body).digest()


def test_parts_with_other_bytes_are_refused(system, contract, begin):
    name, body = unique("swapped.bin"), b"x" * 100
    upload = begin(name, body, part_checksums=True)
    part = contract.messages.PartToSign(part_number=1, content_length=100, checksum_sha256=sha256(body))
    signed = system.drafts.SignParts(contract.messages.SignPartsRequest(**the(upload), parts=[part])).parts[0]
    answer = requests.put(signed.upload_url, data=b"y" * 100, headers=dict(signed.headers), timeout=60)
    assert answer.status_code == 400


def test_an_upload_belongs_to_its_draft(system, contract, begin):
    upload = begin(unique("mine.bin"), b"bytes")
    for call, kind in [
        (system.drafts.SignParts, contract.messages.SignPartsRequest),
        (system.drafts.ListParts, contract.messages.ListPartsRequest),
        (system.drafts.CompleteMultipartUpload, contract.messages.CompleteMultipartUploadRequest),
        (system.drafts.AbortMultipartUpload, contract.messages.AbortMultipartUploadRequest),
    ]:
        request = kind(object_name=unique("theirs.bin"), upload_id=upload.upload_id)
        if kind is contract.messages.SignPartsRequest:
            request.parts.add(part_number=1)
        code, reason, fields = refused(call, request)
        assert (code, reason, fields) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", {"upload_id"})


def test_an_upload_is_given_up(system, contract, begin, send):
    name, body = unique("given-up.bin"), os.urandom(1000)
    upload = begin(name, body, part_checksums=True)
    send(upload, body, 1)
    for _ in range(2):
        system.drafts.AbortMultipartUpload(contract.messages.AbortMultipartUploadRequest(**the(upload)))
    gone = contract.messages.ListPartsRequest(**the(upload))
    assert refused(system.drafts.ListParts, gone)[:2] == (grpc.StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND")
    assert "Uploads" not in system.s3.list_multipart_uploads(Bucket=system.draft_bucket, Prefix=name)


def test_a_form_takes_no_more_than_it_says(system, contract, get):
    name = unique("form.txt")
    request = contract.messages.GetUploadURLRequest(
        object_name=name, content_type="text/plain", max_content_length=100, metadata={"author": "ada"}
    )
    issued = system.drafts.GetUploadURL(request)
    assert issued.method == "POST"

    def post(data: bytes, **fields: str) -> int:
        form = {**issued.fields, **fields}
        return requests.post(issued.upload_url, data=form, files={"file": data}, timeout=60).status_code

    assert post(b"x" * 101) in (400, 403)
    assert post(b"x", key=f"{name}-else") in (400, 403)
    assert post(b"x", **{"Content-Type": "text/html"}) in (400, 403)
    assert 200 <= post(b"x" * 100) < 300
    draft, answer = get(name, "STAGE_DRAFT")
    assert (draft.size, draft.content_type) == (100, "text/plain")
    assert answer.headers["x-amz-meta-author"] == "ada"


def test_many_urls_come_in_one_answer(system, contract, get):
    names = [unique("a.txt"), "../b.txt", unique("c.txt")]
    uploads = [contract.messages.GetUploadURLRequest(object_name=name) for name in names]
    answer = system.drafts.BatchGetUploadURLs(contract.messages.BatchGetUploadURLsRequest(uploads=uploads))
    assert not answer.success
    assert [outcome.WhichOneof("outcome") for outcome in answer.outcomes] == ["issued", "error", "issued"]
    assert answer.outcomes[1].error.reason == "INVALID_REQUEST"
    for outcome in (answer.outcomes[0], answer.outcomes[2]):
        assert requests.put(outcome.issued.upload_url, data=b"bytes", timeout=60).status_code == 200
        assert get(outcome.issued.object_name)[1].content == b"bytes"

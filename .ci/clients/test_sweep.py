"""The cronjob beside a running server: what has expired goes, what was confirmed stays."""

import time
import uuid

import requests

from programs import sweep

DEADLINE_SECONDS = 30
SHORT_LIVES = {"OBJECT_LIFETIME": "1", "UPLOAD_TTL": "1"}


def keys(system, bucket: str) -> set[str]:
    pages = system.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"] for page in pages for item in page.get("Contents", [])}


def uploads(system) -> list:
    return system.s3.list_multipart_uploads(Bucket=system.draft_bucket).get("Uploads", [])


def draft(system, contract, name: str) -> None:
    issued = system.drafts.GetUploadURL(contract.messages.GetUploadURLRequest(object_name=name))
    assert requests.put(issued.upload_url, data=b"bytes", timeout=60).status_code == 200


def lives(key: str) -> bool:
    """Whether this is an inventory, which sweeps keep, or of a unique draft that has not expired: the first ten letters of its ID
    say when it does."""
    if key.startswith(".drafts/usage/"):
        return True
    if not key.startswith(".drafts/"):
        return False
    milliseconds = 0
    for letter in key.split("/")[2][:10]:
        milliseconds = milliseconds * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(letter)
    return milliseconds > time.time() * 1000


def test_expired_drafts_and_uploads_go_and_main_stays(system, contract, binaries, tmp_path):
    program = binaries / "draftstore-cronjob"
    stale, kept = (f"{word}-{uuid.uuid4().hex[:8]}" for word in ("stale", "kept"))
    draft(system, contract, stale)
    draft(system, contract, kept)
    system.drafts.ConfirmUpload(contract.messages.ConfirmUploadRequest(object_name=kept))
    system.s3.create_multipart_upload(Bucket=system.draft_bucket, Key="half-done")
    main = keys(system, system.main_bucket)

    sweep(program, tmp_path, system.server.variables)
    assert stale in keys(system, system.draft_bucket), "a sweep deleted a draft that had not expired"

    deadline = time.monotonic() + DEADLINE_SECONDS
    while stale not in sweep(program, tmp_path, {**system.server.variables, **SHORT_LIVES}, "--dry-run"):
        assert time.monotonic() < deadline, "a dry run never listed the expired draft"
        time.sleep(0.2)
    assert stale in keys(system, system.draft_bucket), "a dry run deleted something"

    def expired() -> list:
        drafts = [key for key in keys(system, system.draft_bucket) if not lives(key)]
        return drafts + [upload for upload in uploads(system) if not lives(upload["Key"])]

    while left := expired():
        assert time.monotonic() < deadline, f"an expired draft or upload outlived the sweep: {left}"
        print(sweep(program, tmp_path, {**system.server.variables, **SHORT_LIVES}))
        time.sleep(0.2)
    assert keys(system, system.main_bucket) == main

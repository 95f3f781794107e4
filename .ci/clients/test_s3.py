"""The embedded store to a stranger: boto3 with its defaults, and a few requests that no client should get away with."""

import http.client
import io
import os
import threading
import uuid
from urllib.parse import urlsplit

import pytest
import requests
from botocore.exceptions import ClientError

MIB = 1024 * 1024

pytestmark = pytest.mark.parametrize("system", ["embedded"], indirect=True)


@pytest.fixture
def store(system):
    return system.s3


@pytest.fixture
def bucket(store):
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    store.create_bucket(Bucket=name)
    return name


def status(call, **arguments) -> int:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_objects_round_trip(store, bucket):
    put = store.put_object(Bucket=bucket, Key="a b/ü+%.txt", Body=b"hello", ContentType="text/x", Metadata={"k": "v"})
    got = store.get_object(Bucket=bucket, Key="a b/ü+%.txt", Range="bytes=1-3")
    assert got["Body"].read() == b"ell"
    assert (got["ContentType"], got["Metadata"], got["ETag"]) == ("text/x", {"k": "v"}, put["ETag"])
    store.delete_object(Bucket=bucket, Key="a b/ü+%.txt")
    assert status(store.get_object, Bucket=bucket, Key="a b/ü+%.txt") == 404


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_kept(store, bucket, algorithm):
    put = store.put_object(Bucket=bucket, Key="sum", Body=b"hello", ChecksumAlgorithm=algorithm)
    head = store.head_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")
    assert put[f"Checksum{algorithm}"] == head[f"Checksum{algorithm}"]


def test_a_wrong_checksum_leaves_nothing(store, bucket):
    wrong = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8="
    assert status(store.put_object, Bucket=bucket, Key="bad", Body=b"hello", ChecksumSHA256=wrong) == 400
    assert status(store.head_object, Bucket=bucket, Key="bad") == 404


def test_conditions_hold(store, bucket):
    etag = store.put_object(Bucket=bucket, Key="once", Body=b"1", IfNoneMatch="*")["ETag"]
    assert status(store.put_object, Bucket=bucket, Key="once", Body=b"2", IfNoneMatch="*") == 412
    assert status(store.delete_object, Bucket=bucket, Key="once", IfMatch='"0"') == 412
    source = {"Bucket": bucket, "Key": "once"}
    assert status(store.copy_object, Bucket=bucket, Key="copy", CopySource=source, CopySourceIfMatch='"0"') == 412
    store.copy_object(Bucket=bucket, Key="copy", CopySource=source, CopySourceIfMatch=etag, IfNoneMatch="*")
    assert status(store.copy_object, Bucket=bucket, Key="copy", CopySource=source, IfNoneMatch="*") == 412
    store.delete_object(Bucket=bucket, Key="once", IfMatch=etag)


def test_an_upload_refused_before_its_body_ends_the_connection(store, bucket):
    """Otherwise the client, which keeps the body, sends its next request where the server awaits those bytes."""
    url = urlsplit(store.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60))
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    tampered = url.query[:-1] + ("1" if url.query.endswith("0") else "0")
    connection.putrequest("PUT", f"{url.path}?{tampered}")
    connection.putheader("Content-Length", "5")
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 403
    assert answer.getheader("Connection") == "close"


def test_one_of_many_racing_writers_wins(store, bucket):
    won = []

    def write(number: int) -> None:
        try:
            store.put_object(Bucket=bucket, Key="race", Body=str(number).encode(), IfNoneMatch="*")
            won.append(number)
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(won) == 1
    assert store.get_object(Bucket=bucket, Key="race")["Body"].read() == str(won[0]).encode()


def test_multipart_uploads_of_the_client_library(store, bucket):
    body = os.urandom(20 * MIB)
    store.upload_fileobj(io.BytesIO(body), bucket, "parts")
    assert store.head_object(Bucket=bucket, Key="parts")["ETag"].strip('"').endswith("-3")
    got = io.BytesIO()
    store.download_fileobj(bucket, "parts", got)
    assert got.getvalue() == body


def test_open_uploads_are_listed_and_aborted(store, bucket):
    opened = store.create_multipart_upload(Bucket=bucket, Key="open")["UploadId"]
    store.upload_part(Bucket=bucket, Key="open", UploadId=opened, PartNumber=1, Body=b"x")
    assert [upload["UploadId"] for upload in store.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [opened]
    store.abort_multipart_upload(Bucket=bucket, Key="open", UploadId=opened)
    assert "Uploads" not in store.list_multipart_uploads(Bucket=bucket)


def test_listing_pages_and_deleting_in_batches(store, bucket):
    keys = [f"k/{number:03}" for number in range(25)]
    for key in keys:
        store.put_object(Bucket=bucket, Key=key, Body=b"x")
    pages = store.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 10})
    assert [item["Key"] for page in pages for item in page["Contents"]] == keys
    deletes = [{"Key": keys[0], "ETag": '"0"'}, *({"Key": key} for key in keys[1:])]
    done = store.delete_objects(Bucket=bucket, Delete={"Objects": deletes})
    assert [(error["Key"], error["Code"]) for error in done["Errors"]] == [(keys[0], "PreconditionFailed")]
    assert len(done["Deleted"]) == len(keys) - 1


def test_other_keys_are_refused(store, bucket):
    answer = requests.get(f"{store.meta.endpoint_url}/{bucket}/anything", timeout=60)
    assert answer.status_code == 403


def test_a_presigned_upload_copies_nothing(store, bucket):
    store.put_object(Bucket=bucket, Key="secret", Body=b"secret")
    url = store.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "mine"}, ExpiresIn=60)
    answer = requests.put(url, data=b"", headers={"x-amz-copy-source": f"/{bucket}/secret"}, timeout=60)
    assert answer.status_code in (400, 403)
    assert status(store.head_object, Bucket=bucket, Key="mine") == 404
    assert requests.put(url, data=b"own bytes", timeout=60).status_code == 200


def resident(pid: int, field: str) -> int:
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def test_memory_does_not_grow_with_the_object(system, store, bucket):
    pid = system.server.process.pid
    url = store.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "big"}, ExpiresIn=600)
    with open(f"/proc/{pid}/clear_refs", "w") as peak:
        peak.write("5")
    idle = resident(pid, "VmRSS")
    assert requests.put(url, data=Sized(os.urandom(MIB), 256), timeout=600).status_code == 200
    assert resident(pid, "VmHWM") - idle < 64 * MIB


class Sized:
    """A body of known length that is never in memory as a whole."""

    def __init__(self, block: bytes, count: int):
        self.block, self.left = block, len(block) * count
        self.length = self.left

    def __len__(self) -> int:
        return self.length

    def read(self, size: int = MIB) -> bytes:
        size = min(size if size >= 0 else self.left, len(self.block), self.left)
        self.left -= size
        return self.block[:size]

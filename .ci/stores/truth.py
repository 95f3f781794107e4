"""What a store makes of each operation and its condition, found out by a client of its own and judged by the bytes that result."""

import hashlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Rounds of each race. A store that loses one in eight is found out but for one in 60 times.
ROUNDS = 32
RACERS = 4
# Garage copies no smaller parts.
PART = b"p" * (5 << 20)

PUT = "PutObject with If-None-Match"
COPY_SOURCE = "CopyObject with x-amz-copy-source-if-match"
COPY_ABSENT = "CopyObject with If-None-Match"
COPY_OVER = "CopyObject with If-Match"
PART_SOURCE = "UploadPartCopy with x-amz-copy-source-if-match"
COMPLETE_ABSENT = "CompleteMultipartUpload with If-None-Match"
COMPLETE_OVER = "CompleteMultipartUpload with If-Match"
DELETE = "DeleteObject with If-Match"
DELETE_MANY = "DeleteObjects with an ETag per key"
PART_KEY = "UploadPartCopy of a key with %"
MD5 = "ETag of a copy is its MD5"
LIST_PARTS = "ListParts of an upload in progress"


def client(variables: dict[str, str]):
    return boto3.client(
        "s3",
        endpoint_url=variables["S3_ENDPOINT"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            max_pool_connections=64,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            read_timeout=30,
        ),
    )


class Truth:
    def __init__(self, s3, bucket: str):
        self.s3 = s3
        self.bucket = bucket
        self.numbers = itertools.count()
        # Some stores want the checksum that boto3 no longer sends.
        s3.meta.events.register("before-sign.s3.DeleteObjects", with_md5)
        # Swift asks for the length of an empty body.
        s3.meta.events.register("before-sign.s3.UploadPartCopy", with_length)

    def words(self) -> dict[str, str]:
        return {
            PUT: self.word(self.put_absent),
            COPY_SOURCE: self.word(self.copy_source),
            COPY_ABSENT: self.word(self.copy_absent),
            COPY_OVER: self.word(self.copy_over),
            PART_SOURCE: self.word(self.part_source),
            COMPLETE_ABSENT: self.word(self.complete_absent),
            COMPLETE_OVER: self.word(self.complete_over),
            DELETE: self.word(self.delete_one),
            DELETE_MANY: self.word(self.delete_many),
            PART_KEY: self.part_key(),
            MD5: self.md5(),
            LIST_PARTS: self.list_parts(),
        }

    @staticmethod
    def word(tries) -> str:
        """`tries` yields: did it work without a condition, was it held back where it does not hold, was it done where it
        does, did it hold in each race."""
        steps = tries()
        if not next(steps):
            return "does not work"
        if not next(steps):
            return "ignored"
        if not next(steps):
            return "refused"
        return "honoured" if next(steps) else "not atomic"

    # Calls. Each returns whether the store says that it was done.

    def call(self, operation: str, **parameters):
        try:
            return getattr(self.s3, operation)(Bucket=self.bucket, **parameters)
        except (ClientError, BotoCoreError):
            return None

    def key(self) -> str:
        return f"truth/{next(self.numbers)}"

    def put(self, key: str, body: bytes, **condition):
        return self.call("put_object", Key=key, Body=body, **condition)

    def object(self, body: bytes) -> tuple[str, str]:
        key = self.key()
        answer = self.put(key, body)
        assert answer, f"cannot put {key}"
        return key, answer["ETag"]

    def get(self, key: str) -> bytes | None:
        answer = self.call("get_object", Key=key)
        return answer and answer["Body"].read()

    def copy(self, source: str, target: str, **condition):
        return self.call("copy_object", Key=target, CopySource={"Bucket": self.bucket, "Key": source}, **condition)

    def upload(self, key: str) -> str:
        return self.s3.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]

    def uploaded(self, key: str, body: bytes) -> dict:
        upload = self.upload(key)
        part = self.s3.upload_part(Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=1, Body=body)
        return {"Key": key, "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}

    def part_copy(self, source: str, target: str, **condition) -> bool:
        """Copies an object as the only part of another."""
        upload = self.upload(target)
        copied = self.call(
            "upload_part_copy", Key=target, UploadId=upload, PartNumber=1,
            CopySource={"Bucket": self.bucket, "Key": source}, **condition,
        )
        etag = copied and copied.get("CopyPartResult", {}).get("ETag")
        if not etag:
            return False
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        return bool(self.call("complete_multipart_upload", Key=target, UploadId=upload, MultipartUpload=parts))

    def delete_listed(self, key: str, **etag):
        answer = self.call("delete_objects", Delete={"Objects": [{"Key": key, **etag}]})
        return answer if answer and not answer.get("Errors") else None

    def gone(self, key: str) -> bool:
        return self.get(key) is None

    # Races.

    def winners(self, racers) -> bool:
        """Calls that all start at once: at most one succeeds."""
        barrier = threading.Barrier(len(racers))

        def run(racer):
            barrier.wait()
            return bool(racer())

        with ThreadPoolExecutor(len(racers)) as pool:
            return sum(pool.map(run, racers)) <= 1

    def every(self, race) -> bool:
        """Whether a condition held in all rounds, a few of which are made at once: losers may wait for seconds."""
        with ThreadPoolExecutor(8) as pool:
            return all(pool.map(lambda _: race(), range(ROUNDS)))

    def beside(self, call, other):
        """Two calls that start at once."""
        barrier = threading.Barrier(2)

        def run(racer):
            barrier.wait()
            return racer()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, (call, other)))

    # Operations.

    def put_absent(self):
        free, taken = self.key(), self.object(b"old")[0]
        yield True
        self.put(taken, b"new", IfNoneMatch="*")
        yield self.get(taken) == b"old"
        self.put(free, b"new", IfNoneMatch="*")
        yield self.get(free) == b"new"

        def race() -> bool:
            key = self.key()
            return self.winners([lambda n=n: self.put(key, b"%d" % n, IfNoneMatch="*") for n in range(RACERS)])

        yield self.every(race)

    def copy_source(self):
        yield from self.source(self.copy, b"")

    def part_source(self):
        yield from self.source(self.part_copy, PART)

    def source(self, copy, more: bytes):
        before, now = b"before" + more, b"now..." + more
        source, etag = self.object(before)
        target = self.key()
        copy(source, target)
        yield self.get(target) == before
        self.put(source, now)
        target = self.key()
        copy(source, target, CopySourceIfMatch=etag)
        yield self.gone(target)
        target, etag = self.key(), self.s3.head_object(Bucket=self.bucket, Key=source)["ETag"]
        copy(source, target, CopySourceIfMatch=etag)
        yield self.get(target) == now
        rounds = []
        for _ in range(ROUNDS if not more else ROUNDS // 4):
            source, etag = self.object(before)
            target = self.key()
            self.beside(lambda: copy(source, target, CopySourceIfMatch=etag), lambda: self.put(source, now))
            rounds.append(self.get(target) in (None, before))
        yield all(rounds)

    def copy_absent(self):
        source = self.object(b"new")[0]
        target = self.key()
        self.copy(source, target)
        yield self.get(target) == b"new"
        taken, free = self.object(b"old")[0], self.key()
        self.copy(source, taken, IfNoneMatch="*")
        yield self.get(taken) == b"old"
        self.copy(source, free, IfNoneMatch="*")
        yield self.get(free) == b"new"
        yield self.every(lambda: self.race_copies(lambda: (self.key(), {"IfNoneMatch": "*"})))

    def copy_over(self):
        source, other = self.object(b"new")
        target = self.key()
        self.copy(source, target)
        yield self.get(target) == b"new"
        taken, etag = self.object(b"old")
        self.copy(source, taken, IfMatch=other)
        yield self.get(taken) == b"old"
        self.copy(source, taken, IfMatch=etag)
        yield self.get(taken) == b"new"

        def target():
            key, etag = self.object(b"old")
            return key, {"IfMatch": etag}

        yield self.every(lambda: self.race_copies(target))

    def race_copies(self, target) -> bool:
        sources = [self.object(b"%d" % n)[0] for n in range(RACERS)]
        key, condition = target()
        return self.winners([lambda source=source: self.copy(source, key, **condition) for source in sources])

    def complete_absent(self):
        free = self.key()
        self.call("complete_multipart_upload", **self.uploaded(free, b"new"))
        yield self.get(free) == b"new"
        taken, free = self.object(b"old")[0], self.key()
        self.call("complete_multipart_upload", **self.uploaded(taken, b"new"), IfNoneMatch="*")
        yield self.get(taken) == b"old"
        self.call("complete_multipart_upload", **self.uploaded(free, b"new"), IfNoneMatch="*")
        yield self.get(free) == b"new"
        yield all(self.race_completions(lambda: (self.key(), {"IfNoneMatch": "*"})) for _ in range(ROUNDS))

    def complete_over(self):
        free = self.key()
        self.call("complete_multipart_upload", **self.uploaded(free, b"new"))
        yield self.get(free) == b"new"
        other = self.object(b"other")[1]
        taken, etag = self.object(b"old")
        self.call("complete_multipart_upload", **self.uploaded(taken, b"new"), IfMatch=other)
        yield self.get(taken) == b"old"
        self.call("complete_multipart_upload", **self.uploaded(taken, b"new"), IfMatch=etag)
        yield self.get(taken) == b"new"

        def target():
            key, etag = self.object(b"old")
            return key, {"IfMatch": etag}

        yield all(self.race_completions(target) for _ in range(ROUNDS))

    def race_completions(self, target) -> bool:
        key, condition = target()
        uploads = [self.uploaded(key, b"%d" % n) for n in range(RACERS)]
        complete = lambda upload: self.call("complete_multipart_upload", **upload, **condition)  # noqa: E731
        return self.winners([lambda upload=upload: complete(upload) for upload in uploads])

    def delete_one(self):
        yield from self.deletes(
            lambda key: self.call("delete_object", Key=key), lambda key, etag: self.call("delete_object", Key=key, IfMatch=etag)
        )

    def delete_many(self):
        yield from self.deletes(self.delete_listed, lambda key, etag: self.delete_listed(key, ETag=etag))

    def deletes(self, plain, conditional):
        key = self.object(b"old")[0]
        plain(key)
        yield self.gone(key)
        key, before = self.object(b"before")
        self.put(key, b"now")
        conditional(key, before)
        yield self.get(key) == b"now"
        key, etag = self.object(b"old")
        conditional(key, etag)
        yield self.gone(key)
        rounds = []
        for _ in range(ROUNDS):
            key, etag = self.object(b"before")
            self.beside(lambda: conditional(key, etag), lambda: self.put(key, b"now"))
            rounds.append(self.get(key) == b"now")
        yield all(rounds)

    def part_key(self) -> str:
        name = self.key()
        named, twin, target = f"{name}%41", f"{name}A", self.key()
        self.put(named, b"named" + PART)
        self.put(twin, b"twin." + PART)
        self.part_copy(named, target)
        copied = self.get(target)
        if copied is None:
            return "does not work"
        return "honoured" if copied == b"named" + PART else "ignored"

    def md5(self) -> str:
        body = b"bytes" + PART
        source, target, in_parts = self.object(body)[0], self.key(), self.key()
        expected = {hashlib.md5(body).hexdigest()}
        etags = set()
        if self.copy(source, target):
            etags.add(self.s3.head_object(Bucket=self.bucket, Key=target).get("ETag", ""))
        upload = self.upload(in_parts)
        part = self.call("upload_part_copy", Key=in_parts, UploadId=upload, PartNumber=1,
                         CopySource={"Bucket": self.bucket, "Key": source})
        if part:
            etags.add(part.get("CopyPartResult", {}).get("ETag", ""))
        # A tag of another form is never taken for an MD5.
        plain = {etag.strip('"') for etag in etags if "-" not in etag}
        return "honoured" if plain == expected else "ignored"

    def list_parts(self) -> str:
        key = self.key()
        upload = self.uploaded(key, b"bytes")
        listed = self.call("list_parts", Key=key, UploadId=upload["UploadId"])
        return "honoured" if listed and len(listed.get("Parts", [])) == 1 else "does not work"


def with_md5(request, **_):
    import base64

    digest = hashlib.md5(request.body if isinstance(request.body, bytes) else request.body.encode()).digest()
    request.headers["Content-MD5"] = base64.b64encode(digest).decode()


def with_length(request, **_):
    request.headers["Content-Length"] = "0"

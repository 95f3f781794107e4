"""Leads requests that fit the document to what is there: to drafts and uploads that were begun for them.

By its rules alone the document cannot say that an upload_id has to be one that was answered before, or that two parts have
one number. Requests that break a rule of the document stay as they are.
"""

import hashlib
import itertools
import json
import os
import re
import unicodedata

import requests
import schemathesis
from hypothesis import strategies as st

BYTES = b"hello"
ETAG = hashlib.md5(BYTES, usedforsecurity=False).hexdigest()
SHA256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
MAX_NAME_BYTES = 900
MAX_METADATA_BYTES = 1536
MEDIA_TYPE = "image/jpeg"
MAX_PARTS = 10_000
MIN_PART_BYTES = 5 * 1024 * 1024

# Categories of characters of which names have none: controls, formats, surrogates, and separators of lines.
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")

NAME_FIELDS = ("object_name", "destination_name", "prefix", "filename", "key")
HEADER_FIELDS = ("cache_control", "content_disposition", "content_encoding", "content_language")
BROKEN_NAMES = itertools.cycle(("a//b", "../a", "a\\b", "\u202ea/"))

OBJECT_CALLS = ("/get-object", "/delete-object", "/list-versions", "/restore-version", "/delete-version",
                "/update-object", "/copy-object", "/move-object", "/restore-object")

BASE = os.environ["SCHEMA_BASE_URL"]
OUTCOMES = os.environ["SCHEMA_OUTCOMES"]

numbers = itertools.count()
keys = itertools.count()
session = requests.Session()


def call(route: str, message: dict) -> dict:
    answer = session.post(f"{BASE}/api/v1/{route}", json=message, timeout=60)
    assert answer.ok, f"{route}: {answer.text}"
    return answer.json()


def put(signed: dict, body: bytes = BYTES) -> str:
    answer = session.put(signed["upload_url"], data=body, headers=signed["headers"], timeout=60)
    assert answer.ok, answer.text
    return answer.headers["ETag"]


def draft(name: str) -> None:
    put(call("upload-url", {"object_name": name, "checksum_sha256": SHA256}))


def shows(text: str) -> bool:
    """No backslash, and no character that hides or reorders text."""
    return not any(char == "\\" or unicodedata.category(char) in HIDDEN for char in text)


def fits(name: str) -> bool:
    """The rules of names, which the document says in words."""
    segments = name.split("/")
    return (
        len(name.encode()) <= MAX_NAME_BYTES
        and shows(name)
        and bool(name.strip())
        and not {"", ".", ".."} & set(segments)
        and segments[0] != ".drafts"
    )


# The formats of the document that are rules in words.
characters = st.characters(codec="utf-8", exclude_categories=HIDDEN, exclude_characters="/\\")
file_names = st.text(characters, min_size=1, max_size=40)
names = st.lists(file_names, min_size=1, max_size=4).map("/".join).filter(fits)
schemathesis.openapi.format("object-name", names)
schemathesis.openapi.format("object-name-prefix", st.one_of(names, names.map(lambda name: f"{name}/")))
schemathesis.openapi.format("file-name", file_names)
schemathesis.openapi.format("tag", st.text("abcXYZ019 +-=._:/@é", min_size=1, max_size=20).filter(lambda tag: not tag.startswith("aws:")))


def negates_format(case) -> bool:
    """Whether some text of the case breaks its format, as far as schemathesis knows."""
    made = case.meta.phase.data
    mutations = getattr(made, "mutations", ())
    return getattr(made, "scenario", None) == "invalid_format" or any("format" in it.keywords for it in mutations)


def breaks_only(case, component: str) -> bool:
    return [name for name, made in case.meta.components.items() if made.mode.is_negative] == [component]


def misnamed(value):
    """The value with names that break the rules: schemathesis takes any text for one that breaks a format."""
    if isinstance(value, dict):
        return {
            field: next(BROKEN_NAMES) if field in NAME_FIELDS and isinstance(member, str) else misnamed(member)
            for field, member in value.items()
        }
    if isinstance(value, list):
        return [misnamed(item) for item in value]
    return value


def whole(value):
    """JSON Schema takes 7.0 for a whole number; the server, as the document says in words, does not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return value


def small(metadata: dict) -> dict:
    """As much of it as there is room for, and nothing under the server's own names."""
    kept, room = {}, MAX_METADATA_BYTES
    for name, value in metadata.items():
        room -= len(name) + len(value)
        if room >= 0 and not name.startswith("draftstore-"):
            kept[name] = value
    return kept


def fits_tag(key, value) -> bool:
    """The rules of tags, which the document says in words."""
    plain = re.compile(r"[\w +\-=.:/@]{1,128}")
    return all(isinstance(text, str) and plain.fullmatch(text) for text in (key, value)) and not key.startswith("aws:")


def named(message: dict) -> dict:
    """Rules of texts that the document says in words, and validities that end with the draft."""
    message = dict(message)
    for field in ("object_name", "destination_name"):
        if isinstance(message.get(field), str) and not fits(message[field]):
            message[field] = "file.jpg"
    if message.get("metadata") is not None:
        message["metadata"] = small(message["metadata"])
    if message.get("expires") is not None:
        # The day of the week follows from the date, which may not exist.
        message["expires"] = "Thu, 31 Dec 2026 23:59:59 GMT"
    # The document has a minimum for a number, and none for a number in a text.
    part_size = int(message.get("part_size") or MIN_PART_BYTES)
    if part_size < MIN_PART_BYTES or int(message.get("content_length") or 0) > MAX_PARTS * part_size:
        message.pop("part_size", None)
    for field in HEADER_FIELDS:
        # The canonical form, which has blanks after its separators, must not exceed the limit either.
        if isinstance(message.get(field), str) and len(message[field]) > 500:
            message.pop(field)
    for field, most in (("filename", 255), ("prefix", 600), ("page_token", 1536)):
        if isinstance(message.get(field), str) and len(message[field].encode()) > most:
            message[field] = "x"
    if isinstance(message.get("filename"), str) and ("/" in message["filename"] or not shows(message["filename"])):
        message["filename"] = "x"
    if isinstance(message.get("prefix"), str) and not fits(f"{message['prefix']}x"):
        message["prefix"] = "x"
    if message.get("content_types") is not None:
        # A ticket is no longer than a header can be.
        message["content_types"] = [kind for kind in message["content_types"] if len(kind) < 100]
    if isinstance(message.get("storage_options"), dict):
        # A retention has to end later than now, in words, and a document has no now. The store has no encryption, and
        # the bucket no lock. The rest has to fit in a header.
        options = {name: value for name, value in message["storage_options"].items() if name not in ("retention", "legal_hold", "encryption", "kms_key_id")}
        if isinstance(options.get("tags"), dict):
            options["tags"] = dict([item for item in options["tags"].items() if fits_tag(*item)][:2])
        if isinstance(options.get("storage_class"), str):
            # The store has those of S3 alone.
            options["storage_class"] = "STANDARD_IA"
        message["storage_options"] = options
    for least, most in (("min_size", "max_size"), ("confirmed_after", "confirmed_before")):
        if message.get(least) is not None:
            message.pop(most, None)
    if message.get("totals") and (message.get("content_type") is not None or message.get("tags")):
        message.pop("totals")
    if isinstance(message.get("tags"), dict):
        message["tags"] = {key: value for key, value in message["tags"].items() if fits_tag(key, value)}
    # There is no policy file that had one.
    message.pop("profile", None)
    message.pop("destination", None)
    if message.get("object_name") is None:
        # `null` is as good as nothing, which the document does not say of fields that need each other.
        message.pop("max_uploads", None)
    if message.get("max_uploads") is not None:
        # Its drafts may end before it does.
        message.pop("expires_in", None)
        message.pop("max_draft_lifetime", None)
    if message.get("draft_lifetime") is not None:
        message.pop("expires_in", None)
    if message.get("max_content_length") is not None and "${filename}" in message["object_name"]:
        message["object_name"] = "file.jpg"
    return message


def of_a_draft(message: dict) -> dict:
    """Every other one finds a draft, and insists on what it is."""
    number = next(numbers)
    if number % 2:
        return message
    message = {name: value for name, value in message.items() if name != "draft_id"}
    if not fits(f"{message['object_name']}-{number}"):
        message["object_name"] = "file.jpg"
    message["object_name"] = f"{message['object_name']}-{number}"
    draft(message["object_name"])
    if message.get("idempotency_key") is not None:
        message["idempotency_key"] = f"of request {number}"
    pins = {"if_match": ETAG, "content_length": len(BYTES), "checksum_sha256": SHA256}
    return {**message, **{field: value for field, value in pins.items() if message.get(field) is not None}}


def of_an_object(message: dict) -> dict:
    """Every other one finds a confirmed object with two versions, and its first one. A destination is free."""
    number = next(numbers)
    if message.get("destination_name") is not None:
        # Another name than the object's, and none where a move has just left the same bytes.
        message = {**message, "destination_name": f"copies/{number}"}
    if number % 2:
        return message
    name = f"object-{number}"
    versions = []
    for body in (BYTES, b"others"):
        signed = call("upload-url", {"object_name": name})
        put(signed, body)
        versions.append(call("confirm-upload", {"object_name": name, "overwrite": True})["version_id"])
    message = {**message, "object_name": name}
    message.pop("if_match", None)
    if message.get("version_id") is not None:
        message["version_id"] = versions[0]
    return message


def of_an_update(message: dict) -> dict:
    """Nothing that it removes is set too. Of a version it changes the legal hold alone, which the bucket lacks."""
    message = {name: value for name, value in message.items() if name != "version_id"}
    if message.get("remove"):
        return {name: message[name] for name in ("object_name", "if_match", "remove") if name in message}
    return message


def of_an_upload(path: str, message: dict) -> dict:
    name = message["object_name"]
    begun = call("multipart/create", {"object_name": name})
    message = {**message, "upload_id": begun["upload_id"]}
    message.pop("draft_id", None)
    if path.endswith("/sign-parts"):
        parts = {int(part["part_number"]): part for part in message["parts"]}
        message["parts"] = [{n: v for n, v in part.items() if n != "checksum_sha256"} for part in parts.values()]
    if path.endswith("/complete"):
        signed = call("multipart/sign-parts", {**begun_name(message), "parts": [{"part_number": 1}]})
        etag = put(signed["parts"][0])
        message["parts"] = [{"part_number": 1, "etag": etag}] if message.get("parts") else []
    return message


def begun_name(message: dict) -> dict:
    return {"object_name": message["object_name"], "upload_id": message["upload_id"]}


def of_many(message: dict) -> dict:
    """None of them twice; what goes into one batch is decided together."""
    uploads = []
    for place, upload in enumerate(message["uploads"]):
        upload = named(upload)
        upload["object_name"] = f"batch/{place}"
        for field in ("draft_id", "destination_name"):
            upload.pop(field, None)
        if message.get("atomic"):
            upload.pop("overwrite", None)
            upload.pop("overwrite_if_match", None)
        uploads.append(upload)
    if next(numbers) % 2 == 0:
        for upload in uploads:
            draft(upload["object_name"])
    return {**message, "uploads": uploads}


def uppy_upload(case) -> None:
    begun = session.post(f"{BASE}/uppy/s3/multipart", json={"filename": "film.mp4"}, timeout=60).json()
    case.path_parameters["id"] = begun["uploadId"]
    case.query["key"] = begun["key"]
    if "partNumbers" in case.query:
        case.query["partNumbers"] = ",".join(dict.fromkeys(case.query["partNumbers"].split(",")))
    if case.path.endswith("/complete"):
        url = f"{BASE}/uppy/s3/multipart/{begun['uploadId']}/1"
        signed = session.get(url, params={"key": begun["key"]}, timeout=60).json()
        etag = put({"upload_url": signed["url"], "headers": {}})
        case.body = {"parts": [{"PartNumber": 1, "ETag": etag}]}


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        if negates_format(case):
            case.body = misnamed(case.body)
        if breaks_only(case, "header") and isinstance(case.body, dict):
            # Otherwise the refusal would be about the two keys.
            case.body.pop("idempotency_key", None)
        return
    if "{id}" in case.path:
        uppy_upload(case)
        return
    headers = case.headers if case.headers is not None else {}
    if re.fullmatch(r"[!-~]{1,128}", headers.get("Idempotency-Key") or ""):
        # No other request has used it.
        headers["Idempotency-Key"] = f"of-header-{next(keys)}"
    if case.path.endswith("/watch-events"):
        headers.pop("Last-Event-ID", None)
    if "type" in (case.query or {}) and case.path.startswith("/uppy/"):
        case.query["type"] = MEDIA_TYPE
    # Only the server makes cursors, each for one caller.
    (case.query or {}).pop("after", None)
    if case.path.endswith("/watch-draft") and case.query:
        case.query = of_a_draft(named(dict(case.query)))
    if not isinstance(case.body, dict):
        return
    body = whole(case.body)
    # Only the server makes page tokens, each for one caller.
    body.pop("page_token", None)
    body.pop("after", None)
    if case.path.startswith("/api/v1/"):
        body = named(body)
        if case.path.endswith("/upload-urls"):
            body["uploads"] = [named(upload) for upload in body["uploads"]]
        elif "uploads" in body:
            body = of_many(body)
        elif case.path.endswith("/list-undelivered-events"):
            body["webhook"] = "backend"
        elif "objects" in body:
            body["objects"] = [{**named(one), "object_name": f"many/{place}"} for place, one in enumerate(body["objects"])]
        elif case.path.endswith(OBJECT_CALLS):
            body = of_an_object(of_an_update(body) if case.path.endswith("/update-object") else body)
        elif "upload_id" in body:
            body = of_an_upload(case.path, body)
        elif case.path.endswith(("/confirm-upload", "/inspect-draft", "/watch-draft", "/discard-draft", "/download-url")):
            body = of_a_draft(body)
    else:
        if case.path == "/uppy/s3/sign":
            if not fits(body["key"]):
                body["key"] = "file.jpg"
            if body["method"] != "PUT" or body.get("uploadId") is not None:
                body.pop("maxContentLength", None)
        for field in ("type", "contentType"):
            # The rule of media types is in words.
            if isinstance(body.get(field), str):
                body[field] = MEDIA_TYPE
    if body.get("idempotency_key") is not None:
        # The header must not have another key.
        headers.pop("Idempotency-Key", None)
    case.body = body


@schemathesis.hook
def after_call(context, case, response):
    """What was answered, for the count at the end."""
    with open(OUTCOMES, "a", encoding="utf-8") as outcomes:
        print(json.dumps([case.method, case.path, response.status_code]), file=outcomes)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """What is wrong with one upload of many is that one's outcome, in an answer that says that not all went well. And of what
    Uppy knows of a file, what can be kept is kept: nothing is refused for it."""
    batch = case.path in ("/api/v1/upload-urls", "/api/v1/confirm-uploads", "/api/v1/delete-objects")
    said = batch and response.status_code == 200 and not response.json()["success"]
    lenient = case.path == "/uppy/s3/params" and any(name.startswith("metadata[") for name in case.query or {})
    return not ((said or lenient) and type(failure).__name__ == "AcceptedNegativeData")

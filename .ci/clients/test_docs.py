"""The examples on the API's page, as whoever reads it types them."""

import html
import re
import subprocess
import uuid

import requests

# What the examples say that an upload's only part is.
PART = b"hello\n"


def post(http: str, route: str, message: dict) -> dict:
    answer = requests.post(f"{http}{route}", json=message, timeout=60)
    assert answer.ok, answer.text
    return answer.json()


def prepared(http: str, example: str) -> str:
    """The example with a name of its own, and what it is about: a draft, or an upload with one part."""
    name = f"{uuid.uuid4().hex[:8]}.jpg"
    example = example.replace('"file.jpg"', f'"{name}"').replace('"copies/file.jpg"', f'"copies/{name}"')
    example = example.replace("=file.jpg", f"={name}")
    if "KEY" in example:
        begun = post(http, "/uppy/s3/multipart", {"filename": name})
        part = f"{http}/uppy/s3/multipart/{begun['uploadId']}/1"
        url = requests.get(part, params={"key": begun["key"]}, timeout=60).json()["url"]
        assert requests.put(url, data=PART, timeout=60).ok
        return example.replace("UPLOAD_ID", begun["uploadId"]).replace("KEY", begun["key"])
    if "UPLOAD_ID" in example:
        begun = post(http, "/api/v1/multipart/create", {"object_name": name})
        upload = {"object_name": name, "upload_id": begun["upload_id"]}
        signed = post(http, "/api/v1/multipart/sign-parts", {**upload, "parts": [{"part_number": 1}]})
        assert requests.put(signed["parts"][0]["upload_url"], data=PART, timeout=60).ok
        return example.replace("UPLOAD_ID", begun["upload_id"])
    issued = post(http, "/api/v1/upload-url", {"object_name": name})
    assert requests.put(issued["upload_url"], data=PART, timeout=60).ok
    if re.search(r"/api/v1/((get|update|copy|move|restore)-object|delete-objects?|[a-z]+-versions?)\b", example):
        post(http, "/api/v1/confirm-upload", {"object_name": name})
    return example


def expected(store: str, example: str) -> str:
    """The status. The main bucket has no versions here, and Garage knows none. Only the embedded store has an archive. No
    policy has a webhook."""
    call = re.search(r"/api/v1/([a-z-]+)\b", example)
    others = {
        "list-versions": "501" if store == "garage" else "412",
        "restore-version": "412",
        "delete-version": "412",
        "restore-object": "200" if store == "embedded" else "501",
        "usage": "404",
        "list-undelivered-events": "404",
        "redeliver-events": "404",
        "list-events": "412",
        "watch-events": "412",
    }
    return others.get(call[1], "200") if call else "200"


def test_every_example_works(system):
    http = system.server.http
    document = requests.get(f"{http}/openapi.json", timeout=60).json()
    page = requests.get(f"{http}/docs", timeout=60).text
    examples = re.findall(r'<pre class="code"><code>(.*?)</code></pre>', page, re.S)
    assert len(examples) == sum(len(operations) for operations in document["paths"].values())
    for example in examples:
        command = prepared(http, html.unescape(example))
        command += " --output /dev/null --write-out '%{http_code}'"
        if "/watch-draft" in command:
            # A stream goes on.
            command += " --max-time 2 || test $? = 28"
        shell = ["bash", "-euc", command]
        status = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=True).stdout
        assert status == expected(system.name, command), f"{command}: {status}"

"""A reverse proxy before a server and a store: python check.py NAME BINARIES

The proxy runs with its configuration from docs/operate/proxy-configurations.md, word for word but for /etc/tls and
/etc/traefik. The names in it lead to this machine (the step's /etc/hosts)."""

import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import requests

REPOSITORY = Path(__file__).resolve().parents[2]
GUIDE = REPOSITORY / "docs/operate/proxy-configurations.md"
PATIENCE_SECONDS = 60
MIB = 1024 * 1024
# More than any proxy takes or buffers by default.
LARGE = 40 * MIB
# Whatever a proxy could decode, encode, clean, or take for a part of the URL.
NAMES = [
    "plain.bin",
    "a b+c/ü 写真.bin",
    "100%.bin",
    "a%20b%2Fc.bin",
    "what?#;=&.bin",
    "..a/b..c/.d./e.bin",
    "~quotes'\"()*!,:@$.bin",
]

COMMANDS = {
    "nginx": ["nginx", "-c", "{directory}/nginx.conf", "-p", "{directory}", "-g", "daemon off; pid nginx.pid; error_log stderr;"],
    "HAProxy": ["haproxy", "-db", "-f", "{directory}/haproxy.cfg"],
    "Envoy": ["envoy", "--log-level", "error", "-c", "{directory}/envoy.yaml"],
    "Caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", "{directory}/Caddyfile"],
    "Traefik": ["traefik", "--configFile={directory}/traefik.yaml"],
}


def eventually(condition, what, process=None):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process is None or process.poll() is None, f"{what}: the process ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_SECONDS} s"
        time.sleep(0.02)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def configuration(name, directory):
    """Writes the files of a section of the guide, with the certificates' directory in place of /etc/tls."""
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", GUIDE.read_text(), re.M | re.S)[1]
    files = re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", section, re.M | re.S)
    assert files, f"the guide has no file of {name}"
    for file, text in files:
        for installed in ["/etc/tls", "/etc/traefik"]:
            text = text.replace(installed, str(directory))
        (directory / file).write_text(text)


def certificates(directory):
    names = "DNS:drafts.example.com,DNS:app.example.com,DNS:files.example.com"
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=example.com"]
    files = ["-keyout", directory / "key.pem", "-out", directory / "cert.pem"]
    subprocess.run([*new, "-addext", f"subjectAltName={names}", *files], check=True, capture_output=True)
    (directory / "both.pem").write_bytes((directory / "cert.pem").read_bytes() + (directory / "key.pem").read_bytes())


@contextlib.contextmanager
def running(command, directory, what, port, **variables):
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), **variables}
    with (directory / f"{what}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=directory, env=environment, stdout=log, stderr=log)
    try:
        eventually(lambda: listens(port), f"{what} listens", process)
        yield process
        assert process.poll() is None, f"{what} ended"
    except BaseException:
        print(f"---- {what}.log", (directory / f"{what}.log").read_text(errors="replace")[-3000:], sep="\n", file=sys.stderr)
        raise
    finally:
        process.kill()
        process.wait()


@dataclass
class Case:
    """What a check has: the certificate, and the store's files."""

    directory: Path
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self):
        self.session.verify = str(self.directory / "cert.pem")
        self.session.trust_env = False

    def call(self, name, body, host="drafts.example.com", prefix="", **options):
        answer = self.session.post(f"https://{host}{prefix}/api/v1/{name}", json=body, timeout=PATIENCE_SECONDS, **options)
        assert answer.ok, f"{name}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def download(self, name, stage="STAGE_MAIN"):
        url = self.call("download-url", {"object_name": name, "stage": stage})["download_url"]
        assert url.startswith("https://files.example.com/"), url
        answer = raw("GET", self.directory, url)
        assert answer.status == 200, f"{name}: {answer.status}"
        return answer.body

    def stored(self):
        """The bytes that the store has on its disk."""
        return sum(file.stat().st_size for file in (self.directory / "data").rglob("*") if file.is_file())


@dataclass
class Answer:
    status: int
    headers: object
    body: bytes


def connection(directory, host):
    context = ssl.create_default_context(cafile=directory / "cert.pem")
    return http.client.HTTPSConnection(host, timeout=PATIENCE_SECONDS, context=context)


def raw(method, directory, url, body=None, headers=None):
    """Sends the URL as it is: libraries for people clean its path."""
    host, target = re.fullmatch(r"https://([^/]+)(/.*)", url).groups()
    to = connection(directory, host)
    to.request(method, target, body, headers or {})
    answer = to.getresponse()
    return Answer(answer.status, answer.headers, answer.read())


def names_of_objects(case):
    for name in NAMES:
        body = os.urandom(1000)
        issued = case.call("upload-url", {"object_name": name, "content_type": "text/plain"})
        answer = raw("PUT", case.directory, issued["upload_url"], body, issued["headers"])
        assert answer.status == 200, f"{name}: {answer.status} {answer.body[:500]}"
        case.call("confirm-upload", {"object_name": name})
        assert case.download(name) == body, name


def large_objects(case):
    body = os.urandom(LARGE)
    issued = case.call("upload-url", {"object_name": "large"})
    answer = raw("PUT", case.directory, issued["upload_url"], body, issued["headers"])
    assert answer.status == 200, f"{answer.status} {answer.body[:500]}"
    case.call("confirm-upload", {"object_name": "large"})
    assert hashlib.sha256(case.download("large")).digest() == hashlib.sha256(body).digest()


def forms(case):
    issued = case.call("upload-url", {"object_name": "form", "max_content_length": LARGE})
    file = {"file": ("x", b"y" * (LARGE // 2))}
    answer = case.session.post(issued["upload_url"], data=issued["fields"], files=file, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 201, f"{answer.status_code} {answer.text[:500]}"


def bodies_are_not_buffered(case):
    """The store has half of an upload while the client still holds the other half."""
    before = case.stored()
    issued = case.call("upload-url", {"object_name": "halves"})
    host, target = re.fullmatch(r"https://([^/]+)(/.*)", issued["upload_url"]).groups()
    to = connection(case.directory, host)
    to.putrequest("PUT", target)
    to.putheader("content-length", str(LARGE))
    to.endheaders()
    to.send(bytes(LARGE // 2))
    eventually(lambda: case.stored() - before > LARGE // 4, "the store gets what the client has sent")
    to.send(bytes(LARGE // 2))
    assert to.getresponse().status == 200
    # And the other way: a client that stops to read does not make the proxy take the whole object.
    case.call("confirm-upload", {"object_name": "halves"})
    assert len(case.download("halves")) == LARGE


def cross_origin(case):
    origin = "https://page.example.org"
    case.call("draft-bucket", {})
    url = case.call("upload-url", {"object_name": "cors"})["upload_url"]
    asked = {"origin": origin, "access-control-request-method": "PUT", "access-control-request-headers": "content-type"}
    for answer in [raw("OPTIONS", case.directory, url, headers=asked), raw("PUT", case.directory, url, b"x", {"origin": origin})]:
        allowed = answer.headers.get_all("access-control-allow-origin")
        assert (answer.status, allowed) == (200, [origin]), f"{answer.status} {allowed}"
    assert answer.headers["etag"] and "etag" in answer.headers["access-control-expose-headers"].lower()


def paths_below_a_prefix(case):
    issued = case.call("upload-url", {"object_name": "prefixed"}, "app.example.com", "/drafts")
    assert issued["upload_url"].startswith("https://files.example.com/")
    for host, prefix in [("app.example.com", "/drafts"), ("drafts.example.com", "")]:
        document = case.session.get(
            f"https://{host}{prefix}/openapi.json", headers={"x-forwarded-prefix": "/invented"}, timeout=PATIENCE_SECONDS
        )
        assert document.json()["servers"][0]["url"].rstrip("/") == f"https://{host}{prefix}", document.json()["servers"]


def addresses_of_clients(case):
    """Two clients have rate limits of their own, and neither chooses its address."""

    def remaining(source, invented):
        context = ssl.create_default_context(cafile=case.directory / "cert.pem")
        to = http.client.HTTPSConnection("drafts.example.com", context=context, source_address=(source, 0))
        to.request("POST", "/api/v1/list-drafts", "{}", {"content-type": "application/json", "x-forwarded-for": invented})
        answer = to.getresponse()
        assert answer.status == 200, answer.read()
        return int(re.search(r'"address";r=(\d+)', answer.headers["ratelimit"])[1])

    first = [remaining("127.0.0.8", f"203.0.113.{number}") for number in range(5)]
    second = remaining("127.0.0.9", "203.0.113.9")
    assert first == sorted(first, reverse=True) and len(set(first)) == 5, first
    assert second == first[0], (first, second)


def calls_by_grpc(case):
    sys.path.insert(0, str(case.directory / "stubs"))
    from draft.v1 import draft_pb2, draft_pb2_grpc

    roots = (case.directory / "cert.pem").read_bytes()
    with grpc.secure_channel("drafts.example.com:443", grpc.ssl_channel_credentials(roots)) as channel:
        stub = draft_pb2_grpc.DraftServiceStub(channel)
        issued = stub.GetUploadURL(draft_pb2.GetUploadURLRequest(object_name="grpc"), timeout=PATIENCE_SECONDS)
        assert raw("PUT", case.directory, issued.upload_url, b"x").status == 200
        try:
            stub.ConfirmUpload(draft_pb2.ConfirmUploadRequest(object_name="absent"), timeout=PATIENCE_SECONDS)
            raise AssertionError("there is no such draft")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.NOT_FOUND, error
    message = draft_pb2.GetUploadURLRequest(object_name="web").SerializeToString()
    answer = case.session.post(
        "https://drafts.example.com/draft.v1.DraftService/GetUploadURL",
        data=b"\0" + struct.pack(">I", len(message)) + message,
        headers={"content-type": "application/grpc-web+proto", "x-grpc-web": "1"},
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code == 200 and b"grpc-status:0" in answer.content, answer.content[-200:]
    (length,) = struct.unpack(">I", answer.content[1:5])
    url = draft_pb2.GetUploadURLResponse.FromString(answer.content[5 : 5 + length]).upload_url
    assert urllib.parse.urlsplit(url).hostname == "files.example.com"


def stubs(directory):
    import importlib.resources

    from grpc_tools import protoc

    (directory / "stubs").mkdir()
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    out = [f"--python_out={directory}/stubs", f"--grpc_python_out={directory}/stubs"]
    assert protoc.main(["protoc", f"-I{REPOSITORY}/proto", f"-I{well_known}", *out, "draft/v1/draft.proto"]) == 0


CHECKS = [
    names_of_objects,
    large_objects,
    forms,
    bodies_are_not_buffered,
    cross_origin,
    paths_below_a_prefix,
    addresses_of_clients,
    calls_by_grpc,
]


def main(name, binaries):
    with tempfile.TemporaryDirectory(prefix="draftstore-proxy-") as made, contextlib.ExitStack() as stack:
        directory = Path(made)
        # nginx gives up root, and reads what everybody may.
        directory.chmod(0o755)
        certificates(directory)
        configuration(name, directory)
        stubs(directory)
        stack.enter_context(running([binaries / "examples/serve", directory / "data", "9000"], directory, "store", 9000))
        key = json.loads((directory / "data/credentials.json").read_text())
        variables = {
            "STORAGE_TYPE": "s3",
            "S3_ENDPOINT": "http://store:9000",
            "S3_PUBLIC_ENDPOINT": "https://files.example.com",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": key["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": key["secret_access_key"],
            "AUTH": "none",
            "ALLOWED_HOSTS": "drafts.example.com,app.example.com",
            "TRUSTED_PROXIES": "127.0.0.1",
            "CORS_ALLOWED_ORIGINS": "https://page.example.org",
            "ADDRESS_RATE_LIMIT": "1000/3600",
            "ADMIN_PORT": "0",
        }
        stack.enter_context(running([binaries / "draftstore-server"], directory, "server", 8080, **variables))
        command = [part.format(directory=directory) for part in COMMANDS[name]]
        stack.enter_context(running(command, directory, name, 443, XDG_DATA_HOME=made, XDG_CONFIG_HOME=made))
        case = Case(directory)
        eventually(lambda: ready(case), "the server is ready behind the proxy")
        case.call("draft-bucket", {})
        for check in CHECKS:
            check(case)
            print(f"{name}: {check.__name__.replace('_', ' ')}", flush=True)


def ready(case):
    try:
        answer = case.session.get("https://drafts.example.com/health/ready", timeout=PATIENCE_SECONDS)
    except requests.RequestException:
        return False
    return answer.status_code == 200


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

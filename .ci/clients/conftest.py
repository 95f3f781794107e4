"""What the tests share: the programs, the stubs made from the contract, and a server on each store.

The step sets DRAFTSTORE_BINARIES (a directory with draftstore-server and draftstore-cronjob) and, for tests marked
`garage` or `seaweedfs`, GARAGE or SEAWEEDFS (the program).
"""

import importlib
import importlib.resources
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3
import grpc
import pytest
import requests
from botocore.config import Config
from grpc_tools import protoc

from garage import garage
from programs import Server, answers, free_port, server, wait_for
from seaweedfs import seaweedfs

REPOSITORY = Path(__file__).resolve().parents[2]

# Stores that are not ours, each with what starts it.
STORES = {"garage": garage, "seaweedfs": seaweedfs}


def pytest_configure(config):
    for store in STORES:
        config.addinivalue_line("markers", f"{store}: needs the binary of this store")


@pytest.fixture(scope="session")
def binaries() -> Path:
    return Path(os.environ["DRAFTSTORE_BINARIES"])


@dataclass
class Contract:
    """Modules that protoc made from draft.proto."""

    messages: object
    stubs: object


@pytest.fixture(scope="session")
def contract(tmp_path_factory) -> Contract:
    made = tmp_path_factory.mktemp("contract")
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    arguments = [f"-I{REPOSITORY}/proto", f"-I{well_known}", f"--python_out={made}", f"--grpc_python_out={made}"]
    assert protoc.main(["protoc", *arguments, "draft/v1/draft.proto"]) == 0, "protoc refused the contract"
    sys.path.insert(0, str(made))
    return Contract(
        importlib.import_module("draft.v1.draft_pb2"), importlib.import_module("draft.v1.draft_pb2_grpc")
    )


@dataclass
class System:
    """A server with buckets on one store, and two ways in: the service, and the store itself."""

    name: str
    server: Server
    directory: Path
    channel: grpc.Channel
    drafts: object
    s3: object
    draft_bucket: str
    main_bucket: str


def s3_client(variables: dict[str, str]):
    """boto3 on the store of a server that got these variables."""
    if variables["STORAGE_TYPE"] == "embedded":
        kept = json.loads((Path(variables["EMBEDDED_DATA_DIR"]) / "credentials.json").read_text())
        endpoint, region = f"http://127.0.0.1:{variables['EMBEDDED_PORT']}", "us-east-1"
        key, secret = kept["access_key_id"], kept["secret_access_key"]
    else:
        endpoint, region = variables["S3_ENDPOINT"], variables["AWS_REGION"]
        key, secret = variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def embedded_variables(directory: Path) -> dict[str, str]:
    return {
        "STORAGE_TYPE": "embedded",
        "EMBEDDED_DATA_DIR": str(directory / "data"),
        "EMBEDDED_PORT": str(free_port()),
    }


def systems(name: str, running: Server, directory: Path, contract: Contract):
    wait_for(lambda: answers(f"{running.http}/health/ready"), running.process, "draftstore-server on its store")
    with grpc.insecure_channel(running.grpc) as channel:
        drafts = contract.stubs.DraftServiceStub(channel)
        buckets = drafts.CreateDraftBucket(contract.messages.CreateDraftBucketRequest())
        s3 = s3_client(running.variables)
        yield System(name, running, directory, channel, drafts, s3, buckets.draft_bucket, buckets.main_bucket)


@pytest.fixture(
    scope="session", params=["embedded", *(pytest.param(store, marks=getattr(pytest.mark, store)) for store in STORES)]
)
def system(request, binaries, contract, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    program = binaries / "draftstore-server"
    if request.param == "embedded":
        with server(program, directory, embedded_variables(directory)) as running:
            yield from systems("embedded", running, directory, contract)
    else:
        # On a store that outlives the server, tickets need keys that do.
        keys = directory / "ticket-keys"
        keys.write_bytes(subprocess.run([program, "key", "ticket"], capture_output=True, check=True, timeout=60).stdout)
        with STORES[request.param](Path(os.environ[request.param.upper()]), directory) as [variables]:
            variables["TICKET_KEYS_FILE"] = str(keys)
            with server(program, directory, variables) as running:
                yield from systems(request.param, running, directory, contract)


@pytest.fixture
def put(system, contract):
    def put(name: str, body: bytes, **constraints):
        request = contract.messages.GetUploadURLRequest(object_name=name, **constraints)
        issued = system.drafts.GetUploadURL(request)
        answer = requests.request(issued.method, issued.upload_url, data=body, headers=dict(issued.headers), timeout=60)
        assert answer.status_code == 200, f"the store answered {answer.status_code}: {answer.text[:500]}"
        return issued

    return put


@pytest.fixture
def get(system, contract):
    def get(name: str, stage: str = "STAGE_UNSPECIFIED", **options):
        request = contract.messages.GetDownloadURLRequest(object_name=name, stage=stage, **options)
        issued = system.drafts.GetDownloadURL(request)
        answer = requests.get(issued.download_url, timeout=60)
        assert answer.status_code == 200, f"the store answered {answer.status_code}: {answer.text[:500]}"
        return issued, answer

    return get


@pytest.fixture
def confirm(system, contract):
    def confirm(name: str, **options):
        return system.drafts.ConfirmUpload(contract.messages.ConfirmUploadRequest(object_name=name, **options))

    return confirm

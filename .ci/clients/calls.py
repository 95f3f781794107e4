"""How the tests read what gRPC answers, and name what they upload."""

import time
import uuid

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status


def unique(name: str) -> str:
    return f"{uuid.uuid4().hex[:8]}-{name}"


def eventually(holds) -> None:
    """Waits until something holds that a server does shortly after its answer."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never did"


def is_missing(call, request) -> bool:
    try:
        call(request)
    except grpc.RpcError as error:
        return error.code() == grpc.StatusCode.NOT_FOUND
    return False


def details(error: grpc.RpcError) -> dict[str, object]:
    status = rpc_status.from_call(error)
    assert status is not None, f"{error.code()} carries no details"
    found = {}
    for detail in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
            if detail.Is(kind.DESCRIPTOR):
                found[kind.DESCRIPTOR.name] = kind.FromString(detail.value)
    return found


def refused(call, request) -> tuple[grpc.StatusCode, str, set[str]]:
    """The code, the reason and the fields that an answer to a bad request names."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    found = details(caught.value)
    info = found["ErrorInfo"]
    assert info.domain == "draftstore"
    bad = found.get("BadRequest")
    return caught.value.code(), info.reason, {violation.field for violation in bad.field_violations} if bad else set()

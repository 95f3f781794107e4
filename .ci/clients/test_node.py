"""The whole contract through clients in JavaScript: Node's gRPC, and gRPC-Web as web pages use it.

The step sets NODE_MODULES, the packages of node/package-lock.json, and BUF, the program.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import REPOSITORY

SECONDS = 120


@pytest.fixture(scope="session")
def node(tmp_path_factory) -> Path:
    """The scripts beside their packages, and the stubs made."""
    directory = tmp_path_factory.mktemp("node")
    shutil.copytree(Path(__file__).parent / "node", directory, dirs_exist_ok=True)
    modules = directory / "node_modules"
    modules.symlink_to(os.environ["NODE_MODULES"])
    path = f"{modules / '.bin'}{os.pathsep}{os.environ['PATH']}"
    run(directory, [os.environ["BUF"], "generate", str(REPOSITORY / "proto")], PATH=path)
    return directory


def run(directory: Path, command: list[str], **variables: str) -> None:
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout}"


@pytest.mark.parametrize("script", ["grpc.test.mjs", "web.test.mjs"])
def test_node_takes_files_through(system, node, script):
    run(
        node,
        ["node", "--test", script],
        CONTRACT=str(REPOSITORY / "proto"),
        GRPC_ADDRESS=system.server.grpc,
    )


def test_tokens_of_real_issuers_are_accepted_and_their_keys_rotate(node, binaries):
    run(node, ["node", "--test", "issuers.test.mjs"], DRAFTSTORE_SERVER=str(binaries / "draftstore-server"))

"""Seven stores, each started empty on free ports of this machine. All but Ceph and Swift come from packages of Rust and Python."""

import contextlib
import os
import secrets
import subprocess
import sys
import uuid
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

from garage import garage  # noqa: E402
from programs import environment, free_port, wait_for  # noqa: E402
from seaweedfs import answered, seaweedfs  # noqa: E402

# Debian's programs want Debian's Python.
PYTHON = "/usr/bin/python3"


def variables(endpoint: str, key_id: str, secret: str) -> dict[str, str]:
    return {
        "STORAGE_TYPE": "s3",
        "BIND_ADDRESS": "127.0.0.1",
        "S3_ENDPOINT": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
    }


class Daemons:
    """Processes of a store, stopped in reverse order."""

    def __init__(self, directory: Path, stack: contextlib.ExitStack):
        self.directory = directory
        self.stack = stack

    def start(self, name: str, *command, **env: str) -> subprocess.Popen:
        log = self.stack.enter_context((self.directory / f"{name}.log").open("ab"))
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=self.directory,
            env=environment(self.directory, **env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

        def stop():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()

        self.stack.callback(stop)
        return process

    def run(self, *command) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.directory,
            env=environment(self.directory),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout


@contextlib.contextmanager
def ceph(directory: Path):
    """Ceph RGW of Debian: a monitor, an OSD that keeps objects in memory, and the gateway."""
    monitor, messages, gateway = free_port(), free_port(), free_port()
    key_id, secret, fsid = secrets.token_hex(10).upper(), secrets.token_hex(20), uuid.uuid4()
    config = directory / "ceph.conf"
    for name in ("mon", "osd", "run"):
        (directory / name).mkdir()
    config.write_text(
        f"""
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{monitor},v1:127.0.0.1:{messages}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
# Without keys there is nothing to encrypt with.
ms mon client mode = crc
run dir = {directory}/run
admin socket = {directory}/run/$name.asok
crash dir = {directory}/run
log file = {directory}/$name.log
log to stderr = false
keyring = /dev/null
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail crit = 1
[mon]
mon data = {directory}/mon
mon initial members = a
paxos propose interval = 0.05
[osd]
osd data = {directory}/osd
osd objectstore = memstore
memstore device bytes = {4 << 30}
osd heartbeat addr = 127.0.0.1
osd max object name len = 2048
osd class update on start = false
osd fast shutdown notify mon = false
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw enable apis = s3, admin
rgw crypt require ssl = false
rgw dynamic resharding = false
"""
    )
    with contextlib.ExitStack() as stack:
        daemons = Daemons(directory, stack)
        map_of_monitors = directory / "monmap"
        daemons.run("monmaptool", "--create", "--clobber", "--fsid", fsid,
                    "--addv", "a", f"[v2:127.0.0.1:{monitor},v1:127.0.0.1:{messages}]", map_of_monitors)
        daemons.run("ceph-mon", "--mkfs", "-i", "a", "-c", config, "--monmap", map_of_monitors)

        def says(*question: str) -> str:
            return subprocess.run(["ceph", "-c", config, "--connect-timeout", "5", *question], env=environment(directory),
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60).stdout

        process = daemons.start("mon", "ceph-mon", "-i", "a", "-f", "-c", config)
        wait_for(lambda: "leader" in says("mon", "stat"), process, "the monitor of Ceph")
        osd = uuid.uuid4()
        daemons.run("ceph", "-c", config, "osd", "new", osd, "0")
        daemons.run("ceph-osd", "--mkfs", "-i", "0", "-c", config, "--osd-uuid", osd)
        process = daemons.start("osd", "ceph-osd", "-i", "0", "-f", "-c", config)
        wait_for(lambda: "1 up" in says("osd", "stat"), process, "the OSD of Ceph")
        process = daemons.start("rgw", "radosgw", "-n", "client.rgw.a", "-f", "-c", config)
        endpoint = f"http://127.0.0.1:{gateway}"
        wait_for(lambda: answered(requests.get, endpoint), process, "the gateway of Ceph")
        daemons.run("radosgw-admin", "-c", config, "user", "create", "--uid=draftstore", "--display-name=draftstore",
                    f"--access-key={key_id}", f"--secret-key={secret}")
        yield [variables(endpoint, key_id, secret)]


@contextlib.contextmanager
def swift(directory: Path):
    """OpenStack Swift of Debian with s3api: one proxy of two processes, one copy of everything."""
    proxy, memcached = free_port(), free_port()
    servers = {kind: free_port() for kind in ("account", "container", "object")}
    secret = secrets.token_hex(20)
    (directory / "srv" / "d").mkdir(parents=True)
    rings = directory / "rings.py"
    rings.write_text(
        f"""
import os
from swift.common.ring import RingBuilder
os.setxattr("srv/d", "user.swift.try", b"metadata is kept so")
for number, (kind, port) in enumerate({servers!r}.items()):
    ring = RingBuilder(4, 1, 0)
    ring.add_dev({{"id": 0, "region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d", "weight": 1}})
    ring.rebalance()
    ring.get_ring().save(kind + ".ring.gz")
"""
    )
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    common = f"[DEFAULT]\nbind_ip = 127.0.0.1\nuser = {user}\nswift_dir = {directory}\nlog_address = {directory}/none\n"
    (directory / "swift.conf").write_text("[swift-hash]\nswift_hash_path_prefix = a\nswift_hash_path_suffix = b\n")
    with contextlib.ExitStack() as stack:
        daemons = Daemons(directory, stack)
        daemons.run(PYTHON, rings)
        daemons.start("memcached", "memcached", "-u", user, "-l", "127.0.0.1", "-p", memcached, "-U", "0", "-m", "32")
        for kind, port in servers.items():
            config = directory / f"{kind}.conf"
            # No updater runs here, so an update of a listing must arrive at once.
            config.write_text(
                f"{common}bind_port = {port}\nworkers = 0\ndevices = {directory}/srv\nmount_check = false\n"
                f"container_update_timeout = 30\n[pipeline:main]\npipeline = healthcheck {kind}-server\n"
                f"[app:{kind}-server]\nuse = egg:swift#{kind}\n[filter:healthcheck]\nuse = egg:swift#healthcheck\n"
            )
            process = daemons.start(kind, f"swift-{kind}-server", config, "-v")
            url = f"http://127.0.0.1:{port}/healthcheck"
            wait_for(lambda: answered(requests.get, url), process, f"the {kind} server of Swift")
        filters = {
            "catch_errors": "", "gatekeeper": "", "healthcheck": "", "proxy_logging": "",
            "memcache": f"memcache_servers = 127.0.0.1:{memcached}\n", "listing_formats": "", "bulk": "",
            "s3api": "s3_acl = false\nlocation = us-east-1\nauth_pipeline_check = false\n",
            "tempauth": f"user_test_tester = {secret} .admin\n", "copy": "", "slo": "", "dlo": "",
            "versioned_writes": "allow_versioned_writes = true\nallow_object_versioning = true\n", "symlink": "",
        }
        config = directory / "proxy.conf"
        config.write_text(
            f"{common}bind_port = {proxy}\nworkers = 2\n[pipeline:main]\n"
            f"pipeline = {' '.join(filters)} proxy-server\n[app:proxy-server]\nuse = egg:swift#proxy\n"
            "account_autocreate = true\nallow_account_management = true\nnode_timeout = 60\n"
            "error_suppression_limit = 1000000\n"
            + "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n{more}" for name, more in filters.items())
        )
        process = daemons.start("proxy", "swift-proxy-server", config, "-v")
        endpoint = f"http://127.0.0.1:{proxy}"
        wait_for(lambda: answered(requests.get, f"{endpoint}/bucket"), process, "the proxy of Swift")
        yield [variables(endpoint, "test:tester", secret)]


@contextlib.contextmanager
def moto(program: Path, directory: Path):
    """moto's server, which imitates AWS for tests and checks no signature."""
    with contextlib.ExitStack() as stack:
        port = free_port()
        process = Daemons(directory, stack).start("moto", program, "-H", "127.0.0.1", "-p", port)
        endpoint = f"http://127.0.0.1:{port}"
        wait_for(lambda: answered(requests.get, endpoint), process, "moto")
        yield [variables(endpoint, "key", "secret")]


@contextlib.contextmanager
def rclone(directory: Path):
    """`rclone serve s3` over a directory."""
    with contextlib.ExitStack() as stack:
        port, key_id, secret = free_port(), secrets.token_hex(10), secrets.token_hex(20)
        (directory / "buckets").mkdir()
        process = Daemons(directory, stack).start(
            "rclone", "rclone", "serve", "s3", directory / "buckets", "--addr", f"127.0.0.1:{port}",
            "--auth-key", f"{key_id},{secret}", "--vfs-cache-mode", "off", "--config", directory / "rclone.conf",
        )
        endpoint = f"http://127.0.0.1:{port}"
        wait_for(lambda: answered(requests.get, endpoint), process, "rclone")
        yield [variables(endpoint, key_id, secret)]


@contextlib.contextmanager
def embedded(binaries: Path, directory: Path):
    """The embedded store of a server of its own, used by others like any store."""
    import json

    with contextlib.ExitStack() as stack:
        port, data = free_port(), directory / "data"
        process = Daemons(directory, stack).start(
            "embedded", binaries / "draftstore-server", STORAGE_TYPE="embedded", EMBEDDED_DATA_DIR=str(data),
            EMBEDDED_PORT=str(port), HTTP_PORT="0", GRPC_PORT="0", ADMIN_PORT="0",
        )
        endpoint = f"http://127.0.0.1:{port}"
        wait_for(lambda: answered(requests.get, endpoint), process, "the embedded store")
        keys = json.loads((data / "credentials.json").read_text())
        yield [variables(endpoint, keys["access_key_id"], keys["secret_access_key"])]


def started(name: str, binaries: Path, directory: Path):
    """Starts a store by its name. Programs that are not Debian's are named by variables."""
    starters = {
        "embedded": lambda: embedded(binaries, directory),
        "seaweedfs": lambda: seaweedfs(Path(os.environ["SEAWEEDFS"]), directory),
        "garage": lambda: garage(Path(os.environ["GARAGE"]), directory),
        "ceph": lambda: ceph(directory),
        "swift": lambda: swift(directory),
        "moto": lambda: moto(Path(os.environ["MOTO"]), directory),
        "rclone": lambda: rclone(directory),
    }
    return starters[name]()


NAMES = ("embedded", "seaweedfs", "garage", "ceph", "swift", "moto", "rclone")

#!/usr/bin/env python3
"""Measures the drafts that a server confirms per second, compared to CopyObject and DeleteObject with the AWS SDK.

The SDK checks nothing, sends no conditions and writes no marker. A confirm makes three calls before it is answered if the
store honours every condition, and one for many drafts after it. On Garage it makes six. Its calls and the server's alternate on the same store with
the same concurrency; a batch confirms eight drafts at a time. Store, server and load share one machine, so that ratios are
comparable between machines and rates are not. Single confirms are also timed on a store that answers like a distant one.

    python3 benches/confirm.py --pairs 5
"""

import contextlib
import itertools
import pathlib
import subprocess
import tempfile
import urllib.request

import harness
from harness.between import Proxy

SDK = "copy and delete by the SDK"
STORES = ("embedded", "garage")
# The method of the server, its concurrency, the concurrency of the SDK, and the number of drafts.
ROWS = [
    ("rest", 1, 1, 400),
    ("grpc", 1, 1, 400),
    ("rest", 32, 32, 3200),
    ("grpc", 32, 32, 3200),
    ("batch", 1, 8, 1600),
    ("batch", 4, 32, 3200),
]
# The latencies of a distant store, in seconds, and the number of drafts that are confirmed there one by one.
LATENCIES = {"head": 0.015, "copy": 0.060, "delete": 0.025, "delete of many": 0.025}
DISTANT = 200
# The minimum speed there, as a share of the SDK's: 1.1 times its time.
GOAL = 0.909

NAMES = {"rest": "ConfirmUpload by REST", "grpc": "ConfirmUpload by gRPC", "batch": "BatchConfirmUploads of 100"}


def main():
    arguments = parse()
    server = harness.built(arguments, "draftstore-server")["draftstore-server"]
    load = built_load(arguments)
    report = harness.Report("confirm")
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        directory = pathlib.Path(directory)
        for name in arguments.store or STORES:
            with store_of(name, server, directory / name) as store:
                measure_on(name, store, server, load, arguments, report)
        if not arguments.store and not arguments.only:
            with harness.Server(server, directory / "distant") as store:
                measure_distant(store, server, load, arguments, report)
    report.write(arguments.json)


def parse():
    parser = harness.options(__doc__, programs=("draftstore-server", "confirm_load"))
    parser.add_argument("--store", action="append", choices=STORES, help="may be given twice (both)")
    parser.add_argument("--only", action="append", choices=NAMES, help="may be given several times (all)")
    parser.add_argument("--scale", type=float, default=1, help="of the number of drafts (1)")
    parser.add_argument("--directory", help="where the stores are (the system's temporary directory)")
    return parser.parse_args()


def built_load(arguments):
    """Builds the load generator, which is an example of the benches."""
    return arguments.confirm_load or harness.example("confirm_load")


def store_of(name, server, data):
    return harness.Server(server, data) if name == "embedded" else harness.Garage(data)


@contextlib.contextmanager
def loaded(store, endpoint, server, load):
    """Starts a server on the store, and yields a function that confirms drafts in one way, and returns the seconds for all of
    them and their median."""
    unlimited = {limit: "off" for limit in ("RATE_LIMIT", "CONFIRM_RATE_LIMIT", "ADDRESS_RATE_LIMIT")}
    environment = {"STORAGE_TYPE": "s3", "S3_ENDPOINT": endpoint, **store.credentials(), **unlimited}
    with harness.Server(server, environment=environment) as confirming:
        rest, grpc = ("%s:%d" % confirming.address(front) for front in ("http", "grpc"))
        make_buckets(rest)
        addresses = {"S3_ENDPOINT": endpoint, "REST": rest, "GRPC": grpc, **store.credentials()}
        numbers = itertools.count()

        def confirm(who, count, concurrency):
            command = [load, who, str(count), str(concurrency), str(next(numbers))]
            said = subprocess.run(command, env=addresses, check=True, stdout=subprocess.PIPE).stdout
            return [float(seconds) for seconds in said.split()]

        yield confirm


def measure_on(name, store, server, load, arguments, report):
    endpoint = store.store if name == "embedded" else store.endpoint
    with loaded(store, endpoint, server, load) as confirm:
        for by, at_once, beside, count in ROWS:
            if by not in (arguments.only or NAMES):
                continue
            count = int(count * arguments.scale)

            def rate(who, concurrency):
                return count / confirm(who, count, concurrency)[0]

            measures = {SDK: lambda: rate("sdk", beside), NAMES[by]: lambda: rate(by, at_once)}
            figures = harness.alternate(arguments.pairs, measures, less_is_better=False, unit="/s")
            report.compare(f"{name} store, {at_once} at once", figures, NAMES[by], "/s")


def measure_distant(store, server, load, arguments, report):
    proxy = Proxy(store.store, LATENCIES)
    with loaded(store, proxy.endpoint, server, load) as confirm:
        median = lambda who: lambda: confirm(who, DISTANT, 1)[1]
        for by in ("rest", "grpc"):
            measures = {SDK: median("sdk"), NAMES[by]: median(by)}
            figures = harness.alternate(arguments.pairs, measures)
            report.compare("HEAD 15 ms, copy 60 ms, delete 25 ms late, median of one", figures, NAMES[by], "s", {SDK: GOAL})
    proxy.close()


def make_buckets(rest):
    request = urllib.request.Request(f"http://{rest}/api/v1/draft-bucket", b"{}", method="POST")
    request.add_header("content-type", "application/json")
    urllib.request.urlopen(request).read()


if __name__ == "__main__":
    main()

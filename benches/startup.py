#!/usr/bin/env python3
"""Measures the time from the start of the server to its first response, with S3 as its store.

    python3 benches/startup.py
"""

import http.client
import pathlib
import tempfile
import threading
import time

from harness import Report, Server, built, free_port, options

# The goal.
AT_MOST_MS = 50


def main():
    arguments = options(__doc__, pairs=15).parse_args()
    server = built(arguments, "draftstore-server")["draftstore-server"]
    report = Report("startup")
    with tempfile.TemporaryDirectory() as directory, Server(server, pathlib.Path(directory)) as store:
        settings = {"STORAGE_TYPE": "s3", "S3_ENDPOINT": store.store, **store.credentials()}
        figures = [first_answer(server, settings) for _ in range(arguments.pairs + 1)][1:]
    report.measure("From the start to the first answer", figures, "ms", AT_MOST_MS)
    report.write(arguments.json)


def first_answer(server, settings):
    """Returns the time of the first response in milliseconds."""
    port, answered = free_port(), []
    began = time.perf_counter()

    def ask():
        while not answered:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            try:
                connection.request("GET", "/health/live")
                assert connection.getresponse().status == 200
                answered.append(time.perf_counter())
            except ConnectionError:
                time.sleep(0.0005)
            finally:
                connection.close()

    asking = threading.Thread(target=ask)
    asking.start()
    with Server(server, environment={**settings, "HTTP_PORT": str(port)}):
        asking.join()
    return (answered[0] - began) * 1000


if __name__ == "__main__":
    main()

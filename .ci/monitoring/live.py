"""A real Prometheus over real servers: python live.py BINARIES [--picture FILE]

Two servers on one store and a sweep that pushes its figures are scraped as docs/operate/observability.md says, while clients upload, confirm
and make mistakes. Every metric that docs/reference/metrics.md lists has to arrive, every alert to be loaded and none to fire that should not,
every panel's query to be answered."""

import argparse
import contextlib
import http.client
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / ".ci/rolling"))

from picture import draw  # noqa: E402
from servers import PATIENCE_SECONDS, Server, eventually, free_ports  # noqa: E402

PROMETHEUS = """
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files:
  - {alerts}
scrape_configs:
  - job_name: draftstore-server
    static_configs:
      - targets: [{servers}]
  - job_name: pushgateway
    honor_labels: true
    static_configs:
      - targets: ["127.0.0.1:{pushgateway}"]
  - job_name: node
    honor_labels: true
    static_configs:
      - targets: ["127.0.0.1:{node}"]
"""

# Never seen in a run in which nothing is amiss.
NOT_IN_A_GOOD_RUN = {"draftstore_store_retries_total", "draftstore_sweep_brake"}
# For pictures: as long as their panels show, in seconds.
PICTURE_SECONDS = 150


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binaries", type=Path)
    arguments.add_argument("--picture", type=Path)
    arguments = arguments.parse_args()
    with contextlib.ExitStack() as stack:
        run(arguments.binaries.resolve(), arguments.picture, stack)


def run(binaries, picture, stack):
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    [store_port, pushgateway_port, node_port, port] = free_ports(4)
    keys = {"AWS_ACCESS_KEY_ID": "monitored", "AWS_SECRET_ACCESS_KEY": "a secret for this run alone"}
    store = Server(binaries / "draftstore-server", directory, "store", {"STORAGE_TYPE": "embedded", "EMBEDDED_PORT": store_port} | keys)
    variables = {"S3_ENDPOINT": f"http://127.0.0.1:{store_port}"} | keys
    servers = [Server(binaries / "draftstore-server", directory, name, variables) for name in "ab"]
    for server in [store, *servers]:
        stack.callback(server.kill)
        server.start()
    textfiles = directory / "textfiles"
    textfiles.mkdir()
    start(stack, directory, ["prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{pushgateway_port}"])
    start(stack, directory, ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{node_port}", "--collector.disable-defaults",
                             "--collector.textfile", f"--collector.textfile.directory={textfiles}"])
    config = directory / "prometheus.yml"
    targets = ", ".join(f'"127.0.0.1:{server.admin}"' for server in servers)
    config.write_text(PROMETHEUS.format(alerts=REPO / "manifest/monitoring/alerts.yaml", servers=targets, pushgateway=pushgateway_port, node=node_port))
    start(stack, directory, ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}"])
    prometheus = Prometheus(port)
    eventually(prometheus.is_ready, "Prometheus is ready")

    stop = threading.Event()
    clients = [threading.Thread(target=client, args=(servers[number % 2], number, stop), daemon=True) for number in range(3)]
    for thread in clients:
        thread.start()
    for thread in clients:
        stack.callback(thread.join, PATIENCE_SECONDS)
    stack.callback(stop.set)
    sweep(binaries, directory, variables, {"PUSHGATEWAY_URL": f"http://127.0.0.1:{pushgateway_port}"})
    sweep(binaries, directory, variables, {"METRICS_TEXTFILE": str(textfiles / "draftstore.prom")})
    if picture:
        time.sleep(PICTURE_SECONDS)

    for server in servers:
        lint(f"http://127.0.0.1:{server.admin}/metrics")
    names = listed() - NOT_IN_A_GOOD_RUN
    eventually(lambda: not missing(prometheus, names), "every metric arrives", say=lambda: missing(prometheus, names))
    for job in ["draftstore_cronjob", "node"]:
        query = f'draftstore_sweep_success{{job="{job}"}} == 1'
        eventually(lambda: prometheus.query(query), f"the sweep's figures arrive: {query}", say=lambda: prometheus.query("draftstore_sweep_success"))
    loaded = {rule["name"] for group in prometheus.get("rules")["groups"] for rule in group["rules"]}
    written = set(re.findall(r"- alert: (\w+)", (REPO / "manifest/monitoring/alerts.yaml").read_text()))
    assert loaded == written, f"loaded: {loaded ^ written}"
    firing = {alert["labels"]["alertname"] for alert in prometheus.get("alerts")["alerts"] if alert["state"] == "firing"}
    assert not firing, f"nothing is wrong, and yet: {firing}"
    panels = json.loads((REPO / "manifest/monitoring/dashboard.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    empty = [query for query in queries if not prometheus.query(query.replace("$__rate_interval", "1m"))]
    print(f"{len(names)} metrics arrived, {len(loaded)} alerts are loaded, {len(queries)} queries answered, of which have nothing to show:")
    print("\n".join(f"  {query}" for query in empty))
    if picture:
        draw(prometheus, panels, PICTURE_SECONDS, picture)


def start(stack, directory, command):
    with (directory / f"{command[0]}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.kill)


class Prometheus:
    """What it knows, by its API."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def is_ready(self):
        try:
            return urllib.request.urlopen(f"{self.url}/-/ready", timeout=5).status == 200
        except OSError:
            return False

    def get(self, path, **parameters):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, query):
        return self.get("query", query=query)["result"]

    def range(self, query, start, end, step):
        return self.get("query_range", query=query, start=start, end=end, step=step)["result"]


def listed():
    """The metrics of docs/reference/metrics.md's tables, a histogram by its count."""
    rows = re.findall(r"^\| `(draftstore_\w+)` \| (\w+) \|", (REPO / "docs/reference/metrics.md").read_text(), re.MULTILINE)
    return {f"{name}_count" if kind == "histogram" else name for name, kind in rows}


def missing(prometheus, names):
    return sorted(name for name in names if not prometheus.query(name))


def lint(url):
    text = urllib.request.urlopen(url, timeout=30).read()
    subprocess.run(["promtool", "check", "metrics"], input=text, check=True)


def sweep(binaries, directory, variables, more):
    environment = {name: str(value) for name, value in (variables | more).items()}
    subprocess.run([binaries / "draftstore-cronjob"], cwd=directory, env=environment, check=True, timeout=PATIENCE_SECONDS, capture_output=True)


def client(server, number, stop):
    """Uploads, keeps, previews, and makes the mistakes that clients make."""
    api = http.client.HTTPConnection("127.0.0.1", server.http, timeout=PATIENCE_SECONDS)

    def call(path, **message):
        api.request("POST", f"/api/v1/{path}", body=json.dumps(message))
        return json.loads(api.getresponse().read())

    done = 0
    while not stop.wait(0.02):
        done += 1
        name = f"{number}/{done}"
        issued = call("upload-url", object_name=name)
        url = urllib.parse.urlsplit(issued["upload_url"])
        store = http.client.HTTPConnection(url.netloc, timeout=PATIENCE_SECONDS)
        store.request("PUT", f"{url.path}?{url.query}", body=bytes(1000 * (1 + done % 50)), headers=issued.get("headers", {}))
        store.getresponse().read()
        store.close()
        if done % 7:
            call("confirm-upload", object_name=name)
        if done % 11 == 0:
            call("confirm-upload", object_name=name)
        if done % 13 == 0:
            call("confirm-upload", object_name="nobody uploaded this")
        if done % 17 == 0:
            call("upload-url", object_name="")
        call("download-url", object_name=name)


if __name__ == "__main__":
    main()

"""A store that generates its drafts when they are listed, so that it can have a million of them."""

import bisect
import collections
import http.server
import json
import multiprocessing
import re
import threading
import time
import urllib.parse

PAGE = 1_000
SHARDS = 256
INVENTORIES = ".drafts/usage/"
WANTED = ".drafts/events/.wanted/"
ETAG = "&quot;9dd4e461268c8034f5c8564e155c67a6&quot;"
# The year 2100, in milliseconds.
FAR_AHEAD = 4_102_444_800_000


class MadeUpStore:
    """A store of `size` unique drafts of which `expired` have expired (None: all), and of `kept` objects of a hundred tenants in
    main, in a process of its own. It supports list and delete only, and keeps the inventories of counts. `key` returns the key of
    a draft from its number and its expiration time."""

    def __init__(self, size, expired, key, kept=0):
        self.arguments = (size, size if expired is None else expired, key, kept)

    def __enter__(self):
        self.ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=_run, args=(theirs, *self.arguments), daemon=True)
        self.process.start()
        self.port = self.ours.recv()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()

    def environment(self, usage_lists=0):
        return {
            "USAGE_LISTS": str(usage_lists),
            "STORAGE_TYPE": "s3",
            "S3_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "RUST_LOG": "error",
        }

    def close(self):
        """Stops the store. Returns the number of requests by kind, and the number of objects in the last count."""
        self.ours.send("end")
        return self.ours.recv()


def _run(pipe, size, expired, key, kept):
    spread = [key(number) for number in range(expired)]
    spread += [key(number, FAR_AHEAD) for number in range(expired, size)]
    spread.sort()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.drafts, server.counts = _Drafts(spread), collections.Counter()
    server.main = _Drafts(sorted(f"t{number % 100:02}/{number:09}" for number in range(kept)))
    server.inventories = {}
    pipe.send(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.recv()
    pipe.send((dict(server.counts), _counted(server.inventories)))
    time.sleep(3600)


def _counted(inventories):
    if not inventories:
        return 0
    last = json.loads(inventories[max(inventories)])["last"]
    return sum(usage["objects"] for _, usage in last["counts"]["groups"]) if last else 0


class _Drafts:
    """The drafts in order, without the deleted ones."""

    def __init__(self, keys):
        self.keys, self.deleted = keys, set()

    def page(self, prefix, after):
        place = bisect.bisect_right(self.keys, after) if after >= prefix else bisect.bisect_left(self.keys, prefix)
        found = []
        while place < len(self.keys) and self.keys[place].startswith(prefix) and len(found) <= PAGE:
            if self.keys[place] not in self.deleted:
                found.append(self.keys[place])
            place += 1
        return found[:PAGE], len(found) > PAGE


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without Nagle's algorithm: a page has several segments, which must not wait for acknowledgements.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))
        if "uploads" in query:
            self.count("list of uploads")
            return self.respond("<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>")
        if query.get("list-type") != "2":
            saved = self.server.inventories.get(self.key())
            return self.refuse() if saved is None else self.respond_with(saved)
        self.count("list")
        if query.get("prefix", "").startswith(INVENTORIES):
            return self.list([(key, len(saved)) for key, saved in sorted(self.server.inventories.items())], more=False)
        after = query.get("continuation-token", query.get("start-after", ""))
        bucket = self.server.main if urllib.parse.urlsplit(self.path).path.strip("/") == "main" else self.server.drafts
        keys, more = bucket.page(query.get("prefix", ""), after)
        self.list([(key, 1) for key in keys], more)

    def list(self, objects, more):
        keys = [key for key, _ in objects]
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>{ETAG}</ETag><Size>{size}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key, size in objects
        )
        token = f"<NextContinuationToken>{keys[-1]}</NextContinuationToken>" if more else ""
        self.respond(
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(keys)}</KeyCount>"
            f"<EncodingType>url</EncodingType>{token}{entries}</ListBucketResult>"
        )

    def do_POST(self):
        body = self.body()
        if "delete" not in urllib.parse.urlsplit(self.path).query:
            return self.refuse()
        self.count("delete of many")
        self.server.drafts.deleted.update(re.findall("<Key>([^<]*)</Key>", body))
        self.respond("<DeleteResult></DeleteResult>")

    def do_PUT(self):
        body = self.body()
        if not self.key().startswith(INVENTORIES):
            return self.refuse()
        self.count("save")
        self.server.inventories[self.key()] = body.encode()
        self.respond_with(b"")

    def do_DELETE(self):
        self.body()
        if self.server.inventories.pop(self.key(), None) is None:
            return self.refuse()
        self.count("delete")
        self.respond_with(b"", 204)

    def do_HEAD(self):
        # A sweep looks for the notes of events that endpoints want. There are none.
        if not self.key().startswith(WANTED):
            return self.refuse()
        self.count("look for a note")
        self.respond("<Error><Code>NoSuchKey</Code><Message>No.</Message></Error>", 404)

    def key(self):
        return urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).lstrip("/").partition("/")[2]

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()

    def count(self, kind):
        self.server.counts[kind] += 1

    def refuse(self):
        """Rejects all other requests, like a store that allows only list and delete, so that the server learns nothing of it."""
        self.respond("<Error><Code>AccessDenied</Code><Message>No.</Message></Error>", 403)

    def respond(self, document, status=200):
        self.respond_with(f'<?xml version="1.0" encoding="UTF-8"?>{document}'.encode(), status)

    def respond_with(self, data, status=200):
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", ETAG.replace("&quot;", '"'))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *_):
        pass

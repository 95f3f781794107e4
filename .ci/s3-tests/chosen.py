"""A plugin for pytest: which of ceph/s3-tests run, how forms are signed, and what became of each test.

Chosen are the tests of what a broker's store does: buckets, objects, listings, ranges, conditions, copies, uploads in parts,
checksums, presigned URLs, forms and CORS (group `core`), and of versions, tags, locks and lifecycle rules (group `kept`). Not
chosen are those that AWS itself fails by the suite's own mark, those of features that the embedded store has on purpose not
(access for others than the owner of the bucket, encryption, logs, websites, notifications, appending), and those that need a
second account or Signature Version 2."""

import base64
import datetime
import hashlib
import hmac
import inspect
import json
import os
import re

MARKERS = {
    "abac_test", "appendobject", "auth_aws2", "bucket_encryption", "bucket_logging", "bucket_logging_cleanup", "bucket_policy",
    "cloud_restore", "cloud_transition", "encryption", "fails_on_aws", "group", "group_policy", "iam_account", "iam_cross_account",
    "iam_role", "iam_tenant", "iam_user", "object_ownership", "role_policy", "s3select", "s3website", "s3website_redirect_location",
    "s3website_routing_rules", "session_policy", "skip", "sns", "sse_s3", "target_by_bucket", "test_of_sts", "user_policy",
}  # fmt: skip
NAMES = re.compile(
    r"acl|bucket_policy|with_policy|policy_prefix|public|_sse|kms|logging|website|torrent|requester|usage|ownership|encryption|anon|account"
)
# Access for others is set up, or a second account, or a client that signs by version 2.
SOURCE = re.compile(r"_acl\(|\bACL=|unauthenticated|anonymous|alt_client|tenant_client|get_alt|get_tenant|v2_client\(|Policy\(")
KEPT = re.compile(r"version|(?<!percen)(?<!e)tag|object_lock|lifecycle|storage_class|delete_marker")
# They look at the state after days of the suite's own clock, which only Ceph has.
CLOCK = re.compile(r"lc_debug|get_lc_debug_interval|restore_debug")


def group(item):
    """The group of a test, or None if it is not chosen."""
    name = item.originalname or item.name
    source = inspect.getsource(item.function)
    marks = {mark.name for mark in item.iter_markers()}
    if marks & MARKERS or NAMES.search(name) or SOURCE.search(source) or CLOCK.search(source):
        return None
    return "kept" if KEPT.search(name) else "core"


def pytest_collection_modifyitems(config, items):
    chosen = [item for item in items if group(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen
    for item in chosen:
        item.user_properties.append(("group", group(item)))
    for module in {item.module for item in chosen}:
        if hasattr(module, "requests"):
            module.requests = SignedForms(module.requests)


def pytest_runtest_logreport(report):
    if report.when == "call" or report.failed or report.skipped:
        line = {"name": report.nodeid.split("::")[-1], "outcome": report.outcome, **dict(report.user_properties)}
        with open(os.environ["S3_TESTS_OUTCOMES"], "a", encoding="utf-8") as outcomes:
            print(json.dumps(line), file=outcomes)


class SignedForms:
    """The module `requests`, but that forms are signed by version 4.

    The suite signs forms by version 2, which AWS accepts only in buckets from before June 2020. A signature that was right
    stays right and a wrong one wrong, and the policy names the fields of the new one."""

    def __init__(self, requests):
        self.requests = requests

    def __getattr__(self, name):
        return getattr(self.requests, name)

    def post(self, url, files=None, **options):
        # The names of fields are in any case.
        policy = next((name for name in files or () if name.lower() == "policy"), None)
        if policy and "AWSAccessKeyId" in files:
            files = signed(files, files[policy])
        return self.requests.post(url, files=files, **options)


def signed(files, policy):
    from s3tests.functional import config

    replaced = ("awsaccesskeyid", "signature", "policy", "file")
    fields = {name: value for name, value in files.items() if name.lower() not in replaced}
    secret = config.main_secret_key.encode()
    policy = policy if isinstance(policy, bytes) else policy.encode()
    now = datetime.datetime.now(datetime.timezone.utc)
    day, region = now.strftime("%Y%m%d"), "us-east-1"
    added = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{files['AWSAccessKeyId']}/{day}/{region}/s3/aws4_request",
        "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
    }
    right = base64.b64encode(hmac.new(secret, policy, hashlib.sha1).digest())
    try:
        document = json.loads(base64.b64decode(policy))
        document["conditions"] += [{name: value} for name, value in added.items()]
        policy = base64.b64encode(json.dumps(document).encode())
    except (ValueError, KeyError, TypeError):
        pass  # The test sends what is no policy.
    key = b"AWS4" + secret
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, policy, hashlib.sha256).hexdigest()
    fields |= added | {"policy": policy}
    if "signature" in files:
        given = files["signature"]
        given = given if isinstance(given, bytes) else given.encode()
        fields["x-amz-signature"] = signature if given == right else signature[::-1]
    return fields | {"file": files["file"]}

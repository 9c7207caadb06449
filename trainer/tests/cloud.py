"""A small cloud on 127.0.0.1 for tests: the metadata service, S3 (path style), CloudWatch Logs. Stateful; can fail.

Signatures are checked with botocore's own signer, so whoever signs by hand is held to it.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

INSTANCE = "i-0123456789abcdef0"
ROLE = "AROAEXAMPLE"
KEY = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret", "Token": "session"}
PREFIX = f"instances/{ROLE}:{INSTANCE}/"


class Cloud:
    """State that tests set and read; `fail` maps a path's beginning to a list of statuses answered first.

    `after_put` is called with a key before its put is answered. `cut`: after so many bytes the connection of the next
    download ends. `ranges`: what downloads asked for.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.order: list[str] = []
        self.heartbeats: list[dict[str, Any]] = []
        self.spot_action: dict[str, str] | None = None
        self.rebalance = False
        self.logs: list[str] = []
        self.streams: set[str] = set()
        self.fail: dict[str, list[int]] = {}
        self.refusal = b""
        self.after_put: Callable[[str], object] = len
        self.cut: list[int] = []
        self.ranges: list[str] = []
        self.ignores_ranges = False
        self.token_valid = True
        self.url = ""

    def put_json(self, key: str, value: object) -> None:
        self.objects[PREFIX + key] = json.dumps(value).encode()

    def json(self, key: str) -> Any:
        return json.loads(self.objects[PREFIX + key])

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url,
            "AWS_REGION": "eu-central-1",
            "SPOTLEARN_BUCKET": "bucket",
            "SPOTLEARN_ROLE_ID": ROLE,
        }


def etag(body: bytes) -> str:
    return '"' + hashlib.md5(body, usedforsecurity=False).hexdigest() + '"'


class Handler(BaseHTTPRequestHandler):
    cloud: Cloud
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            whole = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return _unchunked(whole) if "aws-chunked" in self.headers.get("Content-Encoding", "") else whole

    def _failing(self) -> bool:
        for beginning, statuses in self.cloud.fail.items():
            if self.path.startswith(beginning) and statuses:
                self._body()
                self._answer(statuses.pop(0), self.cloud.refusal)
                return True
        return False

    def do_PUT(self) -> None:
        if self._failing():
            return None
        if self.path == "/latest/api/token":
            self._body()
            self.cloud.token_valid = True
            return self._answer(200, b"token")
        key = self.path.removeprefix("/bucket/").partition("?")[0].replace("%3A", ":")
        body = self._body()
        if not self._signed():
            return self._answer(403)
        self.cloud.objects[key] = body
        self.cloud.order.append(key)
        self.cloud.after_put(key)
        if key.endswith("heartbeat.json"):
            self.cloud.heartbeats.append(json.loads(body))
        return self._answer(200, ETag=etag(body))

    def do_GET(self) -> None:
        if self._failing():
            return None
        if self.path.startswith("/latest/"):
            return self._metadata(self.path.removeprefix("/latest/meta-data/"))
        path, _, query = self.path.partition("?")
        key = path.removeprefix("/bucket/").replace("%3A", ":")
        if query != "presigned" and not self._signed():
            return self._answer(403)
        body = self.cloud.objects.get(key)
        if body is None:
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        if self.headers.get("If-Match", etag(body)) != etag(body):
            return self._answer(412)
        if self.headers.get("If-None-Match") == etag(body):
            return self._answer(304, ETag=etag(body))
        return self._download(body) if query == "presigned" else self._answer(200, body, ETag=etag(body))

    def _download(self, body: bytes) -> None:
        cloud, wanted = self.cloud, self.headers.get("Range", "")
        cloud.ranges.append(wanted)
        status, start, more = 200, 0, {}
        if wanted and not cloud.ignores_ranges:
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            if start >= len(body):
                return self._answer(416)
            status, more = 206, {"Content_Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
        if not cloud.cut:
            return self._answer(status, body[start:], ETag=etag(body), **more)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body) - start), "ETag": etag(body), **more}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body[start : start + cloud.cut.pop(0)])
        self.close_connection = True
        return None

    def do_POST(self) -> None:
        body = json.loads(self._body())
        if self._failing_logs():
            return self._answer(400, json.dumps({"__type": "AccessDeniedException"}).encode())
        action = self.headers["X-Amz-Target"].partition(".")[2]
        if action == "CreateLogStream":
            if body["logStreamName"] in self.cloud.streams:
                return self._answer(400, json.dumps({"__type": "ResourceAlreadyExistsException"}).encode())
            self.cloud.streams.add(body["logStreamName"])
        else:
            self.cloud.logs += [event["message"] for event in body["logEvents"]]
        return self._answer(200, b"{}", Content_Type="application/x-amz-json-1.1")

    def _failing_logs(self) -> bool:
        return bool(self.cloud.fail.get("logs"))

    def _metadata(self, path: str) -> None:
        cloud = self.cloud
        if not cloud.token_valid or not self.headers.get("X-aws-ec2-metadata-token"):
            return self._answer(401)
        answers: dict[str, bytes | None] = {
            "instance-id": INSTANCE.encode(),
            "iam/security-credentials/": b"worker",
            "iam/security-credentials/worker": json.dumps(
                {**KEY, "Code": "Success", "Type": "AWS-HMAC", "Expiration": "2099-01-01T00:00:00Z",
                 "LastUpdated": "2026-01-01T00:00:00Z"}).encode(),
            "spot/instance-action": json.dumps(cloud.spot_action).encode() if cloud.spot_action else None,
            "events/recommendations/rebalance": b'{"noticeTime": "x"}' if cloud.rebalance else None,
        }  # fmt: skip
        found = answers.get(path)
        return self._answer(200, found) if found is not None else self._answer(404)

    def _signed(self) -> bool:
        """Whether the request's signature is the one botocore computes for it."""
        given = self.headers.get("Authorization", "")
        if "SignedHeaders=" not in given:
            return False
        names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        request = AWSRequest(
            self.command, self.cloud.url + self.path, headers={name: self.headers[name] for name in names}
        )
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        request.context["payload_signing_enabled"] = True
        scope = given.partition("Credential=")[2].split("/")
        auth = _Signer(Credentials(KEY["AccessKeyId"], KEY["SecretAccessKey"], KEY["Token"]), "s3", scope[2])
        auth.names = names
        canonical = auth.canonical_request(request)
        return given.endswith("Signature=" + auth.signature(auth.string_to_sign(request, canonical), request))


class _Signer(S3SigV4Auth):  # type: ignore[misc]
    names: list[str]

    def headers_to_sign(self, request: Any) -> Any:
        import http.client

        chosen = http.client.HTTPMessage()
        for name in self.names:
            chosen[name] = request.headers[name]
        return chosen

    def payload(self, request: Any) -> str:
        return str(request.headers["X-Amz-Content-SHA256"])


def _unchunked(raw: bytes) -> bytes:
    """The content of an aws-chunked body."""
    body = b""
    while raw:
        head, _, raw = raw.partition(b"\r\n")
        size = int(head.split(b";")[0] or b"0", 16)
        if size == 0:
            break
        body, raw = body + raw[:size], raw[size + 2 :]
    return body


@contextmanager
def running() -> Iterator[Cloud]:
    cloud = Cloud()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"cloud": cloud}))
    server.daemon_threads = True
    cloud.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Objects under the instance's own prefix: ticket and control in, heartbeat, checkpoints and results out.

`S3Store` uses the instance role's credentials, found by botocore's default chain. The role may touch nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

CONTENT_TYPES = {"json": "application/json", "log": "text/plain; charset=utf-8"}


@dataclass(frozen=True)
class Found:
    """An object's content and version."""

    body: bytes
    etag: str


class Store(Protocol):
    """Keys are relative to the instance's prefix."""

    @property
    def prefix(self) -> str:
        """`instances/<role id>:<instance id>/`"""
        ...

    def get(self, key: str, unless: str = "") -> Found | None:
        """None when there is no such object, or when it still is the version `unless` (an etag)."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Writes the whole object."""
        ...


def client_for(service: str, region: str) -> Any:
    """A botocore client; imported here because it costs a fifth of a second."""
    import botocore.config
    import botocore.session

    config = botocore.config.Config(
        region_name=region, connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5}
    )
    return botocore.session.get_session().create_client(service, config=config)


def _nothing_there(response: Any) -> bool:
    """S3 says AccessDenied for what is missing to a role that may list its own prefix only (GetObject names none)."""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in {304, 404} or (status == 403 and response.get("Error", {}).get("Code") == "AccessDenied")


class S3Store:
    """The bucket, below one prefix."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    @property
    def prefix(self) -> str:
        return self._prefix

    def get(self, key: str, unless: str = "") -> Found | None:
        from botocore.exceptions import ClientError

        condition = {"IfNoneMatch": unless} if unless else {}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key, **condition)
        except ClientError as error:
            if _nothing_there(error.response):
                return None
            raise
        return Found(answer["Body"].read(), answer["ETag"])

    def put(self, key: str, body: bytes) -> None:
        kind = CONTENT_TYPES.get(key.rpartition(".")[2], "application/octet-stream")
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=body, ContentType=kind)

"""What the instance knows about itself: its id, and whether Amazon is about to take it back (IMDSv2).

A pod has no such service: its id is given to it (`SPOTLEARN_INSTANCE_ID`) and nobody gives notice but by SIGTERM.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Protocol

from trainer.errors import TRY_AGAIN, PlatformError

DEFAULT_ENDPOINT = "http://169.254.169.254"
TOKEN_SECONDS = 21_600
TIMEOUT_SECONDS = 2.0


class Metadata(Protocol):
    """The part of the metadata service a worker needs."""

    def instance_id(self) -> str:
        """E.g. i-0123456789abcdef0."""
        ...

    def spot_action(self) -> str | None:
        """`terminate`, `stop` or `hibernate` once the two-minute notice is given."""
        ...

    def rebalance_recommended(self) -> bool:
        """Whether the risk of an interruption has risen."""
        ...


class InstanceMetadata:
    """IMDSv2 over HTTP; the endpoint may be moved by AWS_EC2_METADATA_SERVICE_ENDPOINT, as botocore has it."""

    def __init__(self, endpoint: str | None = None) -> None:
        chosen = endpoint or os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or DEFAULT_ENDPOINT
        self._base = chosen.rstrip("/")
        self._token = ""
        # The metadata service is never behind a proxy.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def instance_id(self) -> str:
        try:
            body = self._get("instance-id")
        except OSError as error:
            raise PlatformError("NoMetadata", "The instance's metadata service does not answer.", TRY_AGAIN) from error
        if not body:
            raise PlatformError("NoMetadata", "The metadata service does not know this instance's id.", TRY_AGAIN)
        return body

    def spot_action(self) -> str | None:
        body = self._get("spot/instance-action")
        if body is None:
            return None
        try:
            return str(json.loads(body).get("action", "terminate"))
        except (ValueError, AttributeError):
            return "terminate"

    def rebalance_recommended(self) -> bool:
        return self._get("events/recommendations/rebalance") is not None

    def _get(self, path: str) -> str | None:
        """None where there is nothing (404). A token that ran out is fetched anew once."""
        for attempt in range(2):
            request = urllib.request.Request(  # noqa: S310 - http is the metadata service's only protocol
                f"{self._base}/latest/meta-data/{path}", headers={"X-aws-ec2-metadata-token": self._fresh_token()}
            )
            try:
                with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                    return str(response.read().decode().strip())
            except urllib.error.HTTPError as error:
                error.close()
                if error.code == 404:
                    return None
                if error.code != 401 or attempt:
                    raise
                self._token = ""
        return None

    def _fresh_token(self) -> str:
        if not self._token:
            request = urllib.request.Request(  # noqa: S310
                f"{self._base}/latest/api/token",
                method="PUT",
                headers={"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)},
            )
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                self._token = response.read().decode()
        return self._token

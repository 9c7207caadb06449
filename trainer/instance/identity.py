"""Who this worker is, from its environment and, on an instance, from the metadata service."""

from __future__ import annotations

import os
import re

from trainer.errors import PlatformError
from trainer.instance.metadata import InstanceMetadata
from trainer.instance.store import S3Store, client_for


def setting(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise PlatformError("NotConfigured", f"{name} is not set.", "Start the worker with its boot script.")
    return value


def identity() -> tuple[InstanceMetadata | None, str]:
    """Whom to ask for notices (None in a pod), and this instance's id."""
    given = os.environ.get("SPOTLEARN_INSTANCE_ID", "")
    if not given:
        metadata = InstanceMetadata()
        return metadata, metadata.instance_id()
    if not re.fullmatch(r"[\w.-]{1,128}", given, re.ASCII) or set(given) == {"."}:
        raise PlatformError("NotConfigured", "SPOTLEARN_INSTANCE_ID is not a name.", "Give the pod's own name.")
    return None, given


def own_store(instance: str) -> S3Store:
    """The instance's prefix of the bucket."""
    bucket, region, role = (setting(name) for name in ("SPOTLEARN_BUCKET", "AWS_REGION", "SPOTLEARN_ROLE_ID"))
    return S3Store(client_for("s3", region), bucket, f"instances/{role}:{instance}/")

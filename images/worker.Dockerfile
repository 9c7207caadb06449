# syntax=docker/dockerfile:1
# The worker, for placement Cluster: the same sources and the same locked packages as on a Spot machine, all packs inside.
# The digest of the base is the builder's to pin: --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.12.12-slim-bookworm
FROM ${PYTHON_IMAGE} AS packages
COPY requirements.lock /
RUN ["python3", "-m", "pip", "install", "--no-cache-dir", "--require-hashes", "--target", "/packages", "-r", "/requirements.lock"]
FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="spotlearn-worker" org.opencontainers.image.licenses="Apache-2.0"
ENV PYTHONPATH=/app:/packages PYTHONUNBUFFERED=1 PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1 ORT_DISABLE_TELEMETRY=1
COPY --from=packages /packages /packages
COPY app/ /app/
USER 65532:65532
ENTRYPOINT ["python3", "-m", "trainer"]

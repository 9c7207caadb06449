# syntax=docker/dockerfile:1
# The prediction handler as a program, for placement Cluster: what is in Lambda's zip, unpacked by npm run images for either processor.
# The digest of the base is the builder's to pin: --build-arg NODE_IMAGE=node@sha256:…
ARG NODE_IMAGE=node:24.11.1-bookworm-slim
FROM ${NODE_IMAGE}
ARG TARGETARCH
LABEL org.opencontainers.image.title="spotlearn-prediction" org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production ORT_DISABLE_TELEMETRY=1
COPY ${TARGETARCH}/ /app/
USER 65532:65532
ENTRYPOINT ["node", "/app/main.mjs"]

# syntax=docker/dockerfile:1
# The bot: Node and its bundle (npm run images), nothing else. Runs with a read-only root; writes only below /tmp.
# The digest of the base is the builder's to pin: --build-arg NODE_IMAGE=node@sha256:…
ARG NODE_IMAGE=node:24.11.1-bookworm-slim
FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="spotlearn-bot" org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps
COPY app/ /app/
USER 65532:65532
ENTRYPOINT ["node", "/app/main.mjs"]

# syntax=docker/dockerfile:1
# The API: Express, the sweeper, the dashboard. Nothing of TensorFlow.
#
# Bases are pinned by version. To pin by digest: `docker buildx imagetools inspect node:24.21.0-bookworm-slim` tells it;
# put `@sha256:...` behind the tag below, or build with --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:...
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

# The same in every image, so that it is built once: everything is compiled, with the development packages.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY shared/package.json shared/
COPY api/package.json api/
COPY worker/package.json worker/
COPY scripts/package.json scripts/
RUN npm ci --ignore-scripts --include-workspace-root -w @waggle/shared -w @waggle/api -w @waggle/worker -w @waggle/scripts
COPY . .
RUN npm run build

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY shared/package.json shared/
COPY api/package.json api/
RUN npm ci --ignore-scripts --omit=dev -w @waggle/shared -w @waggle/api

FROM ${NODE_IMAGE}
# Beyond loopback the API starts only with API_KEYS, or with AUTH=none. The log goes to standard output.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8182 MODELS_DIR=model LOG_DIR=
WORKDIR /app
COPY --from=packages /app ./
COPY --from=build /app/dist/shared dist/shared
COPY --from=build /app/dist/api dist/api
COPY model model
COPY compose/healthcheck.mjs ./
# The image's user "node"; a number, so that Kubernetes sees that it is not root.
USER 1000:1000
EXPOSE 8182
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["node", "healthcheck.mjs", "8182", "/health/ready"]
CMD ["node", "dist/api/main.js"]

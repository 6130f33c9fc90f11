# syntax=docker/dockerfile:1
# A worker for any CPU: TensorFlow.js on WebAssembly. Nothing of Express, no native library.
# How to pin by digest: see api.Dockerfile.
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
COPY worker/package.json worker/
COPY worker/onnx/package.json worker/onnx/
COPY worker/images/package.json worker/images/
# The optional packages are the WebGPU engine, which goes below, and, with --build-arg WITH_ONNX=1 and WITH_IMAGES=1, ONNX
# Runtime and sharp.
ARG WITH_ONNX
ARG WITH_IMAGES
RUN npm ci --ignore-scripts --omit=dev --omit=optional -w @waggle/shared -w @waggle/worker ${WITH_ONNX:+--include=optional -w @waggle/worker-onnx} ${WITH_IMAGES:+--include=optional -w @waggle/worker-images}
# Most of TensorFlow.js's size are source maps, and most of ONNX Runtime's are libraries for other systems.
RUN find node_modules \( -name "*.map" -o -path "node_modules/webgpu/*" -o -path "*/onnxruntime-node/bin/*/darwin/*" -o -path "*/onnxruntime-node/bin/*/win32/*" \) -delete

FROM ${NODE_IMAGE}
# The metrics are also what tells whether the worker is well. The log goes to standard output.
ENV NODE_ENV=production WORKER_METRICS_HOST=0.0.0.0 WORKER_METRICS_PORT=9464 MODELS_DIR=model LOG_DIR=
WORKDIR /app
COPY --from=packages /app ./
COPY --from=build /app/dist/shared dist/shared
COPY --from=build /app/dist/worker dist/worker
COPY model model
COPY compose/healthcheck.mjs ./
# The image's user "node"; a number, so that Kubernetes sees that it is not root.
USER 1000:1000
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["node", "healthcheck.mjs", "9464", "/metrics"]
CMD ["node", "dist/worker/main.js"]

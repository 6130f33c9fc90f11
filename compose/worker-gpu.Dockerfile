# syntax=docker/dockerfile:1
# A worker for NVIDIA GPUs: @tensorflow/tfjs-node-gpu, whose TensorFlow wants CUDA 11 and cuDNN 8.
# How to pin by digest: see api.Dockerfile.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04

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

# Ubuntu 22.04 has glibc 2.35 and Debian 12 has 2.36, so nothing that was compiled on Debian may run here, except Node
# itself: the Node image brings nodejs.org's own binary, which asks for glibc 2.28 (`objdump -T node | grep -o
# 'GLIBC_2[.0-9]*' | sort -Vu | tail -1`). Native packages are therefore installed below, on this base.
FROM ${CUDA_IMAGE} AS cuda
COPY --from=build /usr/local/bin/node /usr/local/bin/node
WORKDIR /app

FROM cuda AS packages
# Where there is no prebuilt binding for this Node, the package compiles one.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates g++ make python3
COPY --from=build /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
COPY package.json package-lock.json .npmrc ./
COPY shared/package.json shared/
COPY worker/package.json worker/
COPY worker/native/package.json worker/native/
RUN npm ci --ignore-scripts --omit=dev -w @waggle/shared -w @waggle/worker -w @waggle/worker-native
# One script of one package: it fetches TensorFlow. An optional package that failed inside `npm ci` would be left out
# without a word; this fails the build.
RUN npm rebuild @tensorflow/tfjs-node-gpu && test -f node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node
RUN rm -rf node_modules/@tensorflow/tfjs-node node_modules/webgpu
RUN find node_modules -name "*.map" -delete

FROM cuda
# TensorFlow compiles its kernels for GPUs that are newer than itself, once: keep that cache on a volume.
ENV CUDA_CACHE_PATH=/var/cache/cuda CUDA_CACHE_MAXSIZE=2147483648
RUN mkdir -p /var/cache/cuda && chown 1000:1000 /var/cache/cuda
# The metrics are also what tells whether the worker is well. The log goes to standard output.
ENV NODE_ENV=production WORKER_METRICS_HOST=0.0.0.0 WORKER_METRICS_PORT=9464 MODELS_DIR=model LOG_DIR=
COPY --from=packages /app ./
COPY --from=build /app/dist/shared dist/shared
COPY --from=build /app/dist/worker dist/worker
COPY model model
COPY compose/healthcheck.mjs ./
# A number, so that Kubernetes sees that it is not root.
USER 1000:1000
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=300s --retries=3 CMD ["node", "healthcheck.mjs", "9464", "/metrics"]
CMD ["node", "dist/worker/main.js"]

# How to build and run it: docs/4-operate/containers.md
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No package needs its install script here: Node is that of the image. `npm ci` refuses a lock file that leaves out the
# tools' builds for other systems, as ours does; what is in it is installed as locked all the same.
RUN npm install --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Node Media Server" \
      org.opencontainers.image.description="Live streaming server: RTMP and RTMPS in, RTMP, HTTP-FLV and WebSocket-FLV out" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /opt/nms
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json LICENSE ./
COPY bin bin
COPY assets assets
COPY docs/6-reference/config.schema.json docs/6-reference/
COPY service/health.mjs service/

# config.json, data and record are in /var/lib/nms; nothing else is written.
RUN mkdir /var/lib/nms && chown node:node /var/lib/nms
VOLUME /var/lib/nms
WORKDIR /var/lib/nms
USER node

EXPOSE 1935 1936 8000 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["node", "/opt/nms/service/health.mjs"]
ENTRYPOINT ["node", "/opt/nms/bin/app.js"]

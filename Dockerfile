# One image a service: `docker build --build-arg SERVICE=services/gateway .`
# Node refuses to strip types below node_modules, so the image keeps the workspace layout and its symlinks.
ARG NODE_IMAGE=node:24-trixie-slim

FROM ${NODE_IMAGE} AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY libs libs
COPY services services
COPY infra/init infra/init
# Only the manifests decide whether dependencies are installed again.
RUN find libs services infra -type f ! -name package.json -delete

FROM ${NODE_IMAGE} AS dependencies
ARG SERVICE
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm,id=megabot-npm \
    npm ci --omit=dev --ignore-scripts --no-audit --workspace "${SERVICE}" \
 && find node_modules -name '*.d.ts' -delete -o -name '*.map' -delete

FROM ${NODE_IMAGE} AS ui-build
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm,id=megabot-npm npm ci --ignore-scripts --no-audit --workspace services/ui
COPY tsconfig.base.json ./
COPY libs libs
COPY services/ui services/ui
RUN npm run build --workspace services/ui

FROM scratch AS built-for-ui
COPY --from=ui-build /app/services/ui/dist /dist

FROM ${NODE_IMAGE} AS runtime
ARG SERVICE
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY libs libs
COPY ${SERVICE} ${SERVICE}
USER 10001:10001
WORKDIR /app/${SERVICE}
# Shell form would put a shell between the engine's signals and the service.
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "--import", "@megabot/observability/tracing-preload.ts", "src/main.ts"]
LABEL org.opencontainers.image.title="MegaBot" org.opencontainers.image.licenses="MIT"

FROM runtime AS service

FROM runtime AS ui
COPY --from=built-for-ui /dist dist

# The one-shot jobs also carry the SQL of the services whose schemas they make.
FROM runtime AS init
COPY services/memory/migrations /app/services/memory/migrations
COPY services/interlock/migrations /app/services/interlock/migrations
COPY infra/nats /app/infra/nats

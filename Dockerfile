# bauta in a container: as nobody in particular, on a root file system that may be read-only. Untested: no engine ran it.
# spec/packaging/container.spec.ts runs its instructions one by one, without an engine.
#
#   docker build -t bauta .
#   docker run --read-only -p 1080:1080 bauta
#   docker run --read-only -p 1080:1080 -v ./bauta.toml:/etc/bauta/bauta.toml:ro bauta serve -c /etc/bauta/bauta.toml
#
# Clients then come from the address of the container's gateway, unless the engine keeps theirs: limits for each client, and
# UDP (udp.advertise, udp.ports), want --network=host.

FROM node:26-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
# The image has a Node of its own.
RUN npm run build && npm prune --omit=dev --ignore-scripts && rm -rf node_modules/node-linux-*

FROM node:26-slim
WORKDIR /app
RUN install -d -o 1000 -g 1000 -m 700 /run/bauta /var/lib/bauta
COPY --from=build /src/package.json ./
COPY --from=build /src/dist dist
COPY --from=build /src/dashboard dashboard
COPY --from=build /src/node_modules node_modules
# The admin socket, and what groups keep.
VOLUME ["/run/bauta", "/var/lib/bauta"]
ENV NODE_ENV=production RUNTIME_DIRECTORY=/run/bauta
USER 1000:1000
EXPOSE 1080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s CMD ["node", "/app/dist/bin/bauta.js", "status", "--json"]
ENTRYPOINT ["node", "/app/dist/bin/bauta.js"]
CMD ["serve", "--listen", ":1080"]

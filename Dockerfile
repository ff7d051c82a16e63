# syntax=docker/dockerfile:1
# One image for every program of Remit; docker-compose.yml says which one a container runs.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --workspace --bins \
 && mkdir /out \
 && cp target/release/remit target/release/remit-api target/release/remit-worker \
       target/release/remit-scheduler target/release/remit-sandbox /out/

FROM debian:bookworm-slim
# The gateways' certificates are checked against ca-certificates; curl is for the health checks.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/remit remit
COPY --from=build /out/ /usr/local/bin/
USER remit
WORKDIR /var/lib/remit
CMD ["remit-api"]

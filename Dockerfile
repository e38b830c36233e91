# syntax=docker/dockerfile:1
FROM rust:1.95.0-slim-bookworm AS build
# The image's own toolchain, without the lints and the formatter that rust-toolchain.toml asks for.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package odock-gateway && \
    install -D target/release/odock-gateway /out/usr/local/bin/odock-gateway && \
    install -d -m 0700 /out/data

# glibc and nothing to log in with. Certificates of upstreams are checked against roots that the program carries.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/usr/ /usr/
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /data
COPY LICENSE /usr/share/doc/odock/LICENSE

# Everything that is written goes to /data; the rest of the image may be mounted read-only.
ENV HTTP_HOST=0.0.0.0 ODOCK_DATA_DIR=/data LOG_FORMAT=json
VOLUME /data
WORKDIR /data
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/odock-gateway", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/odock-gateway"]

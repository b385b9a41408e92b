# One static, non-root image with the operator, the dashboard, the agent and the CLI. It is built by nobody yet: the project's
# machines have no container engine. Please report what fails.
# Run `make web` before, or the dashboard has no pages.
FROM rust:1.95-alpine AS build
# A static musl binary needs no C library in the image; ring needs a C compiler to build.
RUN apk add --no-cache musl-dev gcc
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked -p gimlet-operator -p gimlet-cli -p gimlet-dashboard -p gimlet-agent \
    && mkdir /out && cp target/dist/gimlet-operator target/dist/gimlet target/dist/gimlet-dashboard \
        target/dist/gimlet-agent /out/

# Git and ssh are the operator's way to hosts; they are why the image is not empty.
FROM alpine:3.22
RUN apk add --no-cache git openssh-client-default ca-certificates \
    && addgroup -g 65532 gimlet && adduser -D -u 65532 -G gimlet -h /var/cache/gimlet gimlet
COPY --from=build /out/gimlet-operator /out/gimlet /out/gimlet-dashboard /out/gimlet-agent /usr/local/bin/
COPY LICENSE /usr/share/licenses/gimlet/LICENSE
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/gimlet-operator"]

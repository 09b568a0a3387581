# The three programs in one image: indexer, query and evaluate, without a shell,
# as a user without rights.
FROM golang:1.26.8-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY internal internal
RUN CGO_ENABLED=0 go build -trimpath -o /out/bin/ ./cmd/...
# Any user may write here, as in /tmp: a named volume takes the mode over, and
# the stack's user can be chosen.
RUN install -d -m 1777 /out/cache/query-synergy /out/lib/query-synergy

# It has CA certificates, time zones and the user 65532, and nothing else.
FROM gcr.io/distroless/static-debian13:nonroot@sha256:1c2c046bc09ed40fad370b599a0b1ae7987f55b01e247cf27a7c27cd97e5bbc7
COPY --from=build /out/bin/ /usr/local/bin/
COPY --from=build /out/cache/ /var/cache/
COPY --from=build /out/lib/ /var/lib/
ENV XDG_CACHE_HOME=/var/cache XDG_DATA_HOME=/var/lib
USER 65532:65532

# The image holds the one static binary, certificates and nothing else: no shell, no package manager.
#
#   docker build --build-arg VERSION=1.0.0 -t tillstream:1.0.0 .
#
# On a network with a proxy for modules: --build-arg GOPROXY=https://proxy.example.com

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
# The modules come first: they change rarely, and their layer is used again.
COPY go.mod go.sum ./
ARG GOPROXY
RUN go mod download
COPY . .
ARG VERSION=dev
# No cgo: the binary needs no library of the system. -s -w leave out what only a debugger would read.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X tillstream/internal/command.Version=${VERSION}" -o /out/tillstream .
# Directories that volumes are mounted over. A new named volume takes its owner from here, else it would be root's.
RUN mkdir -p /out/data/live /out/data/sample

FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="tillstream" \
      org.opencontainers.image.description="The sales pipeline of a fashion retailer: tills, Kafka, a durable CSV, live totals, a warehouse" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# For Kafka, SQL Server and collectors whose certificates a public authority has signed.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/tillstream /tillstream
# By number, since there is no /etc/passwd; it lets Kubernetes' runAsNonRoot see that it is not root.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /
# Whatever the engine, its HTTP side is here. The default, localhost, could not be reached from outside the container.
ENV TILLSTREAM_LISTEN=:2112
EXPOSE 2112
# It asks /healthz at TILLSTREAM_LISTEN. What ends by itself (generate, etl load) has no HTTP side: --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["/tillstream", "health"]
ENTRYPOINT ["/tillstream"]
CMD ["help"]

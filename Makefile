# `make` alone prints what there is.
.DEFAULT_GOAL := help
.PHONY: help build demo test race lint fmt test-kafka check-prometheus test-observability test-grafana crash crash-etl test-mssql bench bench-etl fuzz vulnerabilities secrets env image clean

# No cgo: the binary is static and cross-compiles. The race detector is the one
# thing that needs a C compiler.
export CGO_ENABLED := 0
# The address holds a password, so it stays in the environment, off the screen.
export MSSQL_URL

GOLANGCI_LINT_VERSION := v2.15.0
LINT := build/bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
ALERTMANAGER_VERSION := v0.28.1
ALERTMANAGER := build/bin/alertmanager-$(ALERTMANAGER_VERSION)
AMTOOL := build/bin/amtool-$(ALERTMANAGER_VERSION)
GOVULNCHECK_VERSION := v1.9.0
GOVULNCHECK := build/bin/govulncheck-$(GOVULNCHECK_VERSION)
GITLEAKS_VERSION := v8.30.1
GITLEAKS := build/bin/gitleaks-$(GITLEAKS_VERSION)
JAEGER_VERSION := v1.76.0
JAEGER := build/bin/jaeger-$(JAEGER_VERSION)
FUZZTIME ?= 20s
N ?= 200
VERSION ?= dev

help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build ./tillstream
	go build -trimpath -o tillstream .

demo: build ## run all of it in one process: broker, tills, consumer, live view (ARGS="--rate 200")
	./tillstream demo $(ARGS)

test: ## run the tests; needs nothing but Go
	go vet ./...
	go test -shuffle=on ./...

# SQLite, which is translated C, takes ten times as long under the detector, and is not what is looked at.
# Only that one package may be left out: the linker keeps one copy of each generic function, and what
# other packages hold of sync and sync/atomic would then be the copy that the detector cannot see.
race: ## run the tests with the race detector; needs a C compiler
	CGO_ENABLED=1 go test -race -gcflags='modernc.org/sqlite/lib=-race=false' -shuffle=on -timeout 20m ./...

test-kafka: ## run the tests against a real Apache Kafka; needs a JDK, Maven and Python 3
	go test -tags kafka -shuffle=on -count=1 -timeout 20m ./internal/kafkatest/... ./internal/interop/... ./internal/e2e/...

check-prometheus: build $(AMTOOL) ## check metrics, rules, their tests, and configurations; needs promtool
	promtool check config prometheus/prometheus.yml
	promtool test rules prometheus/tests/*.yml
	$(AMTOOL) check-config prometheus/alertmanager.yml
	dir=$$(mktemp -d) && ./tillstream demo --lines 200 --rate 0 --listen '' --dir "$$dir" >/dev/null && \
		promtool check metrics <"$$dir/metrics.prom" && rm -r "$$dir"

test-observability: $(ALERTMANAGER) $(JAEGER) ## see alerts, traces and counters arrive; needs Prometheus and what test-kafka needs
	go test -tags kafka,observability -count=1 -timeout 20m -run '^TestObservability' -v ./internal/e2e

$(ALERTMANAGER) $(AMTOOL) &:
	GOBIN=$(CURDIR)/build/bin go install github.com/prometheus/alertmanager/cmd/alertmanager@$(ALERTMANAGER_VERSION) github.com/prometheus/alertmanager/cmd/amtool@$(ALERTMANAGER_VERSION)
	mv build/bin/alertmanager $(ALERTMANAGER)
	mv build/bin/amtool $(AMTOOL)

# `go install` refuses a module with a replace directive, so it is built where its source is.
$(JAEGER):
	cd "$$(go mod download -json github.com/jaegertracing/jaeger@$(JAEGER_VERSION) | sed -n 's/.*"Dir": "\(.*\)",/\1/p')" && \
		go build -trimpath -o $(CURDIR)/$(JAEGER) ./cmd/all-in-one

crash: ## kill the consumer N (200) times under a real Apache Kafka, and recount; needs a JDK, Maven and Python 3
	go run ./internal/crash -n $(N)

crash-etl: ## kill import, load and live N (200) times each, and compare what they leave; needs nothing but Go
	CRASH_KILLS=$(N) go test -run KilledAnywhere -count=1 -timeout 120m -v ./etl

test-mssql: ## run the warehouse's tests against an SQL Server: MSSQL_URL=sqlserver://user:password@host:1433
	@test -n "$(MSSQL_URL)" || { echo 'set MSSQL_URL=sqlserver://user:password@host:1433; its login makes and drops databases' >&2; exit 2; }
	seen=$$(mktemp -d) && SQL_SEEN="$$seen" go test -tags mssql -count=1 -timeout 120m ./internal/database ./etl ./grafana && \
		go run ./internal/sqlseen "$$seen" && rm -r "$$seen"

test-grafana: ## ask a running Grafana for each panel, and compare its numbers: GRAFANA_URL=http://admin:password@host:3000, TILLSTREAM_WAREHOUSE
	@test -n "$(GRAFANA_URL)" -a -n "$(TILLSTREAM_WAREHOUSE)" || { echo 'set GRAFANA_URL=http://admin:password@host:3000 and TILLSTREAM_WAREHOUSE, the address of the warehouse that it shows' >&2; exit 2; }
	go test -tags grafana -count=1 -timeout 30m -run '^TestGrafana' -v ./grafana

bench-etl: ## measure the warehouse against sqlite3's .import and, with MSSQL_URL, freebcp; needs both
	go run ./internal/benchetl

bench: ## measure against kcat, the Java tool and the predecessor on a real Apache Kafka; needs kcat as well
	go run ./internal/bench

lint: $(LINT) ## check format and style
	$(LINT) run ./...

$(LINT):
	GOBIN=$(CURDIR)/build/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv build/bin/golangci-lint $@

fmt: ## format the code
	gofmt -w $$(git ls-files '*.go')

fuzz: ## fuzz each parser for FUZZTIME (20s)
	@go list ./... | while read -r package; do \
		go test -list '^Fuzz' $$package | grep '^Fuzz' | while read -r target; do \
			echo "== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done || exit 1; \
	done

vulnerabilities: $(GOVULNCHECK) ## look for known weaknesses in what the code calls; needs a network
	$(GOVULNCHECK) ./...

$(GOVULNCHECK):
	GOBIN=$(CURDIR)/build/bin go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	mv build/bin/govulncheck $@

# The tree is what git takes: .env, which it ignores, is there to hold passwords.
secrets: $(GITLEAKS) ## look for passwords and keys in the tree and its history
	$(GITLEAKS) git --no-banner --redact .
	dir=$$(mktemp -d) && trap 'rm -r "$$dir"' EXIT && \
		git ls-files -z --cached --others --exclude-standard | tar --null -T - -c | tar -x -C "$$dir" && \
		$(GITLEAKS) dir --no-banner --redact "$$dir"

$(GITLEAKS):
	GOBIN=$(CURDIR)/build/bin go install github.com/zricethezav/gitleaks/v8@$(GITLEAKS_VERSION)
	mv build/bin/gitleaks $@

env: ## write .env for compose.yaml, with strong random passwords
	@compose/env.sh

image: ## build the container image tillstream:VERSION (dev)
	docker build --build-arg VERSION=$(VERSION) -t tillstream:$(VERSION) .

clean: ## remove what was built
	rm -rf tillstream build

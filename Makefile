# `make` alone prints what there is.
.DEFAULT_GOAL := help
.PHONY: help build demo test race lint fmt test-kafka crash bench fuzz clean

# No cgo: the binary is static and cross-compiles. The race detector is the one
# thing that needs a C compiler.
export CGO_ENABLED := 0

GOLANGCI_LINT_VERSION := v2.15.0
LINT := build/bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
FUZZTIME ?= 20s
N ?= 200

help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build ./tillstream
	go build -trimpath -o tillstream .

demo: build ## run all of it in one process: broker, tills, consumer, live view (ARGS="--rate 200")
	./tillstream demo $(ARGS)

test: ## run the tests; needs nothing but Go
	go vet ./...
	go test -shuffle=on ./...

race: ## run the tests with the race detector; needs a C compiler
	CGO_ENABLED=1 go test -race -shuffle=on ./...

test-kafka: ## run the tests against a real Apache Kafka; needs a JDK, Maven and Python 3
	go test -tags kafka -shuffle=on -count=1 -timeout 20m ./internal/kafkatest/... ./internal/interop/... ./internal/e2e/...

crash: ## kill the consumer N (200) times under a real Apache Kafka, and recount; needs a JDK, Maven and Python 3
	go run ./internal/crash -n $(N)

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

clean: ## remove what was built
	rm -rf tillstream build

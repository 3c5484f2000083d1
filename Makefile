# Pitwall. `make help` lists the targets. All of them need Go, make and git alone; `make test` says what else it could use.
.DEFAULT_GOAL := help
.PHONY: help demo test build bench lint cross clean

# The demo: a whole stack for one campaign, forgotten afterwards.
DEMO ?= bin/starter dev --ephemeral --demo examples/quickstart

# What the bench takes, such as BENCH="-n 50 -o bench.json".
BENCH ?=

# Parts of the tests, such as PARTS="unit race"; default all.
PARTS ?=

# Where starter and worker run against a remote Daytona; local sandboxes need Linux.
CROSS := darwin/arm64 windows/amd64 windows/arm64

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Run examples/quickstart on a stack of its own: Temporal, local sandboxes, a worker
	@$(DEMO)

test: ## Run all tests; the last lines say which part was not run, and why
	@tools/test.sh $(PARTS)

build: ## Build bin/starter, bin/worker, bin/toolbox, bin/temporal-dev and bin/runsc
	@tools/build.sh

bench: build ## Measure latency and throughput; prints JSON and a table
	@go run ./bench $(BENCH)

lint: ## Run gofumpt, workflowcheck and golangci-lint
	@tools/lint.sh

cross: ## Check that starter and worker build for macOS and Windows
	@for target in $(CROSS); do \
	  echo "build starter and worker for $$target"; \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build -o /dev/null ./starter || exit 1; \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build -o /dev/null ./worker || exit 1; \
	done

clean: ## Remove bin/ and dist/
	rm -rf bin dist

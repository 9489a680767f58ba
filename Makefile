# Every chore has one name. `make help` lists them.

# What these do unless told: make sim SEEDS=5000, make soak MINUTES=600,
# make mutants MUTANT_SEEDS=100, make fuzz FUZZ_SECONDS=600.
SEEDS ?= 1000
MINUTES ?= 60
MUTANT_SEEDS ?= 2000
FUZZ_SECONDS ?= 60

TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)

.DEFAULT_GOAL := help
.PHONY: help demo test test-tools lint fmt sim soak mutants fuzz fuzz-replay clients servers deny clean

help: ## list these
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: ## run an embedded cluster with Redpoll before it, on 127.0.0.1:6380
	cargo run --release -- demo

test: test-tools ## install what the tests need; simulate 90 s, run all tests, replay the fuzz corpus
	cargo test --workspace --test regressions --test determinism
	cargo run --quiet -p redpoll-sim -- run --from-commit --minutes 1.5
	cargo build --release
	REDPOLL_BIN="$(TARGET)/release/redpoll" cargo test --workspace --no-fail-fast
	$(MAKE) --no-print-directory fuzz-replay

test-tools: ## install what the tests need beside Rust, where it is missing
	@scripts/test-tools

lint: ## check formatting, lints and documentation
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo fmt --manifest-path tests/clients/rust/Cargo.toml --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --manifest-path fuzz/Cargo.toml --target-dir "$(TARGET)" -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

fmt: ## format the source
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml
	cargo fmt --manifest-path tests/clients/rust/Cargo.toml

sim: ## simulate SEEDS seeds (1000)
	cargo run --quiet -p redpoll-sim -- run --seeds $(SEEDS)

soak: ## simulate seeds that only this commit has, for MINUTES minutes (60)
	cargo run --quiet -p redpoll-sim -- run --from-commit --minutes $(MINUTES)

mutants: ## plant every known bug in turn; MUTANT_SEEDS seeds (2000) must find it
	RUSTFLAGS="--cfg redpoll_mutant" cargo run --quiet --target-dir "$(TARGET)/mutants" \
	    -p redpoll-sim -- mutants --seeds $(MUTANT_SEEDS) --document docs/simulation.md

fuzz: ## fuzz the codec for FUZZ_SECONDS seconds (60), from the committed corpus
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
	@mkdir -p "$(TARGET)/fuzz-corpus/decode"
	@if cargo +nightly --version >/dev/null 2>&1; then toolchain=+nightly sanitizer=address; \
	else export RUSTC_BOOTSTRAP=1; toolchain= sanitizer=none; fi; set -x; \
	cargo $$toolchain fuzz run --sanitizer $$sanitizer decode \
	    "$(TARGET)/fuzz-corpus/decode" fuzz/corpus/decode -- -max_total_time=$(FUZZ_SECONDS)

fuzz-replay: ## run the fuzz targets over the committed corpus, without cargo-fuzz
	cargo build --quiet --manifest-path fuzz/Cargo.toml --target-dir "$(TARGET)"
	"$(TARGET)/debug/decode" -runs=0 -artifact_prefix="$(TARGET)/" fuzz/corpus/decode

clients: ## run what people run against Redis, direct and through Redpoll; write the README's table
	cargo build --release
	REDPOLL_BIN="$(TARGET)/release/redpoll" python3 tests/clients/run.py --readme

servers: test-tools ## run the end-to-end stories before Redis 7.0 and 8.2 and Valkey 8.1 and 9.1
	scripts/servers

deny: ## check licences, sources and banned crates of all dependencies
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	cargo deny --all-features check bans licenses sources

clean: ## remove everything that was built
	cargo clean
	rm -rf fuzz/target fuzz/artifacts fuzz/coverage

# Everything here needs Rust, a C compiler and make. nextest is used where it is installed: it runs
# each test in a process of its own. Without it, cargo's own runner gives the same answer.

RUNNER := $(shell cargo nextest --version >/dev/null 2>&1 && echo "nextest run" || echo test)

.PHONY: all test format lint pages tests bench docs

all: test

# Format, lints and documentation with warnings as errors, all tests.
test: format lint pages tests

format:
	cargo fmt --check

lint:
	cargo clippy --all-targets -- -D warnings

pages:
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

tests:
	cargo $(RUNNER)

# Speed and requests, measured on this machine.
bench:
	cargo bench

# Writes docs/tables.md and the README's option table again from the code.
docs:
	UPDATE_DOCS=1 cargo test --test it docs::

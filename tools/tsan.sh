#!/usr/bin/env bash
# ThreadSanitizer over the event buffer's threads, on the stable toolchain. Usage: tools/tsan.sh [ARGUMENTS OF THE TEST], say
# `tools/tsan.sh --ignored` for the long campaign. Linux on x86-64; needs setarch.
#
# What it shows: no thread reads or writes an event without an order to whoever had its slot before, in the schedules that
# happened. Any of the four orderings of `turn`, made Relaxed, is caught, and so is a slot freed before its event is moved out.
#
# What it does not show: anything that lies between atomics, a lost wake-up or a wrong watermark; that is for the model checker.
# And the 128-bit words are not those that ship: the sanitizer does not see assembler, so `portable-atomic` is told to use the
# compiler's own here. (With the words unseen there is one report more, a false one: `visit` hands the slots that it looked at
# back by unsealing `front`, and not by `turn`.)
#
# The standard library is not instrumented: what it orders unseen is reported although it is right. Two such places are known,
# the channel of the test harness and standard output, and left out.
set -euo pipefail
cd "$(dirname "$0")/.."

suppressions=$(mktemp)
trap 'rm -f "$suppressions"' EXIT
cat > "$suppressions" << 'END'
race:mpmc::list::Channel<test::event::CompletedTest>
race:std::io::stdio::StdoutLock
END
export TSAN_OPTIONS="suppressions=$suppressions"
# Sanitizers are unstable options, of a stable compiler too.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS='-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer -Ctarget-feature=+cmpxchg16b'
RUSTFLAGS+=' --cfg=portable_atomic_sanitize_thread'
# Without randomized addresses: the sanitizer's own memory has fixed places.
setarch -R cargo test --target x86_64-unknown-linux-gnu --target-dir "${CARGO_TARGET_DIR:-target}/tsan" \
  --package flocktime-core --test buffer_threads -- --nocapture "$@"

#!/usr/bin/env bash
# ThreadSanitizer over the event buffer's threads, on the stable toolchain. Usage: tools/tsan.sh [ARGUMENTS OF THE TEST], say
# `tools/tsan.sh --ignored` for the long campaign. Linux on x86-64; needs setarch.
#
# What it shows: no thread reads or writes an event, or the memory of a slot, without an order to the one before. It runs twice.
# First the 128-bit words are as they ship, in assembler, which the sanitizer does not see: then `turn` alone has to order
# everything, and a `turn` that is stored or loaded Relaxed is caught. Then they are the compiler's own: then what the words
# order counts too, and is seen.
#
# What it does not show: it knows no schedule but those that happened, and takes no part in what lies between atomics (a lost
# wake-up, a wrong watermark): that is the model checker's. The standard library is not instrumented: what it orders unseen is
# reported although it is right. Two such places are known, the test harness's channel and standard output, and left out.
set -euo pipefail
cd "$(dirname "$0")/.."

suppressions=$(mktemp)
trap 'rm -f "$suppressions"' EXIT
cat > "$suppressions" << 'END'
race:mpmc::list::Channel<test::event::CompletedTest>
race:std::io::stdio::StdoutLock
END
export TSAN_OPTIONS="suppressions=$suppressions"
# Sanitizers are unstable options of a stable compiler.
export RUSTC_BOOTSTRAP=1
flags='-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer -Ctarget-feature=+cmpxchg16b'

# Without address space randomization: the sanitizer's memory has its fixed places.
sanitize() {
  RUSTFLAGS="$flags $2" setarch -R cargo test --target x86_64-unknown-linux-gnu --target-dir "${CARGO_TARGET_DIR:-target}/tsan/$1" \
    --package flocktime-core --test buffer_threads -- --nocapture "${@:3}"
}

sanitize unseen '' "$@"
sanitize seen '--cfg=portable_atomic_sanitize_thread' "$@"

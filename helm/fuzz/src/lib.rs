//! What the fuzzer runs; `helm/tests/fuzz_smoke.rs` runs the same without a fuzzer.

pub mod targets;

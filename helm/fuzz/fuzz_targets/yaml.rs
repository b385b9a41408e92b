#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gimlet_helm_fuzz::targets::yaml(data));

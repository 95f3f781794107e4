#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| draftstore_fuzz::inspection::run(data));

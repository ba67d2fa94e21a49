//! Configurations: whatever is written in one, or in the files and the environment that it names, nothing panics, and what does not
//! compile says why.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sekisho_gateway::compile::{Carry, Source, compile};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // A file that a document names holds what stands behind its first NUL.
    let (text, file) = text.split_once('\0').unwrap_or((text, ""));
    let source = Source {
        name: "fuzz.yaml",
        text,
        env: &|name| name.starts_with(|first: char| first < 'M').then(|| file.to_owned()),
        read_file: &|_| Ok(file.to_owned()),
        folder: Path::new(""),
    };
    let (site, problems) = compile(&source, &Carry::default());
    assert_eq!(site.is_none(), problems.has_errors(), "{problems}");
    let _said = problems.to_string();
});

//! Tests that the tests in the table of `docs/security.md` exist.

use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn tests_of_the_threat_table_exist() {
    let page = include_str!("../../../../docs/security.md");
    let (_, section) = page.split_once("\n## Threats\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("its end");
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut named = 0;
    for row in rows {
        let shown_by = row.trim_end_matches(" |").rsplit('|').next().expect("a last column");
        let tests: Vec<_> = shown_by.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{row}");
        for test in tests {
            assert!(is_there(test), "there is no test {test}");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}

/// Returns whether the test of this module and name exists.
fn is_there(test: &str) -> bool {
    let (module, name) = test.rsplit_once("::").expect("a module and a name");
    let declared = format!("fn {name}(");
    let directories = [
        "cmd/server/tests/it",
        "cmd/cronjob/tests/it",
        "cmd/draftctl/tests/it",
        "lib/auth/tests/it",
        "lib/connections/src",
        "lib/controller/src",
        "lib/service/tests/it",
        "lib/storage/src",
    ];
    directories
        .into_iter()
        .any(|directory| holds(&Path::new(ROOT).join(directory), module, &declared))
}

/// Returns whether a file of this module, or one in its directory, contains the text.
fn holds(directory: &Path, module: &str, text: &str) -> bool {
    fs::read_dir(directory).expect("a directory of tests").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            let is_module = path.file_name().is_some_and(|name| name == module);
            let own = path.join("mod.rs");
            return holds(&path, module, text)
                || is_module && fs::read_to_string(own).is_ok_and(|source| source.contains(text));
        }
        path.file_stem().is_some_and(|stem| stem == module)
            && fs::read_to_string(path).is_ok_and(|source| source.contains(text))
    })
}

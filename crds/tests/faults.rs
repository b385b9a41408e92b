//! The pages of known faults and of the security review name tests that are there.

use std::path::Path;

const LEAST: usize = 50;

/// Tells whether a source has a test of this name that runs.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let wanted = [format!("fn {name}("), format!("async fn {name}(")];
    lines.iter().enumerate().any(|(at, line)| {
        let attributes = || lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        wanted.iter().any(|start| line.starts_with(start.as_str()))
            && attributes().any(|line| line.starts_with("#[test]") || line.contains("::test"))
            && !attributes().any(|line| line.starts_with("#[ignore"))
    })
}

#[test]
fn every_fault_has_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/faults-not-here.md")).unwrap();
    let rows = page.lines().filter(|line| {
        line.starts_with("| ") && !line.starts_with("| fault") && !line.starts_with("| ---")
    });
    let (mut count, mut missing) = (0, Vec::new());
    for row in rows {
        count += 1;
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let [_, _, test] = cells.as_slice() else { panic!("a row has three cells: {row}") };
        let parts: Vec<&str> = test.split('`').collect();
        let ["", file, " ", name, ""] = parts.as_slice() else {
            panic!("the last cell is `file` `test`: {row}")
        };
        let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        if !has_test(&source, name) {
            missing.push(format!("{file} {name}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(count >= LEAST, "{count} rows were read");
}

#[test]
fn every_test_that_the_security_review_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let parts: Vec<&str> = page.split('`').collect();
    let named: Vec<_> = parts
        .windows(3)
        .filter(|part| {
            Path::new(part[0]).extension().is_some_and(|kind| kind == "rs") && part[1] == " "
        })
        .map(|part| (part[0], part[2]))
        .collect();
    let missing: Vec<_> = named
        .iter()
        .filter(|(file, name)| {
            let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            !has_test(&source, name)
        })
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(named.len() >= LEAST, "{} tests are named", named.len());
}

#[test]
fn what_does_not_run_is_no_test() {
    let source = "#[test]\nfn a() {}\n#[tokio::test(flavor = \"x\")]\nasync fn b() {}\nfn c() {}\n#[test]\n#[ignore = \"x\"]\nfn d() {}";
    let found: Vec<_> = ["a", "b", "c", "d"].map(|name| has_test(source, name)).to_vec();
    assert_eq!(found, [true, true, false, false]);
}

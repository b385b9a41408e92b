//! Templates and values that are not UTF-8, with what the real `helm` makes of them.
//!
//! With `GIMLET_HELM` naming a helm program, the answers are compared with the program's own.

use crate::fixtures::case::ours;
use crate::fixtures::oracle::Oracle;

type Expected = Result<&'static str, &'static str>;

const INCOMPLETE: Expected = Err("yaml: incomplete UTF-8 octet sequence");
const LEADING: Expected = Err("yaml: invalid leading UTF-8 octet");
const TRAILING: Expected = Err("yaml: invalid trailing UTF-8 octet");

const TEMPLATES: [(&[u8], Expected); 15] = [
    (b"a: caf\xe9\n", INCOMPLETE),
    (b"a: caf\xe9 x y z\n", TRAILING),
    (b"a: 1\n# \xe9\nc: 3\n", TRAILING),
    (b"kind: X\na: |\n  \xff\n", LEADING),
    (b"a: \xf8", LEADING),
    (b"a: \xc0\x80", Err("yaml: invalid length of a UTF-8 sequence")),
    (b"a: \xed\xa0\x80", Err("yaml: invalid Unicode character")),
    (b"a: {{ b64dec \"6Q==\" }}", INCOMPLETE),
    (b"a: {{/* \xe9 */}}1\n", Ok("a: 1")),
    (b"a: {{ \"\xe9\" | b64enc }}\n", Ok("a: 77+9")),
    (b"a: {{ \"\xe9\" | quote }}\n", Ok("a: \"\u{fffd}\"")),
    (b"a: {{ `\xe9` | b64enc }}\n", Ok("a: 6Q==")),
    (b"{{ define \"x\" }}\xe9{{ end }}a: {{ include \"x\" . | b64enc }}\n", Ok("a: 6Q==")),
    (b"{{ define \"x\" }}\xe9{{ end }}a: {{ include \"x\" . }} b c\n", TRAILING),
    (b"a: {{ .\xe9 }}\n", Err("bad character U+FFFD '\u{fffd}'")),
];

/// Checks one chart against what is expected, and helm too if there is one.
fn check(files: &[(&str, &[u8])], expected: Expected) {
    let folder = tempfile::tempdir().expect("a temporary folder must be possible");
    let chart = folder.path().join("octets");
    let write = |path: &std::path::Path, data: &[u8]| {
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .and_then(|()| std::fs::write(path, data))
            .expect("the temporary folder must be writable");
    };
    write(&chart.join("Chart.yaml"), b"apiVersion: v2\nname: octets\nversion: 0.1.0\n");
    for (path, data) in files {
        write(&chart.join(path), data);
    }
    let found = ours(&chart, &[], &[]);
    match (&found, expected) {
        (Ok(text), Ok(part)) => assert!(text.contains(part), "{files:?}: {text}"),
        (Err(text), Err(end)) => assert!(text.ends_with(end), "{files:?}: {text}"),
        _ => panic!("{files:?}: {found:?} and not {expected:?}"),
    }
    if let Some(helm) = Oracle::from_environment() {
        assert_eq!(found, helm.template(&chart, &[], &[]), "{files:?}");
    }
}

#[test]
fn bytes_in_templates_pass_until_they_are_printed() {
    for (template, expected) in TEMPLATES {
        check(&[("templates/a.yaml", template)], expected);
    }
}

#[test]
fn bytes_in_files_of_yaml_are_refused() {
    let template: (&str, &[u8]) = ("templates/a.yaml", b"a: 1\n");
    check(&[template, ("values.yaml", b"a: caf\xe9\n")], INCOMPLETE);
    check(&[template, ("values.yaml", b"a: caf\xe9 x y\n")], TRAILING);
    check(&[template, ("values.yaml", b"a: 1\n"), ("templates/NOTES.txt", b"caf\xe9")], Ok("a: 1"));
}

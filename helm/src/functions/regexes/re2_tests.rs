use regex::Regex;

use super::*;

#[test]
fn re2_syntax_is_translated() {
    for (pattern, text, matches) in [
        (r"^\d+$", "٣", false),
        ("[[]", "[", true),
        ("[]a]", "]", true),
        (r"\Qa.b\E", "a.b", true),
        ("[a&&b]", "&", true),
        ("[[:alpha:]]+", "ab", true),
        (r"[\w.-]+$", "a-b.c", true),
        (r"\Bb", "ab", true),
        ("a{,5}", "a{,5}", true),
        ("(?P<1n>a)", "a", true),
    ] {
        let compiled = Regex::new(&translate(pattern).unwrap().pattern).unwrap();
        assert_eq!(compiled.is_match(text), matches, "{pattern}");
    }
}

#[test]
fn broken_patterns_are_explained_as_by_go() {
    for (pattern, expected) in [
        ("(", "missing closing ): `(`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        (r"\8", r"invalid escape sequence: `\8`"),
    ] {
        let found = translate(pattern).err();
        assert_eq!(found, Some(format!("error parsing regexp: {expected}")));
    }
}

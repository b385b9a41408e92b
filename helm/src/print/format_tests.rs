use super::*;

fn formatted(format: &str, values: &[Value]) -> String {
    sprintf(format, values, 1 << 20).unwrap()
}

#[test]
fn verbs_print_as_in_go() {
    for (format, value, expected) in [
        ("%05d", Value::Int(42), "00042"),
        ("%-5s|", Value::text("ab"), "ab   |"),
        ("%q", Value::text("a\"\n"), "\"a\\\"\\n\""),
        ("%.2f", Value::Float(1.005), "1.00"),
        ("%v", Value::Float(1_000_000.0), "1e+06"),
        ("%d", Value::Float(3.0), "%!d(float64=3)"),
        ("%s", Value::Int(3), "%!s(int=3)"),
        ("%x", Value::text("hi"), "6869"),
        ("%t", Value::Bool(true), "true"),
        ("%s", Value::texts(["a", "b"]), "[a b]"),
        ("%%|%v", Value::Nil, "%|<nil>"),
    ] {
        assert_eq!(formatted(format, &[value]), expected, "{format}");
    }
}

#[test]
fn missing_and_extra_operands_are_shown() {
    assert_eq!(formatted("%s %s", &[Value::text("a")]), "a %!s(MISSING)");
    assert_eq!(formatted("x", &[Value::Int(1)]), "x%!(EXTRA int=1)");
}

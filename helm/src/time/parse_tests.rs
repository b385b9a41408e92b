use super::*;
use crate::time::display;

#[test]
fn texts_are_read_as_in_go() {
    for (layout, text, expected) in [
        ("2006-01-02 15:04:05", "2024-03-05 16:07:09", "2024-03-05 16:07:09 +0000 UTC"),
        (
            "2006-01-02T15:04:05Z07:00",
            "2024-03-05T16:07:09.5+02:00",
            "2024-03-05 16:07:09.5 +0200 +0200",
        ),
        ("2006-01-02 MST", "2024-03-05 CET", "2024-03-05 00:00:00 +0000 CET"),
        ("Jan _2 2006 3PM", "Mar  5 2024 12AM", "2024-03-05 00:00:00 +0000 UTC"),
        ("2006-002", "2024-060", "2024-02-29 00:00:00 +0000 UTC"),
        ("15:04", "12:30", "0000-01-01 12:30:00 +0000 UTC"),
    ] {
        assert_eq!(parse(layout, text).map(|time| display(&time)).as_deref(), Ok(expected));
    }
}

#[test]
fn wrong_texts_are_explained() {
    for (text, expected) in [
        ("nope", "parsing time \"nope\" as \"2006-01-02\": cannot parse \"nope\" as \"2006\""),
        ("2023-02-29", "parsing time \"2023-02-29\": day out of range"),
        ("2024-13-01", "parsing time \"2024-13-01\": month out of range"),
        ("2024-01-01x", "parsing time \"2024-01-01x\": extra text: \"x\""),
    ] {
        assert_eq!(parse("2006-01-02", text).unwrap_err(), expected);
    }
}

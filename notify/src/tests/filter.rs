use super::message;
use crate::{Filter, Kind};

fn wants(environments: &[&str], apps: &[&str]) -> bool {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    let filter =
        Filter { environments: texts(environments), apps: texts(apps), ..Filter::default() };
    filter.wants(&message())
}

#[test]
fn an_empty_filter_wants_everything() {
    assert!(Filter::default().wants(&message()));
}

#[test]
fn kinds_are_filtered() {
    let kinds = |kinds: &[Kind]| Filter { kinds: kinds.to_vec(), ..Filter::default() };
    assert!(kinds(&[Kind::Drift, Kind::Failed]).wants(&message()));
    assert!(!kinds(&[Kind::Healthy]).wants(&message()));
}

#[test]
fn patterns_match_whole_names() {
    for pattern in ["staging", "stag*", "*ing", "s*a*g", "?taging", "*", "staging*"] {
        assert!(wants(&[pattern], &[]), "{pattern}");
    }
    for pattern in ["stag", "production", "?", "*x*", "", "stagings", "STAGING"] {
        assert!(!wants(&[pattern], &[]), "{pattern}");
    }
}

#[test]
fn exclusions_win() {
    assert!(!wants(&["*", "!stag*"], &[]));
    assert!(wants(&["!production"], &["web"]));
    assert!(!wants(&[], &["!web"]));
}

#[test]
fn a_pattern_of_many_stars_ends_soon() {
    assert!(!wants(&["*s*t*a*g*i*n*g*s*t*a*g*i*n*g*x"], &[]));
}

//! Counters in Prometheus' text form, and what they grew by.

use std::collections::BTreeMap;

/// Counters at one time, by name with labels.
#[derive(Clone, Debug, Default)]
pub struct Counters(BTreeMap<String, f64>);

impl Counters {
    /// Reads the text; comments and what is not a number are left out.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.filter_map(|line| line.rsplit_once(' '));
        Self(
            series
                .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
                .collect(),
        )
    }

    /// Sums up all series of a name whose labels hold all these texts, such as `op="push"`.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of_name = self.0.iter().filter(|(series, _)| {
            series.split('{').next() == Some(name) && labels.iter().all(|l| series.contains(l))
        });
        of_name.map(|(_, value)| value).sum()
    }

    /// Gives what grew since `before`, summed up by the values of these labels.
    pub fn grown(&self, before: &Self, name: &str, by: &[&str]) -> BTreeMap<String, f64> {
        let mut grown = BTreeMap::new();
        for (series, value) in self.0.iter().filter(|(s, _)| s.split('{').next() == Some(name)) {
            let difference = value - before.0.get(series).copied().unwrap_or_default();
            if difference > 0.0 {
                let key: Vec<&str> =
                    by.iter().filter_map(|label| label_of(series, label)).collect();
                *grown.entry(key.join(" ")).or_default() += difference;
            }
        }
        grown
    }
}

fn label_of<'a>(series: &'a str, label: &str) -> Option<&'a str> {
    let (_, rest) = series.split_once(&format!("{label}=\""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP ops n\nops{op=\"push\",result=\"ok\"} 3\nops{op=\"push\",result=\"bad\"} 1\nops{op=\"look\",result=\"ok\"} 7\n";

    #[test]
    fn series_are_summed_by_the_labels_asked_for() {
        let counters = Counters::parse(TEXT);
        assert!((counters.sum("ops", &["op=\"push\""]) - 4.0).abs() < f64::EPSILON);
        let grown = counters.grown(&Counters::default(), "ops", &["op"]);
        assert!((grown["push"] - 4.0).abs() < f64::EPSILON);
    }

    #[test]
    fn what_did_not_grow_is_left_out() {
        let counters = Counters::parse(TEXT);
        assert!(counters.grown(&counters, "ops", &["op"]).is_empty());
    }
}

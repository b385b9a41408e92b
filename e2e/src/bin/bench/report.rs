//! Samples, tables and verdicts.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// Durations of the same thing, in seconds.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Takes all of these.
    pub fn of(took: &[Duration]) -> Self {
        let mut samples: Vec<_> = took.iter().map(Duration::as_secs_f64).collect();
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }

    /// Adds a duration.
    pub fn push(&mut self, took: Duration) {
        self.0.push(took.as_secs_f64());
        self.0.sort_by(f64::total_cmp);
    }

    /// Gives the duration that so many percent do not exceed: the nearest sample, never a mean of two.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    /// Gives the middle one.
    pub fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// Gives the middle eighty percent as a text.
    pub fn spread(&self) -> String {
        format!("{}–{}", time(self.percentile(10)), time(self.percentile(90)))
    }

    /// Gives all samples.
    pub fn to_json(&self) -> Value {
        json!(self.0)
    }
}

/// The same thing done again and again: as it was, and without what the server took of it.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// All of it.
    pub total: Samples,
    /// Without the server's time.
    pub own: Samples,
}

impl Taken {
    /// Adds one time that it was done.
    pub fn push(&mut self, total: Duration, server: Duration) {
        self.total.push(total);
        self.own.push(total.saturating_sub(server));
    }

    /// Gives all samples.
    pub fn to_json(&self) -> Value {
        json!({"total": self.total.to_json(), "own": self.own.to_json()})
    }
}

/// Writes a duration in seconds for a person.
pub fn time(seconds: f64) -> String {
    if seconds.is_infinite() {
        "never".to_owned()
    } else if seconds < 1e-3 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 0.1 {
        format!("{:.1} ms", seconds * 1e3)
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

/// A target and what was measured.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What was wanted.
    pub target: String,
    /// What there is.
    pub measured: String,
    /// Whether it is enough.
    pub met: bool,
}

impl Verdict {
    /// Judges a number that must not be above a limit.
    pub fn at_most(what: &str, limit: f64, measured: f64, unit: impl Fn(f64) -> String) -> Self {
        Self {
            target: format!("{what} ≤ {}", unit(limit)),
            measured: unit(measured),
            // A figure that is not a number meets nothing.
            met: measured <= limit,
        }
    }

    /// Judges a number that must not be below a limit.
    pub fn at_least(what: &str, limit: f64, measured: f64, unit: impl Fn(f64) -> String) -> Self {
        Self {
            target: format!("{what} ≥ {}", unit(limit)),
            measured: unit(measured),
            met: measured >= limit,
        }
    }
}

/// A table with what is to be thought of it.
#[derive(Clone, Debug)]
pub struct Section {
    /// What was measured.
    pub title: String,
    /// The table; its first row is the head.
    pub table: Vec<Vec<String>>,
    /// Targets.
    pub verdicts: Vec<Verdict>,
    /// Where the time went.
    pub notes: Vec<String>,
    /// All samples.
    pub data: Value,
}

impl Section {
    /// Gives all of it as data.
    pub fn to_json(&self) -> Value {
        let verdicts = self.verdicts.iter().map(|verdict| {
            json!({"target": verdict.target, "measured": verdict.measured, "met": verdict.met})
        });
        json!({
            "title": self.title, "table": self.table, "notes": self.notes, "data": self.data,
            "targets": verdicts.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n", self.title)?;
        let columns = self.table.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.table.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for (index, row) in self.table.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                write!(f, "| {cell:<width$} ", width = width(column))?;
            }
            writeln!(f, "|")?;
            if index == 0 {
                for column in 0..columns {
                    write!(f, "| {} ", "-".repeat(width(column)))?;
                }
                writeln!(f, "|")?;
            }
        }
        writeln!(f)?;
        for Verdict { target, measured, met } in &self.verdicts {
            writeln!(f, "{} {target}: {measured}", if *met { "✓" } else { "✗" })?;
        }
        for note in &self.notes {
            writeln!(f, "- {note}")?;
        }
        Ok(())
    }
}

/// Writes a size in bytes for a person.
pub fn mebibytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "no memory is that large")]
    let size = bytes as f64 / f64::from(1 << 20);
    format!("{size:.1} MiB")
}

/// Makes a row of a table.
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(millis: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::default();
        millis.into_iter().for_each(|millis| samples.push(Duration::from_millis(millis)));
        samples
    }

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let hundred = samples((1..=100).rev());
        assert_eq!(time(hundred.median()), "50.0 ms");
        assert_eq!(time(hundred.percentile(99)), "99.0 ms");
        assert_eq!(time(samples([3, 1, 2]).median()), "2.0 ms");
        assert_eq!(time(samples([7]).percentile(10)), "7.0 ms");
    }

    #[test]
    fn nothing_measured_meets_no_target() {
        let nothing = Samples::default().median();
        assert!(!Verdict::at_most("p50", 1.0, nothing, time).met);
        assert!(!Verdict::at_least("p50", 1.0, nothing, time).met);
    }

    #[test]
    fn a_missed_target_is_marked() {
        let section = Section {
            title: "queue".into(),
            table: vec![row(["what", "time"]), row(["all", "31 s"])],
            verdicts: vec![Verdict::at_most("all", 30.0, 31.0, time)],
            notes: Vec::new(),
            data: Value::Null,
        };
        assert!(section.to_string().contains("✗ all ≤ 30.00 s: 31.00 s"), "{section}");
    }
}

//! What goes to stdout and stderr: tables, objects, notes.

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Style};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::ObjectMeta;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use crate::error::CommandError;

/// Forms of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns
    #[default]
    Table,
    /// More columns
    Wide,
    /// The objects as JSON
    Json,
    /// The objects as YAML
    Yaml,
    /// Only kind and name
    Name,
}

/// A cell of a table, or any short text with a colour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    color: Option<AnsiColor>,
}

impl Cell {
    pub(crate) fn colored(text: impl Into<String>, color: AnsiColor) -> Self {
        Self { text: text.into(), color: Some(color) }
    }

    /// Returns the text alone.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text with its colour.
    pub(crate) fn styled(&self) -> String {
        let style = Style::new().fg_color(self.color.map(Into::into));
        format!("{style}{}{style:#}", self.text)
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), color: None }
    }
}

/// Lines up cells in columns; empty cells show `-`.
pub(crate) fn table(headers: Option<&[&str]>, rows: &[Vec<Cell>]) -> String {
    let header: Vec<Cell> = headers.unwrap_or_default().iter().map(|h| Cell::from(*h)).collect();
    let lines = headers.map(|_| &header).into_iter().chain(rows);
    let count = lines.clone().map(Vec::len).max().unwrap_or_default();
    let mut widths = vec![0; count];
    for line in lines.clone() {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.text.width()).max(1);
        }
    }
    let mut text = String::new();
    for line in lines {
        for (index, cell) in line.iter().enumerate() {
            let shown = if cell.text.is_empty() {
                Cell::from("-")
            } else {
                Cell { text: one_line(&cell.text), ..cell.clone() }
            };
            text.push_str(&shown.styled());
            if index + 1 < line.len() {
                let padding = widths[index].saturating_sub(shown.text.width()) + 3;
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        text.push('\n');
    }
    text
}

/// Keeps a text from breaking a line of a table, or from driving the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Joins lines, each with its end.
pub(crate) fn lines(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().fold(String::new(), |text, line| text + &line + "\n")
}

/// Writes data to stdout.
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Writes a line for people to stderr.
pub(crate) fn note(text: &str) {
    // Where stderr is closed, nobody misses the note.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Tells whether a person looks at stderr, and can see lines change.
pub(crate) fn is_interactive() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Returns an object as JSON or YAML, without what only the API server needs.
pub(crate) fn object(value: &impl Serialize, format: Format) -> Result<String, CommandError> {
    let broken = |error: &dyn std::fmt::Display| {
        CommandError::general(format!("the object cannot be written: {error}"))
    };
    let mut value = serde_json::to_value(value).map_err(|error| broken(&error))?;
    drop_managed_fields(&mut value);
    if format == Format::Yaml {
        return serde_saphyr::to_string(&value).map_err(|error| broken(&error));
    }
    let mut text = serde_json::to_string_pretty(&value).map_err(|error| broken(&error))?;
    text.push('\n');
    Ok(text)
}

/// Returns an object as JSON on one line, for streams.
pub(crate) fn object_line(value: &impl Serialize) -> Result<String, CommandError> {
    let broken = |error| CommandError::general(format!("the object cannot be written: {error}"));
    let mut value = serde_json::to_value(value).map_err(broken)?;
    drop_managed_fields(&mut value);
    let mut text = serde_json::to_string(&value).map_err(broken)?;
    text.push('\n');
    Ok(text)
}

/// Returns objects as a List in JSON or YAML.
pub(crate) fn list(items: &[impl Serialize], format: Format) -> Result<String, CommandError> {
    let broken = |error| CommandError::general(format!("the objects cannot be written: {error}"));
    let mut items =
        items.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(broken)?;
    items.iter_mut().for_each(drop_managed_fields);
    object(&serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}), format)
}

fn drop_managed_fields(value: &mut serde_json::Value) {
    if let Some(metadata) = value.get_mut("metadata").and_then(|m| m.as_object_mut()) {
        metadata.remove("managedFields");
    }
}

/// Returns how long ago an object was made, as kubectl does.
pub(crate) fn age(metadata: &ObjectMeta, now: Timestamp) -> String {
    metadata.creation_timestamp.as_ref().map(|time| since(time, now)).unwrap_or_default()
}

/// Returns how long ago a time was, as kubectl does.
pub(crate) fn since(time: &Time, now: Timestamp) -> String {
    duration(now.duration_since(time.0).as_secs())
}

/// Returns a number of seconds in at most two units.
pub(crate) fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if seconds % 60 != 0 => format!("{minutes}m{}s", seconds % 60),
        120..10_800 => format!("{minutes}m"),
        10_800..28_800 if minutes % 60 != 0 => format!("{hours}h{}m", minutes % 60),
        10_800..172_800 => format!("{hours}h"),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn columns_line_up_whatever_the_width_of_a_letter() {
        let rows = vec![
            vec!["shop".into(), Cell::colored("✓ Healthy", AnsiColor::Green), "1".into()],
            vec!["日本".into(), "".into(), "a\nb".into()],
        ];
        assert_snapshot!(plain(&table(Some(&["APP", "STATE", "N"]), &rows)), @r"
        APP    STATE       N
        shop   ✓ Healthy   1
        日本   -           a b
        ");
    }

    #[test]
    fn a_text_from_the_cluster_cannot_drive_the_terminal() {
        let rows = vec![vec![Cell::from("a\u{1b}[2Jb")]];
        assert!(!table(None, &rows).contains("\u{1b}[2J"));
    }

    #[test]
    fn without_headers_there_are_only_rows() {
        assert_eq!(plain(&table(None, &[vec!["a".into(), "b".into()]])), "a   b\n");
        assert_eq!(table(None, &[]), "");
    }

    #[test]
    fn ages_have_at_most_two_units() {
        let shown: Vec<String> =
            [-1, 0, 119, 120, 135, 599, 600, 3700, 10_800, 12_000, 90_000, 200_000]
                .map(duration)
                .into();
        let expected =
            ["0s", "0s", "119s", "2m", "2m15s", "9m59s", "10m", "61m", "3h", "3h20m", "25h", "2d"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn managed_fields_are_left_out_of_objects() {
        let value = serde_json::json!({"metadata": {"name": "a", "managedFields": [1]}});
        assert_eq!(object(&value, Format::Yaml).unwrap().trim(), "metadata:\n  name: a");
        assert_eq!(object_line(&value).unwrap(), "{\"metadata\":{\"name\":\"a\"}}\n");
        assert!(!list(&[value], Format::Json).unwrap().contains("managedFields"));
    }
}

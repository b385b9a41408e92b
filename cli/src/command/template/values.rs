//! Values from files and flags, in helm's order.

use std::io::Read as _;

use clap::Args;
use gimlet_helm::set_values::{SetError, SetMode, from_file, set};
use gimlet_helm::{merge_values, yaml};
use serde_json::{Map, Value};

use crate::error::{CommandError, Kind};

/// Flags that give values.
#[derive(Debug, Args)]
#[command(next_help_heading = "Values (later ones win, in this order)")]
pub(super) struct ValueArgs {
    /// File of values; repeatable, or with commas; - reads stdin
    #[arg(short = 'f', long, value_name = "FILE", value_delimiter = ',')]
    values: Vec<String>,
    /// Values as JSON: a=[1,2],b={"c":1}; repeatable
    #[arg(long, value_name = "PATH=JSON")]
    set_json: Vec<String>,
    /// Values: a.b=c,list[0]=d,list={e,f}; repeatable
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Values that are always text; repeatable
    #[arg(long, value_name = "PATH=TEXT")]
    set_string: Vec<String>,
    /// Values that are the content of a file; repeatable
    #[arg(long, value_name = "PATH=FILE")]
    set_file: Vec<String>,
    /// One value whose text is taken as it is; repeatable
    #[arg(long, value_name = "PATH=TEXT")]
    set_literal: Vec<String>,
}

impl ValueArgs {
    /// Merges all values.
    pub(super) fn merged(&self) -> Result<Value, CommandError> {
        let Self { values: files, set_json, set: typed, set_string, set_file, set_literal } = self;
        let mut values = Value::Object(Map::new());
        for file in files {
            let bytes = read(file)?;
            let failed =
                |error: String| CommandError::usage(format!("failed to parse {file}: {error}"));
            let text = yaml::text(&bytes)
                .map_err(|error| failed(format!("error converting YAML to JSON: {error}")))?;
            let over = from_file(text).map_err(|error| failed(error.to_string()))?;
            merge_values(&mut values, over);
        }
        let broken = |error: SetError| CommandError::usage(error.to_string());
        for text in set_json {
            set(&mut values, text, SetMode::Json).map_err(broken)?;
        }
        for text in typed {
            set(&mut values, text, SetMode::Typed).map_err(broken)?;
        }
        for text in set_string {
            set(&mut values, text, SetMode::Text).map_err(broken)?;
        }
        for text in set_file {
            let mut reader = |file: &str| {
                let bytes = read(file).map_err(|error| error.message().to_owned())?;
                String::from_utf8(bytes)
                    .map_err(|_| format!("{file} cannot be read: it is not UTF-8"))
            };
            set(&mut values, text, SetMode::File(&mut reader)).map_err(broken)?;
        }
        for text in set_literal {
            set(&mut values, text, SetMode::Literal).map_err(broken)?;
        }
        Ok(values)
    }
}

fn read(file: &str) -> Result<Vec<u8>, CommandError> {
    let broken = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::General,
        };
        let text = match error.kind() {
            std::io::ErrorKind::NotFound => format!("open {file}: no such file or directory"),
            std::io::ErrorKind::PermissionDenied => format!("open {file}: permission denied"),
            std::io::ErrorKind::IsADirectory => format!("read {file}: is a directory"),
            _ => format!("{file} cannot be read: {error}"),
        };
        CommandError::new(kind, text)
            .hint("paths start at the folder in which the command runs; - is stdin")
    };
    let mut bytes = Vec::new();
    if file.trim() == "-" {
        std::io::stdin().read_to_end(&mut bytes).map_err(broken)?;
    } else if file.contains("://") {
        return Err(CommandError::usage(format!(
            "{file} is on a network, where no values are read"
        ))
        .hint("fetch it first: curl -fsSL URL | gimlet template … -f -"));
    } else {
        bytes = std::fs::read(file).map_err(broken)?;
    }
    Ok(bytes)
}

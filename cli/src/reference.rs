//! The reference of all commands in docs/cli.md: made of their help, and compared by a test.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command};

const BEGIN: &str = "<!-- What follows is made of the help: GIMLET_BLESS=1 cargo test -p gimlet-cli --lib reference -->\n";

/// Returns the reference of all commands that are shown.
fn reference() -> String {
    let mut command = crate::args::command("gimlet").disable_help_subcommand(true);
    command.build();
    let mut text = String::new();
    section(&command, "gimlet", &mut text);
    text
}

fn section(command: &Command, path: &str, text: &mut String) {
    let is_root = path == "gimlet";
    let title = if is_root { "Global options" } else { path };
    let level = if is_root { "##" } else { "###" };
    let _ = writeln!(text, "{level} {title}\n");
    let about =
        if is_root { None } else { command.get_long_about().or_else(|| command.get_about()) };
    if let Some(about) = about {
        let _ = writeln!(text, "{}\n", about.to_string().trim());
    }
    let usage: Vec<String> = command
        .get_positionals()
        .map(|arg| {
            let name = value(arg);
            let name = if arg.is_required_set() { name } else { format!("[{name}]") };
            format!(" {name}")
        })
        .collect();
    if !is_root && !command.has_subcommands() {
        let _ = writeln!(text, "`{path}{} [flags]`\n", usage.join(""));
    }
    let mut any = false;
    for arg in command.get_arguments().filter(|arg| shown(arg, is_root)) {
        let _ = writeln!(text, "- `{}`: {}", name(arg), help(arg));
        any = true;
    }
    if any {
        text.push('\n');
    }
    if is_root {
        text.push_str("## Commands\n\n");
    }
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        section(sub, &format!("{path} {}", sub.get_name()), text);
    }
}

fn shown(arg: &Arg, is_root: bool) -> bool {
    let own = !matches!(arg.get_id().as_str(), "help" | "version")
        || arg.get_long() == Some("version") && !is_root;
    own && !arg.is_hide_set() && arg.is_global_set() == is_root
}

fn name(arg: &Arg) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(arg.get_short().map(|short| format!("-{short}")));
    words.extend(arg.get_long().map(|long| format!("--{long}")));
    words.extend(arg.get_visible_aliases().unwrap_or_default().iter().map(|a| format!("--{a}")));
    if words.is_empty() {
        return value(arg);
    }
    let takes = arg.get_action().takes_values();
    let value = if takes { format!(" {}", value(arg)) } else { String::new() };
    words.join(", ") + &value
}

fn value(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names.first().map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string)
}

fn help(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut text = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set() && arg.get_action().takes_values())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() {
        let _ = write!(text, ": {}", values.join(", "));
    }
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        let _ = write!(text, " (default `{}`)", defaults.join(" "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(text, " [`{}`]", variable.to_string_lossy());
    }
    text.replace('<', "\\<")
}

#[test]
fn the_reference_is_what_the_help_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, found) = page.split_once(BEGIN).expect("docs/cli.md has the mark of its reference");
    let expected = format!("\n{}", reference().trim_end().to_owned() + "\n");
    if std::env::var_os("GIMLET_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{expected}")).unwrap();
        return;
    }
    let first = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(found == expected, "docs/cli.md is old, from here on: {first:?}");
}

/// Splits a line as a shell does, as far as examples need it; what follows a pipe or `>` is another's.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, ' ') => words.push(String::new()),
            (None, '|' | '>' | '#' | ';') => break,
            (_, letter) => words.last_mut().expect("there is always a word").push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Lists the commands in the examples of a help, or in the blocks of shell lines of a page.
fn examples(text: &str, fenced: bool) -> Vec<String> {
    let mut inside = !fenced;
    let mut found = Vec::new();
    let joined = text.replace("\\\n", " ");
    for line in joined.lines() {
        if fenced && line.trim_start().starts_with("```") {
            let line = line.trim();
            inside = matches!(line, "```sh" | "```") || line.starts_with("```sh ");
        } else if inside {
            let line = line.trim().trim_start_matches("$ ");
            let own = line
                .split_once("| gimlet ")
                .map_or(line, |(_, rest)| &line[line.len() - rest.len() - 7..]);
            found.extend(own.starts_with("gimlet ").then(|| own.to_owned()));
        }
    }
    found
}

fn all_help(command: &Command, text: &mut String) {
    if let Some(help) = command.get_after_help() {
        text.push_str(&help.to_string());
        text.push('\n');
    }
    command.get_subcommands().for_each(|sub| all_help(sub, text));
}

#[test]
fn every_example_is_a_command_line_that_is_understood() {
    let command = crate::args::command("gimlet");
    let mut help = String::new();
    all_help(&command, &mut help);
    let mut lines = examples(&help, false);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut pages = vec![docs.join("../README.md")];
    for folder in [docs.clone(), docs.join("ci")] {
        pages.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    for page in pages.iter().filter(|page| page.extension().is_some_and(|e| e == "md")) {
        lines.extend(examples(&std::fs::read_to_string(page).unwrap(), true));
    }
    assert!(lines.len() > 60, "only {} examples were found", lines.len());
    for line in lines {
        let parsed = command.clone().try_get_matches_from(words(&line));
        let error = parsed.err().filter(clap::error::Error::use_stderr);
        assert!(error.is_none(), "{line}\n{}", error.unwrap());
    }
}

//! Old habits: commands of earlier versions, and what they are called now.
//!
//! One that does the same under another name is run, and says so. One that is gone says what to do
//! instead, and is a mistake in usage.

use std::ffi::OsString;

use crate::error::CommandError;

/// A command line in today's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// The command line, the program's name first.
    pub(crate) args: Vec<OsString>,
    /// What the command is called now, where it was another one.
    pub(crate) hint: Option<String>,
}

/// What becomes of the flag `--app` and of the flags of the old `track`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flags {
    /// They stay as they are.
    Same,
    /// The app was a flag, and is the first word now.
    App,
    /// Waiting was a flag, and is the command now.
    Track,
}

/// Commands that do the same under another name.
const RENAMED: &[(&str, &str, &str, Flags)] = &[
    ("release", "make", "release", Flags::App),
    ("release", "rollback", "rollback", Flags::App),
    ("release", "status", "status", Flags::App),
    ("release", "delete", "delete app", Flags::App),
    ("release", "list", "get releases", Flags::Same),
    ("release", "track", "wait release", Flags::Track),
    ("artifact", "track", "wait artifact", Flags::Track),
    ("manifest", "template", "manifest render", Flags::Same),
    ("manifest", "create", "manifest init", Flags::App),
    ("environment", "list", "env list", Flags::Same),
    ("environment", "connect", "env connect", Flags::Same),
    ("environment", "check", "env check", Flags::Same),
    ("environment", "bootstrap", "env create", Flags::Same),
    ("environment", "upgrade", "env upgrade", Flags::Same),
    ("gitops", "bootstrap", "env create", Flags::Same),
];

/// Commands that are gone, with what to do instead.
const GONE: &[(&str, &str, &str)] = &[
    ("artifact", "create", "gimlet artifact push finds commit and branch by itself"),
    (
        "artifact",
        "add",
        "gimlet artifact push ships .gimlet/ by itself; variables come with --var and --var-file",
    ),
    ("gitops", "write", "gimlet release -f FILE"),
    (
        "manifest",
        "configure",
        "gimlet app set changes values by a commit, and gimlet app edit opens the file",
    ),
    ("stack", "generate", "gimlet env component add ENV NAME"),
    ("stack", "lint", "gimlet env component list ENV"),
    ("stack", "update", "gimlet env component set ENV NAME --chart-version VERSION"),
];

/// Turns a command of an earlier version into today's.
pub(crate) fn rewrite(args: Vec<OsString>) -> Result<Rewritten, CommandError> {
    let word = |index: usize| args.get(index).and_then(|arg| arg.to_str()).unwrap_or_default();
    let (first, second) = (word(1), word(2));
    if let Some((.., instead)) = GONE.iter().find(|(a, b, _)| (*a, *b) == (first, second)) {
        return Err(gone(&format!("{first} {second}"), instead));
    }
    if (first, second) == ("artifact", "push") && has(&args, &["-f", "--file"]) {
        return Err(gone("artifact push -f", "gimlet artifact push makes the artifact by itself"));
    }
    if has(&args, &["--token"]) && first != "template" {
        let error = CommandError::usage("a token in a command line can be read by everybody here");
        return Err(error.hint("put it into GIMLET_TOKEN, or sign in with gimlet login"));
    }
    let known = RENAMED.iter().find(|(a, b, ..)| (*a, *b) == (first, second));
    let Some((_, _, new, flags)) = known else {
        return Ok(Rewritten { args, hint: None });
    };
    let hint = Some(format!("`gimlet {first} {second}` is called `gimlet {new}` now"));
    let mut rest = args.iter().skip(3).cloned().collect::<Vec<_>>();
    let app = if *flags == Flags::App { take_app(&mut rest) } else { None };
    if *flags == Flags::Track {
        rest = rest.into_iter().filter_map(tracked).collect();
    }
    let new = new.split(' ').map(OsString::from);
    let args = args.iter().take(1).cloned().chain(new).chain(app).chain(rest).collect();
    Ok(Rewritten { args, hint })
}

fn gone(old: &str, instead: &str) -> CommandError {
    CommandError::usage(format!("`gimlet {old}` is gone")).hint(instead)
}

/// Tells whether one of these flags is there, before what is passed on as it is.
fn has(args: &[OsString], flags: &[&str]) -> bool {
    args.iter().take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str()).any(|arg| {
        let name = arg.split_once('=').map_or(arg, |(name, _)| name);
        flags.contains(&name)
    })
}

/// Turns a flag of the old `track` into today's: it always waits, and `-t` is its timeout.
fn tracked(arg: OsString) -> Option<OsString> {
    match arg.to_str() {
        Some("-w" | "--wait") => None,
        Some("-t") => Some("--timeout".into()),
        _ => Some(arg),
    }
}

fn take_app(args: &mut Vec<OsString>) -> Option<OsString> {
    let index = args.iter().position(|arg| {
        arg == "--app" || arg.to_str().is_some_and(|arg| arg.starts_with("--app="))
    })?;
    let flag = args.remove(index);
    if let Some((_, value)) = flag.to_str().and_then(|flag| flag.split_once('=')) {
        return Some(value.into());
    }
    (index < args.len()).then(|| args.remove(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn rewritten(line: &str) -> (String, Option<String>) {
        let Rewritten { args, hint } = rewrite(args(line)).unwrap();
        let words: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
        (words.join(" "), hint)
    }

    #[test]
    fn old_commands_become_new_ones_and_say_so() {
        for (old, new) in [
            ("gimlet release make --app shop --env staging", "gimlet release shop --env staging"),
            ("gimlet release make --env staging --app=shop", "gimlet release shop --env staging"),
            ("gimlet release list --app shop --env x", "gimlet get releases --app shop --env x"),
            ("gimlet release rollback --app shop --to 1a", "gimlet rollback shop --to 1a"),
            ("gimlet release status --app shop", "gimlet status shop"),
            ("gimlet release delete --env x --app shop", "gimlet delete app shop --env x"),
            ("gimlet release track -w r1 -t 5m", "gimlet wait release r1 --timeout 5m"),
            ("gimlet artifact track a1 --wait", "gimlet wait artifact a1"),
            ("gimlet manifest template -f x.yaml", "gimlet manifest render -f x.yaml"),
            ("gimlet environment list", "gimlet env list"),
        ] {
            let (args, hint) = rewritten(old);
            assert_eq!(args, new);
            assert!(hint.is_some(), "{old}");
        }
    }

    #[test]
    fn commands_of_today_stay_as_they_are() {
        for line in [
            "gimlet release shop -e staging",
            "gimlet status",
            "gimlet",
            "gimlet release -f x",
            "gimlet env list",
            "gimlet artifact push --wait",
            "gimlet environment get staging",
        ] {
            assert_eq!(rewritten(line), (line.to_owned(), None));
        }
    }

    #[test]
    fn commands_that_are_gone_say_what_to_do_instead() {
        for (old, instead) in [
            ("gimlet artifact create --sha 1", "gimlet artifact push"),
            ("gimlet artifact push -f artifact.json -o json", "by itself"),
            ("gimlet stack generate", "gimlet env component add"),
        ] {
            let error = rewrite(args(old)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{old}");
            assert!(error.styled().contains(instead), "{}", error.styled());
        }
    }

    #[test]
    fn a_token_is_refused_where_everybody_can_read_it() {
        for line in ["gimlet status --token=hunter2", "gimlet --token hunter2 status"] {
            let error = rewrite(args(line)).unwrap_err().styled();
            assert!(error.contains("GIMLET_TOKEN") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn every_new_name_is_a_command() {
        let names = RENAMED.iter().map(|(_, _, new, _)| *new);
        for new in names {
            let mut command = crate::args::command("gimlet");
            for word in new.split(' ').take_while(|word| *word != "releases") {
                let found = command.find_subcommand(word).cloned();
                command = found.unwrap_or_else(|| panic!("no command {new}"));
            }
        }
    }
}

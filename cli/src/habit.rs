//! Old habits: commands of earlier versions, and what they are called now.

use std::ffi::OsString;

/// A command line in today's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// The command line, the program's name first.
    pub(crate) args: Vec<OsString>,
    /// What the command is called now, where it was another one.
    pub(crate) hint: Option<String>,
}

/// Turns a command of an earlier version into today's.
pub(crate) fn rewrite(args: Vec<OsString>) -> Rewritten {
    let word = |index: usize| args.get(index).and_then(|arg| arg.to_str()).unwrap_or_default();
    let (old, new): (&str, &[&str]) = match (word(1), word(2)) {
        ("release", "make") => ("release make", &["release"]),
        ("release", "rollback") => ("release rollback", &["rollback"]),
        ("release", "status") => ("release status", &["status"]),
        ("release", "list") => ("release list", &["get", "releases"]),
        ("environment", "list") => ("environment list", &["get", "envs"]),
        ("env", "list") => ("env list", &["get", "envs"]),
        _ => return Rewritten { args, hint: None },
    };
    let hint = Some(format!("`gimlet {old}` is called `gimlet {}` now", new.join(" ")));
    let mut rest = args.iter().skip(3).cloned().collect::<Vec<_>>();
    // The app was a flag; only `get` has kept it.
    let app = if new[0] == "get" { None } else { take_app(&mut rest) };
    let args = args
        .iter()
        .take(1)
        .cloned()
        .chain(new.iter().map(OsString::from))
        .chain(app)
        .chain(rest)
        .collect();
    Rewritten { args, hint }
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

    fn rewritten(line: &str) -> (String, Option<String>) {
        let Rewritten { args, hint } = rewrite(line.split(' ').map(OsString::from).collect());
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
            ("gimlet environment list", "gimlet get envs"),
        ] {
            let (args, hint) = rewritten(old);
            assert_eq!(args, new);
            assert!(hint.is_some(), "{old}");
        }
    }

    #[test]
    fn commands_of_today_stay_as_they_are() {
        for line in
            ["gimlet release shop -e staging", "gimlet status", "gimlet", "gimlet release -f x"]
        {
            assert_eq!(rewritten(line), (line.to_owned(), None));
        }
    }
}

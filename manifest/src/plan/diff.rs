//! The diff of a plan as text.

use std::borrow::Cow;

use similar::TextDiff;

use super::mask;
use super::{Change, Files, changes};

/// How a diff is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffOptions {
    /// Unchanged lines around each change.
    pub context: usize,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self { context: 3 }
    }
}

/// Shows what changes as a unified diff, file by file.
///
/// The values of Secret objects are masked; `release.json` is left out.
pub fn diff(old: &Files, new: &Files, options: DiffOptions) -> String {
    file_diffs(old, new, options).into_iter().map(|file| file.text).collect()
}

/// How one file changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// Name of the file.
    pub name: String,
    /// What happens to it.
    pub change: Change,
    /// Unified diff; the values of Secret objects are masked.
    pub text: String,
}

/// Shows what changes, each file by itself; `release.json` is left out.
pub fn file_diffs(old: &Files, new: &Files, options: DiffOptions) -> Vec<FileDiff> {
    let text_of = |name: &str, change| {
        let before = old.get(name).map_or(&[][..], Vec::as_slice);
        let after = new.get(name).map_or(&[][..], Vec::as_slice);
        match (std::str::from_utf8(before), std::str::from_utf8(after)) {
            (Ok(before), Ok(after)) => unified(name, change, before, after, options),
            _ => format!("binary file {name} differs\n"),
        }
    };
    changes(old, new)
        .into_iter()
        .map(|(name, change)| FileDiff {
            name: name.to_owned(),
            change,
            text: text_of(name, change),
        })
        .collect()
}

fn unified(name: &str, change: Change, before: &str, after: &str, options: DiffOptions) -> String {
    let (before, after) =
        mask::secrets(before, after).unwrap_or((Cow::Borrowed(before), Cow::Borrowed(after)));
    let from = if change == Change::Added { "/dev/null".to_owned() } else { format!("a/{name}") };
    let to = if change == Change::Removed { "/dev/null".to_owned() } else { format!("b/{name}") };
    let lines = TextDiff::from_lines(&*before, &*after);
    let text = lines.unified_diff().context_radius(options.context).header(&from, &to).to_string();
    if text.is_empty() {
        return format!("--- {from}\n+++ {to}\n(only the layout of the file changes)\n");
    }
    text
}

/// Shows files as texts, with the values of Secret objects masked.
pub fn masked(files: &Files) -> Vec<(String, String)> {
    let shown = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => {
            mask::secrets(text, text).map_or_else(|| text.to_owned(), |(text, _)| text.into_owned())
        }
        Err(_) => "(a binary file)".to_owned(),
    };
    files.iter().map(|(name, bytes)| (name.clone(), shown(bytes))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(pairs: &[(&str, &str)]) -> Files {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn files_are_shown_one_after_the_other() {
        let old =
            files(&[("a.yaml", "1\n2\n3\n4\n5\n6\n7\n8\n9\n"), ("b.yaml", "x\n"), ("same", "s\n")]);
        let new = files(&[
            ("a.yaml", "1\n2\n3\n4\n5\n6\n7\n8\nnine\n"),
            ("c.yaml", "y\n"),
            ("same", "s\n"),
        ]);
        insta::assert_snapshot!(diff(&old, &new, DiffOptions { context: 1 }), @r"
        --- a/a.yaml
        +++ b/a.yaml
        @@ -8,2 +8,2 @@
         8
        -9
        +nine
        --- a/b.yaml
        +++ /dev/null
        @@ -1 +0,0 @@
        -x
        --- /dev/null
        +++ b/c.yaml
        @@ -0,0 +1 @@
        +y
        ");
    }

    #[test]
    fn values_of_secrets_are_masked() {
        let secret = |password: &str, extra: &str| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  password: {password}\n  \
                 same: kept-value\n{extra}"
            )
        };
        let old = files(&[("secret-s.yaml", &secret("old-value", "  gone: gone-value\n"))]);
        let new = files(&[("secret-s.yaml", &secret("new-value", "data:\n  added: bmV3\n"))]);
        let text = diff(&old, &new, DiffOptions::default());
        for value in ["old-value", "new-value", "kept-value", "gone-value", "bmV3"] {
            assert!(!text.contains(value), "{text}");
        }
        insta::assert_snapshot!(text, @r"
        --- a/secret-s.yaml
        +++ b/secret-s.yaml
        @@ -2,7 +2,8 @@
         kind: Secret
         metadata:
           name: s
        +data:
        +  added: (added)
         stringData:
        -  gone: (removed)
        -  password: (hidden)
        +  password: (changed)
           same: (hidden)
        ");
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_not_shown() {
        let broken = "kind: Secret\nstringData:\n  a: [hunter2\n";
        let text = diff(&Files::new(), &files(&[("s.yaml", broken)]), DiffOptions::default());
        assert!(!text.contains("hunter2") && text.contains("s.yaml"), "{text}");
        let list = "kind: List\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Secret\n  \
                    metadata: {name: s}\n  data: {a: hunter2}\n";
        let text = diff(&files(&[("s.yaml", list)]), &Files::new(), DiffOptions::default());
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_binary_file_is_only_named() {
        let old = Files::from([("x.bin".to_owned(), vec![0xff, 0])]);
        assert_eq!(
            diff(&old, &Files::new(), DiffOptions::default()),
            "binary file x.bin differs\n"
        );
    }
}

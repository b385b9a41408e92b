//! Reading what git says about a failure.

use super::command::Finished;
use crate::engine::PushError;
use crate::error::{GitError, GitErrorKind};

/// Texts that say what kind of failure it was; the first that fits counts.
///
/// Only failures of transport are told apart by text. What a refused push means is decided by a look
/// at the server, never by its words.
const TEXTS: &[(GitErrorKind, &[&str])] = &[
    (
        GitErrorKind::Unauthorized,
        &[
            "authentication failed",
            "could not read username",
            "could not read password",
            "error: 401",
            "error: 403",
            "http 401",
            "http 403",
            "permission denied (",
            "host key verification failed",
            "load key",
        ],
    ),
    (GitErrorKind::BranchMissing, &["couldn't find remote ref", "could not find remote branch"]),
    (
        GitErrorKind::NotFound,
        &[
            "error: 404",
            "does not appear to be a git repository",
            "repository not found",
            "' not found",
            "project you were looking for could not be found",
        ],
    ),
    (GitErrorKind::Timeout, &["timed out", "timeout", "operation too slow"]),
    (
        GitErrorKind::Unreachable,
        &[
            "could not resolve",
            "couldn't connect",
            "failed to connect",
            "connection re",
            "connection closed",
            "hung up",
            "rpc failed",
            "early eof",
            "returned error: 5",
            "returned error: 429",
            "unexpected disconnect",
            "could not read from remote",
            "unable to access",
            "network is unreachable",
            "no route to host",
            "broken pipe",
            "ssl",
            "tls",
            "certificate",
            "empty reply",
            "expected flush",
            "protocol error",
            "invalid server response",
        ],
    ),
    (
        GitErrorKind::Cache,
        &[
            "not a git repository",
            "bad object",
            "bad tree",
            "bad config",
            "corrupt",
            "object file",
            "loose object",
            "packfile",
            "missing blob",
            "missing tree",
            "missing commit",
            "unable to read",
            "could not read",
            "could not parse",
            "not a valid object",
            "not our ref",
            "inflate",
            "index file",
            "index-pack",
            "unpack-objects",
            ".lock",
            "bad revision",
            "unresolved delta",
            "does not match any",
            "invalid object",
            "did not send all necessary objects",
            "broken",
        ],
    ),
];

/// Splits what the server said from what git said.
fn remote_text(stderr: &str) -> (String, String) {
    let mut remote = Vec::new();
    let mut local = Vec::new();
    for line in stderr.lines().map(str::trim_end).filter(|l| !l.is_empty()) {
        match line.strip_prefix("remote:") {
            Some(said) => remote.push(said.trim()),
            None => local.push(line.trim()),
        }
    }
    remote.retain(|l| !l.is_empty());
    (remote.join("; "), local.join("; "))
}

/// Makes an error of a command that failed.
pub(crate) fn failure(what: &str, finished: &Finished, scrub: impl Fn(&str) -> String) -> GitError {
    let (remote, local) = remote_text(&finished.stderr);
    let lower = local.to_lowercase();
    let found = TEXTS.iter().find(|(_, texts)| texts.iter().any(|t| lower.contains(t)));
    let kind = found.map_or(GitErrorKind::Other, |(kind, _)| *kind);
    let advice = match kind {
        GitErrorKind::Unauthorized => ": check the credentials, their rights and the known hosts",
        GitErrorKind::BranchMissing => ": create the branch on the server",
        GitErrorKind::NotFound => ": check the address and that the credentials may see it",
        // With its spaces the word cannot be a part of the address.
        GitErrorKind::Unreachable if lower.contains(" certificate ") => {
            ": check the server's certificate and the authority that is trusted for it"
        }
        // Redirects are not followed.
        GitErrorKind::Unreachable if lower.contains("returned error: 30") => {
            ": the server points elsewhere: use the new address"
        }
        GitErrorKind::Timeout | GitErrorKind::Unreachable => ": check that the server is up",
        GitErrorKind::Cache => ": the cache is fetched again",
        _ => "",
    };
    let said = [remote, local].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("; ");
    let said = if said.is_empty() { "git gave no reason".to_owned() } else { said };
    // The advice must survive when the text is cut.
    let said: String = said.chars().take(700).collect();
    GitError::new(kind, scrub(&format!("{what}: {said}{advice}")))
}

/// Reads the report of `git push --porcelain`.
pub(crate) fn push_result(
    finished: &Finished,
    scrub: impl Fn(&str) -> String,
) -> Result<(), PushError> {
    let report = String::from_utf8_lossy(&finished.stdout).into_owned();
    // "<flag>\t<from>:<to>\t<summary>", one line per branch.
    let line = report.lines().find_map(|line| {
        let mut fields = line.splitn(3, '\t');
        let flag = fields.next()?;
        fields.next()?;
        Some((flag.trim().to_owned(), fields.next().unwrap_or_default().to_owned()))
    });
    match line {
        Some((flag, _)) if flag != "!" && finished.ok() => Ok(()),
        Some((flag, summary)) if flag == "!" => {
            // Only git itself writes the bracketed word; the server's reason follows in parentheses.
            if summary.starts_with("[remote rejected]") {
                let (remote, _) = remote_text(&finished.stderr);
                let reason = summary.trim_start_matches("[remote rejected]").trim();
                let reason = reason.trim_start_matches('(').trim_end_matches(')');
                let parts: Vec<_> =
                    [reason, &remote].into_iter().filter(|t| !t.is_empty()).collect();
                Err(PushError::Refused(scrub(&parts.join(": "))))
            } else if summary.starts_with("[rejected]") {
                Err(PushError::Stale)
            } else {
                let mut error = failure("push", finished, scrub);
                if error.kind() == GitErrorKind::Other {
                    error = GitError::new(GitErrorKind::Unreachable, error.to_string());
                }
                Err(PushError::Lost(error))
            }
        }
        _ => Err(PushError::Lost(failure("push", finished, scrub))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(stdout: &str, stderr: &str) -> Finished {
        Finished { code: Some(1), stdout: stdout.into(), stderr: stderr.into() }
    }

    fn kind(stderr: &str) -> GitErrorKind {
        failure("fetch", &finished("", stderr), str::to_owned).kind()
    }

    #[test]
    fn failures_are_told_apart() {
        assert_eq!(
            kind("fatal: Authentication failed for 'https://h/r'"),
            GitErrorKind::Unauthorized
        );
        assert_eq!(
            kind("fatal: unable to access 'https://h/r': The requested URL returned error: 403"),
            GitErrorKind::Unauthorized
        );
        assert_eq!(kind("fatal: repository 'https://h/r' not found"), GitErrorKind::NotFound);
        assert_eq!(
            kind("fatal: couldn't find remote ref refs/heads/x"),
            GitErrorKind::BranchMissing
        );
        assert_eq!(
            kind("fatal: unable to access 'https://h/r': The requested URL returned error: 503"),
            GitErrorKind::Unreachable
        );
        assert_eq!(kind("error: object file objects/ab/cd is empty"), GitErrorKind::Cache);
        assert_eq!(kind("fatal: something new"), GitErrorKind::Other);
    }

    #[test]
    fn the_advice_fits_the_failure() {
        let text = |said: &str| {
            let said = format!("fatal: unable to access 'https://h/certificate.git/': {said}");
            failure("fetch", &finished("", &said), str::to_owned).to_string()
        };
        for said in [
            "server certificate verification failed. CAfile: none CRLfile: none",
            "SSL certificate problem: self-signed certificate",
            "SSL: no alternative certificate subject name matches target host name 'h'",
        ] {
            assert!(text(said).contains("check the server's certificate"), "{}", text(said));
        }
        assert!(text("The requested URL returned error: 301").ends_with("use the new address"));
        assert!(text("Failed to connect to h").ends_with("check that the server is up"));
    }

    #[test]
    fn the_servers_words_do_not_choose_the_kind() {
        assert_eq!(
            kind("remote: Authentication failed\nfatal: something new"),
            GitErrorKind::Other
        );
    }

    #[test]
    fn a_refusal_keeps_the_servers_words_and_loses_secrets() {
        let done = finished(
            "To u\n!\tabc:refs/heads/main\t[remote rejected] (pre-receive hook declined)\nDone\n",
            "remote: GH006: Protected branch, token hunter2.        \nerror: failed to push\n",
        );
        let Err(PushError::Refused(text)) = push_result(&done, |t| t.replace("hunter2", "***"))
        else {
            panic!("not refused");
        };
        assert_eq!(text, "pre-receive hook declined: GH006: Protected branch, token ***.");
    }

    #[test]
    fn a_missing_report_is_not_a_refusal() {
        let done = finished(
            "To u\n!\tabc:refs/heads/main\t[remote failure] (remote failed to report status)\n",
            "error: failed to push some refs",
        );
        assert!(matches!(
            push_result(&done, str::to_owned),
            Err(PushError::Lost(e)) if e.kind() == GitErrorKind::Unreachable
        ));
        let stale = finished("To u\n!\ta:refs/heads/main\t[rejected] (stale info)\n", "");
        assert!(matches!(push_result(&stale, str::to_owned), Err(PushError::Stale)));
    }
}

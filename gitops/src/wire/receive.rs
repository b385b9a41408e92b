//! What is sent to a server's receive-pack: one compare-and-swap of a branch, with its objects.

use super::http::{Http, Service};
use super::packet::{FLUSH, Line, Lines, cut, garbage, put};
use crate::engine::PushError;
use crate::error::{GitError, GitErrorKind};
use crate::id::CommitId;

/// What we ask the server to do. `atomic` is left out: with one branch it only hides the reason.
const FEATURES: &str = concat!(
    " report-status side-band-64k quiet object-format=sha1 agent=gimlet/",
    env!("CARGO_PKG_VERSION")
);
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";
/// The most words of the server that are kept.
const SAID: usize = 2_000;

/// Moves a branch from one commit to another, or deletes it, if it is still there. No pack goes with a
/// deletion.
pub(super) async fn push(
    http: &Http,
    branch: &str,
    old: Option<CommitId>,
    new: Option<CommitId>,
    pack: &[u8],
) -> Result<(), PushError> {
    let name = |id: Option<CommitId>| id.map_or_else(|| NO_COMMIT.to_owned(), |id| id.to_string());
    let (old, new) = (name(old), name(new));
    let mut body = Vec::with_capacity(pack.len() + 256);
    put(&mut body, format!("{old} {new} {branch}\0{FEATURES}").as_bytes());
    body.extend_from_slice(FLUSH);
    body.extend_from_slice(pack);
    let answer = http.call(Service::ReceivePack, body).await?;
    verdict(&answer, branch)
}

/// Reads the server's report.
pub(super) fn verdict(answer: &[u8], branch: &str) -> Result<(), PushError> {
    let (mut report, mut said) = (Vec::new(), Vec::new());
    let mut lines = Lines::new(answer);
    while let Some(line) = lines.next()? {
        let Line::Data(data) = line else { continue };
        match data.split_first() {
            Some((1, data)) => report.extend_from_slice(data),
            Some((2, data)) => {
                let room = SAID.saturating_sub(said.len());
                said.extend_from_slice(data.get(..room).unwrap_or(data));
            }
            // The server gave up; what it did before it did is not known.
            Some((3, data)) => return Err(lost(data).into()),
            _ => return Err(garbage("a line is of no band").into()),
        }
    }
    let said = words(&said);
    let mut lines = Lines::new(&report);
    let mut unpacked = None;
    while let Some(line) = lines.next()? {
        let Some(text) = line.text() else { continue };
        if let Some(result) = text.strip_prefix("unpack ") {
            unpacked = Some(result.to_owned());
        } else if text.strip_prefix("ok ") == Some(branch) {
            return Ok(());
        } else if let Some(reason) = text.strip_prefix("ng ") {
            let reason = reason.strip_prefix(branch).unwrap_or(reason).trim();
            let unpacked = unpacked.filter(|result| result != "ok");
            let parts = [Some(reason.to_owned()), unpacked, Some(said)];
            let parts: Vec<_> =
                parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
            return Err(PushError::Refused(parts.join(": ")));
        }
    }
    Err(cut("before its report").into())
}

fn lost(said: &[u8]) -> GitError {
    GitError::new(
        GitErrorKind::Unreachable,
        format!("the server gave up: {}: try again", words(said)),
    )
}

/// Joins what a server prints for people to one line.
fn words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(700).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bands: &[(u8, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (band, data) in bands {
            put(&mut out, &[&[*band], *data].concat());
        }
        out.extend_from_slice(FLUSH);
        out
    }

    fn report(lines: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in lines {
            put(&mut out, line.as_bytes());
        }
        out.extend_from_slice(FLUSH);
        out
    }

    #[test]
    fn a_refusal_keeps_the_servers_words() {
        let no = report(&["unpack ok\n", "ng refs/heads/main pre-receive hook declined\n"]);
        let answer = answer(&[(2, b"GH006: Protected "), (2, b"branch.\n"), (1, &no)]);
        let Err(PushError::Refused(text)) = verdict(&answer, "refs/heads/main") else {
            panic!("not refused");
        };
        assert_eq!(text, "pre-receive hook declined: GH006: Protected branch.");
    }

    #[test]
    fn only_a_whole_report_is_one() {
        let yes = report(&["unpack ok\n", "ok refs/heads/main\n"]);
        let whole = answer(&[(1, &yes)]);
        assert!(verdict(&whole, "refs/heads/main").is_ok());
        assert!(matches!(verdict(&whole, "refs/heads/other"), Err(PushError::Lost(_))));
        for end in 0..whole.len() - FLUSH.len() {
            let cut = verdict(&whole[..end], "refs/heads/main");
            assert!(matches!(cut, Err(PushError::Lost(_))), "{end}: {cut:?}");
        }
        let gone = answer(&[(3, b"disk full")]);
        assert!(
            matches!(verdict(&gone, "refs/heads/main"), Err(PushError::Lost(e)) if e.to_string().contains("disk full"))
        );
    }
}

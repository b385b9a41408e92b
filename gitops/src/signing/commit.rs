//! Where a signature is inside a commit.

use super::trusted::SignatureError;

/// The header that git puts a signature in; its further lines start with a space.
const HEADER: &str = "gpgsig";
/// The same for repositories with longer ids; it is no part of what is signed either.
const OTHER_HEADER: &str = "gpgsig-sha256";

/// Puts a signature below a commit's headers.
pub(crate) fn with_signature(headers: &str, message: &str, signature: Option<&str>) -> Vec<u8> {
    let mut text = headers.to_owned();
    if let Some(signature) = signature {
        let lines: Vec<_> = signature.trim_end().lines().collect();
        text.extend([HEADER, " ", &lines.join("\n "), "\n"]);
    }
    text.extend(["\n", message]);
    text.into_bytes()
}

/// What a signed commit is made of.
#[derive(Debug)]
pub(super) struct Signed {
    /// What was signed.
    pub(super) payload: Vec<u8>,
    pub(super) signature: String,
    /// When it was committed, in seconds.
    pub(super) time: i64,
}

/// Takes a commit apart.
pub(super) fn split(commit: &[u8]) -> Result<Signed, SignatureError> {
    let malformed = |text: &str| SignatureError::Malformed(text.to_owned());
    let mut payload = Vec::with_capacity(commit.len());
    let mut signature: Option<Vec<u8>> = None;
    let mut time = None;
    let mut rest = commit;
    // Lines that start with a space belong to the header above them.
    let mut within = Header::Other;
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, next) = rest.split_at(end);
        if line == b"\n" {
            break;
        }
        if !line.starts_with(b" ") {
            within = header(line);
        }
        match within {
            Header::Signature => {
                let text = line.strip_prefix(b" ");
                match (&mut signature, text) {
                    (Some(signature), Some(text)) => signature.extend_from_slice(text),
                    (None, None) => {
                        signature = Some(line[HEADER.len() + 1..].to_vec());
                    }
                    (Some(_), None) => return Err(malformed("it has two signatures")),
                    (None, Some(_)) => return Err(malformed("its headers are damaged")),
                }
            }
            Header::OtherSignature => {}
            Header::Other => {
                if line.starts_with(b"committer ") {
                    time = seconds(line);
                }
                payload.extend_from_slice(line);
            }
        }
        rest = next;
    }
    payload.extend_from_slice(rest);
    let signature = signature.ok_or(SignatureError::Unsigned)?;
    let signature = String::from_utf8(signature).map_err(|_| malformed("it is not text"))?;
    let time = time.ok_or_else(|| malformed("the commit has no date"))?;
    Ok(Signed { payload, signature, time })
}

enum Header {
    Signature,
    OtherSignature,
    Other,
}

fn header(line: &[u8]) -> Header {
    let name = line.split(|b| *b == b' ').next().unwrap_or_default();
    if name == HEADER.as_bytes() && line.len() > HEADER.len() {
        Header::Signature
    } else if name == OTHER_HEADER.as_bytes() {
        Header::OtherSignature
    } else {
        Header::Other
    }
}

/// Reads the date of "committer name <address> seconds zone".
fn seconds(line: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(line).ok()?;
    text.trim_end().rsplit(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &str = "tree 1\nauthor A <a@b> 5 +0000\ncommitter C <c@d> 77 +0200\n";

    #[test]
    fn a_commit_is_taken_apart_as_it_was_put_together() {
        let unsigned = with_signature(HEADERS, "subject\n\ngpgsig no\n", None);
        let signed = with_signature(HEADERS, "subject\n\ngpgsig no\n", Some("a\n\nb\n"));
        let found = split(&signed).unwrap();
        assert_eq!(found.payload, unsigned);
        assert_eq!((found.signature.as_str(), found.time), ("a\n\nb\n", 77));
        assert_eq!(split(&unsigned).unwrap_err(), SignatureError::Unsigned);
    }

    #[test]
    fn a_second_signature_is_refused() {
        let twice = format!("{HEADERS}gpgsig a\n b\ngpgsig c\n\nmessage\n");
        assert!(matches!(split(twice.as_bytes()), Err(SignatureError::Malformed(_))));
        let other = format!("{HEADERS}gpgsig a\n b\ngpgsig-sha256 c\n d\nx y\n\nmessage\n");
        let found = split(other.as_bytes()).unwrap();
        assert_eq!(found.payload, format!("{HEADERS}x y\n\nmessage\n").into_bytes());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken_apart_without_a_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = split(&bytes);
        }
    }
}

//! Lines of a log, however long they are.

use futures::io::{AsyncBufRead, AsyncBufReadExt as _};
use jiff::Timestamp;

use crate::protocol::MAX_LINE;

/// Bytes of a line that are kept, with its time; the rest is read over.
const KEPT: usize = MAX_LINE + 64;

/// A line and when it was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) time: Option<Timestamp>,
    pub(super) text: String,
}

/// Reads the next line; none at the end. No more of it is held than is told.
pub(super) async fn next(
    source: &mut (impl AsyncBufRead + Unpin),
) -> std::io::Result<Option<Line>> {
    let (mut kept, mut any) = (Vec::new(), false);
    loop {
        let buffer = source.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(any.then(|| line(&kept)));
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        kept.extend_from_slice(&part[..part.len().min(KEPT - kept.len())]);
        let read = part.len() + usize::from(end.is_some());
        source.consume_unpin(read);
        if end.is_some() {
            return Ok(Some(line(&kept)));
        }
    }
}

fn line(bytes: &[u8]) -> Line {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_suffix('\r').unwrap_or(&text);
    // The kubelet puts the time before each line.
    match text.split_once(' ').map(|(time, rest)| (time.parse(), rest)) {
        Some((Ok(time), rest)) => Line { time: Some(time), text: rest.to_owned() },
        _ => match text.parse() {
            Ok(time) => Line { time: Some(time), text: String::new() },
            Err(_) => Line { time: None, text: text.to_owned() },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(text: &[u8]) -> Vec<Line> {
        let mut source = futures::io::BufReader::with_capacity(7, futures::io::Cursor::new(text));
        let mut lines = Vec::new();
        while let Some(line) = next(&mut source).await.unwrap() {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn times_are_told_from_what_was_written() {
        let lines =
            all(b"2026-03-01T10:00:00.5Z hello\r\n2026-03-01T10:00:01Z \nno time\nlast").await;
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["hello", "", "no time", "last"]);
        let times: Vec<_> = lines.iter().map(|line| line.time.is_some()).collect();
        assert_eq!(times, [true, true, false, false]);
    }

    #[tokio::test]
    async fn of_a_line_without_an_end_only_what_is_told_is_held() {
        let mut text = vec![b'x'; 20 * MAX_LINE];
        text.extend_from_slice(b"\nnext\n\xff\n");
        let lines = all(&text).await;
        assert_eq!(lines[0].text.len(), KEPT);
        assert_eq!((lines[1].text.as_str(), lines[2].text.as_str()), ("next", "\u{fffd}"));
    }
}

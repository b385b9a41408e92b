//! What the operator and its workers say to each other.
//!
//! Each message is its length in four bytes, the highest first, and that many bytes: JSON, or a
//! chart as it is in the cache.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use gimlet_crds::DeployManifest;
use gimlet_manifest::{RenderReason, Vars};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Longest message, in bytes; more than any chart or app may have.
const MESSAGE_LIMIT: u32 = 256 << 20;

/// What a worker is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Put the variables into a manifest.
    Resolve { manifest: Box<DeployManifest>, variables: Vars },
    /// Make the files of an app.
    Render(Box<Job>),
}

/// Everything that the files of an app depend on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The app; it is the release name for the chart.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// The manifest, its variables put in.
    pub manifest: DeployManifest,
    /// The digest of the chart that the manifest names.
    pub chart: Option<String>,
    /// Version of the cluster, such as `1.36.0`.
    pub kubernetes_version: String,
    /// API versions that the cluster has beside those of Kubernetes.
    pub api_versions: Vec<String>,
    /// What random functions of the chart draw from.
    pub seed: [u8; 32],
    /// What the chart is told the time is.
    pub time: jiff::Timestamp,
    /// Whether plain Secret objects may end in git.
    pub allow_secrets: bool,
}

/// What a worker answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Resolved(Box<DeployManifest>),
    Rendered(Rendering),
    /// The chart is not known here: the next message is the chart, then the answer follows.
    ChartWanted,
    /// It cannot be done, whoever tries.
    Refused {
        reason: RenderReason,
        message: String,
    },
}

/// The files of an app.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendering {
    /// The files by name, one object each.
    pub files: BTreeMap<String, String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Reads a message; `None` where the other side has ended.
pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let mut message = vec![0; checked(length)?];
    from.read_exact(&mut message)?;
    Ok(Some(message))
}

/// Writes a message.
pub(super) fn write(to: &mut impl Write, message: &[u8]) -> io::Result<()> {
    to.write_all(&length_of(message)?)?;
    to.write_all(message)?;
    to.flush()
}

/// Reads a message from a worker.
pub(super) async fn receive(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    // Space is taken as the message arrives, not as its sender announces it.
    let length = checked(length)?;
    let mut message = Vec::with_capacity(length.min(1 << 20));
    let limit = u64::try_from(length).unwrap_or(u64::MAX);
    if from.take(limit).read_to_end(&mut message).await? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(message)
}

/// Writes a message to a worker.
pub(super) async fn send(to: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<()> {
    to.write_all(&length_of(message)?).await?;
    to.write_all(message).await?;
    to.flush().await
}

/// Turns something into a message.
pub(super) fn encode(value: &impl Serialize) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(value)?)
}

/// Reads something from a message.
pub(super) fn decode<T: DeserializeOwned>(message: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(message)?)
}

fn length_of(message: &[u8]) -> io::Result<[u8; 4]> {
    let length = u32::try_from(message.len()).ok().filter(|length| *length <= MESSAGE_LIMIT);
    let length = length.ok_or_else(|| io::Error::other("a message is too long"))?;
    Ok(length.to_be_bytes())
}

fn checked(length: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(length);
    if length > MESSAGE_LIMIT {
        return Err(io::Error::other("a message is too long"));
    }
    usize::try_from(length).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_as_they_were_sent() {
        let mut pipe = Vec::new();
        write(&mut pipe, b"one").unwrap();
        write(&mut pipe, b"").unwrap();
        let mut from = pipe.as_slice();
        assert_eq!(read(&mut from).unwrap().as_deref(), Some(b"one".as_slice()));
        assert_eq!(read(&mut from).unwrap().as_deref(), Some(b"".as_slice()));
        assert_eq!(read(&mut from).unwrap(), None);
    }

    #[tokio::test]
    async fn a_message_that_is_cut_off_or_too_long_is_an_error() {
        for bytes in [&b"\0\0\0\x05abc"[..], b"\xff\xff\xff\xffabc", b"\0\0"] {
            assert!(receive(&mut &*bytes).await.is_err(), "{bytes:?}");
        }
        assert!(read(&mut &b"\0\0\0\x05abc"[..]).is_err());
    }

    #[test]
    fn numbers_survive_the_way() {
        let manifest: DeployManifest = serde_json::from_value(serde_json::json!({
            "namespace": "n",
            "values": {"a": 0.1, "b": 1e300, "c": u64::MAX, "d": -1, "e": 5.0, "f": 1.0e-7}
        }))
        .unwrap();
        let sent = encode(&manifest).unwrap();
        assert_eq!(decode::<DeployManifest>(&sent).unwrap(), manifest);
    }
}

//! What a fuzzer feeds with the answers of hostile chart repositories and registries, and what must hold
//! whatever they are.
//!
//! That there is no panic, no hang and no exhausted memory is what the fuzzer watches.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use gimlet_helm::Chart;
use gimlet_outbound::Reach;
use url::Url;

use crate::access::Access;
use crate::archive;
use crate::dependencies::declared;
use crate::http::Client;
use crate::oci::{Manifest, Registry, next_page, parameter};
use crate::range::{VersionRange, parse_version};
use crate::repository::Index;
use crate::tree::Tree;

/// What separates the parts of an input that has several.
const SEPARATOR: &str = "\n=====\n";

/// An archive of a chart that lacks dependencies: packed as it is if it is compressed, else taken for
/// the tar inside.
pub fn unpack(data: &[u8]) {
    let packed = if archive::is_archive(data) { data.to_vec() } else { compressed(data) };
    let tree = match archive::unpack("demo", &packed) {
        Ok(tree) => tree,
        Err(error) => return explained(&error.to_string()),
    };
    let stored = tree.to_bytes();
    let mut rest = stored.as_slice();
    while !rest.is_empty() {
        let path = String::from_utf8_lossy(part(&mut rest)).into_owned();
        let _ = part(&mut rest);
        let inside = |part: &str| !matches!(part, "" | "." | "..");
        assert!(path.split('/').all(inside) && !path.contains(['\\', '\0']), "{path:?}");
    }
    let again = Tree::from_bytes("demo", &stored);
    assert!(again.is_ok_and(|again| again.to_bytes() == stored), "it is stored as another");
    if let Ok(chart) = Chart::from_archive(&packed) {
        match declared("demo", &tree, &chart) {
            Ok(found) => {
                let missing = chart.missing_dependencies();
                assert!(found.iter().all(|wanted| missing.contains(&wanted.name)), "{found:?}");
            }
            Err(error) => explained(&error.to_string()),
        }
    }
}

/// An `index.yaml`, the name of a chart, and the range of versions that is wanted.
pub fn indexes(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split(SEPARATOR);
    let mut part = || parts.next().unwrap_or_default();
    let (index, name, range) = (part(), part(), VersionRange::parse(part()).ok());
    let index = match Index::parse("the repository", index.as_bytes()) {
        Ok(index) => index,
        Err(error) => return explained(&error.to_string()),
    };
    let repository = address("https://charts.example.com/stable?token=1");
    for wanted in [None, range.as_ref()] {
        match index.choose(&repository, name, wanted) {
            Ok(chosen) => {
                assert!(matches!(chosen.url.scheme(), "http" | "https" | "oci"), "{}", chosen.url);
                let version = parse_version(&chosen.version);
                assert!(version.is_some(), "{} is no version", chosen.version);
                if let (Some(version), Some(wanted)) = (version, wanted) {
                    let fits = wanted.matches(&version) || wanted.as_str() == chosen.version;
                    assert!(fits, "{} is not in {wanted}", chosen.version);
                }
                let digest = chosen.digest.unwrap_or_else(|| "sha256:".into());
                assert!(digest.starts_with("sha256:"), "{digest}");
            }
            Err(error) => explained(&error.to_string()),
        }
    }
}

/// A manifest of a registry, the challenge of its token service, and the link to more tags.
pub fn registries(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split(SEPARATOR);
    let mut part = || parts.next().unwrap_or_default();
    let (manifest, challenge, link) = (part(), part(), part());
    for key in ["realm", "scope", "service"] {
        let value = parameter(challenge, key).unwrap_or_default();
        assert!(challenge.contains(&value), "{value:?} is not in {challenge:?}");
    }
    let next = next_page(link).unwrap_or_default();
    assert!(link.contains(next) && !next.contains('>'), "{next:?} is not in {link:?}");
    let access = Access::default();
    let client = Client::new(&access, None, Reach::default(), Duration::from_secs(1));
    let client = client.expect("a client without settings can be made");
    let registry = Registry::new(&client, "registry.example.com", "charts/demo");
    let registry = registry.expect("the address is one");
    let found =
        Manifest::read("demo", manifest.as_bytes()).and_then(|manifest| registry.layer(&manifest));
    match found {
        Ok(layer) => {
            let hex = layer.digest.strip_prefix("sha256:").unwrap_or_default();
            let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            assert!(hex.len() == 64 && hex.bytes().all(is_digit), "{}", layer.digest);
        }
        Err(error) => explained(&error.to_string()),
    }
}

/// An error has a text, and not one without end.
fn explained(text: &str) {
    assert!(!text.trim().is_empty(), "an error without a text");
    assert!(text.len() < 1 << 20, "an error of {} bytes", text.len());
}

/// Takes a part of the stored form apart by its own count.
fn part<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let (length, rest) = bytes.split_first_chunk::<8>().expect("a part begins with its length");
    let length = usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let (part, rest) = rest.split_at_checked(length).expect("a part is whole");
    *bytes = rest;
    part
}

fn compressed(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(data).and_then(|()| encoder.finish()).expect("memory can be written to")
}

fn address(text: &str) -> Url {
    Url::parse(text).expect("the address is one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_of_the_fuzzer_holds() {
        type Target = fn(&[u8]);
        let targets: [(&str, Target); 3] =
            [("unpack", unpack), ("indexes", indexes), ("registries", registries)];
        for (name, target) in targets {
            let folder = format!("{}/../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let mut count = 0;
            for file in std::fs::read_dir(folder).unwrap() {
                let data = std::fs::read(file.unwrap().path()).unwrap();
                for end in 0..=data.len().min(1_000) {
                    target(&data[..end]);
                }
                target(&data);
                count += 1;
            }
            assert!(count > 0, "{name}");
        }
    }
}

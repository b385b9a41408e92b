//! Chart archives (`.tgz`) as files.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use crate::ChartFetchError;
use crate::tree::{COUNT_LIMIT, TOTAL_LIMIT, Tree, too_large};

/// The most bytes that a compressed chart may have.
pub(crate) const ARCHIVE_LIMIT: u64 = 20 * 1024 * 1024;

/// Tells whether bytes look like a gzip stream.
pub(crate) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Unpacks an archive; the first part of each path is the chart's folder and goes.
pub(crate) fn unpack(what: &str, bytes: &[u8]) -> Result<Tree, ChartFetchError> {
    let invalid = |detail: String| ChartFetchError::invalid_chart(what, detail);
    // Headers and padding come on top of the files; twice the limit is generous for both.
    let reader = MultiGzDecoder::new(bytes).take(2 * TOTAL_LIMIT);
    let mut archive = tar::Archive::new(reader);
    let mut tree = Tree::default();
    let entries = archive.entries().map_err(|error| invalid(error.to_string()))?;
    for (count, entry) in entries.enumerate() {
        if count > 2 * COUNT_LIMIT {
            return Err(invalid(format!("it has more than {COUNT_LIMIT} entries")));
        }
        let mut entry = entry.map_err(|error| invalid(error.to_string()))?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
            continue;
        }
        let path = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| invalid("a file name is not UTF-8".to_owned()))?;
        if !kind.is_file() {
            return Err(invalid(format!("{path} is a link or special file")));
        }
        let path = path.trim_start_matches("./");
        let Some((_, inner)) = path.split_once('/') else {
            return Err(invalid(format!("{path} is not inside a folder")));
        };
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(invalid(format!("the path {path:?} leaves the chart")));
        }
        if entry.size() > TOTAL_LIMIT {
            return Err(too_large(what.to_owned(), TOTAL_LIMIT));
        }
        let mut data = Vec::new();
        entry.read_to_end(&mut data).map_err(|error| invalid(error.to_string()))?;
        tree.insert(what, inner.to_owned(), data)?;
    }
    Ok(tree)
}

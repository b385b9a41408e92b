//! Packed charts.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use crate::print::quote;

use super::{CHART_LIMIT, ChartError, FILE_LIMIT, File, Loader, PATH_LIMIT, without_bom};

/// Tar headers and padding allowed on top of the files themselves.
const OVERHEAD: u64 = 32 << 20;
/// What all archives of a chart may unpack to, those of subcharts included.
pub(super) const STREAM_LIMIT: u64 = CHART_LIMIT + OVERHEAD;

/// Counts what is unpacked, headers and skipped entries included.
struct Counted<'l, R> {
    inner: R,
    left: &'l mut u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let rest = self.left.checked_sub(count as u64);
        *self.left = rest.unwrap_or(0);
        rest.map(|_| count).ok_or_else(|| io::ErrorKind::FileTooLarge.into())
    }
}

fn broken(error: &io::Error) -> ChartError {
    if error.kind() == io::ErrorKind::FileTooLarge {
        return ChartError::TooLarge { what: "unpacked chart".to_owned(), limit: STREAM_LIMIT };
    }
    ChartError::Archive(error.to_string())
}

/// Unpacks an archive and drops the first element of every path.
pub(super) fn unpack(tgz: &[u8], loader: &mut Loader) -> Result<Vec<File>, ChartError> {
    match tgz {
        [] => return Err(ChartError::Archive("EOF".to_owned())),
        _ if tgz.len() < 10 => return Err(ChartError::Archive("unexpected EOF".to_owned())),
        [0x1f, 0x8b, 8, ..] => {}
        _ => return Err(ChartError::Archive("gzip: invalid header".to_owned())),
    }
    let mut left = loader.stream;
    let result = read(Counted { inner: MultiGzDecoder::new(tgz), left: &mut left }, loader);
    loader.stream = left;
    result
}

fn read(plain: impl Read, loader: &mut Loader) -> Result<Vec<File>, ChartError> {
    let mut files: Vec<File> = Vec::new();
    let mut archive = tar::Archive::new(plain);
    for entry in archive.entries().map_err(|error| broken(&error))? {
        let mut entry = entry.map_err(|error| broken(&error))?;
        let kind = entry.header().entry_type();
        let raw = entry.path_bytes();
        if raw.len() > PATH_LIMIT {
            return Err(ChartError::LongPath(String::from_utf8_lossy(&raw[..40]).into_owned()));
        }
        let raw = String::from_utf8_lossy(&raw).into_owned();
        if kind.is_dir() || raw.ends_with('/') {
            continue;
        }
        // A link has no content of its own; following it could leave the chart.
        if kind.is_symlink() || kind.is_hard_link() {
            return Err(ChartError::Archive(format!("{raw:?} is a link")));
        }
        if !(kind.is_file() || kind.is_contiguous()) {
            continue;
        }
        let path = inner_path(&raw)?;
        loader.admit(&path, entry.size())?;
        let mut data = Vec::new();
        entry
            .by_ref()
            .take(FILE_LIMIT + 1)
            .read_to_end(&mut data)
            .map_err(|error| broken(&error))?;
        files.push(File { path, data: without_bom(data).into() });
    }
    if files.is_empty() {
        return Err(ChartError::Archive("no files in chart archive".to_owned()));
    }
    Ok(files)
}

fn inner_path(raw: &str) -> Result<String, ChartError> {
    let illegal = |why: &str| Err(ChartError::Path(why.to_owned()));
    // An archive made on Windows has backslashes.
    let delimiter = if raw.contains('\\') { '\\' } else { '/' };
    let (base, rest) = raw.split_once(delimiter).unwrap_or((raw, ""));
    let rest = rest.replace(delimiter, "/");
    if rest.starts_with('/') {
        return illegal("chart illegally contains absolute paths");
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        match part {
            ".." => {
                if parts.pop().is_none() {
                    return illegal("chart illegally references parent directory");
                }
            }
            "" | "." => {}
            part => parts.push(part),
        }
    }
    let Some(first) = parts.first() else {
        let quoted = quote(raw);
        return illegal(&format!(
            "chart illegally contains content outside the base directory: {quoted}"
        ));
    };
    if first.starts_with("..") {
        return illegal("chart illegally references parent directory");
    }
    let drive = parts.len() > 1
        && matches!(first.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic());
    if drive || parts.iter().any(|part| part.contains('\\')) {
        return illegal("chart contains illegally named files");
    }
    if base == "Chart.yaml" {
        return illegal("chart yaml not in base directory");
    }
    Ok(parts.join("/"))
}

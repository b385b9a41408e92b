//! The chart that is part of the program.

use gimlet_helm::ChartFile;
use include_dir::{Dir, include_dir};

use crate::ChartFetchError;
use crate::tree::Tree;

/// The name under which a deploy manifest asks for the built-in chart.
pub const BUILT_IN_NAME: &str = "app";

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/app");

/// Returns the files of the built-in chart, without its test values.
pub fn built_in_files() -> Vec<ChartFile> {
    let mut files = Vec::new();
    collect(&FILES, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Returns the version of the built-in chart.
pub fn built_in_version() -> &'static str {
    FILES
        .get_file("Chart.yaml")
        .and_then(|file| file.contents_utf8())
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("version:")))
        .map_or("", str::trim)
}

pub(crate) fn tree() -> Result<Tree, ChartFetchError> {
    Tree::new("the built-in chart", built_in_files())
}

fn collect(dir: &Dir<'_>, into: &mut Vec<ChartFile>) {
    for file in dir.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        into.push(ChartFile { path, data: file.contents().to_vec() });
    }
    for child in dir.dirs().filter(|child| child.path().as_os_str() != "ci") {
        collect(child, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_chart_holds_what_a_chart_needs_and_no_test_values() {
        let paths: Vec<String> = built_in_files().into_iter().map(|file| file.path).collect();
        for needed in ["Chart.yaml", "values.yaml", "values.schema.json", "templates/_pod.tpl"] {
            assert!(paths.iter().any(|path| path == needed), "{needed} is missing");
        }
        assert!(!paths.iter().any(|path| path.starts_with("ci/")));
    }

    #[test]
    fn the_built_in_version_is_read_from_its_metadata() {
        assert!(semver::Version::parse(built_in_version()).is_ok());
    }
}

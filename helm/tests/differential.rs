//! Charts rendered side by side with the real `helm`.
//!
//! Runs when `GIMLET_HELM` names a helm program. `GIMLET_CHARTS` may name folders of charts,
//! separated by `:`, on top of our own fixtures; each chart is also rendered with each of its
//! `ci/*.yaml`. `GIMLET_DIFF` may name a folder for outputs that differ.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use gimlet_helm::{Chart, RenderOptions, render};

const KUBE_VERSION: &str = "1.36.0";

struct Oracle {
    helm: PathBuf,
}

impl Oracle {
    fn template(&self, chart: &Path, values: Option<&Path>) -> Result<String, String> {
        let mut command = Command::new(&self.helm);
        command.args(["template", "my-release"]).arg(chart);
        command.args(["--namespace", "my-namespace", "--include-crds"]);
        command.args(["--kube-version", KUBE_VERSION]);
        if let Some(file) = values {
            command.arg("--values").arg(file);
        }
        let output = command.output().map_err(|error| format!("helm does not run: {error}"))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

fn ours(chart: &Path, values: Option<&Path>) -> Result<String, String> {
    let chart = if chart.is_dir() {
        Chart::from_dir(chart)
    } else {
        Chart::from_archive(&std::fs::read(chart).map_err(|error| error.to_string())?)
    }
    .map_err(|error| error.to_string())?;
    let options = RenderOptions {
        release_name: "my-release".to_owned(),
        namespace: "my-namespace".to_owned(),
        kube_version: KUBE_VERSION.to_owned(),
        include_crds: true,
        ..RenderOptions::default()
    };
    let values = match values {
        None => serde_json::json!({}),
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
            gimlet_helm::yaml::from_str(&text).map_err(|error| error.to_string())?
        }
    };
    render(&chart, &values, &options)
        .map(|rendered| rendered.to_template_output())
        .map_err(|error| error.to_string())
}

/// Lines that two runs of helm print alike; the others are random.
fn stable_lines(first: &str, second: &str) -> Option<BTreeSet<usize>> {
    let (first, second): (Vec<_>, Vec<_>) = (first.lines().collect(), second.lines().collect());
    (first.len() == second.len()).then(|| {
        first
            .iter()
            .zip(&second)
            .enumerate()
            .filter(|(_, (first, second))| first == second)
            .map(|(index, _)| index)
            .collect()
    })
}

fn agrees(
    oracle: &Oracle,
    chart: &Path,
    values: Option<&Path>,
    expected: &str,
    found: &str,
) -> bool {
    if expected == found {
        return true;
    }
    let Ok(again) = oracle.template(chart, values) else { return false };
    let Some(stable) = stable_lines(expected, &again) else { return false };
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    stable.len() < expected.len()
        && expected.len() == found.len()
        && stable.iter().all(|index| expected[*index] == found[*index])
}

fn listing(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder must be readable");
    let mut paths: Vec<_> =
        entries.map(|entry| entry.expect("the folder must be readable").path()).collect();
    paths.sort();
    paths
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// Unpacks the values that an archive brings for its own tests.
fn unpack_values(archive: &Path, folder: &Path) -> Vec<PathBuf> {
    let file = std::fs::File::open(archive).expect("the archive must be readable");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut found = Vec::new();
    for entry in archive.entries().expect("the archive must be readable") {
        let mut entry = entry.expect("the archive must be readable");
        let path = entry.path().expect("a path is text").into_owned();
        let parts: Vec<_> = path.iter().collect();
        if let [_, ci, name] = parts[..]
            && ci == "ci"
            && has_extension(&path, "yaml")
        {
            let target = folder.join(name);
            entry.unpack(&target).expect("the folder must be writable");
            found.push(target);
        }
    }
    found.sort();
    found
}

/// Charts, each with no values and with those it brings for its own tests.
fn cases(unpacked: &Path) -> Vec<(PathBuf, Option<PathBuf>)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts");
    let given = std::env::var_os("GIMLET_CHARTS").unwrap_or_default();
    let mut found = Vec::new();
    for folder in std::env::split_paths(&given).filter(|path| path.is_dir()).chain([fixtures]) {
        for path in listing(&folder) {
            if has_extension(&path, "tgz") || path.join("Chart.yaml").is_file() {
                found.push((path.clone(), None));
            }
            if has_extension(&path, "tgz") {
                let folder = unpacked.join(path.file_stem().unwrap_or_default());
                std::fs::create_dir_all(&folder).expect("the folder must be writable");
                let values = unpack_values(&path, &folder).into_iter();
                found.extend(values.map(|values| (path.clone(), Some(values))));
            }
            if path.join("ci").is_dir() {
                for values in listing(&path.join("ci")) {
                    if has_extension(&values, "yaml") {
                        found.push((path.clone(), Some(values)));
                    }
                }
            }
        }
    }
    found
}

#[test]
fn charts_render_as_with_helm() {
    let Some(helm) = std::env::var_os("GIMLET_HELM") else {
        eprintln!("skipped: set GIMLET_HELM to a helm program to compare with it");
        return;
    };
    let oracle = Oracle { helm: PathBuf::from(helm) };
    let mut report = Vec::new();
    let (mut same, mut both_fail, mut other_text) = (0, 0, 0);
    let unpacked = tempfile::tempdir().expect("a temporary folder must be possible");
    for (chart, values) in cases(unpacked.path()) {
        let values = values.as_deref();
        let names = [Some(chart.as_path()), values].into_iter().flatten();
        let names: Vec<_> =
            names.filter_map(Path::file_name).map(|name| name.to_string_lossy()).collect();
        let name = names.join(" with ");
        match (oracle.template(&chart, values), ours(&chart, values)) {
            (Ok(expected), Ok(found)) if agrees(&oracle, &chart, values, &expected, &found) => {
                same += 1;
            }
            (Ok(expected), Ok(found)) => {
                let line = expected.lines().zip(found.lines()).position(|(a, b)| a != b);
                report.push(format!("{name}: differs from line {:?}", line.map(|line| line + 1)));
                if let Some(folder) = std::env::var_os("GIMLET_DIFF").map(PathBuf::from) {
                    std::fs::create_dir_all(&folder).expect("the folder must be writable");
                    for (end, text) in [("helm", expected), ("ours", found)] {
                        std::fs::write(folder.join(format!("{name}.{end}")), text)
                            .expect("the folder must be writable");
                    }
                }
            }
            (Err(theirs), Err(own)) => {
                both_fail += 1;
                if !theirs.contains(own.trim()) {
                    other_text += 1;
                    eprintln!("{name}: other error text\n  helm: {theirs}\n  ours: {own}");
                }
            }
            (Ok(_), Err(own)) => report.push(format!("{name}: only ours fails: {own}")),
            (Err(theirs), Ok(_)) => report.push(format!("{name}: only helm fails: {theirs}")),
        }
    }
    eprintln!("{same} same, {both_fail} fail in both ({other_text} with other text)");
    assert!(report.is_empty(), "{} charts differ:\n{}", report.len(), report.join("\n"));
}

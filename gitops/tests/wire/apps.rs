//! Repositories of many apps, and releases of them.

use std::fmt::Write as _;

use gimlet_gitops::Change;

use crate::fixture::{Repo, change, folder};

/// Files of an app, as its release writes them.
const FILES: usize = 10;

/// The content of a file; numbers that look random keep it from being compressed into nothing.
pub(crate) fn text(app: usize, file: usize, version: usize) -> String {
    let mut text = format!("name: app{app:05}-{file}\nversion: {version}\n");
    for line in 0..12_usize {
        let word = (app * 31 + file * 17 + line).wrapping_mul(2_654_435_761) & 0xffff_ffff;
        let _ = writeln!(text, "setting{line}: {word:08x}");
    }
    text
}

pub(crate) fn app(number: usize) -> String {
    format!("staging/app{number:05}")
}

/// A repository with so many apps of one file each, but the first one, which has ten.
pub(crate) fn with_apps(count: usize) -> Repo {
    let repo = Repo::empty();
    let mut all: Vec<_> =
        (0..count).map(|n| (format!("{}/file0.yaml", app(n)), text(n, 0, 0))).collect();
    all.extend((1..FILES).map(|f| (format!("{}/file{f}.yaml", app(0)), text(0, f, 0))));
    let entries: Vec<_> = all.iter().map(|(path, data)| (path.as_str(), data.as_str())).collect();
    repo.person("main", &entries);
    repo.git(&["repack", "-a", "-d", "--quiet"]);
    repo
}

/// A release that renders all ten files anew, three of them differently.
pub(crate) fn release(number: usize, version: usize) -> Change {
    let texts: Vec<_> = (0..FILES)
        .map(|f| (format!("file{f}.yaml"), text(number, f, if f < 3 { version } else { 0 })))
        .collect();
    let entries: Vec<_> = texts.iter().map(|(name, data)| (name.as_str(), data.as_str())).collect();
    change(&format!("a{number}-v{version}"), vec![folder(&app(number), &entries)])
}

//! The deploy manifests that CI ships: the files of the folder `.gimlet`.

use std::fs;
use std::path::Path;

use gimlet_crds::ManifestSource;

use crate::error::CommandError;

/// Most files that an artifact has.
const MAX_FILES: usize = 64;
/// Most bytes that they have together.
const MAX_BYTES: usize = 256 * 1024;

/// Reads the YAML files of a folder, in the order of their names; `top` is what their paths begin at.
///
/// Links are not followed: a pull request could point one at any file of the machine. Folders
/// inside are not looked into.
pub(crate) fn manifests(top: &Path, folder: &Path) -> Result<Vec<ManifestSource>, CommandError> {
    let place = top.join(folder);
    let failed = |error: std::io::Error| {
        CommandError::usage(format!("{} cannot be read: {error}", place.display())).hint(
            "an artifact ships the deploy manifests of the repository: put them into .gimlet/",
        )
    };
    if fs::symlink_metadata(&place).map_err(failed)?.is_symlink() {
        return Err(CommandError::usage(format!(
            "{} is a link: it is not followed",
            place.display()
        )));
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(&place).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let file = entry.file_type().map_err(failed)?.is_file();
        let path = entry.path();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if file && (extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml"))
        {
            found.push((entry.file_name(), path));
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(CommandError::usage(format!("there is no YAML file in {}", place.display()))
            .hint(
                "an artifact ships the deploy manifests of the repository: put them into .gimlet/",
            ));
    }
    if found.len() > MAX_FILES {
        return Err(CommandError::usage(format!(
            "{} has {} files, and an artifact has at most {MAX_FILES}",
            place.display(),
            found.len()
        ))
        .hint("put several manifests into one file, as YAML documents"));
    }
    let mut left = MAX_BYTES;
    let mut manifests = Vec::new();
    for (name, path) in found {
        let name = name.to_str().filter(|name| is_plain(name)).ok_or_else(|| {
            CommandError::usage(format!("{} has a name that cannot be shipped", path.display()))
                .hint("use letters, digits, '.', '_', '-' and spaces")
        })?;
        let size = fs::metadata(&path).map_err(failed)?.len();
        left = usize::try_from(size).ok().and_then(|size| left.checked_sub(size)).ok_or_else(
            || {
                CommandError::usage(format!(
                    "the files of {} have more than {} KiB together",
                    place.display(),
                    MAX_BYTES / 1024
                ))
            },
        )?;
        let content = fs::read_to_string(&path).map_err(failed)?;
        if content.trim().is_empty() {
            continue;
        }
        let shown = folder.join(name).to_string_lossy().replace('\\', "/");
        manifests.push(ManifestSource { path: shown, content });
    }
    Ok(manifests)
}

/// Tells whether the kind takes a name.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ');
    name.len() <= 200
        && name.chars().all(plain)
        && !name.starts_with(['-', ' '])
        && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join(".gimlet")).unwrap();
        for (name, content) in files {
            fs::write(top.path().join(".gimlet").join(name), content).unwrap();
        }
        top
    }

    fn read(top: &tempfile::TempDir) -> Result<Vec<ManifestSource>, CommandError> {
        manifests(top.path(), Path::new(".gimlet"))
    }

    #[test]
    fn the_yaml_files_are_shipped_in_order() {
        let top = folder(&[
            ("b.yml", "b: 1\n"),
            ("a.yaml", "a: 1\n"),
            ("vars", "X=1"),
            ("c.yaml", " \n"),
        ]);
        fs::create_dir(top.path().join(".gimlet/d.yaml")).unwrap();
        let found = read(&top).unwrap();
        let paths: Vec<&str> = found.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [".gimlet/a.yaml", ".gimlet/b.yml"]);
        assert_eq!(found[0].content, "a: 1\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let top = folder(&[("a.yaml", "a: 1\n")]);
        std::os::unix::fs::symlink("/etc/hostname", top.path().join(".gimlet/b.yaml")).unwrap();
        assert_eq!(read(&top).unwrap().len(), 1);
        let other = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(top.path().join(".gimlet"), other.path().join(".gimlet"))
            .unwrap();
        assert!(read(&other).unwrap_err().message().contains("is a link"));
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_is_sent() {
        let large = "x".repeat(MAX_BYTES / 2 + 1);
        let top = folder(&[("a.yaml", &large), ("b.yaml", &large)]);
        assert!(read(&top).unwrap_err().message().contains("256 KiB"));
        let top = folder(&[("a\u{e4}.yaml", "a: 1\n")]);
        assert!(read(&top).unwrap_err().message().contains("name"));
        let many: Vec<String> = (0..65).map(|i| format!("{i}.yaml")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "a: 1")).collect();
        assert!(read(&folder(&many)).unwrap_err().message().contains("65 files"));
    }

    #[test]
    fn a_repository_without_manifests_is_told_where_they_go() {
        let top = tempfile::tempdir().unwrap();
        assert!(read(&top).unwrap_err().styled().contains(".gimlet/"));
        assert!(read(&folder(&[])).unwrap_err().message().contains("no YAML file"));
    }
}

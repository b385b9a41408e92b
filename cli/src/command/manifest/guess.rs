//! What a checkout tells of an application: name, image, port, kind. Nothing in it is run.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use gimlet_crds::name::AppName;

use crate::git;

/// How much of a file is looked at, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// What a checkout tells, as far as it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Guess {
    /// A name that an app can have.
    pub(super) app: Option<String>,
    /// Where the usual registry of the host has the image.
    pub(super) image: Option<String>,
    /// The port, and what tells it.
    pub(super) port: Option<(u16, &'static str)>,
}

/// Languages by the file that tells them, with the port that their frameworks usually listen on.
const LANGUAGES: &[(&str, u16)] = &[
    ("package.json", 3000),
    ("Gemfile", 3000),
    ("go.mod", 8080),
    ("Cargo.toml", 8080),
    ("pom.xml", 8080),
    ("build.gradle", 8080),
    ("build.gradle.kts", 8080),
    ("requirements.txt", 8000),
    ("pyproject.toml", 8000),
    ("composer.json", 8080),
    ("mix.exs", 4000),
];

impl Guess {
    /// Looks at a folder.
    pub(super) fn of(folder: &Path) -> Self {
        let url = git::run(folder, &["config", "--get", "remote.origin.url"]).ok();
        let top = git::run(folder, &["rev-parse", "--show-toplevel"]).ok();
        let here = folder.canonicalize().ok();
        let folder_name = top.as_deref().map(Path::new).or(here.as_deref());
        let folder_name = folder_name.and_then(Path::file_name).and_then(|name| name.to_str());
        let repository = url.as_deref().and_then(git::repository);
        let name = repository.as_deref().and_then(|path| path.rsplit('/').next()).or(folder_name);
        let read = |name: &str| read(&folder.join(name));
        let port = ["Dockerfile", "Containerfile"]
            .iter()
            .find_map(|name| exposed(&read(name)?))
            .map(|port| (port, "EXPOSE of the Dockerfile"))
            .or_else(|| {
                let known = LANGUAGES.iter().find(|(file, _)| folder.join(file).is_file());
                known.map(|(file, port)| (*port, *file))
            });
        Self {
            app: name.and_then(app_name),
            image: url.as_deref().zip(repository).and_then(|(url, path)| image(url, &path)),
            port,
        }
    }
}

/// Makes a name that an app can have of another one.
fn app_name(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let name: String =
        lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name: String = name.trim_matches('-').chars().take(53).collect();
    let name = name.trim_end_matches('-');
    AppName::parse(name).ok().map(|name| name.as_str().to_owned())
}

/// Names the image where the registry of a host has it; other hosts have none that is known.
fn image(url: &str, path: &str) -> Option<String> {
    let path = path.to_ascii_lowercase();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    match host {
        "github.com" => Some(format!("ghcr.io/{path}")),
        "gitlab.com" => Some(format!("registry.gitlab.com/{path}")),
        _ => None,
    }
}

/// Finds the port that the last stage of a Dockerfile exposes.
fn exposed(text: &str) -> Option<u16> {
    let mut port = None;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next().map(str::to_ascii_uppercase).as_deref() {
            Some("FROM") => port = None,
            Some("EXPOSE") if port.is_none() => {
                // A variable is no number, and UDP is not what a browser speaks.
                port = words
                    .filter(|word| !word.ends_with("/udp"))
                    .find_map(|word| word.split('/').next()?.parse().ok());
            }
            _ => {}
        }
    }
    port.filter(|port| *port > 0)
}

fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tests::git;

    #[test]
    fn a_checkout_tells_name_image_and_port() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        git(path, &["init", "--quiet"]);
        git(path, &["remote", "add", "origin", "git@github.com:Acme/Web_Shop.git"]);
        std::fs::write(path.join("package.json"), "{}").unwrap();
        let guess = Guess::of(path);
        assert_eq!(guess.app.as_deref(), Some("web-shop"));
        assert_eq!(guess.image.as_deref(), Some("ghcr.io/acme/web_shop"));
        assert_eq!(guess.port, Some((3000, "package.json")));
        std::fs::write(
            path.join("Dockerfile"),
            "FROM node AS build\nEXPOSE 9999\nFROM node\nexpose 53/udp $PORT 8081/tcp\nEXPOSE 9\n",
        )
        .unwrap();
        assert_eq!(Guess::of(path).port, Some((8081, "EXPOSE of the Dockerfile")));
    }

    #[test]
    fn a_folder_that_is_no_checkout_tells_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("My Shop!");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(
            Guess::of(&path),
            Guess { app: Some("my-shop".into()), image: None, port: None }
        );
    }

    #[test]
    fn only_hosts_with_a_registry_of_their_own_name_the_image() {
        let image = |url: &str| image(url, "Acme/Shop");
        assert_eq!(image("https://token@github.com/Acme/Shop"), Some("ghcr.io/acme/shop".into()));
        let lab = image("ssh://git@gitlab.com:22/Acme/Shop");
        assert_eq!(lab.as_deref(), Some("registry.gitlab.com/acme/shop"));
        assert_eq!(image("https://git.example.com/Acme/Shop"), None);
        assert_eq!(image("https://evil.example.com/github.com/x"), None);
    }
}

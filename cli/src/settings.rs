//! Defaults of a person: the config file, and the tokens beside it.
//!
//! The file holds no secret. A token is in a file of its own that nobody else can read.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::CommandError;

/// Largest config file and token file that are read, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// What flags and variables leave open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Settings {
    /// Kubeconfig file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<String>,
    /// Namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    /// Address of a server that is used instead of a kubeconfig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// File with the certificate authorities of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_authority: Option<PathBuf>,
}

/// The folder of the config file.
#[derive(Clone, Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// Finds the folder: `GIMLET_CONFIG_HOME`, else `gimlet` where configuration is kept.
    pub(crate) fn find() -> Option<Self> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(folder) = variable("GIMLET_CONFIG_HOME") {
            return Some(Self(folder.into()));
        }
        let base = match variable("XDG_CONFIG_HOME") {
            Some(folder) => PathBuf::from(folder),
            None => std::env::home_dir()?.join(".config"),
        };
        Some(Self(base.join("gimlet")))
    }

    /// Finds the folder; without one nothing can be kept.
    pub(crate) fn required() -> Result<Self, CommandError> {
        Self::find().ok_or_else(|| {
            CommandError::general("there is no home folder to keep the configuration in")
                .hint("set XDG_CONFIG_HOME, or pass flags")
        })
    }

    /// Returns the path of the config file.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("config.yaml")
    }

    /// Reads the config file; one that is not there says nothing.
    pub(crate) fn load(&self) -> Result<Settings, CommandError> {
        let path = self.file();
        let Some(text) = read(&path)? else {
            return Ok(Settings::default());
        };
        let parsed: Option<Settings> = serde_saphyr::from_str(&text).map_err(|error| {
            CommandError::usage(format!("{} is not valid: {error}", path.display()))
                .hint("correct it, or delete it; gimlet config set KEY VALUE writes it")
        })?;
        Ok(parsed.unwrap_or_default())
    }

    /// Writes the config file.
    pub(crate) fn save(&self, settings: &Settings) -> Result<(), CommandError> {
        let text = serde_saphyr::to_string(settings).map_err(|error| {
            CommandError::general(format!("the configuration cannot be written: {error}"))
        })?;
        write_private(&self.file(), &text)
    }

    /// Reads the token for a server, where one was kept.
    pub(crate) fn token(&self, server: &str) -> Result<Option<String>, CommandError> {
        let text = read(&self.token_file(server))?;
        Ok(text.map(|text| text.trim().to_owned()).filter(|token| !token.is_empty()))
    }

    /// Keeps the token for a server, readable by nobody else.
    pub(crate) fn keep_token(&self, server: &str, token: &str) -> Result<PathBuf, CommandError> {
        let path = self.token_file(server);
        write_private(&path, &format!("{token}\n"))?;
        Ok(path)
    }

    /// Forgets the token for a server; tells whether there was one.
    pub(crate) fn forget_token(&self, server: &str) -> Result<bool, CommandError> {
        let path = self.token_file(server);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(unusable("deleted", &path, &error)),
        }
    }

    /// Names the file of a server's token: letters that are safe in every file system.
    fn token_file(&self, server: &str) -> PathBuf {
        let name: String = server
            .trim_end_matches('/')
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
            .collect();
        self.0.join("tokens").join(name)
    }
}

fn read(path: &Path) -> Result<Option<String>, CommandError> {
    match fs::metadata(path) {
        Ok(found) if found.len() > MAX_FILE => {
            return Err(CommandError::usage(format!("{} is too large", path.display())));
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable("read", path, &error)),
    }
    fs::read_to_string(path).map(Some).map_err(|error| unusable("read", path, &error))
}

/// Writes a file as a whole: a reader sees the old one or the new one, and nobody else any.
fn write_private(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |error: &std::io::Error| unusable("written", path, error);
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let new = path.with_extension(format!("new{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&new, path));
    written.map_err(|error| {
        // What is left of an attempt is of no use; that it cannot be deleted changes nothing.
        let _ = fs::remove_file(&new);
        failed(&error)
    })
}

fn unusable(what: &str, path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::general(format!("{} cannot be {what}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home(folder.path().join("gimlet"));
        (folder, home)
    }

    #[test]
    fn what_is_kept_is_found_again() {
        let (_folder, home) = home();
        assert_eq!(home.load().unwrap(), Settings::default());
        let settings = Settings {
            namespace: Some("team".into()),
            certificate_authority: Some("/etc/ca.crt".into()),
            ..Settings::default()
        };
        home.save(&settings).unwrap();
        assert_eq!(home.load().unwrap(), settings);
        let text = fs::read_to_string(home.file()).unwrap();
        assert_eq!(text, "namespace: team\ncertificate-authority: /etc/ca.crt\n");
    }

    #[test]
    fn a_misspelt_key_is_an_error_and_not_ignored() {
        let (_folder, home) = home();
        fs::create_dir_all(home.file().parent().unwrap()).unwrap();
        fs::write(home.file(), "namespcae: team\n").unwrap();
        let error = home.load().unwrap_err().styled();
        assert!(error.contains("namespcae") && error.contains("config.yaml"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_token_is_read_by_nobody_else() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, home) = home();
        let server = "https://gimlet.example.com:8443/";
        assert_eq!(home.token(server).unwrap(), None);
        let path = home.keep_token(server, "secret").unwrap();
        home.keep_token(server, "secret2").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(home.token("https://gimlet.example.com:8443").unwrap().unwrap(), "secret2");
        assert!(home.forget_token(server).unwrap());
        assert!(!home.forget_token(server).unwrap());
    }

    #[test]
    fn a_server_cannot_name_a_file_elsewhere() {
        let (_folder, home) = home();
        let path = home.token_file("https://../../etc/passwd");
        assert_eq!(path.parent().unwrap().file_name().unwrap(), "tokens");
    }
}

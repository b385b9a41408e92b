//! The token, and whether it was exchanged.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

/// The longest token that is read.
const LONGEST: u64 = 64 * 1024;

/// The file that holds the agent's token.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
    /// How often it is looked at.
    every: Duration,
}

/// A token; it shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token(String);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoToken {
    #[error("the token {path} cannot be read: {source}; see --token")]
    Unreadable { path: String, source: io::Error },
    #[error("the token {0} is empty")]
    Empty(String),
    #[error("{0} holds no token: it is too long, or has characters that no token has")]
    Garbage(String),
}

impl TokenFile {
    /// Names a file that is looked at again this often.
    pub fn new(path: PathBuf, every: Duration) -> Self {
        Self { path, every }
    }

    pub(super) async fn read(&self) -> Result<Token, NoToken> {
        let path = || self.path.display().to_string();
        let unreadable = |source| NoToken::Unreadable { path: path(), source };
        let file = tokio::fs::File::open(&self.path).await.map_err(unreadable)?;
        let mut text = Vec::new();
        file.take(LONGEST).read_to_end(&mut text).await.map_err(unreadable)?;
        let text = String::from_utf8(text).map_err(|_| NoToken::Garbage(path()))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(NoToken::Empty(path()));
        }
        let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
        if text.len() as u64 == LONGEST || !printable {
            return Err(NoToken::Garbage(path()));
        }
        Ok(Token(token.to_owned()))
    }

    /// Waits until the file holds another token; one that cannot be read is no other.
    pub(super) async fn exchanged(&self, token: &Token) {
        loop {
            tokio::time::sleep(self.every).await;
            match self.read().await {
                Ok(now) if now != *token => return,
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "the token is not looked at"),
            }
        }
    }
}

impl Token {
    /// Returns what goes along with a request.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> (tempfile::TempDir, TokenFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, content).unwrap();
        (folder, TokenFile::new(path, Duration::from_millis(5)))
    }

    #[tokio::test]
    async fn a_token_is_read_without_the_end_of_its_line_and_is_not_shown() {
        let (_folder, file) = file("abc.def\n");
        let token = file.read().await.unwrap();
        assert_eq!(token.bearer(), "Bearer abc.def");
        assert!(!format!("{token:?}").contains("abc"));
    }

    #[tokio::test]
    async fn what_is_no_token_is_refused_without_being_shown() {
        for content in ["", " \n", "two words", "a\u{7}b", &"x".repeat(70_000)] {
            let (_folder, file) = file(content);
            let error = file.read().await.unwrap_err().to_string();
            assert!(!error.contains("words") && !error.contains("xxx"), "{error}");
        }
        let missing = TokenFile::new("/nowhere/token".into(), Duration::from_secs(1));
        assert!(missing.read().await.unwrap_err().to_string().contains("--token"));
    }

    #[tokio::test]
    async fn an_exchange_is_noticed_and_a_file_that_is_away_for_a_moment_is_none() {
        let (folder, file) = file("one");
        let token = file.read().await.unwrap();
        let path = folder.path().join("token");
        std::fs::remove_file(&path).unwrap();
        let early = tokio::time::timeout(Duration::from_millis(50), file.exchanged(&token)).await;
        assert!(early.is_err());
        std::fs::write(&path, "two").unwrap();
        let soon = tokio::time::timeout(Duration::from_secs(10), file.exchanged(&token)).await;
        assert!(soon.is_ok());
    }
}

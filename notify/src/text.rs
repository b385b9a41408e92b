//! Texts from outside, made fit to be shown.

use url::Url;

use crate::Link;

/// Cuts a text, and drops characters that would hide or reorder what is next to them.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let mut kept: String = text
        .chars()
        .filter(|c| *c == '\n' || !(c.is_control() || is_format(*c)))
        .take(limit + 1)
        .collect();
    if let Some((cut, _)) = kept.char_indices().nth(limit) {
        kept.truncate(cut);
        kept.pop();
        kept.push('…');
    }
    kept.trim().to_owned()
}

fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Returns the address of a link, if browsers may open it.
pub(crate) fn address(link: &Link) -> Option<String> {
    let url = Url::parse(link.url.as_deref()?).ok()?;
    let fit = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none();
    let text = url.to_string();
    (fit && text.len() <= 2000).then_some(text)
}

/// Escapes what Slack's fallback text interprets.
pub(crate) fn escape_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Escapes what Discord's Markdown interprets; mentions are turned off besides.
pub(crate) fn escape_discord(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(c);
        if c == '@' {
            // The backslash alone does not keep @everyone from being highlighted.
            escaped.push('\u{200b}');
        }
    }
    escaped
}

//! Text of others in Markdown: it is shown, and does nothing.

/// Longest text of others in one place, in characters.
const MAX: usize = 300;
/// Longest title, in characters; the hosts take 255.
const MAX_TITLE: usize = 200;

/// Shows a text as code on one line, where nobody is mentioned, nothing is linked and no command of the
/// host is read.
pub(crate) fn code(text: &str) -> String {
    format!("`{}`", plain(text))
}

/// Shows lines as a block of code.
pub(crate) fn block<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let lines: Vec<String> = lines.into_iter().map(plain).collect();
    format!("```text\n{}\n```\n", lines.join("\n"))
}

/// Shows an address that is nothing but one as a link, anything else as code.
pub(crate) fn link(address: &str) -> String {
    let usual = |c: char| c.is_ascii_alphanumeric() || "-._~:/?=&%+,".contains(c);
    let web = address.starts_with("https://") || address.starts_with("http://");
    if web && address.len() <= MAX && address.chars().all(usual) {
        format!("<{address}>")
    } else {
        code(address)
    }
}

/// Makes the title of a pull request: one line that mentions nobody, of a length that all hosts take.
pub(crate) fn title(text: &str) -> String {
    let line = plain(text).replace('@', "(at)");
    line.chars().take(MAX_TITLE).collect()
}

/// Makes one line of a text, without what could end a piece of code, and with an end.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let line: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line = line.join(" ").replace('`', "'");
    let mut cut: String = line.chars().take(MAX).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    if cut.is_empty() { "-".into() } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_leaves_its_code() {
        let nasty = "a` @everyone ``` \n/merge\n<script> | \u{7} end";
        assert_eq!(code(nasty), "`a' @everyone ''' /merge <script> | end`");
        assert_eq!(block([nasty, "x"]).matches("```").count(), 2);
        assert_eq!(block([nasty]).lines().count(), 3);
        assert_eq!(code(""), "`-`");
        assert!(code(&"ü".repeat(5000)).chars().count() <= MAX + 3);
    }

    #[test]
    fn a_title_is_one_line_that_mentions_nobody() {
        assert_eq!(title("a/b: release v1\n@ada"), "a/b: release v1 (at)ada");
        assert_eq!(title(&"x".repeat(500)).len(), MAX_TITLE);
    }

    #[test]
    fn only_a_plain_address_is_a_link() {
        assert_eq!(link("https://x.example.com/a/b?c=d"), "<https://x.example.com/a/b?c=d>");
        for other in ["javascript:x", "https://x/a>b", "https://x/@ada", "https://x/a b", "x"] {
            assert!(link(other).starts_with('`'), "{other}");
        }
    }
}

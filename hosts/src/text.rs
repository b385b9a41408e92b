//! Texts of others, cut to what is kept or shown.

/// Cuts a text to at most `bytes`, between characters.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// Cuts a text to at most `chars` characters, the last of which then is an ellipsis.
pub(crate) fn shorten(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(chars.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Makes one printable line of what a host says, at most 300 characters long.
pub(crate) fn line(text: &str) -> String {
    let words: Vec<&str> = cut(text, 2000)
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    shorten(&words.join(" "), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("añb", 2), "a");
        assert_eq!(cut("añb", 3), "añ");
        assert_eq!(shorten("grüezi", 4), "grü…");
        assert_eq!(shorten("grüezi", 6), "grüezi");
        assert_eq!(line("a\u{1b}[31m\n\n  b\0c"), "a [31m b c");
    }
}

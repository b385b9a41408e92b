//! Upper and lower case, and words told apart by it.
//!
//! Go maps each character to one other; Rust's own conversions make several of some.

/// `unicode.ToUpper`.
pub(super) fn upper(symbol: char) -> char {
    let code = u32::from(symbol);
    // Greek letters with an iota below have a capital of one character as well.
    let moved = match code {
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => code + 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        _ => 0,
    };
    if moved > 0 {
        return char::from_u32(moved).unwrap_or(symbol);
    }
    let mut found = symbol.to_uppercase();
    match (found.next(), found.next()) {
        (Some(single), None) => single,
        _ => symbol,
    }
}

/// `unicode.ToLower`.
pub(super) fn lower(symbol: char) -> char {
    symbol.to_lowercase().next().unwrap_or(symbol)
}

/// `unicode.ToTitle`.
pub(super) fn title(symbol: char) -> char {
    match symbol {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჺ' | 'ჽ'..='ჿ' => symbol,
        _ => upper(symbol),
    }
}

fn is_title(symbol: char) -> bool {
    matches!(symbol, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ' | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}'
        | '\u{1fa8}'..='\u{1faf}' | '\u{1fbc}' | '\u{1fcc}' | '\u{1ffc}')
}

/// `strings.Title`.
pub(super) fn titled(text: &str) -> String {
    let is_separator = |symbol: char| {
        if symbol.is_ascii() {
            !(symbol.is_ascii_alphanumeric() || symbol == '_')
        } else {
            !(symbol.is_alphabetic() || symbol.is_numeric()) && symbol.is_whitespace()
        }
    };
    let mut before = ' ';
    text.chars()
        .map(|symbol| {
            let start = is_separator(before);
            before = symbol;
            if start { title(symbol) } else { symbol }
        })
        .collect()
}

/// The first letter of each word in lower case.
pub(super) fn untitled(text: &str) -> String {
    let mut start = true;
    text.chars()
        .map(|symbol| {
            if symbol.is_whitespace() {
                start = true;
                symbol
            } else if std::mem::take(&mut start) {
                lower(symbol)
            } else {
                symbol
            }
        })
        .collect()
}

/// Capitals made small and the other way round.
pub(super) fn swapped(text: &str) -> String {
    let mut after_blank = true;
    text.chars()
        .map(|symbol| {
            if symbol.is_uppercase() || is_title(symbol) {
                after_blank = false;
                lower(symbol)
            } else if symbol.is_lowercase() {
                if std::mem::take(&mut after_blank) { title(symbol) } else { upper(symbol) }
            } else {
                after_blank = symbol.is_whitespace();
                symbol
            }
        })
        .collect()
}

fn is_connector(symbol: char) -> bool {
    matches!(symbol, '-' | '_') || symbol.is_whitespace()
}

/// Letters with case, as the library behind Sprig sees them.
fn is_letter(symbol: char) -> bool {
    symbol.is_alphabetic()
}

/// `unicode.IsPunct` for ASCII and the commonest others.
fn is_punctuation(symbol: char) -> bool {
    if symbol.is_ascii() {
        return symbol.is_ascii_punctuation()
            && !matches!(symbol, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~');
    }
    matches!(symbol, '¡' | '§' | '«' | '¶' | '·' | '»' | '¿' | '\u{2010}'..='\u{2027}'
        | '\u{2030}'..='\u{2043}' | '\u{2045}'..='\u{2051}' | '\u{2053}'..='\u{205e}'
        | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    None,
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

/// Splits off the next word.
fn next_word(symbols: &[char]) -> (Word, &[char], &[char]) {
    let Some(&first) = symbols.first() else { return (Word::None, symbols, symbols) };
    let run = |from: usize, belongs: &dyn Fn(char) -> bool| {
        let more = symbols[from..].iter().take_while(|symbol| belongs(**symbol)).count();
        from + more
    };
    let small = |symbol: char| is_letter(symbol) && !symbol.is_uppercase();
    let (word, end) = if is_connector(first) {
        (Word::Connector, run(1, &is_connector))
    } else if is_punctuation(first) {
        (Word::Punctuation, run(1, &is_punctuation))
    } else if first.is_uppercase() {
        let end = match symbols.get(1) {
            Some(second) if second.is_uppercase() => {
                let end = run(2, &char::is_uppercase);
                // The last capital of "HTTPStatus" starts the next word.
                if symbols.get(end).is_some_and(|next| is_letter(*next)) { end - 1 } else { end }
            }
            Some(second) if is_letter(*second) => run(2, &small),
            _ => 1,
        };
        (Word::Upper, end)
    } else if is_letter(first) {
        (Word::Letters, run(1, &small))
    } else if first.is_numeric() {
        (Word::Number, run(1, &char::is_numeric))
    } else {
        let other = |symbol: char| {
            !(is_connector(symbol)
                || is_letter(symbol)
                || symbol.is_numeric()
                || is_punctuation(symbol))
        };
        (Word::Other, run(1, &other))
    };
    (word, &symbols[..end], &symbols[end..])
}

fn push_word(out: &mut String, word: Word, symbols: &[char], connector: char) {
    if !matches!(word, Word::Upper | Word::Connector) {
        out.extend(symbols);
        return;
    }
    out.extend(symbols.iter().map(|symbol| {
        if is_connector(*symbol) {
            connector
        } else if symbol.is_uppercase() {
            lower(*symbol)
        } else {
            *symbol
        }
    }));
}

/// Words in lower case, joined by a connector; `http2xx` is `http_2xx`, `Bld4Floor` `bld4_floor`.
pub(super) fn joined_words(text: &str, connector: char) -> String {
    let symbols: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 8);
    let splits = |word: Word| !matches!(word, Word::Punctuation | Word::Connector);
    let (mut kind, mut word, mut rest) = next_word(&symbols);
    while !rest.is_empty() {
        if kind != Word::Connector {
            push_word(&mut out, kind, word, connector);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                while matches!(kind, Word::Letters | Word::Number) {
                    push_word(&mut out, kind, word, connector);
                    (kind, word, rest) = next_word(rest);
                }
                if kind != Word::None && splits(kind) {
                    out.push(connector);
                }
            }
            Word::Connector => push_word(&mut out, before, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if splits(kind) {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind == Word::Letters {
                    out.push(connector);
                    push_word(&mut out, Word::Number, number, connector);
                    while matches!(kind, Word::Letters | Word::Number) {
                        push_word(&mut out, kind, word, connector);
                        (kind, word, rest) = next_word(rest);
                    }
                    if kind != Word::None && splits(kind) {
                        out.push(connector);
                    }
                } else {
                    push_word(&mut out, Word::Number, number, connector);
                    if splits(kind) {
                        out.push(connector);
                    }
                }
            }
        }
    }
    push_word(&mut out, kind, word, connector);
    out
}

/// Words joined without connectors, each with a capital.
pub(super) fn pascal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut symbols = text.chars();
    let mut current = '\0';
    let mut first_is_upper = false;
    // Leading connectors stay.
    for symbol in symbols.by_ref() {
        current = symbol;
        if !is_connector(symbol) {
            first_is_upper = symbol.is_uppercase();
            current = upper(symbol);
            break;
        }
        out.push(symbol);
    }
    let rest = symbols.as_str();
    if rest.is_empty() {
        if !text.is_empty() {
            out.push(current);
        }
        return out;
    }
    for symbol in rest.chars() {
        let before = std::mem::replace(&mut current, symbol);
        match (is_connector(before), is_connector(symbol)) {
            (true, true) => out.push(before),
            (true, false) => {
                first_is_upper = symbol.is_uppercase();
                current = upper(symbol);
            }
            (false, _) => {
                if first_is_upper {
                    if symbol.is_uppercase() {
                        current = lower(symbol);
                    } else {
                        first_is_upper = false;
                    }
                }
                out.push(before);
            }
        }
    }
    out.push(current);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_as_by_sprig() {
        for (text, expected) in [
            ("FirstName", "first_name"),
            ("HTTPServer", "http_server"),
            ("NoHTTPS", "no_https"),
            ("GO PATH", "go_path"),
            ("http2xx", "http_2xx"),
            ("HTTP20xOK", "http_20x_ok"),
            ("Duration2m3s", "duration_2m3s"),
            ("Bld4Floor3rd", "bld4_floor_3rd"),
        ] {
            assert_eq!(joined_words(text, '_'), expected);
        }
        assert_eq!(pascal("_complex__case_"), "_Complex_Case_");
    }
}

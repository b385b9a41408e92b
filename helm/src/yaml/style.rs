//! The style go-yaml writes a text in.

use super::resolve::{Resolved, is_base_60, resolve};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// The style of a text that needs no closer look.
pub(super) enum Simple {
    Plain,
    /// In double quotes, without blanks and escapes.
    Quoted,
    Literal,
}

/// Finds the style of most texts in one go; `None` for those with anything special in them.
pub(super) fn simple_style(text: &str) -> Option<Simple> {
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return Some(Simple::Quoted);
    };
    if !bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) || last == b' ' {
        return None;
    }
    if bytes.contains(&b'\n') {
        return (!text.contains(" \n")).then_some(Simple::Literal);
    }
    if !matches!(resolve(text), Resolved::Text | Resolved::Merge) || is_base_60(text) {
        let as_it_is = !bytes.iter().any(|byte| matches!(byte, b' ' | b'"' | b'\\'));
        return as_it_is.then_some(Simple::Quoted);
    }
    let starts_well = first.is_ascii_alphanumeric() || matches!(first, b'/' | b'.' | b'_' | b'$');
    let indicated = |pair: &[u8]| matches!(pair, b": " | b" #");
    let plain =
        starts_well && last != b':' && !text.starts_with("...") && !bytes.windows(2).any(indicated);
    plain.then_some(Simple::Plain)
}

/// What the analysis of a text forbids.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent finding")]
struct Traits {
    indicators: bool,
    line_breaks: bool,
    special: bool,
    tabs: bool,
    leading: bool,
    trailing_space: bool,
    trailing_break: bool,
    break_space: bool,
    space_break: bool,
}

fn traits_of(text: &str, symbols: &[char]) -> Traits {
    let mut found = Traits {
        indicators: text.starts_with("---") || text.starts_with("..."),
        ..Traits::default()
    };
    let (mut after_space, mut after_break, mut after_blank) = (false, false, true);
    for (index, &symbol) in symbols.iter().enumerate() {
        let next = symbols.get(index + 1);
        let before_blank = next.is_none_or(|next| matches!(next, ' ' | '\t') || is_break(*next));
        let indicator = match symbol {
            '#' => index == 0 || after_blank,
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`' => index == 0,
            '?' | '-' => index == 0 && before_blank,
            ':' => before_blank,
            _ => false,
        };
        found.indicators |= indicator;
        found.tabs |= symbol == '\t';
        found.special |= symbol != '\t' && !is_printable(symbol);
        if symbol == ' ' {
            found.leading |= index == 0;
            found.trailing_space |= next.is_none();
            found.break_space |= after_break;
            (after_space, after_break) = (true, false);
        } else if is_break(symbol) {
            found.line_breaks = true;
            found.leading |= index == 0;
            found.trailing_break |= next.is_none();
            found.space_break |= after_space;
            (after_space, after_break) = (false, true);
        } else {
            (after_space, after_break) = (false, false);
        }
        after_blank = is_blank(symbol);
    }
    found
}

/// The style of a text; go-yaml v3 lets tabs stand in a literal block.
pub(super) fn style_of(text: &str, symbols: &[char], key: bool, v3: bool) -> Style {
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if matches!(resolve(text), Resolved::Text | Resolved::Merge) && !is_base_60(text) {
        Style::Plain
    } else {
        Style::Double
    };
    let found = traits_of(text, symbols);
    let broken = found.space_break || found.special || found.tabs;
    let plain = !(found.leading
        || found.trailing_space
        || found.trailing_break
        || found.break_space
        || broken
        || found.line_breaks
        || found.indicators);
    let single = !(found.break_space || broken);
    let block = !(symbols.is_empty()
        || found.trailing_space
        || found.space_break
        || found.special
        || (found.tabs && !v3));
    match wanted {
        _ if key && found.line_breaks => Style::Double,
        Style::Plain if plain => Style::Plain,
        Style::Plain if single => Style::Single,
        Style::Literal if block && !key => Style::Literal,
        _ => Style::Double,
    }
}

pub(super) fn is_break(symbol: char) -> bool {
    matches!(symbol, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(symbol: char) -> bool {
    matches!(symbol, ' ' | '\t' | '\0') || is_break(symbol)
}

/// go-yaml v2 takes symbols outside the basic plane for unprintable.
pub(super) fn is_printable(symbol: char) -> bool {
    matches!(symbol, '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

//! The flags of a verb, its width and its precision.

#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "these are the five flags of a Go verb")]
pub(super) struct Flags {
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) zero: bool,
    pub(super) space: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Flags {
    /// Brings a text to its width.
    pub(super) fn padded(self, text: String, numeric: bool) -> String {
        let count = text.chars().count();
        let missing = self.width.and_then(|width| width.checked_sub(count));
        let Some(missing) = missing.filter(|count| *count > 0) else { return text };
        if self.minus {
            return text + &" ".repeat(missing);
        }
        if !self.zero {
            return " ".repeat(missing) + &text;
        }
        match text.strip_prefix(['-', '+', ' ']) {
            Some(rest) if numeric => format!("{}{}{rest}", &text[..1], "0".repeat(missing)),
            _ => "0".repeat(missing) + &text,
        }
    }

    /// The first characters of a text, as many as the precision says.
    pub(super) fn cut(self, text: &str) -> String {
        match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_owned(),
        }
    }

    /// The flags of `%v`, where a plus asks for names of fields, not for a sign.
    pub(super) fn without_plus(self) -> Self {
        Self { plus: false, ..self }
    }

    /// The flags of `%v` for floats, which print as short as can be.
    pub(super) fn shortest(self) -> Self {
        Self { plus: false, sharp: false, ..self }
    }
}

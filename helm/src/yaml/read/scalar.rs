//! Scalars read: their types, and what keys they make.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granit_parser::{ScalarStyle, Span, Tag};
use smol_str::{SmolStr, ToSmolStr as _};

use super::{Done, Frame, Key, Reader, SHOWN_LIMIT, Shape};
use crate::number::format_general_32;
use crate::yaml::YamlError;
use crate::yaml::resolve::{Resolved, resolve};
use crate::yaml::tree::Built;

impl<T: Built> Reader<'_, T> {
    pub(super) fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<Option<Done<T>>, YamlError> {
        let core = tag.and_then(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:"));
        let core = core.as_deref();
        let resolved = match (tag, core) {
            (None, _) if style == ScalarStyle::Plain => resolve(text),
            (Some(_), Some("int" | "float" | "bool" | "null" | "timestamp")) => resolve(text),
            _ => Resolved::Text,
        };
        if let Some(wanted) = core
            && let Some(problem) = misfit(wanted, text, resolved)
        {
            return Err(YamlError::new(None, problem));
        }
        if self.awaits_key() {
            let key = key(text, resolved);
            if anchor > 0 {
                self.keep(anchor, &Done::scalar(T::of_text(text)))?;
            }
            if let Some(Frame { shape: Shape::Mapping { key: slot, .. }, .. }) =
                self.frames.last_mut()
            {
                *slot = Some(key);
            }
            return Ok(None);
        }
        let value = match resolved {
            Resolved::Null => T::null(),
            Resolved::Bool(value) => T::of_bool(value),
            Resolved::Int(value) => T::of_int(value),
            Resolved::Uint(value) => T::of_unsigned(value),
            Resolved::Float(value) => {
                let Some(number) = T::of_float(value) else {
                    let line = (self.line > 0).then_some(self.line);
                    let shown = crate::number::special(value).unwrap_or_default();
                    let message = format!("json: unsupported value: {shown}");
                    return Err(YamlError::of_json(line, message));
                };
                number
            }
            Resolved::Text | Resolved::Merge | Resolved::Timestamp => {
                T::of_text(&decoded(text, core))
            }
        };
        let built = Done::scalar(value);
        self.keep(anchor, &built)?;
        Ok(Some(built))
    }
}

/// Whether a quoted text has half a character as an escape, as JSON may and go-yaml does not.
pub(super) fn has_surrogate(place: &Span, text: &str) -> bool {
    let mut rest = place.slice(text).unwrap_or_default();
    while let Some((_, escape)) = rest.split_once('\\') {
        let code = escape.strip_prefix('u').and_then(|code| code.get(..4));
        if code
            .and_then(|code| u32::from_str_radix(code, 16).ok())
            .is_some_and(|code| (0xd800..0xe000).contains(&code))
        {
            return true;
        }
        let mut escape = escape.chars();
        escape.next();
        rest = escape.as_str();
    }
    false
}

fn key(text: &str, resolved: Resolved) -> Key {
    Key::Name(match resolved {
        Resolved::Merge => return Key::Merge,
        Resolved::Text | Resolved::Timestamp => SmolStr::new(text),
        Resolved::Null => return Key::Null,
        Resolved::Bool(value) => value.to_smolstr(),
        Resolved::Int(value) => value.to_smolstr(),
        Resolved::Uint(value) => value.to_smolstr(),
        Resolved::Float(value) => format_general_32(value).into(),
    })
}

/// What go-yaml says of a scalar whose tag wants another type.
fn misfit(wanted: &str, text: &str, resolved: Resolved) -> Option<String> {
    let found = match resolved {
        Resolved::Null => "null",
        Resolved::Bool(_) => "bool",
        Resolved::Int(_) | Resolved::Uint(_) => "int",
        Resolved::Float(_) => "float",
        Resolved::Timestamp => "timestamp",
        Resolved::Text | Resolved::Merge => "str",
    };
    let fits = match wanted {
        "float" => matches!(found, "float" | "int"),
        "int" | "bool" | "null" | "timestamp" => found == wanted,
        _ => true,
    };
    let text = &text[..text.floor_char_boundary(SHOWN_LIMIT)];
    (!fits).then(|| format!("cannot decode !!{found} `{text}` as a !!{wanted}"))
}

fn decoded<'a>(text: &'a str, core: Option<&str>) -> Cow<'a, str> {
    if core == Some("binary") {
        let compact: String = text.chars().filter(|symbol| !symbol.is_whitespace()).collect();
        if let Ok(bytes) = STANDARD.decode(compact) {
            return String::from_utf8_lossy(&bytes).into_owned().into();
        }
    }
    text.into()
}

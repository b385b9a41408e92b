//! The text of `--set` flags taken apart.

use serde_json::{Map, Value as Json};

use super::{FileReader, floats, json};
use crate::print::quote;

/// Dots in one name.
const NAME_LEVELS: usize = 30;
/// Largest place in a list.
const LAST_INDEX: usize = 65_536;
/// Lists and names nested in one assignment; Helm would only end with its stack.
const DEPTH_LIMIT: usize = 500;
/// Elements that one text may add to lists.
const GROWTH_LIMIT: usize = 1_000_000;

/// How a value is read.
pub(super) enum Reading<'a> {
    Typed,
    Text,
    Json,
    File(&'a mut FileReader<'a>),
    Literal,
}

/// Why reading stops.
#[derive(Debug)]
pub(super) enum End {
    /// The text is over.
    Input,
    Failed(String),
}

type Step<T> = Result<T, End>;

fn failed<T>(message: impl Into<String>) -> Step<T> {
    Err(End::Failed(message.into()))
}

/// Go's complaint about a value of another type than the path needs.
fn conversion<T>(found: &Json, wanted: &str) -> Step<T> {
    let kind = match found {
        Json::Null => "nil",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float64",
        Json::Number(_) => "int64",
        Json::String(_) => "string",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
    };
    failed(format!(
        "unable to parse key: interface conversion: interface {{}} is {kind}, not {wanted}"
    ))
}

fn put(data: &mut Map<String, Json>, key: &str, value: Json) {
    // Without a name there is nothing to set.
    if !key.is_empty() {
        data.insert(key.to_owned(), value);
    }
}

/// A text of assignments, and how far it is read.
pub(super) struct Assignments<'a> {
    rest: &'a str,
    reading: Reading<'a>,
    depth: usize,
    growth: usize,
}

impl<'a> Assignments<'a> {
    pub(super) fn new(text: &'a str, reading: Reading<'a>) -> Self {
        Self { rest: text, reading, depth: 0, growth: 0 }
    }

    /// Carries out one assignment after the other until an error or the end of the text.
    pub(super) fn run(&mut self, data: &mut Map<String, Json>) -> Step<()> {
        loop {
            self.key(data, 0)?;
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut symbols = self.rest.chars();
        let symbol = symbols.next()?;
        self.rest = symbols.as_str();
        Some(symbol)
    }

    /// Reads up to one of the stops, and tells which; a backslash takes its meaning away.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut read = String::new();
        while let Some(symbol) = self.next() {
            if stops.contains(&symbol) {
                return (read, Some(symbol));
            }
            if symbol != '\\' || matches!(self.reading, Reading::Literal) {
                read.push(symbol);
            } else if let Some(escaped) = self.next() {
                read.push(escaped);
            }
        }
        (read, None)
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        if self.depth >= DEPTH_LIMIT {
            return failed(format!("values are nested more than {DEPTH_LIMIT} levels deep"));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    fn key(&mut self, data: &mut Map<String, Json>, level: usize) -> Step<()> {
        let literal = matches!(self.reading, Reading::Literal);
        let stops: &[char] = if literal { &['=', '[', '.'] } else { &['=', '[', '.', ','] };
        let (key, stop) = self.until(stops);
        match stop {
            None if key.is_empty() => Err(End::Input),
            None => failed(format!("key {} has no value", quote(&key))),
            Some('=') => {
                // The end of the text sets an empty value and stays the end.
                let (value, end) = self.value()?;
                put(data, &key, value);
                end
            }
            Some('[') => {
                let index = self.index()?;
                match data.get_mut(&key) {
                    Some(Json::Array(list)) => self.deeper(|this| this.item(list, index, level)),
                    None => {
                        let mut list = Vec::new();
                        let result = self.deeper(|this| this.item(&mut list, index, level));
                        put(data, &key, Json::Array(list));
                        result
                    }
                    Some(other) => conversion(other, "[]interface {}"),
                }
            }
            Some('.') => self.inner(data, &key, level + 1),
            Some(_) => failed(format!("key {} has no value (cannot end with ,)", quote(&key))),
        }
    }

    fn inner(&mut self, data: &mut Map<String, Json>, key: &str, level: usize) -> Step<()> {
        if level > NAME_LEVELS {
            return failed(format!(
                "value name nested level is greater than maximum supported nested level of \
                 {NAME_LEVELS}"
            ));
        }
        let mut fresh = Map::new();
        let (result, empty) = match data.get_mut(key) {
            Some(Json::Object(inner)) => {
                (self.deeper(|this| this.key(inner, level)), inner.is_empty())
            }
            Some(other) => return conversion(other, "map[string]interface {}"),
            None => {
                let result = self.deeper(|this| this.key(&mut fresh, level));
                let empty = fresh.is_empty();
                if !empty {
                    put(data, key, Json::Object(fresh));
                }
                (result, empty)
            }
        };
        if result.is_ok() && empty {
            return failed(format!("key map {} has no value", quote(key)));
        }
        result
    }

    fn index(&mut self) -> Step<i64> {
        let (text, stop) = self.until(&[']']);
        if stop.is_none() {
            return failed("error parsing index: EOF");
        }
        let problem = match text.parse::<i64>() {
            Ok(index) => return Ok(index),
            Err(_) if is_number(&text) => "value out of range",
            Err(_) => "invalid syntax",
        };
        failed(format!("error parsing index: strconv.Atoi: parsing {}: {problem}", quote(&text)))
    }

    /// Reads what follows an index.
    fn item(&mut self, list: &mut Vec<Json>, index: i64, level: usize) -> Step<()> {
        let Ok(place) = usize::try_from(index) else {
            return failed(format!("negative {index} index not allowed"));
        };
        let (text, stop) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            let symbols: Vec<_> = text.chars().map(|symbol| format!("'{symbol}'")).collect();
            return failed(format!(
                "unexpected data at end of array index: [{}]",
                symbols.join(" ")
            ));
        }
        match stop {
            None => Err(End::Input),
            Some('=') => {
                let (value, _) = self.value()?;
                self.put_at(list, place, value)
            }
            Some('[') => {
                let next = self.index()?;
                match list.get_mut(place) {
                    Some(Json::Array(inner)) => self.deeper(|this| this.item(inner, next, level)),
                    None | Some(Json::Null) => {
                        let mut inner = Vec::new();
                        self.deeper(|this| this.item(&mut inner, next, level))?;
                        self.put_at(list, place, Json::Array(inner))
                    }
                    Some(other) => conversion(other, "[]interface {}"),
                }
            }
            Some(_) => {
                if let Some(Json::Object(inner)) = list.get_mut(place) {
                    return self.deeper(|this| this.key(inner, level));
                }
                let mut inner = Map::new();
                self.deeper(|this| this.key(&mut inner, level))?;
                self.put_at(list, place, Json::Object(inner))
            }
        }
    }

    fn put_at(&mut self, list: &mut Vec<Json>, place: usize, value: Json) -> Step<()> {
        if place > LAST_INDEX {
            return failed(format!(
                "index of {place} is greater than maximum supported index of {LAST_INDEX}"
            ));
        }
        if place >= list.len() {
            self.growth += place + 1 - list.len();
            if self.growth > GROWTH_LIMIT {
                return failed(format!("lists grow by more than {GROWTH_LIMIT} elements"));
            }
            list.resize(place + 1, Json::Null);
        }
        list[place] = value;
        Ok(())
    }

    /// Reads a value, and tells whether the text was over before it.
    fn value(&mut self) -> Step<(Json, Step<()>)> {
        match self.reading {
            Reading::Literal => Ok((Json::from(std::mem::take(&mut self.rest)), Ok(()))),
            Reading::Json => {
                if self.is_empty_value() {
                    return Ok((Json::Null, Ok(())));
                }
                let Some((value, length)) = json::prefix(self.rest) else {
                    return failed("invalid JSON");
                };
                self.rest = &self.rest[length..];
                self.is_empty_value();
                Ok((floats(value), Ok(())))
            }
            _ if self.rest.is_empty() => Ok((Json::from(""), Err(End::Input))),
            _ => {
                if let Some(rest) = self.rest.strip_prefix('{') {
                    self.rest = rest;
                    return Ok((Json::Array(self.list()?), Ok(())));
                }
                let (text, _) = self.until(&[',']);
                Ok((self.read(text)?, Ok(())))
            }
        }
    }

    fn list(&mut self) -> Step<Vec<Json>> {
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            if stop.is_none() {
                return failed("list must terminate with '}'");
            }
            let value = self.read(text)?;
            list.push(value);
            if stop == Some('}') {
                self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                return Ok(list);
            }
        }
    }

    /// Skips blanks and a comma after them; false when there is something else.
    fn is_empty_value(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        if let Some(rest) = self.rest.strip_prefix(',') {
            self.rest = rest;
            return true;
        }
        self.rest.is_empty()
    }

    fn read(&mut self, text: String) -> Step<Json> {
        match &mut self.reading {
            Reading::File(read) => read(&text).map(Json::String).map_err(End::Failed),
            Reading::Typed => Ok(typed(text)),
            Reading::Text | Reading::Json | Reading::Literal => Ok(Json::String(text)),
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn typed(text: String) -> Json {
    for (word, value) in
        [("true", Json::Bool(true)), ("false", Json::Bool(false)), ("null", Json::Null)]
    {
        if text.eq_ignore_ascii_case(word) {
            return value;
        }
    }
    // With a leading zero it is a name, such as the id of a commit.
    if (text == "0" || !text.starts_with('0'))
        && let Ok(number) = text.parse::<i64>()
    {
        return Json::from(number);
    }
    Json::String(text)
}

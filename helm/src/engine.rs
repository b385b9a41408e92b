//! One run of templates: its functions, its limits and what it has used of them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::{Rc, Weak};

use jiff::Timestamp;

use crate::functions::{Pattern, RandomKind, RandomUse, Target};
use crate::random::Random;
use crate::template::ast::Template;
use crate::template::fault::{Fault, Outcome};
use crate::value::{Entries, SharedMap, Value};

/// Bounds of one render; hostile charts fail on them instead of exhausting the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Nodes and functions evaluated.
    pub steps: u64,
    /// Bytes of the output and of any single string.
    pub output_bytes: usize,
    /// Nesting of template calls.
    pub depth: usize,
    /// Elements of a list.
    pub list_length: usize,
    /// Bytes of all values made during the render together.
    pub allocated_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 20_000_000,
            output_bytes: 32 << 20,
            depth: 1500,
            list_length: 1_000_000,
            allocated_bytes: 1 << 30,
        }
    }
}

/// Templates parsed from a `tpl` argument.
type Snippet = Rc<[Rc<Template>]>;

/// Finds the function an identifier of a template names.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<Target>;

pub(crate) struct Engine<'a> {
    lookup: Lookup<'a>,
    limits: Limits,
    missing_key_fails: bool,
    now: Timestamp,
    random: RefCell<Random>,
    steps: Cell<u64>,
    depth: Cell<usize>,
    allocated: Cell<usize>,
    included: RefCell<HashMap<Rc<str>, usize>>,
    snippets: RefCell<HashMap<Rc<str>, Snippet>>,
    regexes: RefCell<HashMap<Rc<str>, Rc<Pattern>>>,
    /// What was called that does not depend on the chart and its values alone.
    uses: RefCell<BTreeSet<RandomUse>>,
    /// The file that is rendered now.
    file: RefCell<Rc<str>>,
    /// Maps that were given collections to hold and so may contain themselves.
    cyclic: RefCell<Vec<Weak<RefCell<Entries>>>>,
}

/// Counts a template call for as long as it lives.
pub(crate) struct Level<'e>(&'e Cell<usize>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        // Reference cycles would outlive the render.
        for map in self.cyclic.borrow().iter().filter_map(Weak::upgrade) {
            let entries = std::mem::take(&mut *map.borrow_mut());
            drop(entries);
        }
    }
}

impl<'a> Engine<'a> {
    pub(crate) fn new(
        lookup: Lookup<'a>,
        limits: Limits,
        missing_key_fails: bool,
        now: Timestamp,
        seed: [u8; 32],
    ) -> Self {
        Self {
            lookup,
            limits,
            missing_key_fails,
            now,
            random: RefCell::new(Random::new(seed)),
            steps: Cell::new(0),
            depth: Cell::new(0),
            allocated: Cell::new(0),
            included: RefCell::default(),
            snippets: RefCell::default(),
            regexes: RefCell::default(),
            uses: RefCell::default(),
            file: RefCell::new(Rc::from("")),
            cyclic: RefCell::default(),
        }
    }

    pub(crate) fn lookup(&self) -> Lookup<'a> {
        self.lookup
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn missing_key_fails(&self) -> bool {
        self.missing_key_fails
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn random(&self) -> std::cell::RefMut<'_, Random> {
        self.random.borrow_mut()
    }

    /// Counts a step, and checks how much the current template has printed.
    pub(crate) fn step(&self, printed: usize) -> Outcome<()> {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        if steps > self.limits.steps {
            return Err(Fault::limit("the template takes too many steps"));
        }
        self.check_size(printed)
    }

    /// Counts work that takes as long as many steps.
    pub(crate) fn spend(&self, steps: u64) -> Outcome<()> {
        self.steps.set(self.steps.get().saturating_add(steps));
        self.step(0)
    }

    /// Names the file whose templates run from now on.
    pub(crate) fn begin_file(&self, path: &Rc<str>) {
        self.file.replace(Rc::clone(path));
    }

    /// Notes a call whose result depends on the seed or the clock.
    pub(crate) fn note_use(&self, kind: RandomKind, function: &'static str) {
        let template = self.file.borrow().to_string();
        self.uses.borrow_mut().insert(RandomUse { template, function, kind });
    }

    pub(crate) fn take_uses(&self) -> Vec<RandomUse> {
        self.uses.take().into_iter().collect()
    }

    /// Enters a template call.
    pub(crate) fn enter(&self) -> Outcome<Level<'_>> {
        let depth = self.depth.get() + 1;
        if depth > self.limits.depth {
            let limit = self.limits.depth;
            return Err(Fault::limit(format!("exceeded maximum template depth ({limit})")));
        }
        self.depth.set(depth);
        Ok(Level(&self.depth))
    }

    /// Refuses a string before it is made.
    pub(crate) fn check_size(&self, bytes: usize) -> Outcome<()> {
        if bytes > self.limits.output_bytes {
            let limit = self.limits.output_bytes;
            return Err(Fault::limit(format!("text is larger than the limit of {limit} bytes")));
        }
        Ok(())
    }

    /// Refuses a list before it is made.
    pub(crate) fn check_length(&self, length: i64) -> Outcome<()> {
        if usize::try_from(length).is_ok_and(|length| length > self.limits.list_length) {
            let limit = self.limits.list_length;
            return Err(Fault::limit(format!("list is longer than the limit of {limit}")));
        }
        Ok(())
    }

    /// Counts a value a function made.
    pub(crate) fn charge(&self, value: &Value) -> Outcome<()> {
        match value {
            Value::Text(text) => self.check_size(text.len())?,
            Value::List(items, _) => {
                self.check_length(i64::try_from(items.len()).unwrap_or(i64::MAX))?;
            }
            _ => {}
        }
        let allocated = self.allocated.get().saturating_add(value.shallow_size());
        self.allocated.set(allocated);
        if allocated > self.limits.allocated_bytes {
            return Err(Fault::limit("the template makes too much data"));
        }
        Ok(())
    }

    /// Notes a map that now holds another collection.
    pub(crate) fn note_holder(&self, map: &SharedMap, held: &Value) {
        if matches!(held, Value::Map(..) | Value::List(..)) {
            self.cyclic.borrow_mut().push(Rc::downgrade(map));
        }
    }

    /// Counts an `include` of a template; false when it is nested too often.
    pub(crate) fn begin_include(&self, name: &Rc<str>) -> bool {
        let mut included = self.included.borrow_mut();
        let count = included.entry(Rc::clone(name)).or_insert(0);
        if *count > 1000 {
            return false;
        }
        *count += 1;
        true
    }

    pub(crate) fn end_include(&self, name: &str) {
        if let Some(count) = self.included.borrow_mut().get_mut(name) {
            *count -= 1;
        }
    }

    pub(crate) fn snippet(&self, text: &str) -> Option<Snippet> {
        self.snippets.borrow().get(text).cloned()
    }

    pub(crate) fn keep_snippet(&self, text: Rc<str>, snippet: Snippet) {
        self.snippets.borrow_mut().insert(text, snippet);
    }

    /// A compiled pattern, made once.
    pub(crate) fn regex(
        &self,
        pattern: &Rc<str>,
        compile: impl FnOnce(&str) -> Result<Pattern, String>,
    ) -> Result<Rc<Pattern>, String> {
        if let Some(found) = self.regexes.borrow().get(pattern) {
            return Ok(Rc::clone(found));
        }
        let compiled = Rc::new(compile(pattern)?);
        self.regexes.borrow_mut().insert(Rc::clone(pattern), Rc::clone(&compiled));
        Ok(compiled)
    }
}

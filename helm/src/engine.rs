//! One run of templates: its functions, its limits and what it has used of them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};

use jiff::Timestamp;
use smol_str::SmolStr;

use crate::functions::{Pattern, ROOT, RandomKind, RandomUse, Target};
use crate::memo::{Counted, Memo, Parsed, snippet_bytes};
use crate::octets;
use crate::random::Random;
use crate::template::fault::{Fault, Outcome};
use crate::value::{Entries, SharedMap, Value};

/// Bounds of one render; hostile charts fail on them instead of exhausting the machine.
///
/// There is no deadline, for a render must not depend on a clock. Steps stand in for time: what
/// a function does counts in proportion to the bytes it goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Nodes evaluated and functions called, and one more for every 64 bytes they go through.
    pub steps: u64,
    /// Bytes of the output and of any single string.
    pub output_bytes: usize,
    /// Nesting of template calls.
    pub depth: usize,
    /// Elements of a list.
    pub list_length: usize,
    /// Bytes of all values made during the render together.
    pub allocated_bytes: usize,
    /// Manifests, hooks and definitions of a chart.
    pub objects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 5_000_000,
            output_bytes: 16 << 20,
            depth: 1500,
            list_length: 500_000,
            allocated_bytes: 512 << 20,
            objects: 10_000,
        }
    }
}

/// How much of its limits a render used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// See [`Limits::steps`].
    pub steps: u64,
    /// See [`Limits::output_bytes`].
    pub output_bytes: usize,
    /// See [`Limits::depth`].
    pub depth: usize,
    /// See [`Limits::allocated_bytes`].
    pub allocated_bytes: usize,
    /// See [`Limits::objects`].
    pub objects: usize,
}

/// What a step counts in units of work, which are bytes gone through.
const STEP: u64 = 64;
/// What a value counts in memory besides its content.
const VALUE_OVERHEAD: usize = 64;
/// Nesting of blocks and parentheses over all template calls; each takes a piece of the stack.
const NESTING_LIMIT: usize = 40_000;

/// Largest buffers that are kept for the next call.
const KEPT_BYTES: usize = 64 << 10;
const KEPT_ARGUMENTS: usize = 64;

/// Includes of one template within each other that Helm allows.
const INCLUDE_LIMIT: usize = 1000;

/// Finds the function an identifier of a template names.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<Target>;

pub(crate) struct Engine<'a> {
    lookup: Lookup<'a>,
    limits: Limits,
    missing_key_fails: bool,
    now: Timestamp,
    random: RefCell<Random>,
    work: Cell<u64>,
    depth: Cell<usize>,
    deepest: Cell<usize>,
    nesting: Cell<usize>,
    allocated: Cell<usize>,
    /// The templates that are included now, the innermost last.
    included: RefCell<Vec<SmolStr>>,
    memo: &'a Memo,
    snippets: RefCell<Counted>,
    patterns: RefCell<Counted>,
    /// What was called that does not depend on the chart and its values alone.
    uses: RefCell<BTreeSet<RandomUse>>,
    /// The file that is rendered now.
    source: RefCell<SmolStr>,
    /// Whether some text may hold bytes that are no UTF-8.
    has_octets: Cell<bool>,
    /// Memory that was used and may be used again.
    buffers: RefCell<Vec<String>>,
    arguments: RefCell<Vec<Vec<Value>>>,
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
        memo: &'a Memo,
    ) -> Self {
        Self {
            lookup,
            limits,
            missing_key_fails,
            now,
            random: RefCell::new(Random::new(seed)),
            work: Cell::new(0),
            depth: Cell::new(0),
            deepest: Cell::new(0),
            nesting: Cell::new(0),
            allocated: Cell::new(0),
            included: RefCell::default(),
            memo,
            snippets: RefCell::new(Counted::snippets()),
            patterns: RefCell::new(Counted::patterns()),
            uses: RefCell::default(),
            source: RefCell::default(),
            has_octets: Cell::new(false),
            buffers: RefCell::default(),
            arguments: RefCell::default(),
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

    /// How much has been used so far.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            steps: self.work.get() / STEP,
            depth: self.deepest.get(),
            allocated_bytes: self.allocated.get(),
            ..Usage::default()
        }
    }

    /// Says which file is rendered from now on.
    pub(crate) fn begin_source(&self, source: &SmolStr) {
        self.source.replace(source.clone());
    }

    /// Notes a call in some template whose result depends on the seed or the clock.
    pub(crate) fn note_use(&self, kind: RandomKind, function: &'static str, template: &str) {
        let source = self.source.borrow().to_string();
        // A text given to `tpl` stands in no file.
        let template = if template == ROOT { source.clone() } else { template.to_owned() };
        self.uses.borrow_mut().insert(RandomUse { source, template, function, kind });
    }

    pub(crate) fn take_uses(&self) -> Vec<RandomUse> {
        self.uses.take().into_iter().collect()
    }

    /// Counts a step, and checks how much the current template has printed.
    pub(crate) fn step(&self, printed: usize) -> Outcome<()> {
        self.count(STEP)?;
        self.check_size(printed)
    }

    /// Counts bytes that something goes through.
    pub(crate) fn work(&self, bytes: usize) -> Outcome<()> {
        self.count(bytes as u64)
    }

    /// Counts work that takes as long as many steps.
    pub(crate) fn spend(&self, steps: u64) -> Outcome<()> {
        self.count(steps.saturating_mul(STEP))
    }

    fn count(&self, units: u64) -> Outcome<()> {
        let work = self.work.get().saturating_add(units);
        self.work.set(work);
        if work > self.limits.steps.saturating_mul(STEP) {
            let limit = self.limits.steps;
            return Err(Fault::limit(format!(
                "exceeded the limit of {limit} steps: loop fewer times, or over shorter texts and \
                 smaller values"
            )));
        }
        Ok(())
    }

    /// Counts memory before it is taken.
    pub(crate) fn allocate(&self, bytes: usize) -> Outcome<()> {
        let allocated = self.allocated.get().saturating_add(bytes);
        self.allocated.set(allocated);
        if allocated > self.limits.allocated_bytes {
            let limit = self.limits.allocated_bytes;
            return Err(Fault::limit(format!(
                "exceeded the limit of {limit} bytes of values made: build fewer or smaller ones"
            )));
        }
        Ok(())
    }

    /// Counts a text that is about to be written.
    pub(crate) fn write(&self, bytes: usize) -> Outcome<()> {
        self.count(bytes as u64)?;
        self.allocate(bytes)
    }

    /// Enters a template call.
    pub(crate) fn enter(&self) -> Outcome<Level<'_>> {
        let depth = self.depth.get() + 1;
        if depth > self.limits.depth {
            let limit = self.limits.depth;
            return Err(Fault::limit(format!(
                "exceeded maximum template depth ({limit}): it is the limit for templates that call \
                 each other"
            )));
        }
        self.depth.set(depth);
        self.deepest.set(self.deepest.get().max(depth));
        Ok(Level(&self.depth))
    }

    /// Enters a block or a parenthesis.
    pub(crate) fn nest(&self) -> Outcome<Level<'_>> {
        let nesting = self.nesting.get() + 1;
        if nesting > NESTING_LIMIT {
            return Err(Fault::limit(format!(
                "exceeded the limit of {NESTING_LIMIT} nested blocks: templates call each other \
                 without end"
            )));
        }
        self.nesting.set(nesting);
        Ok(Level(&self.nesting))
    }

    /// The nesting of template calls at the moment.
    pub(crate) fn depth(&self) -> usize {
        self.depth.get()
    }

    /// Refuses a string before it is made.
    pub(crate) fn check_size(&self, bytes: usize) -> Outcome<()> {
        if bytes > self.limits.output_bytes {
            let limit = self.limits.output_bytes;
            return Err(Fault::limit(format!(
                "text is larger than the limit of {limit} bytes: split it or make it shorter"
            )));
        }
        Ok(())
    }

    /// Refuses a list before it is made.
    pub(crate) fn check_length(&self, length: i64) -> Outcome<()> {
        if usize::try_from(length).is_ok_and(|length| length > self.limits.list_length) {
            let limit = self.limits.list_length;
            return Err(Fault::limit(format!(
                "list is longer than the limit of {limit} elements: split it or make it shorter"
            )));
        }
        Ok(())
    }

    /// Counts a value a function made.
    pub(crate) fn charge(&self, value: &Value) -> Outcome<()> {
        match value {
            Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Int64(_) | Value::Float(_) => {
                return Ok(());
            }
            Value::Text(text) => self.check_size(text.len())?,
            Value::List(items, _) => {
                self.check_length(i64::try_from(items.len()).unwrap_or(i64::MAX))?;
            }
            _ => {}
        }
        self.write(VALUE_OVERHEAD.saturating_add(value.shallow_size()))
    }

    /// Notes a map that now holds another collection.
    pub(crate) fn note_holder(&self, map: &SharedMap, held: &Value) {
        if matches!(held, Value::Map(..) | Value::List(..)) {
            self.cyclic.borrow_mut().push(Rc::downgrade(map));
        }
    }

    /// Notes that bytes which are no UTF-8 are printed.
    pub(crate) fn note_octets(&self) {
        self.has_octets.set(true);
    }

    pub(crate) fn has_octets(&self) -> bool {
        self.has_octets.get()
    }

    /// What a template printed, as a value.
    pub(crate) fn printed(&self, text: &str) -> Value {
        let octets = if self.has_octets() { octets::of_text(text) } else { None };
        octets.map_or_else(|| Value::text(text), Value::byte_text)
    }

    /// An empty text to write into.
    pub(crate) fn buffer(&self) -> String {
        self.buffers.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes a text back that is not needed any more.
    pub(crate) fn give_back(&self, mut buffer: String) {
        if buffer.capacity() <= KEPT_BYTES {
            buffer.clear();
            self.buffers.borrow_mut().push(buffer);
        }
    }

    /// An empty list for the arguments of a call.
    pub(crate) fn arguments(&self) -> Vec<Value> {
        self.arguments.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes arguments back that are not needed any more.
    pub(crate) fn drop_arguments(&self, mut arguments: Vec<Value>) {
        arguments.clear();
        if arguments.capacity() <= KEPT_ARGUMENTS {
            self.arguments.borrow_mut().push(arguments);
        }
    }

    /// Notes an `include` of a template; false when it is nested too often.
    pub(crate) fn begin_include(&self, name: &SmolStr) -> bool {
        let mut included = self.included.borrow_mut();
        let too_often = included.len() > INCLUDE_LIMIT
            && included.iter().filter(|known| *known == name).count() > INCLUDE_LIMIT;
        if too_often {
            return false;
        }
        included.push(name.clone());
        true
    }

    pub(crate) fn end_include(&self) {
        self.included.borrow_mut().pop();
    }

    /// What earlier renders worked out.
    pub(crate) fn memo(&self) -> &'a Memo {
        self.memo
    }

    /// Counts the parsing of a `tpl` argument, as if no earlier render had done it: what a
    /// render uses must not depend on what was rendered before.
    pub(crate) fn count_snippet(&self, text: &SmolStr, snippet: &Parsed) -> Outcome<()> {
        let bytes = snippet_bytes(snippet);
        if self.snippets.borrow_mut().is_new(text, bytes) {
            self.work(text.len().saturating_mul(4))?;
            self.allocate(bytes.saturating_add(text.len()))?;
        }
        Ok(())
    }

    /// Counts the compilation of a pattern in the same way.
    pub(crate) fn count_pattern(&self, text: &SmolStr, pattern: &Pattern) -> Outcome<()> {
        if self.patterns.borrow_mut().is_new(text, pattern.memory()) {
            self.work(pattern.price())?;
        }
        Ok(())
    }
}

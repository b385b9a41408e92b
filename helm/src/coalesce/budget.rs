//! What preparing charts may take.

use super::{CHART_LIMIT, CoalesceError, Node};
use crate::render::HelmVersion;
use crate::value::{Unwalkable, Value};

/// Warnings that are kept.
const WARNING_LIMIT: usize = 100;
/// Memory of an entry of a map, roughly.
pub(super) const ENTRY_BYTES: usize = 96;
/// Memory of a chart in the tree, and of a file in it.
const CHART_BYTES: usize = 4096;
const FILE_BYTES: usize = 256;

/// What putting values together may still take, and what it has to say.
pub(crate) struct Budget {
    pub(crate) warnings: Vec<String>,
    pub(super) limit: usize,
    left: usize,
    charts: usize,
    pub(super) helm: HelmVersion,
}

impl Budget {
    pub(crate) fn new(bytes: usize, helm: HelmVersion) -> Self {
        Self { warnings: Vec::new(), limit: bytes, left: bytes, charts: CHART_LIMIT, helm }
    }

    /// The bytes that were used.
    pub(crate) fn used(&self) -> usize {
        self.limit - self.left
    }

    pub(crate) fn warn(&mut self, warning: String) {
        match self.warnings.len() {
            count if count < WARNING_LIMIT => self.warnings.push(warning),
            WARNING_LIMIT => self.warnings.push("further warnings are left out".to_owned()),
            _ => {}
        }
    }

    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), CoalesceError> {
        self.left = self.left.checked_sub(bytes).ok_or(CoalesceError::TooLarge(self.limit))?;
        Ok(())
    }

    /// Counts what a copy of a value would take.
    pub(super) fn measure(&mut self, value: &Value) -> Result<(), CoalesceError> {
        self.walk(|left| value.measure(left))
    }

    pub(super) fn copy(&mut self, value: &Value) -> Result<Value, CoalesceError> {
        self.walk(|left| value.deep_copy(left))
    }

    fn walk<T>(
        &mut self,
        walk: impl FnOnce(&mut usize) -> Result<T, Unwalkable>,
    ) -> Result<T, CoalesceError> {
        // The walk counts less than what an entry of a map takes.
        let share = ENTRY_BYTES / size_of::<Value>();
        let mut left = self.left / share;
        let found = walk(&mut left).map_err(|problem| match problem {
            Unwalkable::Size => CoalesceError::TooLarge(self.limit),
            _ => CoalesceError::TooDeep,
        });
        self.left = left * share;
        found
    }

    /// Counts a chart that is rendered once more under another name.
    pub(super) fn repeat(&mut self, node: &Node<'_>) -> Result<(), CoalesceError> {
        self.charts = self.charts.checked_sub(1).ok_or(CoalesceError::TooManyCharts)?;
        let files = node.chart.templates.len() + node.chart.definitions.len();
        self.spend(CHART_BYTES + files * FILE_BYTES)?;
        node.children.iter().try_for_each(|child| self.repeat(child))
    }
}

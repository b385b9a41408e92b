//! Why a window was refused.

/// Why a window was refused: the field, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct ScheduleError {
    field: String,
    problem: String,
}

impl ScheduleError {
    pub(crate) fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }

    /// Puts the place of the window before the field.
    pub(crate) fn within(self, place: &str) -> Self {
        Self { field: format!("{place}.{}", self.field), ..self }
    }

    /// Returns the field, such as `allow[0].cron`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns the kind of the error in `PascalCase`, for conditions and metrics.
    pub fn reason(&self) -> &'static str {
        "InvalidSchedule"
    }
}

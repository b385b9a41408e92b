//! The Go types of values.

use super::{Object, Value};

/// The Go element type of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListKind {
    Any,
    Text,
    Int,
    Lists,
    Maps,
    /// A nil `[]interface {}`, which JSON has as null.
    Nil,
    /// A nil `[]string`.
    NilText,
    /// The `maintainers` of a chart.
    Maintainers,
    /// The `dependencies` of a chart.
    Dependencies,
}

/// The Go type of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapKind {
    Any,
    /// `chartutil.Values`, which prints and compares like a plain map.
    Values,
    /// `map[string]string`, whose missing keys are empty strings.
    Text,
}

impl Value {
    /// `reflect.Kind` of the value.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Float(_) => "float64",
            Self::Text(_) | Self::Raw(_) => "string",
            Self::Bytes(_) | Self::List(..) => "slice",
            Self::Map(..) => "map",
            Self::Object(object) => match &**object {
                Object::Struct(inner) if inner.pointer => "ptr",
                Object::Struct(_) | Object::Time(_) => "struct",
                Object::Files(_) => "map",
                Object::Versions(_) => "slice",
                Object::Version(_) => "ptr",
                Object::Duration(_) => "int64",
            },
        }
    }

    /// `%T` of the value.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Float(_) => "float64",
            Self::Text(_) | Self::Raw(_) => "string",
            Self::Bytes(_) => "[]uint8",
            Self::List(_, ListKind::Any | ListKind::Nil) => "[]interface {}",
            Self::List(_, ListKind::Text | ListKind::NilText) => "[]string",
            Self::List(_, ListKind::Int) => "[]int",
            Self::List(_, ListKind::Lists) => "[][]interface {}",
            Self::List(_, ListKind::Maps) => "[]map[string]interface {}",
            Self::List(_, ListKind::Maintainers) => "[]*chart.Maintainer",
            Self::List(_, ListKind::Dependencies) => "[]*chart.Dependency",
            Self::Map(_, MapKind::Any) => "map[string]interface {}",
            Self::Map(_, MapKind::Values) => "chartutil.Values",
            Self::Map(_, MapKind::Text) => "map[string]string",
            Self::Object(object) => match &**object {
                Object::Struct(inner) => inner.type_name,
                Object::Files(_) => "engine.files",
                Object::Versions(_) => "chartutil.VersionSet",
                Object::Time(_) => "time.Time",
                Object::Version(_) => "*semver.Version",
                Object::Duration(_) => "time.Duration",
            },
        }
    }
}

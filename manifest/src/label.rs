//! The labels that say which app of which environment an object belongs to.

use gimlet_crds::labels;
use gimlet_crds::name::{AppName, EnvName};
use serde_json::{Map, Value};

use crate::object::{Object, ObjectError};

/// Labels an object, and only the object: selectors and pod templates stay as they are, for a
/// selector cannot be changed later and a changed template restarts every pod.
pub(crate) fn set(
    object: &mut Object,
    app: &AppName,
    environment: &EnvName,
) -> Result<(), ObjectError> {
    let id = object.to_string();
    let labels = object.metadata_mut().entry("labels").or_insert(Value::Null);
    if labels.is_null() {
        *labels = Value::Object(Map::new());
    }
    let Value::Object(labels) = labels else { return Err(ObjectError::Labels { object: id }) };
    labels.insert(labels::APP.to_owned(), Value::String(app.as_str().to_owned()));
    labels.insert(labels::ENVIRONMENT.to_owned(), Value::String(environment.as_str().to_owned()));
    Ok(())
}

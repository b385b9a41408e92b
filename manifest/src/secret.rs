//! Secret objects among rendered files.

use serde_json::Value;

use crate::plan::Files;
use crate::yaml;

/// Replaces the Secrets of rendered files by what a function makes of them.
///
/// The function is given the Secret and the object that the file held before, if any; none from it
/// leaves the file as it is. Files are those of a rendering: one object each.
pub fn replace<E>(
    files: &mut Files,
    before: &Files,
    mut make: impl FnMut(&Value, Option<&Value>) -> Result<Option<Value>, E>,
) -> Result<(), E> {
    for (name, bytes) in files {
        let Some(secret) = secret_of(bytes) else { continue };
        let old = before.get(name).and_then(|bytes| secret_of(bytes));
        if let Some(made) = make(&secret, old.as_ref())?
            && let Ok(text) = yaml::to_string(&made)
        {
            *bytes = text.into_bytes();
        }
    }
    Ok(())
}

fn secret_of(bytes: &[u8]) -> Option<Value> {
    let mut documents = yaml::documents(std::str::from_utf8(bytes).ok()?).ok()?;
    let value = documents.pop().filter(|_| documents.is_empty())?;
    let is = |field: &str, wanted: &str| value.get(field).and_then(Value::as_str) == Some(wanted);
    (is("kind", "Secret") && is("apiVersion", "v1")).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_and_nothing_else() {
        let file = |name: &str, kind: &str, value: &str| {
            let text = format!(
                "apiVersion: v1\nkind: {kind}\nmetadata:\n  name: x\nstringData:\n  a: {value}\n"
            );
            (name.to_owned(), text.into_bytes())
        };
        let before: Files = [file("secret-x.yaml", "Secret", "old")].into();
        let map = file("configmap-x.yaml", "ConfigMap", "open");
        let mut files: Files = [file("secret-x.yaml", "Secret", "new"), map.clone()].into();
        let result: Result<(), ()> = replace(&mut files, &before, |secret, old| {
            assert_eq!(old.unwrap()["stringData"]["a"], "old");
            let mut made = secret.clone();
            made["stringData"]["a"] = "sealed".into();
            Ok(Some(made))
        });
        assert_eq!(result, Ok(()));
        assert_eq!(files[&map.0], map.1);
        let text = String::from_utf8(files["secret-x.yaml"].clone()).unwrap();
        assert!(text.contains("a: sealed") && !text.contains("new"), "{text}");
        assert_eq!(replace(&mut files, &before, |_, _| Err("no")), Err("no"));
    }
}

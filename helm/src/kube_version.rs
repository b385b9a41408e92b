//! The Kubernetes version that charts are told.

use crate::print::quote;

/// A version as `helm template --kube-version` reads it: numbers only, a suffix is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KubeVersion {
    /// All of its numbers after a `v`.
    pub(crate) version: String,
    pub(crate) major: u64,
    pub(crate) minor: u64,
}

impl KubeVersion {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let start = text.trim_start();
        let start = start.strip_prefix('v').unwrap_or(start);
        let mut components: Vec<&str> = Vec::new();
        let mut rest = start;
        loop {
            let end = rest.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(rest.len());
            if end == 0 {
                break;
            }
            components.push(&rest[..end]);
            match rest[end..].strip_prefix('.') {
                Some(after) => rest = after,
                None => break,
            }
        }
        if components.is_empty() {
            return Err(format!("could not parse {} as version", quote(text)));
        }
        if components.len() < 2 {
            return Err(format!("illegal version string {}", quote(text)));
        }
        if components[0].starts_with('0') && components[0] != "0" {
            let component = quote(components[0]);
            return Err(format!(
                "illegal zero-prefixed version component {component} in {}",
                quote(text)
            ));
        }
        let mut numbers = Vec::new();
        for component in components {
            let number: u64 = component.parse().map_err(|_| {
                let component = quote(component);
                format!("illegal non-numeric version component {component} in {}", quote(text))
            })?;
            numbers.push(number);
        }
        let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
        Ok(Self { version: format!("v{}", texts.join(".")), major: numbers[0], minor: numbers[1] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_numbers_of_a_version_count() {
        for (text, version) in [
            ("1.33.0", "v1.33.0"),
            ("v1.27.3-gke.100", "v1.27.3"),
            (" v1.30", "v1.30"),
            ("1.2.3.4", "v1.2.3.4"),
            ("1.05.", "v1.5"),
        ] {
            assert_eq!(KubeVersion::parse(text).unwrap().version, version);
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "v", "one", "1", "01.2", "1.99999999999999999999"] {
            assert!(KubeVersion::parse(text).is_err(), "{text}");
        }
    }
}

//! `release.json`: what an app's folder says about the release that wrote it.

use serde::{Deserialize, Serialize};

/// Name of the file in the app's folder.
pub const FILE: &str = "release.json";

/// The release that wrote a folder.
///
/// There is no time in it: the commit has one, and the same release writes the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRecord {
    /// Name of the app.
    pub app: String,
    /// Name of the environment.
    pub environment: String,
    /// Name of the Release.
    pub release: String,
    /// UID of the Release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Version that the app became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who asked for the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// Why the release was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The chart that was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartRecord>,
    /// Digest of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// A chart that was rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChartRecord {
    /// Name of the chart.
    pub name: String,
    /// Version of the chart.
    pub version: String,
    /// Digest of what was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Where the chart came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl ReleaseRecord {
    /// Writes the bytes of the file.
    ///
    /// # Panics
    ///
    /// Never: a record is made of texts.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .expect("a record of texts has no key or number that JSON cannot hold");
        bytes.push(b'\n');
        bytes
    }

    /// Reads the bytes of the file; fields that are not known are passed over.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// What the original Gimlet wrote into the file of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LegacyRecord {
    /// Name of the app.
    pub app: String,
    /// Name of the environment.
    #[serde(rename = "env")]
    pub environment: String,
    /// Who asked for the release.
    pub triggered_by: String,
    /// The released version.
    pub version: LegacyVersion,
}

/// The version of a [`LegacyRecord`]; what is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LegacyVersion {
    /// The app's own repository, as owner and name.
    pub repository_name: String,
    /// Commit in it.
    pub sha: String,
    /// Branch of the commit.
    pub branch: String,
    /// Tag of the commit.
    pub tag: String,
    /// Author of the commit.
    pub author_name: String,
    /// Message of the commit.
    pub message: String,
    /// Where people see the commit.
    pub url: String,
}

impl LegacyRecord {
    /// Reads the bytes of the file; none if the original Gimlet did not write them.
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(bytes).ok()?;
        (!record.app.is_empty() && !record.environment.is_empty()).then_some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_the_original_gimlet_is_told_apart() {
        let text = br#"{"app":"web","env":"staging","artifactId":"x-1","triggeredBy":"jane",
            "version":{"repositoryName":"shop/web","sha":"d4f3","event":"push","message":"fix"}}"#;
        let record = LegacyRecord::from_json(text).unwrap();
        assert_eq!((record.app.as_str(), record.environment.as_str()), ("web", "staging"));
        assert_eq!(record.version.repository_name, "shop/web");
        assert!(ReleaseRecord::from_json(text).is_err());
        assert_eq!(LegacyRecord::from_json(&ReleaseRecord::default().to_json()), None);
    }

    #[test]
    fn a_record_has_one_form_and_is_read_back() {
        let record = ReleaseRecord {
            app: "web".into(),
            environment: "staging".into(),
            release: "web.staging-x7k2p".into(),
            version: Some("v1.4.2".into()),
            requested_by: Some("jane@example.com".into()),
            chart: Some(ChartRecord {
                name: "app".into(),
                version: "1.0.0".into(),
                digest: Some("sha256:00".into()),
                origin: None,
            }),
            ..ReleaseRecord::default()
        };
        insta::assert_snapshot!(String::from_utf8(record.to_json()).unwrap(), @r#"
        {
          "app": "web",
          "environment": "staging",
          "release": "web.staging-x7k2p",
          "version": "v1.4.2",
          "requestedBy": "jane@example.com",
          "chart": {
            "name": "app",
            "version": "1.0.0",
            "digest": "sha256:00"
          }
        }
        "#);
        assert_eq!(ReleaseRecord::from_json(&record.to_json()).unwrap(), record);
    }
}

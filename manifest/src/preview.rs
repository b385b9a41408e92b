//! Previews: one app for each branch of a repository, at a host of its own.

use gimlet_crds::DeployManifest;
use gimlet_crds::name::{MAX_APP, MAX_JOINED};
use serde_json::Value;

use crate::digest::sha256;
use crate::variables::{Vars, sanitize_dns_name};

/// Variable: host of the preview.
pub const HOST: &str = "PREVIEW_HOST";
/// Variable: address of the preview.
pub const URL: &str = "PREVIEW_URL";

/// What the original's manifests end the names of previews with; it says nothing in a name that has
/// a branch in it.
const SUFFIX: &str = "-preview";
/// Digits of the hash in a name that does not hold its branch as it is.
const HASH: usize = 8;

/// Says that an app's name leaves no room for a branch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "app {app} has too long a name for previews in {environment}: at most {max} characters, so that \
     the branch can be told in it"
)]
pub struct NameTooLong {
    app: String,
    environment: String,
    max: usize,
}

/// Names the preview of an app for a branch: `<app>-<branch>`.
///
/// The same branch always gets the same name, and two branches never share one: where the branch
/// cannot stand in the name as it is, the name ends with a hash of it.
pub fn name(app: &str, branch: &str, environment: &str) -> Result<String, NameTooLong> {
    let base = app.strip_suffix(SUFFIX).filter(|base| !base.is_empty()).unwrap_or(app);
    // The joined name has a dash.
    let max = MAX_APP.min(MAX_JOINED.saturating_sub(environment.len() + 1));
    let slug = sanitize_dns_name(branch);
    if slug == branch && base.len() + 1 + slug.len() <= max && !ends_like_a_hash(&slug) {
        return Ok(format!("{base}-{slug}"));
    }
    let longest = max.saturating_sub(1 + HASH);
    if base.len() > longest {
        let (app, environment) = (base.to_owned(), environment.to_owned());
        return Err(NameTooLong { app, environment, max: longest });
    }
    let hash = sha256([branch]);
    let hash = &hash[..HASH];
    let room = (longest - base.len()).saturating_sub(1);
    let short = slug[..slug.len().min(room)].trim_end_matches('-');
    Ok(if short.is_empty() { format!("{base}-{hash}") } else { format!("{base}-{short}-{hash}") })
}

/// A branch that is called like the name of another one with its hash gets a hash too.
fn ends_like_a_hash(slug: &str) -> bool {
    let last = slug.rsplit('-').next().unwrap_or_default();
    last.len() == HASH && last.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Tells whether a manifest uses the host of its preview: by `ingress.host` in its values, or by a
/// variable.
pub fn uses_host(manifest: &DeployManifest, vars: &Vars) -> bool {
    let has_ingress = manifest.values.as_ref().is_some_and(|values| {
        values.0.get("ingress").and_then(Value::as_object).is_some_and(|i| i.contains_key("host"))
    });
    let text = serde_json::to_string(manifest).unwrap_or_default();
    let mentions = |text: &str| text.contains(HOST) || text.contains(URL);
    has_ingress || mentions(&text) || vars.values().any(|value| mentions(value))
}

/// Puts the host of a preview in the place of `ingress.host`, where the values have that.
#[must_use]
pub fn with_host(mut manifest: DeployManifest, host: &str) -> DeployManifest {
    let ingress = manifest.values.as_mut().and_then(|values| values.0.get_mut("ingress"));
    if let Some(value) = ingress.and_then(|ingress| ingress.get_mut("host")) {
        *value = Value::String(host.to_owned());
    }
    manifest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use gimlet_crds::name::AppName;
    use serde_json::json;

    fn manifest(value: Value) -> DeployManifest {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_branch_that_can_stand_in_a_name_does() {
        assert_eq!(name("shop", "fix-cart", "staging").unwrap(), "shop-fix-cart");
        assert_eq!(name("shop-preview", "fix", "staging").unwrap(), "shop-fix");
        assert_eq!(name("-preview", "fix", "staging").unwrap(), "-preview-fix", "refused later");
    }

    #[test]
    fn any_other_branch_is_told_by_a_hash() {
        let of = |branch: &str| name("shop", branch, "staging").unwrap();
        assert_eq!(
            of("feature/login"),
            format!("shop-feature-login-{}", &sha256(["feature/login"])[..8])
        );
        assert_eq!(of("ü"), format!("shop-{}", &sha256(["ü"])[..8]));
        assert_eq!(of("feature/login"), of("feature/login"));
    }

    #[test]
    fn different_branches_never_share_a_name() {
        let slash = name("shop", "feature/login", "staging").unwrap();
        let suffix = slash.strip_prefix("shop-").unwrap().to_owned();
        let long = "a".repeat(200);
        let branches = [
            "feature/login",
            "feature-login",
            "Feature-Login",
            "feature_login",
            "feature--login",
            "-feature-login",
            "feature-login-",
            &suffix,
            "ä",
            "ö",
            "ß",
            "1",
            "deadbeef",
            &long,
            &format!("{long}b"),
            &long[..60],
            &long[..61],
            &long[..40],
            &long[..41],
        ];
        let mut names = BTreeMap::new();
        for branch in branches {
            let made = name("shop", branch, "staging").unwrap();
            assert!(AppName::parse(&made).is_ok(), "{made}");
            assert!(made.len() + "staging".len() < MAX_JOINED, "{made}");
            let other = names.insert(made.clone(), branch);
            assert_eq!(other, None, "{made} is of {branch} too");
        }
    }

    #[test]
    fn a_name_fits_into_what_is_left_beside_the_environment() {
        let environment = "e".repeat(40);
        for length in 1..=13 {
            let made = name(&"a".repeat(length), &"b".repeat(90), &environment).unwrap();
            assert!(made.len() + 40 <= 62 && AppName::parse(&made).is_ok(), "{made}");
        }
        let error = name(&"a".repeat(14), &"b".repeat(90), &environment).unwrap_err();
        assert!(error.to_string().contains("at most 13 characters"), "{error}");
    }

    #[test]
    fn the_host_takes_the_place_of_the_one_in_the_values() {
        let with = manifest(json!({
            "namespace": "a", "chart": {"name": "app"},
            "values": {"ingress": {"enabled": true, "host": "shop.example.com"}}
        }));
        assert!(uses_host(&with, &Vars::new()));
        let values = with_host(with, "shop-fix.dev.example.com").values.unwrap();
        assert_eq!(
            values.0["ingress"],
            json!({"enabled": true, "host": "shop-fix.dev.example.com"})
        );
        let without = manifest(
            json!({"namespace": "a", "chart": {"name": "app"}, "values": {"ingress": {}}}),
        );
        assert!(!uses_host(&without, &Vars::new()));
        assert_eq!(with_host(without.clone(), "x"), without);
        let mentioned = manifest(json!({"namespace": "a", "manifests": "a: '{{ .PREVIEW_URL }}'"}));
        assert!(uses_host(&mentioned, &Vars::new()));
        let vars = Vars::from([("HOST".into(), "{{ .PREVIEW_HOST }}".into())]);
        assert!(uses_host(&without, &vars));
    }
}

//! The catalogue: charts for what most clusters need. It is data, see `catalogue.yaml`.

use gimlet_crds::Component;
use serde::Deserialize;

use crate::error::{CommandError, chain};

const TEXT: &str = include_str!("catalogue.yaml");

/// A component that the catalogue offers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Offer {
    /// What it is, in a few words.
    pub(super) about: String,
    #[serde(flatten)]
    pub(super) component: Component,
}

/// Reads the catalogue.
pub(super) fn offers() -> Result<Vec<Offer>, CommandError> {
    serde_saphyr::from_str(TEXT).map_err(|error| {
        CommandError::general(format!("the catalogue cannot be read: {}", chain(&error)))
    })
}

/// Finds a component in the catalogue.
pub(super) fn find(name: &str) -> Result<Option<Component>, CommandError> {
    let found = offers()?.into_iter().map(|offer| offer.component);
    Ok(found.into_iter().find(|component| component.name == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_what_most_clusters_need() {
        let names: Vec<String> =
            offers().unwrap().into_iter().map(|offer| offer.component.name).collect();
        assert_eq!(names, ["ingress", "certificates", "secrets", "metrics", "logs"]);
        let certificates = find("certificates").unwrap().unwrap();
        assert_eq!(certificates.values.unwrap().0["crds"]["enabled"], true);
        assert_eq!(find("nothing").unwrap(), None);
    }
}

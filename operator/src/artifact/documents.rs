//! The manifests of an artifact, each with its place.

use gimlet_crds::Artifact;
use gimlet_manifest::file::{self, ManifestFile};

/// Manifests that are judged, and that a status tells of.
pub(super) const MAX_DOCUMENTS: usize = 256;

/// A manifest of an artifact, or why it cannot be read.
#[derive(Debug)]
pub(crate) struct Document {
    /// The file, and the number of the document where it has more than one: `.gimlet/all.yaml#2`.
    pub(crate) place: String,
    pub(crate) manifest: Result<ManifestFile, String>,
}

/// Reads all manifests of an artifact; of more than are judged the last one says so.
pub(crate) fn documents(artifact: &Artifact) -> Vec<Document> {
    let mut all = Vec::new();
    for source in &artifact.spec.manifests {
        let documents = file::parse_each(&source.content);
        let several = documents.len() > 1;
        let placed = documents.into_iter().enumerate().map(|(index, document)| {
            let number = if several { format!("#{}", index + 1) } else { String::new() };
            let place = format!("{}{number}", source.path);
            Document { place, manifest: document.map_err(|error| error.to_string()) }
        });
        all.extend(placed);
    }
    let surplus = all.len().saturating_sub(MAX_DOCUMENTS);
    if surplus > 0 {
        all.truncate(MAX_DOCUMENTS);
        if let Some(last) = all.last_mut() {
            last.manifest = Err(format!(
                "this and {surplus} more manifests are not judged: an artifact has at most \
                 {MAX_DOCUMENTS}, so split it"
            ));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_crds::{ArtifactSpec, ManifestSource};

    #[test]
    fn more_manifests_than_are_judged_are_told_of() {
        let of = |counts: &[usize]| {
            let manifest = "---\nnamespace: a\nmanifests: x\n";
            let source = |(index, count): (usize, &usize)| ManifestSource {
                path: format!(".gimlet/{index}.yaml"),
                content: manifest.repeat(*count),
            };
            let manifests = counts.iter().enumerate().map(source).collect();
            documents(&Artifact::new("a", ArtifactSpec { manifests, ..ArtifactSpec::default() }))
        };
        let all = of(&[1, MAX_DOCUMENTS - 1]);
        assert!(all.len() == MAX_DOCUMENTS && all.iter().all(|one| one.manifest.is_ok()));
        assert_eq!((&*all[0].place, &*all[1].place), (".gimlet/0.yaml", ".gimlet/1.yaml#1"));
        let all = of(&[MAX_DOCUMENTS, 2]);
        assert_eq!(all.len(), MAX_DOCUMENTS);
        let last = all[MAX_DOCUMENTS - 1].manifest.as_ref().unwrap_err();
        assert!(last.starts_with("this and 2 more manifests are not judged"), "{last}");
    }
}

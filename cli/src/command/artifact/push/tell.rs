//! What CI is told of an artifact.

use gimlet_crds::{Artifact, ManifestResult, Phase};
use kube::ResourceExt as _;

use super::super::following::{Followed, Manifest};
use crate::ci::{ManifestReport, Report};
use crate::error::{CommandError, Kind};

/// Tells of an artifact that nobody waits for.
pub(super) fn shipped(artifact: &Artifact) -> Report {
    Report {
        artifact: artifact.name_any(),
        version: artifact.spec.version.label().unwrap_or_default(),
        phase: "Shipped".to_owned(),
        manifests: Vec::new(),
    }
}

/// Tells of an artifact that could not be followed.
pub(super) fn failed(artifact: &Artifact, error: &CommandError) -> Report {
    Report { phase: word(error.kind()).to_owned(), ..shipped(artifact) }
}

/// Tells of an artifact with all that it set off.
pub(super) fn followed(followed: &Followed) -> Report {
    let phase = match followed.verdict() {
        Err(error) => word(error.kind()),
        Ok(()) => reached(followed),
    };
    Report {
        phase: phase.to_owned(),
        manifests: followed.manifests.iter().map(manifest).collect(),
        ..shipped(&followed.artifact)
    }
}

/// Says how far all releases got: where nothing reports from the cluster, that is git.
fn reached(followed: &Followed) -> &'static str {
    let ends =
        followed.manifests.iter().filter_map(|manifest| manifest.end.as_ref()?.as_ref().ok());
    let phases = ends.map(|end| end.status.as_ref().map(|status| status.phase).unwrap_or_default());
    let mut word = "NothingToRelease";
    for phase in phases {
        match phase {
            Phase::Healthy | Phase::Unchanged => word = Phase::Healthy.as_str(),
            other => return other.as_str(),
        }
    }
    word
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::TimedOut => "TimedOut",
        Kind::Waiting => "Waiting",
        _ => "Failed",
    }
}

fn manifest(manifest: &Manifest) -> ManifestReport {
    let Manifest { verdict, end } = manifest;
    let place = verdict.app.clone().zip(verdict.environment.clone());
    let release = end.as_ref().and_then(|end| end.as_ref().ok());
    let status = release.and_then(|release| release.status.as_ref());
    let error = end.as_ref().and_then(|end| end.as_ref().err());
    let bad = matches!(verdict.result, ManifestResult::Invalid | ManifestResult::Refused);
    ManifestReport {
        manifest: verdict.manifest.clone(),
        place,
        became: manifest.became().text().to_owned(),
        why: error.map_or_else(|| verdict.message.clone(), |error| error.message().to_owned()),
        wrong: bad || error.is_some(),
        release: verdict.release.clone(),
        commit: status
            .and_then(|status| status.commit.as_ref())
            .map(|commit| (commit.short.clone(), commit.url.clone())),
        plan: status.and_then(|status| status.plan.clone()),
    }
}

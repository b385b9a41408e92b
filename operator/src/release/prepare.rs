//! From a release to the files and the plan: what would change, and why it may not.

use std::collections::BTreeMap;
use std::time::Instant;

use gimlet_charts::Fetched;
use gimlet_crds::name::{AppName, EnvName};
use gimlet_crds::{
    Adopt, ChartStatus, DeployManifest, Encryption, Environment, PlanStatus, Release, RollbackTo,
};
use gimlet_gitops::{CommitId, Edit, FileMap, RepoPath, Ticket, Writer, tree_id};
use gimlet_manifest::record::{self, ChartRecord, ReleaseRecord};
use gimlet_manifest::{flux, plan, secret};
use gimlet_sops::{Encryptor, Recipients, SecretKind, Seed, classify};
use kube::ResourceExt;

use super::error::ReleaseError;
use super::layout;
use super::outcome::Prepared;
use super::source::{self, Source};
use super::{rollback, version};
use crate::context::Context;
use crate::digest;
use crate::preview::Binding;
use crate::remotes::Access;
use crate::render::{Job, Rendering};

/// Objects that a status lists; git has the rest.
const LISTED_OBJECTS: usize = 16;
/// Warnings that a status lists.
const LISTED_WARNINGS: usize = 6;
/// Longest warning in a status, in bytes.
const MAX_WARNING: usize = 256;

/// Makes a release ready to be committed, with a place in the next push.
///
/// The place is taken when nothing slow is left: releases that come together share a push, and one
/// that waits for a chart holds up nobody.
pub(super) async fn prepare(
    release: &Release,
    environment: &Environment,
    access: &Access,
    ctx: &Context,
) -> Result<(Prepared, Ticket), ReleaseError> {
    let app = AppName::parse(&release.spec.app)?;
    EnvName::parse(&release.spec.environment)?;
    let folder = layout::app_folder(environment, &app)?;
    let writer = &access.writer;
    if let Some(to) = &release.spec.rollback_to {
        let ticket = writer.announce();
        return Ok((restore(release, environment, to, &app, &folder, writer).await?, ticket));
    }
    if let Some(adopt) = &release.spec.adopt {
        let ticket = writer.announce();
        return Ok((keep(release, environment, adopt, &app, &folder, writer).await?, ticket));
    }
    match source::find(release, environment, ctx).await? {
        Some(source) => {
            let sources = fetch(release, environment, source, ctx).await?;
            let ticket = writer.announce();
            let rendered = render(release, environment, sources, access, ctx).await?;
            let secrets = secrets_seed(environment, access);
            let prepared =
                from_files(release, environment, rendered, secrets, &app, &folder, writer).await?;
            Ok((prepared, ticket))
        }
        None => Err(ReleaseError::Rollback {
            message: "the Release has no source: set artifact, manifest or rollbackTo".into(),
        }),
    }
}

/// Tells what a release that is not in git yet would make of the app's folder: before and after.
pub(crate) async fn planned_files(
    release: &Release,
    environment: &Environment,
    ctx: &Context,
) -> Result<(plan::Files, plan::Files), ReleaseError> {
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let (prepared, _ticket) = prepare(release, environment, &access, ctx).await?;
    let app = AppName::parse(&release.spec.app)?;
    let folder = layout::app_folder(environment, &app)?;
    let old = access.writer.read(&folder, None).await?.into_iter().collect();
    let mut new = plan::Files::new();
    if let Some(commit) = prepared.restores {
        new = access.writer.read(&folder, Some(&commit)).await?.into_iter().collect();
    }
    for edit in prepared.edits {
        if let Edit::Folder { path, files } = edit
            && path == folder
        {
            new.extend(files.iter().map(|(name, bytes)| (name.to_string(), bytes.clone())));
        }
    }
    Ok((old, new))
}

/// A manifest with all that was rendered from it.
struct Rendered {
    rendering: Rendering,
    chart: Option<Fetched>,
    version: Option<String>,
    source: Source,
}

/// A source, its manifest without variables, and its chart.
struct Sources {
    source: Source,
    manifest: DeployManifest,
    chart: Option<Fetched>,
}

async fn fetch(
    release: &Release,
    environment: &Environment,
    source: Source,
    ctx: &Context,
) -> Result<Sources, ReleaseError> {
    let mut variables = source::variables(environment, &source.vars, &release.spec.app);
    variables.extend(release.spec.vars.clone());
    let manifest = ctx.renderers.resolve(&source.manifest, variables).await?;
    let chart = match &manifest.chart {
        None => None,
        Some(chart) => Some(ctx.charts.fetch(&ctx.client, environment, chart).await?),
    };
    Ok(Sources { source, manifest, chart })
}

async fn render(
    release: &Release,
    environment: &Environment,
    sources: Sources,
    access: &Access,
    ctx: &Context,
) -> Result<Rendered, ReleaseError> {
    let Sources { source, manifest, chart } = sources;
    let facts = source.version.as_ref();
    let version =
        version::label(facts, &manifest, chart.as_ref().map(|chart| chart.version.as_str()));
    let rules = &environment.spec.render;
    let job = Job {
        app: release.spec.app.clone(),
        environment: environment.name_any(),
        manifest,
        chart: chart.as_ref().map(|chart| chart.digest.clone()),
        kubernetes_version: rules
            .kubernetes_version
            .clone()
            .unwrap_or_else(|| ctx.kubernetes_version.clone()),
        api_versions: rules.api_versions.clone(),
        seed: seed(release, environment, access),
        time: release.creation_timestamp().map_or(jiff::Timestamp::UNIX_EPOCH, |time| time.0),
        allow_secrets: rules.allow_secrets || environment.spec.encryption.is_some(),
    };
    let load = chart.as_ref().map(|chart| ctx.charts.loader(chart));
    let started = Instant::now();
    let result = ctx.renderers.render(job, load.as_ref()).await;
    ctx.metrics.rendered(result.is_ok(), started.elapsed());
    Ok(Rendered { rendering: result?, chart, version, source })
}

/// Random template functions draw from this: the same for every attempt of a release, and not to be
/// guessed without the repository's credentials.
fn seed(release: &Release, environment: &Environment, access: &Access) -> [u8; 32] {
    let uid = |uid: &Option<String>| uid.clone().unwrap_or_default();
    digest::bytes_of_parts([
        access.fingerprint().as_bytes(),
        uid(&release.metadata.uid).as_bytes(),
        uid(&environment.metadata.uid).as_bytes(),
    ])
}

/// What encrypted values are derived from: the same for every release of an environment, so that
/// what does not change keeps its bytes, and not to be guessed without the repository's credentials.
fn secrets_seed(environment: &Environment, access: &Access) -> Seed {
    let uid = environment.uid().unwrap_or_default();
    Seed::new(digest::bytes_of_parts([
        b"secrets".as_slice(),
        access.fingerprint().as_bytes(),
        uid.as_bytes(),
    ]))
}

/// Encrypts the values of Secrets; what is encrypted already stays as it is.
fn encrypt(
    files: &mut plan::Files,
    before: &plan::Files,
    encryption: &Encryption,
    seed: Seed,
    release: &Release,
) -> Result<(), ReleaseError> {
    let encryptor = Encryptor::new(Recipients::parse(&encryption.age)?, seed);
    let time = release.creation_timestamp().map_or(jiff::Timestamp::UNIX_EPOCH, |time| time.0);
    secret::replace(files, before, |secret, old| match classify(secret) {
        SecretKind::PlainSecret | SecretKind::HalfEncrypted { .. } => {
            let old = old.filter(|old| gimlet_sops::is_encrypted(old));
            encryptor.encrypt(secret, old, time).map(Some)
        }
        _ => Ok(None),
    })?;
    Ok(())
}

async fn from_files(
    release: &Release,
    environment: &Environment,
    rendered: Rendered,
    secrets: Seed,
    app: &AppName,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<Prepared, ReleaseError> {
    let Rendered { rendering: Rendering { files, warnings }, chart, version, source } = rendered;
    let mut new: BTreeMap<_, _> =
        files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    let old = writer.read(folder, None).await?;
    if let Some(encryption) = &environment.spec.encryption {
        encrypt(&mut new, &old, encryption, secrets, release)?;
    }
    let mut diff = plan::plan(&old, &new);
    diff.warnings.extend(warnings);
    let record = ReleaseRecord {
        app: release.spec.app.clone(),
        environment: release.spec.environment.clone(),
        release: release.name_any(),
        uid: release.uid(),
        version: version.clone(),
        requested_by: release.spec.requested_by.clone(),
        reason: release.spec.reason.clone(),
        chart: chart.as_ref().map(|fetched| ChartRecord {
            name: fetched.chart.name().to_owned(),
            version: fetched.version.clone(),
            digest: Some(fetched.digest.clone()),
            origin: Some(fetched.origin.clone()),
        }),
        plan: Some(diff.digest.clone()),
    };
    let same_files = diff.added + diff.changed + diff.removed == 0;
    let recorded = old.get(record::FILE).and_then(|text| ReleaseRecord::from_json(text).ok());
    let same_record =
        recorded.is_some_and(|old| old.version == record.version && old.chart == record.chart);
    new.insert(record::FILE.to_owned(), record.to_json());

    let mut files = FileMap::new();
    for (name, bytes) in new {
        files.insert(RepoPath::parse(&name)?, bytes);
    }
    let tree = tree_id(&files)?;
    let mut edits = vec![Edit::Folder { path: folder.clone(), files }];
    edits.extend(flux_edit(environment, app)?);
    let head = writer.head().await?.commit;
    let chart = chart.map(|fetched| ChartStatus {
        name: fetched.chart.name().to_owned(),
        version: fetched.version,
        digest: fetched.digest,
    });
    Ok(Prepared {
        edits,
        plan: plan_status(diff, &tree.to_string(), head.as_ref().map(ToString::to_string)),
        chart,
        version,
        artifact: source.artifact,
        source: source.version,
        binding: source.binding,
        unchanged: same_files && same_record && flux_is_there(environment, app, writer).await?,
        last_touch: last_touch(release, folder, writer).await?,
        approved_by: Vec::new(),
        restores: None,
        holds: false,
        head,
    })
}

async fn restore(
    release: &Release,
    environment: &Environment,
    to: &RollbackTo,
    app: &AppName,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<Prepared, ReleaseError> {
    let target = rollback::find(release, to, folder, writer).await?;
    let old = writer.read(folder, None).await?;
    let new = writer.read(folder, Some(&target.commit)).await?;
    let diff = plan::plan(&old, &new);
    let same = writer.tree(folder, None).await? == Some(target.tree);
    let mut edits = vec![Edit::Restore { path: folder.clone(), tree: target.tree }];
    edits.extend(flux_edit(environment, app)?);
    let head = writer.head().await?.commit;
    Ok(Prepared {
        edits,
        plan: plan_status(diff, &target.tree.to_string(), head.as_ref().map(ToString::to_string)),
        chart: None,
        version: target.version,
        artifact: target.artifact,
        source: target.source,
        binding: Binding::Keep,
        unchanged: same && flux_is_there(environment, app, writer).await?,
        last_touch: last_touch(release, folder, writer).await?,
        approved_by: Vec::new(),
        restores: Some(target.commit),
        // Taking back what was changed by hand leaves no culprit.
        holds: same || !target.newest,
        head,
    })
}

/// Takes the folder as somebody left it, with a record of who takes it.
async fn keep(
    release: &Release,
    environment: &Environment,
    adopt: &Adopt,
    app: &AppName,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<Prepared, ReleaseError> {
    let last_touch = writer.last_touch(folder).await?;
    let seen = |commit: &CommitId| commit.to_string().starts_with(&adopt.commit);
    if !last_touch.as_ref().is_some_and(seen) {
        let now = last_touch.map_or_else(|| "not there".to_owned(), |commit| commit.to_string());
        return Err(ReleaseError::Adopt { seen: adopt.commit.clone(), now });
    }
    let old = writer.read(folder, None).await?;
    let recorded = old.get(record::FILE).and_then(|text| ReleaseRecord::from_json(text).ok());
    let recorded = recorded.unwrap_or_default();
    let version = recorded.version.clone();
    let mut diff = plan::plan(&old, &old);
    diff.warnings.push("what the release before rendered is not what is taken over".into());
    let record = ReleaseRecord {
        app: release.spec.app.clone(),
        environment: release.spec.environment.clone(),
        release: release.name_any(),
        uid: release.uid(),
        requested_by: release.spec.requested_by.clone(),
        reason: release.spec.reason.clone(),
        plan: Some(diff.digest.clone()),
        ..recorded
    };
    let mut new = old;
    new.insert(record::FILE.to_owned(), record.to_json());
    let mut files = FileMap::new();
    for (name, bytes) in new {
        files.insert(RepoPath::parse(&name)?, bytes);
    }
    let tree = tree_id(&files)?;
    let mut edits = vec![Edit::Folder { path: folder.clone(), files }];
    edits.extend(flux_edit(environment, app)?);
    let head = writer.head().await?.commit;
    Ok(Prepared {
        edits,
        plan: plan_status(diff, &tree.to_string(), head.as_ref().map(ToString::to_string)),
        chart: None,
        version,
        artifact: None,
        source: None,
        binding: Binding::Keep,
        unchanged: false,
        last_touch,
        approved_by: Vec::new(),
        restores: None,
        holds: false,
        head,
    })
}

/// Finds what the optimistic lock compares with. It costs a walk through the history, so nobody else
/// pays for it.
async fn last_touch(
    release: &Release,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<Option<CommitId>, ReleaseError> {
    match &release.spec.expected_base {
        None => Ok(None),
        Some(_) => Ok(writer.last_touch(folder).await?),
    }
}

/// Writes Flux' Kustomization of the app beside the first release.
fn flux_edit(environment: &Environment, app: &AppName) -> Result<Option<Edit>, ReleaseError> {
    if !environment.spec.flux.kustomization_per_app {
        return Ok(None);
    }
    let (file, data) = flux::app_file(&flux::FluxEnv::of(environment)?, app);
    Ok(Some(Edit::WriteFile { path: layout::flux_file(environment, &file)?, data }))
}

async fn flux_is_there(
    environment: &Environment,
    app: &AppName,
    writer: &Writer,
) -> Result<bool, ReleaseError> {
    match flux_edit(environment, app)? {
        Some(Edit::WriteFile { path, data }) => {
            Ok(writer.read_file(&path, None).await?.is_some_and(|old| old == data))
        }
        _ => Ok(true),
    }
}

fn listed_object(object: &plan::PlannedObject) -> String {
    let sign = match object.change {
        plan::Change::Added => '+',
        plan::Change::Changed => '~',
        plan::Change::Removed => '-',
    };
    format!("{sign} {}/{}", object.kind, object.name)
}

/// Cuts a plan to what a status may hold; the whole of it is in git.
fn plan_status(plan: plan::Plan, tree: &str, base: Option<String>) -> PlanStatus {
    let plan::Plan { digest, added, changed, removed, objects, warnings, guard } = plan;
    let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let mut listed: Vec<String> = objects.iter().take(LISTED_OBJECTS).map(listed_object).collect();
    if objects.len() > LISTED_OBJECTS {
        listed.push(format!("… and {} more", objects.len() - LISTED_OBJECTS));
    }
    let mut told: Vec<String> = warnings
        .iter()
        .take(LISTED_WARNINGS)
        .map(|warning| gimlet_crds::condition::cut(warning, MAX_WARNING))
        .collect();
    if warnings.len() > LISTED_WARNINGS {
        told.push(format!("… and {} more", warnings.len() - LISTED_WARNINGS));
    }
    PlanStatus {
        digest,
        tree: tree.to_owned(),
        base,
        added: count(added),
        changed: count(changed),
        removed: count(removed),
        guard,
        objects: listed,
        warnings: told,
    }
}

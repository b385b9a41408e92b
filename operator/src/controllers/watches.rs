//! Which objects are looked at again when another one changes.

use gimlet_crds::{App, Approval, Environment, Release, ReleaseSet, Repository, name};
use kube::ResourceExt;
use kube::runtime::reflector::{ObjectRef, Store};

use crate::context::Guarded;
use crate::{controller, sources};

pub(super) fn release_of(approval: &Guarded<Approval>) -> Option<ObjectRef<Guarded<Release>>> {
    let approval = approval.0.as_ref().ok()?;
    Some(ObjectRef::new(&approval.spec.release).within(&approval.namespace()?))
}

pub(super) fn set_of(release: &Guarded<Release>) -> Option<ObjectRef<Guarded<ReleaseSet>>> {
    let release = release.0.as_ref().ok()?;
    Some(ObjectRef::new(release.spec.set.as_ref()?).within(&release.namespace()?))
}

pub(super) fn app_of(release: &Guarded<Release>) -> Option<ObjectRef<Guarded<App>>> {
    let release = release.0.as_ref().ok()?;
    let name = name::app_object(&release.spec.app, &release.spec.environment);
    Some(ObjectRef::new(&name).within(&release.namespace()?))
}

pub(super) fn previews_of(
    apps: &Store<Guarded<App>>,
    repository: &Guarded<Repository>,
) -> Vec<ObjectRef<Guarded<App>>> {
    let Ok(repository) = &repository.0 else {
        return Vec::new();
    };
    let (namespace, name) = (repository.namespace(), sources::full_name(&repository.spec.url));
    let concerned = |app: &App| {
        app.spec.preview.as_ref().is_some_and(|preview| {
            (preview.namespace.is_none() || preview.namespace == namespace)
                && preview.repository.eq_ignore_ascii_case(&name)
        })
    };
    apps.state_filter(|guarded| guarded.0.as_ref().is_ok_and(&concerned))
        .iter()
        .map(|guarded| ObjectRef::from_obj(&**guarded))
        .collect()
}

pub(super) fn waiting_in(
    releases: &Store<Guarded<Release>>,
    environment: &Guarded<Environment>,
) -> Vec<ObjectRef<Guarded<Release>>> {
    let Ok(environment) = &environment.0 else {
        return Vec::new();
    };
    let (namespace, name) = controller::identity(environment);
    waiting(releases, &namespace, |release| release.spec.environment == name)
}

pub(super) fn waiting_for(
    releases: &Store<Guarded<Release>>,
    app: &Guarded<App>,
) -> Vec<ObjectRef<Guarded<Release>>> {
    let Ok(app) = &app.0 else {
        return Vec::new();
    };
    let namespace = app.namespace().unwrap_or_default();
    waiting(releases, &namespace, |release| {
        release.spec.environment == app.spec.environment && release.spec.app == app.spec.app
    })
}

/// Lists the releases on which a change of their surroundings has an effect: those before git.
fn waiting(
    releases: &Store<Guarded<Release>>,
    namespace: &str,
    concerned: impl Fn(&Release) -> bool,
) -> Vec<ObjectRef<Guarded<Release>>> {
    let open = |release: &Release| {
        let status = release.status.as_ref();
        release.namespace().as_deref() == Some(namespace)
            && status.is_none_or(|s| s.commit.is_none() && s.timestamps.ended.is_none())
            && concerned(release)
    };
    releases
        .state_filter(|guarded| guarded.0.as_ref().is_ok_and(open))
        .iter()
        .map(|guarded| ObjectRef::from_obj(&**guarded))
        .collect()
}

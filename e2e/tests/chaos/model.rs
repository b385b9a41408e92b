//! The truth of one environment: what was asked for, what was seen, and what of it may not be. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a release is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A manifest whose only object has this value.
    Value(String),
    /// A manifest that cannot be rendered.
    Broken,
}

/// A release that was created; within an app they are in the order of their creation.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// The app.
    pub app: String,
    /// What it is made of.
    pub content: Content,
    /// Somebody cancelled it at some moment.
    pub cancelled: bool,
}

/// What the status of a release says at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The UID.
    pub uid: String,
    /// The phase.
    pub phase: String,
    /// The reason of the condition Ready.
    pub reason: String,
    /// The commit that it names.
    pub commit: Option<String>,
    /// It says that the release has ended.
    pub ended: bool,
}

/// A commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// How many parents it has.
    pub parents: usize,
    /// The first line of its message.
    pub subject: String,
    /// UID, environment and app of each release that it is of, by the trailers.
    pub release: Option<(String, String, String)>,
}

/// What an app's folder holds at the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The value of its only object.
    pub value: Option<String>,
    /// The UID in its `release.json`.
    pub recorded: Option<String>,
}

/// Everything that is known of an environment at the end of a round.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Its name.
    pub environment: String,
    /// What was asked for.
    pub asked: Vec<Asked>,
    /// What is said, by the name of the release.
    pub told: BTreeMap<String, Told>,
    /// The branch, oldest first.
    pub branch: Vec<Entry>,
    /// What people took off the branch.
    pub removed: Vec<Entry>,
    /// The subjects of other people's commits that the server has taken, in their order.
    pub others: Vec<String>,
    /// The app's folders at the head.
    pub folders: BTreeMap<String, Folder>,
    /// The commit that each App calls its current one.
    pub current: BTreeMap<String, String>,
    /// A hook refused pushes for a while.
    pub refusing: bool,
    /// Events or conditions said that history was rewritten.
    pub rewriting_told: bool,
    /// What `gimlet audit verify` found in the repository.
    pub audit: Vec<String>,
}

/// What must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It has to be in git and is not.
    Lost,
    /// It is in git more than once.
    Twice,
    /// It is in git before an older one of its app.
    Disorder,
    /// It has no end.
    Stuck,
    /// Git and the status say different things.
    Contradiction,
    /// It ended in a way for which there is no cause.
    WrongEnd,
    /// The folder of the app is not what its last release made it.
    Tree,
    /// A commit is of nothing that was asked for, or another shape than Gimlet makes.
    Foreign,
    /// Something happened that nobody was told of.
    Silent,
    /// The history does not show by itself who made what.
    Unproven,
}

/// One thing that must not be, in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// What kind of fault it is.
    pub fault: Fault,
    /// What it is about.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault, self.text)
    }
}

/// Lists everything that must not be.
pub fn check(world: &World) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    for asked in &world.asked {
        check_release(world, asked, &mut found);
    }
    for app in apps(world) {
        check_app(world, app, &mut found);
    }
    check_branch(world, &mut found);
    for finding in &world.audit {
        found.add(Fault::Unproven, finding.clone());
    }
    found.0.sort();
    found.0
}

struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, fault: Fault, text: String) {
        self.0.push(Violation { fault, text });
    }
}

impl Entry {
    fn is_of(&self, uid: &str) -> bool {
        self.release.as_ref().is_some_and(|(of, _, _)| of == uid)
    }

    fn is_for(&self, app: &str) -> bool {
        self.release.as_ref().is_some_and(|(_, _, of)| of == app)
    }
}

fn apps(world: &World) -> BTreeSet<&str> {
    world.asked.iter().map(|asked| asked.app.as_str()).collect()
}

fn check_release(world: &World, asked: &Asked, found: &mut Found) {
    let name = &asked.name;
    let Some(told) = world.told.get(name) else {
        return found.add(Fault::Lost, format!("{name} was created and is not there"));
    };
    let on_branch: Vec<_> = world.branch.iter().filter(|entry| entry.is_of(&told.uid)).collect();
    if on_branch.len() > 1 {
        let ids: Vec<_> = on_branch.iter().map(|entry| &entry.id[..]).collect();
        found.add(Fault::Twice, format!("{name} is in {}", ids.join(", ")));
    }
    if !told.ended {
        let Told { phase, reason, .. } = told;
        found.add(Fault::Stuck, format!("{name} is {phase} ({reason})"));
        return;
    }
    match (&told.commit, on_branch.first()) {
        (Some(said), Some(is)) if *said != is.id => {
            found.add(Fault::Contradiction, format!("{name} says {said} and is in {}", is.id));
        }
        (Some(said), None) if !world.removed.iter().any(|entry| entry.id == *said) => {
            found.add(Fault::Lost, format!("{name} says {said}, which is not on the branch"));
        }
        (None, Some(is)) => {
            let phase = &told.phase;
            found.add(Fault::Contradiction, format!("{name} ended {phase} and is in {}", is.id));
        }
        _ => {}
    }
    if told.commit.is_none()
        && let Some(why) = wrong_end(world, asked, told)
    {
        let Told { phase, reason, .. } = told;
        found.add(Fault::WrongEnd, format!("{name} ended {phase} ({reason}), and {why}"));
    }
}

/// Says why a release that never reached git may not have ended as it did.
fn wrong_end(world: &World, asked: &Asked, told: &Told) -> Option<&'static str> {
    let later = || {
        let mut of_app = world.asked.iter().filter(|other| other.app == asked.app);
        of_app.by_ref().any(|other| other.name == asked.name) && of_app.next().is_some()
    };
    let by_git = || world.refusing && told.reason.starts_with("Git");
    match told.phase.as_str() {
        "Superseded" => (!later()).then_some("no newer one was created"),
        "Cancelled" => (!asked.cancelled).then_some("nobody cancelled it"),
        "Failed" if asked.content == Content::Broken || by_git() => None,
        "Failed" => Some("nothing was wrong with it"),
        "Unchanged" if asked.content != Content::Broken => None,
        _ => Some("that is no end for it"),
    }
}

fn check_app(world: &World, app: &str, found: &mut Found) {
    let of_app: Vec<_> = world.asked.iter().filter(|asked| asked.app == app).collect();
    let place = |entry: &Entry| {
        of_app.iter().position(|asked| {
            world.told.get(&asked.name).is_some_and(|told| entry.is_of(&told.uid))
        })
    };
    let committed: Vec<_> = world.branch.iter().filter(|entry| entry.is_for(app)).collect();
    let places: Vec<_> = committed.iter().filter_map(|entry| place(entry)).collect();
    for pair in places.windows(2).filter(|pair| pair[0] > pair[1]) {
        let (newer, older) = (&of_app[pair[0]].name, &of_app[pair[1]].name);
        found.add(Fault::Disorder, format!("{older} came to git after {newer}"));
    }
    let folder = world.folders.get(app);
    let last = committed.last();
    let last_asked = places.last().map(|place| of_app[*place]);
    if let (Some(entry), Some(asked)) = (last, last_asked) {
        check_folder(app, entry, asked, folder, found);
        let current = world.current.get(app);
        if current != Some(&entry.id) {
            let text =
                format!("the App {app} calls {current:?} its current commit, not {}", entry.id);
            found.add(Fault::Contradiction, text);
        }
    } else if folder.is_some() {
        found
            .add(Fault::Tree, format!("{app} has a folder, and no release of it is on the branch"));
    }
    check_newest(world, app, &of_app, folder, found);
}

fn check_folder(
    app: &str,
    entry: &Entry,
    asked: &Asked,
    folder: Option<&Folder>,
    found: &mut Found,
) {
    let Some(folder) = folder else {
        return found
            .add(Fault::Tree, format!("{app} has no folder, and {} released it", entry.id));
    };
    let Content::Value(value) = &asked.content else {
        return found.add(Fault::Tree, format!("{} cannot be rendered and is in git", asked.name));
    };
    if folder.value.as_ref() != Some(value) {
        let text = format!(
            "{app} has {:?}, its last release {} made it {value}",
            folder.value, asked.name
        );
        found.add(Fault::Tree, text);
    }
    let uid = entry.release.as_ref().map(|(uid, _, _)| uid);
    if folder.recorded.as_ref() != uid {
        let text =
            format!("{app} is recorded as of {:?}, its last commit is of {uid:?}", folder.recorded);
        found.add(Fault::Tree, text);
    }
}

/// The newest release that can be in git is there, or what it wants is.
fn check_newest(
    world: &World,
    app: &str,
    of_app: &[&Asked],
    folder: Option<&Folder>,
    found: &mut Found,
) {
    let able = |asked: &&&Asked| {
        let told = world.told.get(&asked.name);
        !asked.cancelled
            && asked.content != Content::Broken
            && told.is_some_and(|told| told.ended && told.phase != "Failed")
    };
    let Some(newest) = of_app.iter().rev().find(able) else { return };
    let told = &world.told[&newest.name];
    let gone_since = world.removed.iter().any(|entry| entry.is_for(app));
    let value = folder.and_then(|folder| folder.value.clone());
    let wanted = match &newest.content {
        Content::Value(wanted) => Some(wanted.clone()),
        Content::Broken => None,
    };
    let cancelled_later =
        of_app.iter().skip_while(|a| a.name != newest.name).skip(1).any(|a| a.cancelled);
    if told.commit.is_none()
        && told.phase != "Unchanged"
        && !cancelled_later
        && !failed_later(world, of_app, newest)
    {
        found.add(
            Fault::Lost,
            format!("{} is the newest of {app} and ended {}", newest.name, told.phase),
        );
    }
    if told.phase == "Unchanged" && value != wanted && !gone_since && !cancelled_later {
        let text =
            format!("{} ended Unchanged for {wanted:?}, and {app} has {value:?}", newest.name);
        found.add(Fault::Tree, text);
    }
}

/// A release that came later could take the place of one before it turned out that it cannot be made.
fn failed_later(world: &World, of_app: &[&Asked], newest: &Asked) -> bool {
    let mut later = of_app.iter().skip_while(|asked| asked.name != newest.name).skip(1);
    later.any(|asked| world.told.get(&asked.name).is_some_and(|told| told.phase == "Failed"))
}

fn check_branch(world: &World, found: &mut Found) {
    let known: BTreeMap<_, _> = world
        .asked
        .iter()
        .filter_map(|asked| Some((world.told.get(&asked.name)?.uid.as_str(), asked)))
        .collect();
    for entry in &world.branch {
        if entry.parents > 1 {
            found.add(Fault::Foreign, format!("{} is a merge", entry.id));
        }
        let Some((uid, environment, app)) = &entry.release else { continue };
        match known.get(uid.as_str()) {
            Some(asked) if asked.app == *app && world.environment == *environment => {}
            Some(asked) => {
                let text =
                    format!("{} is of {} and says {environment}/{app}", entry.id, asked.name);
                found.add(Fault::Foreign, text);
            }
            None => {
                found.add(Fault::Foreign, format!("{} is of {uid}, which nobody made", entry.id));
            }
        }
    }
    check_others(world, found);
    if !world.removed.is_empty() && !world.rewriting_told {
        let text =
            format!("{} commits were taken off the branch, nobody was told", world.removed.len());
        found.add(Fault::Silent, text);
    }
    let back: Vec<_> = world
        .branch
        .iter()
        .filter(|entry| world.removed.iter().any(|gone| gone.id == entry.id))
        .collect();
    for entry in back {
        found.add(
            Fault::Contradiction,
            format!("{} was taken off the branch and is back", entry.id),
        );
    }
}

/// What people pushed is there, once each and in their order.
fn check_others(world: &World, found: &mut Found) {
    let theirs: BTreeSet<_> = world.others.iter().collect();
    let there: Vec<_> =
        world.branch.iter().map(|entry| &entry.subject).filter(|s| theirs.contains(s)).collect();
    let gone: BTreeSet<_> = world.removed.iter().map(|entry| &entry.subject).collect();
    let wanted: Vec<_> = world.others.iter().filter(|subject| !gone.contains(subject)).collect();
    if there != wanted {
        let missing: Vec<_> = wanted.iter().filter(|subject| !there.contains(subject)).collect();
        let text = format!(
            "of {} commits of people {} are there, missing {missing:?}",
            wanted.len(),
            there.len()
        );
        found.add(Fault::Lost, text);
    }
}

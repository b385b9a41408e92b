//! Whether a preview stays: pure, and the only place that decides it.

use gimlet_crds::{Preview, PreviewRemoval};
use jiff::{SignedDuration, Timestamp};

use super::BRANCH_DELETED;
use super::branch::Branch;

/// What is known of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// There is none, or nobody can tell.
    Unknown,
    Open,
    /// The host says that it was closed or merged, and the branch has no other.
    Closed(i64),
}

/// What is known of a preview.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    pub(super) preview: &'a Preview,
    pub(super) branch: Branch,
    pub(super) request: Request,
    /// When the App was made.
    pub(super) made: Timestamp,
    /// When the newest release of it was made.
    pub(super) released: Option<Timestamp>,
    pub(super) now: Timestamp,
}

/// What becomes of a preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It stays.
    Needed { message: String },
    /// It stays, for nobody can tell whether its branch is there.
    Unknown { reason: &'static str, message: String },
    /// It goes.
    Goes(PreviewRemoval),
    /// It goes when this is over.
    Held { removal: PreviewRemoval, by: String },
}

/// What becomes of a preview, and when its time is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outlook {
    pub(crate) fate: Fate,
    pub(crate) url: Option<String>,
    pub(crate) expires: Option<Timestamp>,
}

/// Decides what becomes of a preview.
pub(super) fn decide(facts: Facts<'_>, held: Option<&str>) -> Outlook {
    let Facts { preview, branch, request, made, released, now } = facts;
    let end = |limit: &Option<String>, since: Timestamp| {
        let limit = limit.as_deref()?.parse::<SignedDuration>().ok()?;
        since.checked_add(limit).ok()
    };
    let newest = released.map_or(made, |released| released.max(made));
    let (up, idle) = (end(&preview.after, made), end(&preview.idle, newest));
    let expires = [up, idle].into_iter().flatten().min();
    let is_over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    let text = |limit: &Option<String>| limit.clone().unwrap_or_default();
    let goes = |reason: &str, message: String| {
        let removal = PreviewRemoval { reason: reason.to_owned(), message };
        match held {
            None => Fate::Goes(removal),
            Some(by) => Fate::Held { removal, by: by.to_owned() },
        }
    };
    let Preview { repository, branch: name, .. } = preview;
    let fate = match (branch, request) {
        (Branch::Gone, _) => {
            goes(BRANCH_DELETED, format!("branch {name} of {repository} was deleted"))
        }
        (_, Request::Closed(number)) if preview.follow_pull_request => {
            goes("PullRequestClosed", format!("pull request {number} of {repository} was closed"))
        }
        _ if is_over(up) => goes("TimeUp", format!("its time of {} is up", text(&preview.after))),
        _ if is_over(idle) => {
            goes("Idle", format!("nothing was released for {}", text(&preview.idle)))
        }
        (Branch::Unknown { reason, message }, _) => Fate::Unknown { reason, message },
        (Branch::There, _) => {
            Fate::Needed { message: format!("branch {name} of {repository} is there") }
        }
    };
    Outlook { fate, url: preview.host.as_deref().map(super::binding::url), expires }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn unknown() -> Branch {
        Branch::Unknown { reason: "RepositoryNotRead", message: "away".into() }
    }

    fn preview(after: Option<&str>, idle: Option<&str>) -> Preview {
        Preview {
            repository: "acme/shop".into(),
            branch: "fix".into(),
            follow_pull_request: true,
            after: after.map(str::to_owned),
            idle: idle.map(str::to_owned),
            ..Preview::default()
        }
    }

    fn told(fate: &Fate) -> &str {
        match fate {
            Fate::Needed { .. } => "Needed",
            Fate::Unknown { reason, .. } => reason,
            Fate::Goes(removal) => &removal.reason,
            Fate::Held { .. } => "Held",
        }
    }

    /// Made at 1000, released last at 2000.
    fn outlook(preview: &Preview, branch: Branch, request: Request, now: i64) -> Outlook {
        let (made, released) = (at(1000), Some(at(2000)));
        decide(Facts { preview, branch, request, made, released, now: at(now) }, None)
    }

    #[test]
    fn a_preview_goes_with_its_branch_its_pull_request_or_its_time() {
        let plain = preview(None, None);
        let after = preview(Some("1h"), None);
        let idle = preview(None, Some("1h"));
        let both = preview(Some("1h"), Some("1h"));
        let (open, closed) = (Request::Open, Request::Closed(7));
        for (preview, branch, request, now, expected) in [
            (&plain, Branch::There, Request::Unknown, 9_999_999, "Needed"),
            (&plain, Branch::There, open, 3000, "Needed"),
            (&plain, Branch::Gone, open, 3000, "BranchDeleted"),
            (&plain, Branch::There, closed, 3000, "PullRequestClosed"),
            (&plain, Branch::Gone, closed, 3000, "BranchDeleted"),
            (&plain, unknown(), Request::Unknown, 9_999_999, "RepositoryNotRead"),
            (&plain, unknown(), closed, 3000, "PullRequestClosed"),
            (&after, Branch::There, open, 4599, "Needed"),
            (&after, Branch::There, open, 4600, "TimeUp"),
            (&after, unknown(), open, 4600, "TimeUp"),
            (&idle, Branch::There, open, 5599, "Needed"),
            (&idle, Branch::There, open, 5600, "Idle"),
            (&both, Branch::There, open, 4600, "TimeUp"),
        ] {
            let found = outlook(preview, branch.clone(), request, now);
            assert_eq!(told(&found.fate), expected, "{branch:?} {request:?} at {now}");
        }
    }

    #[test]
    fn an_app_of_a_branch_does_not_go_with_a_pull_request() {
        let bound = Preview { follow_pull_request: false, ..preview(None, None) };
        let found = outlook(&bound, Branch::There, Request::Closed(7), 3000);
        assert_eq!(told(&found.fate), "Needed");
    }

    #[test]
    fn the_earlier_of_two_limits_counts_and_a_release_defers_only_idleness() {
        let expires = |preview: &Preview, released| {
            let facts = Facts {
                preview,
                branch: Branch::There,
                request: Request::Unknown,
                made: at(1000),
                released,
                now: at(1001),
            };
            decide(facts, None).expires.map(Timestamp::as_second)
        };
        assert_eq!(expires(&preview(Some("100s"), Some("50s")), None), Some(1050));
        assert_eq!(expires(&preview(Some("100s"), Some("50s")), Some(at(1080))), Some(1100));
        assert_eq!(expires(&preview(None, Some("50s")), Some(at(1080))), Some(1130));
        assert_eq!(expires(&preview(None, None), None), None);
    }

    #[test]
    fn a_lock_holds_a_removal_back() {
        let plain = preview(None, None);
        let facts = Facts {
            preview: &plain,
            branch: Branch::Gone,
            request: Request::Unknown,
            made: at(0),
            released: None,
            now: at(1),
        };
        let found = decide(facts, Some("the app is locked: demo"));
        assert!(matches!(found.fate, Fate::Held { by, .. } if by.contains("demo")));
    }

    #[test]
    fn the_address_is_that_of_the_host() {
        let with = Preview { host: Some("a.example.com".into()), ..preview(None, None) };
        let found = outlook(&with, Branch::There, Request::Unknown, 1);
        assert_eq!(found.url.as_deref(), Some("https://a.example.com"));
    }
}

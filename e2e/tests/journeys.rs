//! Journeys of releases through a real control plane, each with an operator process of its own.

#[path = "journeys/absences.rs"]
mod absences;
#[path = "journeys/agent_reports.rs"]
mod agent_reports;
#[path = "journeys/agents.rs"]
mod agents;
#[path = "journeys/approvals.rs"]
mod approvals;
#[path = "journeys/artifacts.rs"]
mod artifacts;
#[path = "journeys/asking.rs"]
mod asking;
#[path = "journeys/bad_input.rs"]
mod bad_input;
#[path = "journeys/browser.rs"]
mod browser;
#[path = "journeys/browser_commits.rs"]
mod browser_commits;
#[path = "journeys/browser_environments.rs"]
mod browser_environments;
#[path = "journeys/browser_logs.rs"]
mod browser_logs;
#[path = "journeys/ci_files.rs"]
mod ci_files;
#[path = "journeys/cli_acting.rs"]
mod cli_acting;
#[path = "journeys/cli_ci.rs"]
mod cli_ci;
#[path = "journeys/cli_self.rs"]
mod cli_self;
#[path = "journeys/clusters.rs"]
mod clusters;
#[path = "journeys/config_changes.rs"]
mod config_changes;
#[path = "journeys/dashboard.rs"]
mod dashboard;
#[path = "journeys/dashboard_doors.rs"]
mod dashboard_doors;
#[path = "journeys/docs.rs"]
mod docs;
#[path = "journeys/engines.rs"]
mod engines;
#[path = "journeys/environments.rs"]
mod environments;
#[path = "journeys/environments_elsewhere.rs"]
mod environments_elsewhere;
#[path = "journeys/faults.rs"]
mod faults;
#[path = "journeys/feedback.rs"]
mod feedback;
#[path = "journeys/gates.rs"]
mod gates;
#[path = "journeys/gateway.rs"]
mod gateway;
#[path = "journeys/git_hosts.rs"]
mod git_hosts;
#[path = "journeys/github_pulls.rs"]
mod github_pulls;
#[path = "journeys/identity.rs"]
mod identity;
#[path = "journeys/install.rs"]
mod install;
#[path = "journeys/kinds.rs"]
mod kinds;
#[path = "journeys/leaks.rs"]
mod leaks;
#[path = "journeys/news.rs"]
mod news;
#[path = "journeys/notifications.rs"]
mod notifications;
#[path = "journeys/on_demand.rs"]
mod on_demand;
#[path = "journeys/places.rs"]
mod places;
#[path = "journeys/previews.rs"]
mod previews;
#[path = "journeys/pull_requests.rs"]
mod pull_requests;
#[path = "journeys/recovery.rs"]
mod recovery;
#[path = "journeys/release.rs"]
mod release;
#[path = "journeys/release_sets.rs"]
mod release_sets;
#[path = "journeys/repositories.rs"]
mod repositories;
#[path = "journeys/restart.rs"]
mod restart;
#[path = "journeys/rollback.rs"]
mod rollback;
#[path = "journeys/secrets.rs"]
mod secrets;
#[path = "journeys/signing.rs"]
mod signing;
#[path = "journeys/slow_hosts.rs"]
mod slow_hosts;
#[path = "journeys/sso.rs"]
mod sso;
#[path = "journeys/uninstall.rs"]
mod uninstall;
#[path = "journeys/upgrade.rs"]
mod upgrade;
#[path = "journeys/views.rs"]
mod views;

//! The commands, one file each.

mod app;
mod approve;
mod artifact;
mod audit;
mod cancel;
mod check;
mod completion;
mod config;
mod delete;
mod diff;
mod doctor;
mod env;
mod events;
mod get;
mod history;
mod lock;
mod login;
mod logs;
mod man;
mod manifest;
mod open;
mod plan;
mod promote;
mod release;
mod rollback;
mod row;
mod send;
mod set;
mod status;
mod template;
mod tree;
mod until;
mod version;
mod wait;
mod watch;
mod whoami;
mod write;

use clap::Subcommand;

use crate::args::Cli;
use crate::error::{CommandError, Finish};

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(status::StatusArgs),
    Get(get::GetArgs),
    History(history::HistoryArgs),
    Diff(Box<diff::DiffArgs>),
    Events(events::EventsArgs),
    Logs(logs::LogsArgs),
    Tree(tree::TreeArgs),
    Open(open::OpenArgs),
    Release(Box<release::ReleaseArgs>),
    Promote(promote::PromoteArgs),
    Rollback(rollback::RollbackArgs),
    Approve(approve::ApproveArgs),
    Reject(approve::RejectArgs),
    Confirm(cancel::ConfirmArgs),
    Cancel(cancel::CancelArgs),
    Lock(lock::LockArgs),
    Unlock(lock::UnlockArgs),
    Wait(wait::WaitCommand),
    Delete(delete::DeleteArgs),
    App(app::AppCommand),
    #[command(alias = "environment")]
    Env(env::EnvCommand),
    Artifact(artifact::ArtifactCommand),
    #[command(aliases = ["sets", "releaseset"])]
    Set(set::SetCommand),
    Manifest(manifest::ManifestCommand),
    Template(Box<template::TemplateArgs>),
    Audit(audit::AuditCommand),
    Login(login::LoginArgs),
    Logout(login::LogoutArgs),
    Whoami(whoami::WhoamiArgs),
    Config(config::ConfigCommand),
    Doctor(doctor::DoctorArgs),
    Version(version::VersionArgs),
    Completion(completion::CompletionArgs),
    #[command(hide = true)]
    Man(man::ManArgs),
}

/// Runs a command.
pub(crate) async fn run(cli: Cli) -> Result<Finish, CommandError> {
    let Cli { global, command } = cli;
    match command {
        Command::Status(args) => status::run(&args, &global).await,
        Command::Get(args) => get::run(&args, &global).await,
        Command::History(args) => history::run(&args, &global).await,
        Command::Diff(args) => {
            Box::pin(diff::run(&args, &global)).await.map_err(CommandError::of_comparison)
        }
        Command::Events(args) => events::run(&args, &global).await,
        Command::Logs(args) => Box::pin(logs::run(&args, &global)).await,
        Command::Tree(args) => Box::pin(tree::run(&args, &global)).await,
        Command::Open(args) => open::run(&args, &global).await,
        Command::Release(args) => release::run(&args, &global).await,
        Command::Promote(args) => promote::run(&args, &global).await,
        Command::Rollback(args) => rollback::run(&args, &global).await,
        Command::Approve(args) => approve::approve(&args, &global).await,
        Command::Reject(args) => approve::reject(&args, &global).await,
        Command::Confirm(args) => cancel::confirm(&args, &global).await,
        Command::Cancel(args) => cancel::cancel(&args, &global).await,
        Command::Lock(args) => lock::lock(&args, &global).await,
        Command::Unlock(args) => lock::unlock(&args, &global).await,
        Command::Wait(command) => Box::pin(wait::run(&command, &global)).await,
        Command::Delete(args) => delete::run(&args, &global).await,
        Command::App(command) => Box::pin(app::run(&command, &global)).await,
        Command::Env(command) => Box::pin(env::run(&command, &global)).await,
        Command::Artifact(command) => Box::pin(artifact::run(&command, &global)).await,
        Command::Set(command) => Box::pin(set::run(&command, &global)).await,
        Command::Manifest(command) => manifest::run(&command).await,
        Command::Template(args) => template::run(&args, &global).await,
        Command::Audit(command) => audit::run(&command).await,
        Command::Login(args) => login::login(&args, &global).await,
        Command::Logout(args) => login::logout(&args, &global),
        Command::Whoami(args) => whoami::run(&args, &global).await,
        Command::Config(command) => config::run(&command, &global).await,
        Command::Doctor(args) => doctor::run(&args, &global).await,
        Command::Version(args) => version::run(&args, &global).await,
        Command::Completion(args) => completion::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

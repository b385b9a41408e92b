//! The commands, one file each.

mod audit;
mod completion;
mod delete;
mod diff;
mod get;
mod history;
mod manifest;
mod plan;
mod release;
mod rollback;
mod row;
mod send;
mod status;
mod template;
mod version;
mod watch;

use clap::Subcommand;

use crate::args::Cli;
use crate::error::{CommandError, Finish};

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Release(Box<release::ReleaseArgs>),
    Rollback(rollback::RollbackArgs),
    Status(status::StatusArgs),
    Get(get::GetArgs),
    History(history::HistoryArgs),
    Diff(Box<diff::DiffArgs>),
    Manifest(manifest::ManifestCommand),
    Template(Box<template::TemplateArgs>),
    Audit(audit::AuditCommand),
    Delete(delete::DeleteArgs),
    Version(version::VersionArgs),
    Completion(completion::CompletionArgs),
}

/// Runs a command.
pub(crate) async fn run(cli: Cli) -> Result<Finish, CommandError> {
    let Cli { global, command } = cli;
    match command {
        Command::Release(args) => release::run(&args, &global).await,
        Command::Rollback(args) => rollback::run(&args, &global).await,
        Command::Status(args) => status::run(&args, &global).await,
        Command::Get(args) => get::run(&args, &global).await,
        Command::History(args) => history::run(&args, &global).await,
        Command::Diff(args) => {
            Box::pin(diff::run(&args, &global)).await.map_err(CommandError::of_comparison)
        }
        Command::Manifest(command) => manifest::run(&command).await,
        Command::Template(args) => template::run(&args, &global).await,
        Command::Audit(command) => audit::run(&command).await,
        Command::Delete(args) => delete::run(&args, &global).await,
        Command::Version(args) => version::run(&args, &global).await,
        Command::Completion(args) => completion::run(&args),
    }
}

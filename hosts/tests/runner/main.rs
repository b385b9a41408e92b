//! The crate as its users see it: what hosts send, what they answer, and a real Gitea.

#[cfg(test)]
mod client;
#[cfg(test)]
mod files;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod gitea;
#[cfg(test)]
mod github;
#[cfg(test)]
mod github_app;
#[cfg(test)]
mod gitlab;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod repositories;
#[cfg(test)]
mod server;
#[cfg(test)]
mod webhook;

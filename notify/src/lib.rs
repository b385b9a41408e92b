//! Notifications: what they say, for whom, and how they are sent.
//!
//! A [`Message`] says what happened. [`Filter`] says whether a receiver wants it, [`render`] makes
//! the body in the receiver's [`Format`], [`send`] delivers it to a [`Target`] once; the error of
//! a failed delivery says whether to try again. Only `send` touches the network.
//!
//! Text of a message is shown as it is: no format interprets mentions or markup in it.

mod error;
mod filter;
mod message;
mod render;
mod send;
mod target;
mod text;

pub use error::{NotifyError, Retry};
pub use filter::Filter;
pub use message::{Kind, Link, Message, PlanSize};
pub use render::{Format, render};
pub use send::{Delivery, Options, send};
pub use target::Target;

#[cfg(test)]
mod tests;

//! Frames between agents and the dashboard, in both directions.

use std::fmt::Debug;

use gimlet_agent::protocol::{
    Applied, DecodeError, FromAgent, FromDashboard, Kinds, MAX_APPS, MAX_FLUX, Mirror, decode,
    encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::explained;

/// Frames of an agent, one on each line, and what the dashboard makes of them.
pub fn agent(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut mirror = Mirror::default();
    let mut lost = false;
    for line in text.lines() {
        let Some(frame) = read::<FromAgent>(line) else { continue };
        let begins = matches!(frame, FromAgent::SnapshotBegin { .. });
        let before = mirror.apps().clone();
        let applied = mirror.apply(frame);
        lost = !begins && (lost || matches!(applied, Applied::Gap | Applied::TooMany));
        if lost {
            assert_eq!(*mirror.apps(), before, "what is known is lost with a frame");
        }
        assert!(mirror.apps().len() <= MAX_APPS);
        assert!(mirror.environment().flux.len() <= MAX_FLUX);
    }
    told_again(&mirror);
}

/// Frames of a dashboard, one on each line, as an agent reads them.
pub fn dashboard(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.lines() {
        read::<FromDashboard>(line);
    }
}

/// What is read is written and read again without a loss.
fn read<T>(line: &str) -> Option<T>
where
    T: Serialize + DeserializeOwned + Kinds + PartialEq + Debug,
{
    match decode::<T>(line) {
        Ok(frame) => {
            match encode(&frame) {
                Ok(written) => assert_eq!(decode::<T>(&written).as_ref(), Ok(&frame)),
                Err(error) => assert!(matches!(error, DecodeError::TooLong(_)), "{error}"),
            }
            Some(frame)
        }
        Err(error) => {
            assert!(explained(&error).len() < 4096, "{error}");
            None
        }
    }
}

/// All that is known, told by an agent that keeps the limits, is known again.
fn told_again(known: &Mirror) {
    let apps: Vec<_> = known
        .apps()
        .values()
        .map(|app| {
            let mut app = app.as_ref().clone();
            app.fit();
            app
        })
        .collect();
    let mut environment = known.environment().clone();
    environment.fit();
    let mut mirror = Mirror::default();
    for frame in FromAgent::snapshot(1, environment.clone(), apps.clone()) {
        let written = encode(&frame);
        assert!(written.is_ok(), "{written:?}");
        let applied = mirror.apply(frame);
        assert!(matches!(applied, Applied::Nothing | Applied::Everything), "{applied:?}");
    }
    assert!(mirror.apps().values().map(AsRef::as_ref).eq(&apps));
    assert_eq!(*mirror.environment(), environment);
}

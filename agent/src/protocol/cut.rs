//! How what is said is cut into frames, each of at most half of [`MAX_FRAME`](super::MAX_FRAME).

use serde::Serialize;

use super::app::{AppKey, AppState, EnvironmentState};
use super::frame::FromAgent;
use super::limit::{MAX_FILL, MAX_LINE, MAX_TEXT, encoded, shorten};
use super::request::{Answer, EventLine, LogLine};

/// Cuts a snapshot into frames and numbers them from `first`.
///
/// Apps that were not [`fit`](AppState::fit) may make a frame too long to be sent.
pub(super) fn snapshot(
    first: u64,
    mut environment: EnvironmentState,
    apps: impl IntoIterator<Item = AppState>,
) -> Vec<FromAgent> {
    let mut number = Numbers(first);
    let mut frames = vec![FromAgent::SnapshotBegin { seq: number.next() }];
    environment.fit();
    frames.push(FromAgent::EnvironmentState { seq: number.next(), state: environment });
    frames.extend(
        fill(apps).into_iter().map(|apps| FromAgent::SnapshotPart { seq: number.next(), apps }),
    );
    frames.push(FromAgent::SnapshotEnd { seq: number.next() });
    frames
}

/// Cuts what changed into frames and numbers them from `first`, removals before upserts.
pub(super) fn deltas(
    first: u64,
    upserts: impl IntoIterator<Item = AppState>,
    removals: Vec<AppKey>,
) -> Vec<FromAgent> {
    let mut number = Numbers(first);
    let mut frames: Vec<_> = fill(removals)
        .into_iter()
        .map(|removals| FromAgent::Delta { seq: number.next(), upserts: Vec::new(), removals })
        .collect();
    for upserts in fill(upserts) {
        // Most changes are small, and then one frame says both.
        if let [FromAgent::Delta { upserts: none, removals, .. }] = frames.as_mut_slice()
            && none.is_empty()
            && encoded(removals) + encoded(&upserts) <= MAX_FILL
        {
            *none = upserts;
        } else {
            frames.push(FromAgent::Delta { seq: number.next(), upserts, removals: Vec::new() });
        }
    }
    frames
}

struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        let number = self.0;
        self.0 += 1;
        number
    }
}

/// Puts items into as few heaps as possible, of at most [`MAX_FILL`] bytes each.
fn fill<T: Serialize>(items: impl IntoIterator<Item = T>) -> Vec<Vec<T>> {
    let (mut heaps, mut heap, mut length) = (Vec::new(), Vec::new(), 0);
    for item in items {
        // The comma between two items counts too.
        let own = encoded(&item).saturating_add(1);
        if !heap.is_empty() && length + own > MAX_FILL {
            heaps.push(std::mem::take(&mut heap));
            length = 0;
        }
        length += own;
        heap.push(item);
    }
    if !heap.is_empty() {
        heaps.push(heap);
    }
    heaps
}

impl Answer {
    /// Cuts lines of logs into parts that can be sent; `dropped` were left out before them.
    pub fn lines(lines: impl IntoIterator<Item = LogLine>, dropped: u64) -> Vec<Self> {
        let mut dropped = dropped;
        let short = lines.into_iter().map(|mut line| {
            shorten(&mut line.text, MAX_LINE);
            line
        });
        let mut parts: Vec<_> = fill(short)
            .into_iter()
            .map(|lines| Self::Lines { lines, dropped: std::mem::take(&mut dropped) })
            .collect();
        if dropped > 0 {
            parts.push(Self::Lines { lines: Vec::new(), dropped });
        }
        parts
    }

    /// Cuts events into parts that can be sent.
    pub fn events(events: impl IntoIterator<Item = EventLine>) -> Vec<Self> {
        let short = events.into_iter().map(|mut event| {
            for text in [&mut event.reason, &mut event.object, &mut event.message] {
                shorten(text, MAX_TEXT);
            }
            event
        });
        fill(short).into_iter().map(|events| Self::Events { events }).collect()
    }

    /// Makes an object's YAML a part that can be sent; one that is too long is cut after a line.
    pub fn object(mut yaml: String) -> Self {
        let cut = encoded(&yaml) > MAX_FILL;
        if cut {
            // Quotes, controls and ends of lines take more bytes in a frame than here.
            let mut most = MAX_FILL.min(yaml.len());
            while encoded(&&yaml[..yaml.floor_char_boundary(most)]) > MAX_FILL {
                most /= 2;
            }
            let end = yaml.floor_char_boundary(most);
            yaml.truncate(yaml[..end].rfind('\n').map_or(end, |line| line + 1));
        }
        Self::Object { yaml, cut }
    }
}

#[cfg(test)]
mod tests {
    use super::super::app::FluxItem;
    use super::super::limit::MAX_FLUX;
    use super::*;
    use crate::protocol::{MAX_FRAME, Pod, encode};

    fn large(name: usize) -> AppState {
        let mut app = AppState::new(AppKey::new("shop", &format!("app-{name}")));
        app.pods = vec![Pod { node: "n".repeat(MAX_FRAME / 8), ..Pod::named("p") }; 2];
        app
    }

    fn line(text: String) -> LogLine {
        LogLine { pod: "web-1".into(), container: "app".into(), time: None, text }
    }

    fn can_be_sent(answers: Vec<Answer>) {
        for answer in answers {
            assert!(encode(&FromAgent::Chunk { id: u64::MAX, answer }).is_ok());
        }
    }

    fn in_order(frames: &[FromAgent], first: u64) {
        for (frame, seq) in frames.iter().zip(first..) {
            assert_eq!(frame.seq(), Some(seq));
            assert!(encode(frame).is_ok());
        }
    }

    #[test]
    fn a_snapshot_of_many_apps_is_several_frames_in_order() {
        let frames = snapshot(7, EnvironmentState::default(), (0..9).map(large));
        assert!(frames.len() > 5);
        in_order(&frames, 7);
    }

    #[test]
    fn a_snapshot_of_nothing_begins_and_ends() {
        let frames = snapshot(1, EnvironmentState::default(), []);
        let expected = [
            FromAgent::SnapshotBegin { seq: 1 },
            FromAgent::EnvironmentState { seq: 2, state: EnvironmentState::default() },
            FromAgent::SnapshotEnd { seq: 3 },
        ];
        assert_eq!(frames, expected);
    }

    #[test]
    fn a_small_change_is_one_frame_and_none_is_none() {
        let (app, gone) = (AppState::new(AppKey::new("shop", "a")), AppKey::new("shop", "b"));
        let frames = deltas(3, [app.clone()], vec![gone.clone()]);
        assert_eq!(frames, [FromAgent::Delta { seq: 3, upserts: vec![app], removals: vec![gone] }]);
        assert_eq!(deltas(3, [], Vec::new()), []);
    }

    #[test]
    fn a_large_change_is_several_frames_in_order_and_removals_come_first() {
        let frames = deltas(3, (0..9).map(large), vec![AppKey::new("shop", "app-1"); 30_000]);
        in_order(&frames, 3);
        let upserts: Vec<_> = frames
            .iter()
            .map(|frame| match frame {
                FromAgent::Delta { upserts, .. } => upserts.len(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(upserts.iter().sum::<usize>(), 9);
        assert_eq!(upserts[..2], [0, 0]);
    }

    #[test]
    fn lines_are_cut_and_spread_and_what_was_dropped_is_told_once() {
        let parts = Answer::lines((0..400).map(|_| line("\u{1}".repeat(2 * MAX_LINE))), 5);
        let dropped: Vec<_> = parts
            .iter()
            .map(|part| match part {
                Answer::Lines { dropped, .. } => *dropped,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(parts.len() > 2 && dropped[0] == 5 && dropped[1..].iter().all(|n| *n == 0));
        can_be_sent(parts);
        let none = Answer::Lines { lines: Vec::new(), dropped: 2 };
        assert_eq!(Answer::lines([], 2), [none]);
    }

    #[test]
    fn events_are_cut_and_spread() {
        let event = EventLine {
            time: None,
            warning: true,
            reason: "BackOff".into(),
            object: "Pod/web-1".into(),
            message: "m".repeat(MAX_FRAME),
            count: 1,
        };
        let parts = Answer::events(vec![event; 1000]);
        assert!(parts.len() > 1);
        can_be_sent(parts);
    }

    #[test]
    fn an_object_that_is_too_long_is_cut_after_a_line() {
        let Answer::Object { yaml, cut } = Answer::object("key: \"value\"\n".repeat(MAX_FRAME / 8))
        else {
            panic!("no object")
        };
        assert!(cut && yaml.ends_with("\"\n"));
        can_be_sent(vec![Answer::object("\u{1}".repeat(MAX_FRAME))]);
        assert_eq!(
            Answer::object("a: 1\n".into()),
            Answer::Object { yaml: "a: 1\n".into(), cut: false }
        );
    }

    #[test]
    fn no_more_of_flux_is_told_than_is_taken() {
        let item = FluxItem {
            kind: "Kustomization".into(),
            namespace: "flux-system".into(),
            name: "prod".into(),
            ready: None,
            reason: String::new(),
            message: "m".repeat(MAX_FRAME),
            last_applied_revision: None,
            last_attempted_revision: Some("r".repeat(MAX_FRAME)),
            suspended: false,
        };
        in_order(&snapshot(1, vec![item; 2 * MAX_FLUX].into(), []), 1);
    }
}

//! Deltas: an object written as what it takes over from another one.
//!
//! The form is that of git's pack files (`gitformat-pack`): two sizes, then instructions that copy
//! from the base or insert bytes.

use crate::compare::{shared_head, shared_tail};

/// Sizes of objects beyond this are refused.
pub(super) const OBJECT_CAP: usize = 64 * 1024 * 1024;
/// The most bytes that one instruction copies. Git could do more in version 3 only.
const MAX_COPY: usize = 0xff_ffff;
/// The most bytes that one instruction inserts.
const MAX_INSERT: usize = 0x7f;

/// Says why a delta is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadDelta {
    /// It makes no sense.
    Broken,
    /// It makes more than [`OBJECT_CAP`] bytes.
    TooLarge,
}

/// Rebuilds an object from its base and a delta.
pub(super) fn apply(base: &[u8], delta: &[u8]) -> Result<Vec<u8>, BadDelta> {
    let mut rest = delta;
    if size(&mut rest)? != base.len() {
        return Err(BadDelta::Broken);
    }
    let target = size(&mut rest)?;
    if target > OBJECT_CAP {
        return Err(BadDelta::TooLarge);
    }
    let mut out = Vec::with_capacity(target);
    while let Some(instruction) = take(&mut rest) {
        let piece = if instruction & 0x80 == 0 {
            // Zero is kept for later versions.
            let count = usize::from(instruction);
            let piece = rest.get(..count).filter(|_| count > 0).ok_or(BadDelta::Broken)?;
            rest = &rest[count..];
            piece
        } else {
            let offset = number(instruction, 4, &mut rest)?;
            let count = match number(instruction >> 4, 3, &mut rest)? {
                0 => 0x1_0000,
                count => count,
            };
            let end = offset.checked_add(count).ok_or(BadDelta::Broken)?;
            base.get(offset..end).ok_or(BadDelta::Broken)?
        };
        if out.len() + piece.len() > target {
            return Err(BadDelta::Broken);
        }
        out.extend_from_slice(piece);
    }
    if out.len() == target { Ok(out) } else { Err(BadDelta::Broken) }
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    Some(*first)
}

/// Reads a size: seven bits a byte, the lowest first.
fn size(rest: &mut &[u8]) -> Result<usize, BadDelta> {
    let mut size = 0;
    for shift in (0..u32::MAX).step_by(7) {
        let byte = take(rest).ok_or(BadDelta::Broken)?;
        let bits = usize::from(byte & 0x7f);
        size |= bits.checked_shl(shift).filter(|_| shift < 35).ok_or(BadDelta::Broken)?;
        if byte & 0x80 == 0 {
            return Ok(size);
        }
    }
    Err(BadDelta::Broken)
}

/// Reads a number of which only the bytes that are not zero are there.
fn number(present: u8, bytes: u8, rest: &mut &[u8]) -> Result<usize, BadDelta> {
    let mut number = 0;
    for at in 0..bytes {
        if present & (1 << at) != 0 {
            number |= usize::from(take(rest).ok_or(BadDelta::Broken)?) << (8 * at);
        }
    }
    Ok(number)
}

/// Describes an object by another one of which it has the beginning and the end.
///
/// That is what a tree is after one of its entries changed: of ten thousand folders some fifty bytes
/// are left.
pub(super) fn between(base: &[u8], target: &[u8]) -> Vec<u8> {
    let shorter = base.len().min(target.len());
    let head = shared_head(base, target);
    let rest = shorter - head;
    let tail = shared_tail(&base[base.len() - rest..], &target[target.len() - rest..]);
    let mut out = Vec::new();
    put_size(base.len(), &mut out);
    put_size(target.len(), &mut out);
    put_copy(0..head, &mut out);
    for piece in target[head..target.len() - tail].chunks(MAX_INSERT) {
        out.push(u8::try_from(piece.len()).unwrap_or_default());
        out.extend_from_slice(piece);
    }
    put_copy(base.len() - tail..base.len(), &mut out);
    out
}

fn put_copy(mut run: std::ops::Range<usize>, out: &mut Vec<u8>) {
    while !run.is_empty() {
        let count = run.len().min(MAX_COPY);
        let mut instruction = 0x80;
        let mut bytes = Vec::with_capacity(7);
        put_number(run.start, 0, 4, &mut instruction, &mut bytes);
        put_number(count, 4, 3, &mut instruction, &mut bytes);
        out.push(instruction);
        out.extend(bytes);
        run.start += count;
    }
}

fn put_number(number: usize, flag: u8, bytes: u8, instruction: &mut u8, out: &mut Vec<u8>) {
    for at in 0..bytes {
        let byte = u8::try_from(number >> (8 * at) & 0xff).unwrap_or_default();
        if byte != 0 {
            *instruction |= 1 << (flag + at);
            out.push(byte);
        }
    }
}

fn put_size(mut size: usize, out: &mut Vec<u8>) {
    loop {
        let bits = u8::try_from(size & 0x7f).unwrap_or_default();
        size >>= 7;
        if size == 0 {
            out.push(bits);
            return;
        }
        out.push(bits | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            head in proptest::collection::vec(any::<u8>(), 0..300),
            old in proptest::collection::vec(any::<u8>(), 0..300),
            new in proptest::collection::vec(any::<u8>(), 0..300),
            tail in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let base = [&head[..], &old, &tail].concat();
            let target = [&head[..], &new, &tail].concat();
            let delta = between(&base, &target);
            prop_assert!(delta.len() <= new.len() + new.len() / 64 + 32);
            prop_assert_eq!(apply(&base, &delta), Ok(target));
        }

        #[test]
        fn no_delta_makes_it_panic(base in proptest::collection::vec(any::<u8>(), 0..50), delta in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(made) = apply(&base, &delta) {
                prop_assert!(made.len() <= OBJECT_CAP);
            }
        }
    }

    #[test]
    fn a_long_run_is_copied_in_pieces() {
        let base = [vec![1; MAX_COPY], vec![2; 300], vec![3; 0x1_0000]].concat();
        let mut target = base.clone();
        target[MAX_COPY + 10] = 9;
        let delta = between(&base, &target);
        assert!(delta.len() < 50, "{}", delta.len());
        assert!(apply(&base, &delta) == Ok(target));
        assert!(apply(&base, &between(&base, &base)) == Ok(base));
    }

    #[test]
    fn a_delta_that_promises_too_much_is_refused() {
        let mut delta = Vec::new();
        put_size(3, &mut delta);
        put_size(OBJECT_CAP + 1, &mut delta);
        assert_eq!(apply(b"abc", &delta), Err(BadDelta::TooLarge));
        // Another base, a copy from beyond it, a reserved instruction, too few and too many bytes.
        for bad in [&[4, 0][..], &[3, 9, 0x91, 1, 9], &[3, 1, 0], &[3, 2, 1, 7], &[3, 1, 2, 7, 7]] {
            assert_eq!(apply(b"abc", bad), Err(BadDelta::Broken), "{bad:?}");
        }
        assert_eq!(apply(b"abc", &[0xff; 12]), Err(BadDelta::Broken));
    }
}

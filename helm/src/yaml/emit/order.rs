//! The order of keys.

use std::cmp::Ordering;

/// Orders keys as go-yaml does: digits by value, letters after other symbols. With go-yaml v3 a
/// letter behind a digit ends the number, and comes first.
pub(super) fn natural_order(left: &str, right: &str, v3: bool) -> Ordering {
    let mut after_digit = false;
    for (a, b) in left.chars().zip(right.chars()) {
        if a == b {
            after_digit = v3 && a.is_numeric();
            continue;
        }
        return match (a.is_alphabetic(), b.is_alphabetic()) {
            (true, true) => a.cmp(&b),
            (false, false) => by_numbers(left, right),
            (a_letter, _) if a_letter == after_digit => Ordering::Less,
            _ => Ordering::Greater,
        };
    }
    left.len().cmp(&right.len())
}

/// Orders keys that first differ in a digit or a symbol.
fn by_numbers(left: &str, right: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    for index in 0..left.len().min(right.len()) {
        let (a, b) = (left[index], right[index]);
        if a == b {
            continue;
        }
        let (mut a_number, mut b_number) = (0_i64, 0_i64);
        if a == '0' || b == '0' {
            // Leading zeros count only when a non-zero digit stands before them.
            let before = left[..index].iter().rev().take_while(|symbol| symbol.is_numeric());
            if before.clone().any(|symbol| *symbol != '0') {
                (a_number, b_number) = (1, 1);
            }
        }
        let (a_end, b_end) = (run(&left, index, &mut a_number), run(&right, index, &mut b_number));
        return a_number.cmp(&b_number).then(a_end.cmp(&b_end)).then(a.cmp(&b));
    }
    left.len().cmp(&right.len())
}

fn run(text: &[char], start: usize, number: &mut i64) -> usize {
    let mut end = start;
    while let Some(digit) = text.get(end).and_then(|symbol| symbol.to_digit(10)) {
        *number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        end += 1;
    }
    end
}

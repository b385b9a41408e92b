//! What a person most likely meant.

/// Finds the candidate closest to a name, if one is close enough to be a typing error.
pub(crate) fn closest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Names come from files of other people; a long one would make the comparison slow.
    if name.len() > 128 {
        return None;
    }
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 128)
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(name.len()) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Counts the insertions, removals, replacements and swaps of neighbours between two words.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_recognised() {
        let fields = ["app", "namespace", "strategicMergePatches", "values"];
        assert_eq!(closest("namspace", fields), Some("namespace"));
        assert_eq!(closest("strategicmergepatches", fields), Some("strategicMergePatches"));
        assert_eq!(closest("value", fields), Some("values"));
        assert_eq!(closest("ap", fields), Some("app"));
        assert_eq!(closest("wbe", ["web", "worker"]), Some("web"));
        assert_eq!(closest("replicas", fields), None);
        assert_eq!(closest(&"x".repeat(10_000), fields), None);
    }
}

//! "Did you mean …?": the known names that are nearest to a wrong one.

/// At most three of `known`, nearest first; empty when nothing is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    const NEAR: f64 = 0.7;
    let wanted = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|k| (similarity(&wanted, &k.to_lowercase()), k))
        .filter(|(score, _)| *score >= NEAR)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored
        .into_iter()
        .take(3)
        .map(|(_, k)| k.to_string())
        .collect()
}

/// Jaro-Winkler, which favours a common beginning; a name contained whole counts as near.
fn similarity(wanted: &str, known: &str) -> f64 {
    let contained =
        wanted.len() >= 3 && known.len() >= 3 && (known.contains(wanted) || wanted.contains(known));
    let score = strsim::jaro_winkler(wanted, known);
    let edits = strsim::damerau_levenshtein(wanted, known);
    if contained {
        score.max(0.75)
    } else if edits * 2 > wanted.len().max(2) {
        0.0
    } else {
        score
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_come_nearest_first() {
        assert_eq!(
            nearest("shipment", ["shipments", "orders", "ship"]),
            ["shipments", "ship"]
        );
        assert_eq!(
            nearest("conuty", ["county", "country", "state"]),
            ["county", "country"]
        );
        assert!(nearest("x", ["county", "state"]).is_empty());
    }
}

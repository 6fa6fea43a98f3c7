//! Which rows are held out of a training: of each label as nearly the same share as can be.
//!
//! A row has a place by its draw, in one of [`BINS`] bins; the first bins of each label are held out. So
//! the choice depends on the values of rows alone, and rows that are equal stay together.

use serde::{Deserialize, Serialize};

use super::Collect;
use crate::rows::{Rows, mix};
use crate::state::State;
use crate::sum::Sum;

const BINS: usize = 1 << BITS;
const BITS: u32 = 10;

fn bin(draw: u64) -> usize {
    // Another stream of chance than that of folds and passes.
    (mix(draw ^ 0x5f61_7274_6974_696f) >> (64 - BITS)) as usize
}

/// How much the rows of each label weigh in each bin; all rows have the same one where there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strata {
    pub labels: usize,
}

impl Strata {
    fn label(&self, target: Option<&f64>) -> usize {
        match (self.labels, target) {
            (0, _) | (_, None) => 0,
            (_, Some(label)) => *label as usize,
        }
    }
}

impl Collect for Strata {
    fn start(&self) -> State {
        State::of_sums(self.labels.max(1) * BINS)
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        for (row, draw) in rows.draw.iter().enumerate() {
            let at = self.label(rows.target.get(row)) * BINS + bin(*draw);
            if let Some(sum) = state.sums.get_mut(at) {
                sum.add(rows.weight_of(row));
            }
        }
    }
}

/// Which rows are held out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// How many bins of each label.
    bins: Vec<u16>,
}

impl Split {
    /// A share of what [`Strata`] collected. Every label keeps some rows.
    pub fn of(share: f64, state: &State) -> Self {
        let strata = state.sums.chunks_exact(BINS);
        Self {
            bins: strata.map(|bins| nearest(share, bins)).collect(),
        }
    }

    /// Whether no row is held out.
    pub fn is_empty(&self) -> bool {
        self.bins.iter().all(|bins| *bins == 0)
    }

    /// Whether a row is held out; `target` is its value or the number of its label.
    pub fn holds_out(&self, draw: u64, target: Option<f64>) -> bool {
        let bins = match self.bins.as_slice() {
            [only] => Some(only),
            bins => target.and_then(|label| bins.get(label as usize)),
        };
        bins.is_some_and(|bins| bin(draw) < usize::from(*bins))
    }
}

/// The number of bins that have the share of all weight most nearly.
fn nearest(share: f64, bins: &[Sum]) -> u16 {
    let whole = bins.iter().fold(Sum::ZERO, |sum, bin| sum + *bin);
    let wanted = whole.value() * share;
    let last = bins.iter().rposition(|bin| bin.value() > 0.0).unwrap_or(0);
    let (mut held_out, mut found, mut off) = (Sum::ZERO, 0, wanted);
    for (at, bin) in bins[..last].iter().enumerate() {
        held_out = held_out + *bin;
        let distance = (held_out.value() - wanted).abs();
        if distance < off {
            (found, off) = (at + 1, distance);
        }
    }
    found as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(share: f64, draws: &[u64], labels: usize, target: &[f64]) -> Split {
        let strata = Strata { labels };
        let mut state = strata.start();
        let rows = Rows {
            draw: draws,
            target,
            ..Rows::of(&[], draws.len())
        };
        strata.update(&mut state, &rows);
        Split::of(share, &state)
    }

    #[test]
    fn every_label_has_the_share() {
        let draws: Vec<u64> = (0..5000).map(mix).collect();
        // Half, three tenths, and few of the rows; one is alone.
        let label = |row: usize| match row {
            0 => 3.0,
            row if row % 100 == 7 => 2.0,
            row => f64::from(u8::from(row % 10 < 4)),
        };
        let target: Vec<f64> = (0..5000).map(label).collect();
        let split = split(0.2, &draws, 4, &target);
        let mut counts = [[0.0f64; 2]; 4];
        for (draw, label) in draws.iter().zip(&target) {
            let held_out = split.holds_out(*draw, Some(*label));
            counts[*label as usize][usize::from(held_out)] += 1.0;
        }
        for [kept, held_out] in counts {
            let wanted = 0.2 * (kept + held_out);
            assert!((held_out - wanted).abs() <= 4.0, "{counts:?}");
        }
        assert_eq!(counts[3], [1.0, 0.0]);
    }

    #[test]
    fn equal_rows_stay_together_and_some_are_left() {
        assert!(split(0.9, &[5; 100], 0, &[]).is_empty());
        assert!(split(0.5, &[], 0, &[]).is_empty());
        let draws: Vec<u64> = (0..10).map(mix).collect();
        let split = split(0.99, &draws, 0, &[]);
        let kept = draws.iter().filter(|draw| !split.holds_out(**draw, None));
        assert!(!split.is_empty());
        assert_eq!(kept.count(), 1);
    }
}

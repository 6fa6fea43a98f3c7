//! The places of rows that come first in the order of a sample.

use serde::{Deserialize, Serialize};

use super::{Collect, Sample};
use crate::rows::Rows;
use crate::state::{Picked, State};

/// Up to `limit` of the first places; rows are counted in any case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Early {
    pub seed: u64,
    pub limit: u32,
}

impl Collect for Early {
    fn start(&self) -> State {
        State::default().with_picks(self.limit)
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        for draw in rows.draw {
            let draw = Sample::place(self.seed, *draw);
            state.pick(Picked {
                draw,
                values: Vec::new(),
            });
        }
    }
}

impl Early {
    /// A sample of this share of each fold, from what was collected of it. It is exact where as many
    /// places are known, and elsewhere as good as the draws are even.
    pub fn sample(&self, share: f64, folds: &[State]) -> Sample {
        let last = |fold: &State| {
            let wanted = (share * fold.rows as f64).floor().max(1.0) as usize;
            match fold.picked.get(wanted - 1) {
                Some(picked) => picked.draw,
                // The cast saturates.
                None => (share * 2f64.powi(64)) as u64,
            }
        };
        Sample {
            seed: self.seed,
            last: folds.iter().map(last).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::mix;

    #[test]
    fn small_samples_are_exact_and_large_ones_nearly() {
        let early = Early {
            seed: 3,
            limit: 100,
        };
        let draws: Vec<u64> = (0..10_000).map(mix).collect();
        let mut state = early.start();
        state.rows = 10_000;
        early.update(
            &mut state,
            &Rows {
                draw: &draws,
                ..Rows::of(&[], 10_000)
            },
        );
        state.settle();
        let taken = |share: f64| {
            let sample = early.sample(share, std::slice::from_ref(&state));
            draws.iter().filter(|draw| sample.takes(**draw, 0)).count()
        };
        assert_eq!([taken(0.0), taken(0.001), taken(0.01)], [1, 10, 100]);
        assert!(taken(0.3).abs_diff(3000) < 150);
    }
}

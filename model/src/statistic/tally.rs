//! How much the rows of each label weigh.

use serde::{Deserialize, Serialize};

use super::Collect;
use crate::rows::Rows;
use crate::state::State;

/// A sum of weights for each label; rows are counted in any case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub labels: usize,
}

impl Collect for Tally {
    fn start(&self) -> State {
        State::of_sums(self.labels)
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        for (row, label) in rows.target.iter().enumerate() {
            if let Some(sum) = state.sums.get_mut(*label as usize) {
                sum.add(rows.weight_of(row));
            }
        }
    }
}

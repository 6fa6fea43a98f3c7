//! The distinct values of a feature, and how often each occurs. What is missing is no value.

use serde::{Deserialize, Serialize};

use super::Collect;
use crate::rows::{Rows, mix};
use crate::state::{Picked, State};

/// Up to `limit` distinct values of a feature, those with the smallest draws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distinct {
    pub feature: usize,
    pub limit: u32,
}

impl Collect for Distinct {
    fn start(&self) -> State {
        State::default().with_distinct_picks(self.limit)
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        let feature = rows.features.get(self.feature).copied().unwrap_or_default();
        let present = feature.iter().filter(|value| !value.is_nan());
        let mut bits: Vec<u64> = present.map(|value| (value + 0.0).to_bits()).collect();
        bits.sort_unstable();
        bits.dedup();
        for bits in bits {
            // Each value has a draw of its own: `mix` maps no two numbers to one.
            state.pick(Picked {
                draw: mix(bits),
                values: vec![f64::from_bits(bits)],
            });
        }
        state.settle();
    }
}

/// How often each of some values of a feature occurs; they are in ascending order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    pub feature: usize,
    pub values: Vec<f64>,
}

impl Collect for Counts {
    fn start(&self) -> State {
        State::of_sums(self.values.len())
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        let feature = rows.features.get(self.feature).copied().unwrap_or_default();
        for value in feature {
            let place = self
                .values
                .binary_search_by(|v| v.total_cmp(&(value + 0.0)));
            if let Ok(at) = place {
                state.sums[at].add(1.0);
            }
        }
    }
}

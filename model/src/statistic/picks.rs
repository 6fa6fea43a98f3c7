//! Different rows drawn by chance, near or far from points that there are already.
//!
//! Each row waits a time that is exponentially distributed with a rate of its weight times the
//! squared distance to the nearest point, and the rows with the shortest times are picked: that is
//! drawing one after the other with such probabilities, without replacement (Efraimidis and Spirakis
//! 2006). The chance comes from the row's draw, so it is the same in any order of the rows.

use serde::{Deserialize, Serialize};

use super::Collect;
use super::assign::smallest;
use crate::points::Points;
use crate::rows::{Rows, draw, mix, unit};
use crate::state::{Picked, State};

/// Rows to be drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picks {
    /// Where there are none, distances do not count.
    pub points: Points,
    pub count: u32,
    pub seed: u64,
}

impl Collect for Picks {
    fn start(&self) -> State {
        State::default().with_distinct_picks(self.count)
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        let mut rates = match self.points.count() {
            0 => vec![1.0; rows.count],
            _ => self.points.nearest(rows).squares,
        };
        if let Some(weight) = rows.weight {
            let pairs = rates.iter_mut().zip(weight);
            pairs.for_each(|(rate, weight)| *rate *= weight);
        }
        let times: Vec<u64> = rates
            .iter()
            .enumerate()
            .map(|(row, rate)| {
                let chance = unit(mix(self.seed ^ self.draw_of(rows, row)));
                // Positive numbers are in the order of their bits.
                (-(-chance).ln_1p() / rate).to_bits()
            })
            .collect();
        let possible = (0..rows.count).filter(|row| rates[*row] > 0.0);
        // Once enough are picked, later ones have to be earlier.
        let bound = match state.picked.len() < self.count as usize {
            true => u64::MAX,
            false => state.picked.last().map_or(u64::MAX, |last| last.draw),
        };
        let possible = possible.filter(|row| times[*row] <= bound);
        let alike = |a: usize, b: usize| rows.features.iter().all(|f| f[a] == f[b]);
        for row in smallest(possible, self.count as usize, |row| times[row], alike) {
            state.pick(Picked {
                draw: times[row],
                values: rows.features.iter().map(|feature| feature[row]).collect(),
            });
        }
        state.settle();
    }
}

impl Picks {
    fn draw_of(&self, rows: &Rows<'_>, row: usize) -> u64 {
        let own = || draw(0, rows.features.iter().map(|feature| feature[row]));
        rows.draw.get(row).copied().unwrap_or_else(own)
    }
}

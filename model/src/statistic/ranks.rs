//! Values by their rank, such as medians and other quantiles, exactly and without sorting.
//!
//! The bits of `f64`, with those of negative numbers turned over, are whole numbers in the order of
//! the values. An interval that holds the wanted rank is cut into buckets of equal length in these
//! bits; a scan counts the values of each bucket and notes its smallest and largest. The wanted rank
//! is then in one bucket, and its extremes are the next interval. Every scan takes at least six bits,
//! most take all that are left: two or three scans are the rule, and ten the most.

use serde::{Deserialize, Serialize};

use super::columns::Column;
use super::{Collect, Statistic};
use crate::error::{Error, Result};
use crate::rows::Rows;
use crate::state::State;

/// Counts and extremes of buckets of intervals. Weights do not count, nor does what is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranks {
    pub intervals: Vec<Interval>,
    /// Of each interval.
    pub buckets: usize,
}

/// Values of a feature from `low` to `high`, as ordered bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Interval {
    pub feature: usize,
    pub low: u64,
    pub high: u64,
}

const SIGN: u64 = 1 << 63;

/// The place of a value among all numbers. Both zeros are one value; NaN is beyond infinity.
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn value(ordered: u64) -> f64 {
    f64::from_bits(match ordered & SIGN {
        0 => !ordered,
        _ => ordered & !SIGN,
    })
}

impl Interval {
    /// By how many bits places are shifted so that there are no more than `buckets` of them.
    fn shift(&self, buckets: usize) -> u32 {
        let span = self.high - self.low;
        (0..64)
            .find(|shift| span >> shift < buckets as u64)
            .unwrap_or(0)
    }
}

impl Collect for Ranks {
    fn start(&self) -> State {
        let buckets = self.intervals.len() * self.buckets;
        State::of_sums(buckets).with_extremes(buckets)
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        let mut counts = vec![0u32; self.buckets];
        let sums = state.sums.chunks_exact_mut(self.buckets);
        let extremes = state
            .lows
            .chunks_exact_mut(self.buckets)
            .zip(state.highs.chunks_exact_mut(self.buckets));
        for ((interval, sums), (lows, highs)) in self.intervals.iter().zip(sums).zip(extremes) {
            let Some(feature) = rows.features.get(interval.feature) else {
                continue;
            };
            let shift = interval.shift(self.buckets);
            let span = interval.high - interval.low;
            for value in *feature {
                let place = ordered(*value).wrapping_sub(interval.low);
                if place <= span {
                    let bucket = (place >> shift) as usize;
                    let value = value + 0.0;
                    counts[bucket] += 1;
                    lows[bucket] = lows[bucket].min(value);
                    highs[bucket] = highs[bucket].max(value);
                }
            }
            for (sum, count) in sums.iter_mut().zip(&mut counts) {
                sum.add(f64::from(std::mem::take(count)));
            }
        }
    }
}

/// How the values at some ranks are found.
#[derive(Debug)]
pub struct Search {
    sought: Vec<Sought>,
    /// For each quantile the ranks around it, and how far it is from the first to the second.
    shares: Vec<f64>,
}

/// A rank within an interval; where that is a single value, it is found.
#[derive(Debug)]
struct Sought {
    interval: Interval,
    rank: u64,
}

/// Buckets of all intervals together.
const BUCKETS: usize = 1 << 18;

impl Search {
    /// For quantiles of features: the linear interpolation between the two values around it (numpy's
    /// default method). A feature without values has none.
    pub fn quantiles(columns: &[Column], wanted: &[(usize, f64)]) -> Self {
        let mut sought = Vec::new();
        let mut shares = Vec::new();
        for (feature, quantile) in wanted {
            let count = columns.get(*feature).map_or(0, |column| column.count);
            let (low, high) = match columns.get(*feature) {
                Some(column) if count > 0 => (ordered(column.low), ordered(column.high)),
                _ => (ordered(f64::NAN), ordered(f64::NAN)),
            };
            let interval = Interval {
                feature: *feature,
                low,
                high,
            };
            let last = count.saturating_sub(1);
            let place = quantile * last as f64;
            let before = (place.floor() as u64).min(last);
            let ends = [before, (before + 1).min(last)];
            sought.extend(ends.map(|rank| Sought::new(interval, rank, last)));
            shares.push(place - before as f64);
        }
        Self { sought, shares }
    }

    /// What is left to be searched, each interval once.
    fn intervals(&self) -> Vec<Interval> {
        let all = self.sought.iter().map(|sought| sought.interval);
        let mut open: Vec<Interval> = all.filter(|i| i.low != i.high).collect();
        open.sort_unstable();
        open.dedup();
        open
    }

    /// What the next scan collects; nothing when all is found.
    pub fn task(&self) -> Option<Statistic> {
        let intervals = self.intervals();
        let buckets = (BUCKETS / intervals.len().max(1)).clamp(64, 4096);
        (!intervals.is_empty()).then_some(Statistic::Ranks(Ranks { intervals, buckets }))
    }

    /// Takes what the task collected.
    pub fn take(&mut self, state: &State) -> Result<()> {
        let intervals = self.intervals();
        let buckets = state.sums.len().checked_div(intervals.len()).unwrap_or(0);
        for sought in &mut self.sought {
            if let Ok(at) = intervals.binary_search(&sought.interval) {
                sought.narrow(state, at * buckets..(at + 1) * buckets)?;
            }
        }
        Ok(())
    }

    /// The quantiles, once all is found.
    pub fn found(&self) -> Vec<f64> {
        let pairs = self.sought.chunks_exact(2).zip(&self.shares);
        pairs
            .map(|(ends, share)| {
                let (low, high) = (value(ends[0].interval.low), value(ends[1].interval.low));
                match *share < 0.5 {
                    true => low + (high - low) * share,
                    false => high - (high - low) * (1.0 - share),
                }
            })
            .collect()
    }
}

impl Sought {
    /// The `rank` of an interval whose last rank is `last`; its ends are values.
    fn new(interval: Interval, rank: u64, last: u64) -> Self {
        let (low, high) = match rank {
            0 => (interval.low, interval.low),
            rank if rank == last => (interval.high, interval.high),
            _ => (interval.low, interval.high),
        };
        Self {
            interval: Interval {
                low,
                high,
                ..interval
            },
            rank,
        }
    }

    fn narrow(&mut self, state: &State, buckets: std::ops::Range<usize>) -> Result<()> {
        let mut before = 0;
        for bucket in buckets {
            let count = state.sums[bucket].value() as u64;
            if self.rank < before + count {
                let found = Interval {
                    feature: self.interval.feature,
                    low: ordered(state.lows[bucket]),
                    high: ordered(state.highs[bucket]),
                };
                *self = Self::new(found, self.rank - before, count - 1);
                return Ok(());
            }
            before += count;
        }
        Err(Error::rows("the rows changed between two scans"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistic::{Columns, Task};

    /// The quantiles of a column, and the scans that they took.
    fn quantiles(values: &[f64], wanted: &[f64]) -> (Vec<f64>, usize) {
        let features = [values];
        let rows = Rows::of(&features, values.len());
        let collect = |statistic: Statistic| {
            let task = Task::of_all(statistic);
            let mut state = task.start();
            task.update(&mut state, &rows);
            state
        };
        let columns = Column::all(&collect(Statistic::Columns(Columns { features: 1 })));
        let wanted: Vec<_> = wanted.iter().map(|q| (0, *q)).collect();
        let mut search = Search::quantiles(&columns, &wanted);
        let mut scans = 1;
        while let Some(task) = search.task() {
            search.take(&collect(task)).unwrap();
            scans += 1;
        }
        (search.found(), scans)
    }

    #[test]
    fn order_is_that_of_the_values() {
        let values = [
            f64::NEG_INFINITY,
            -1e300,
            -1.0,
            -1e-320,
            0.0,
            1e-320,
            2.5,
            1e300,
        ];
        assert!(values.is_sorted_by(|a, b| ordered(*a) < ordered(*b)));
        assert!(values.iter().all(|v| value(ordered(*v)) == *v));
        assert_eq!(ordered(-0.0), ordered(0.0));
    }

    #[test]
    fn quantiles_are_those_of_sorted_values() {
        let draws = (0..20_001u64).map(|at| crate::rows::unit(crate::rows::mix(at)));
        // Of very different sizes and both signs, and many of them twice.
        let values: Vec<f64> = draws
            .map(|u| (u - 0.4) * 10f64.powi((u * 1e4) as i32 % 40))
            .flat_map(|v| [v, (v * 8.0).round()])
            .collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let wanted = [0.0, 0.01, 0.25, 0.5, 0.75, 0.999, 1.0];
        let (found, scans) = quantiles(&values, &wanted);
        for (found, quantile) in found.iter().zip(wanted) {
            let place = quantile * (sorted.len() - 1) as f64;
            let (low, high) = (
                sorted[place.floor() as usize],
                sorted[place.ceil() as usize],
            );
            assert!(*found >= low && *found <= high, "{quantile}: {found}");
        }
        assert!(scans <= 5, "{scans}");
    }

    #[test]
    fn what_is_missing_has_no_rank() {
        let gap = f64::NAN;
        assert_eq!(quantiles(&[3.0, gap, 1.0, gap, 2.0], &[0.5]).0, [2.0]);
        assert_eq!(
            quantiles(&[4.0, 1.0, 2.0, 3.0], &[0.5, 0.25]).0,
            [2.5, 1.75]
        );
        assert_eq!(quantiles(&[7.0; 5], &[0.3]), (vec![7.0], 1));
        assert!(quantiles(&[gap], &[0.5]).0[0].is_nan());
    }
}

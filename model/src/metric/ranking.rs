//! Metrics of the order of scores: how much weight positive and other rows have at each score.
//!
//! Up to [`SCORES`] distinct scores nothing is lost. Above that, scores that agree in their leading
//! bits are taken as equal, in as many bits as leave no more than that many different ones. That number
//! of bits, and so the result, depends on the scores alone, not on their order. What is lost of the
//! area is at most half of the pairs of a positive and another row whose scores became equal
//! ([`Ranking::bound`]): below 10^-6 where no score's neighbourhood has much of the rows.

use super::values::is_sign;
use crate::error::{Error, Result};
use crate::sum::Sum;

/// The largest number of different scores that is kept.
pub const SCORES: usize = 1 << 20;

/// Rows that wait to be sorted in.
const WAITING: usize = 1 << 16;

#[derive(Debug, Clone)]
pub struct Ranking {
    limit: usize,
    /// Trailing bits of scores that do not count.
    dropped: u32,
    /// By ascending score.
    scores: Vec<At>,
    waiting: Vec<At>,
}

/// Weights at a score.
#[derive(Debug, Clone, Copy, PartialEq)]
struct At {
    /// Orders as the score does.
    key: u64,
    positive: Sum,
    other: Sum,
}

impl Default for Ranking {
    fn default() -> Self {
        Self::of(SCORES)
    }
}

/// Whatever still waits.
impl PartialEq for Ranking {
    fn eq(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self.clone(), other.clone());
        a.settle();
        b.settle();
        a.dropped == b.dropped && a.scores == b.scores
    }
}

/// Larger for larger scores; the same for both zeros.
fn key(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    }
}

impl Ranking {
    pub(super) fn of(limit: usize) -> Self {
        Self {
            limit,
            dropped: 0,
            scores: Vec::new(),
            waiting: Vec::new(),
        }
    }

    pub(crate) fn update(
        &mut self,
        name: &str,
        truth: &[f64],
        scores: &[f64],
        weight: Option<&[f64]>,
    ) -> Result<()> {
        for (row, (y, score)) in truth.iter().zip(scores).enumerate() {
            if !is_sign(*y) || score.is_nan() {
                let message =
                    format!("{name} needs 0 or 1, and a score; a row has {y} and {score}");
                return Err(Error::rows(message));
            }
            let weight = Sum::from(weight.and_then(|w| w.get(row)).copied().unwrap_or(1.0));
            let (positive, other) = match *y > 0.0 {
                true => (weight, Sum::ZERO),
                false => (Sum::ZERO, weight),
            };
            self.waiting.push(At {
                key: key(*score) >> self.dropped,
                positive,
                other,
            });
            if self.waiting.len() >= WAITING.max(self.scores.len() / 2) {
                self.settle();
            }
        }
        Ok(())
    }

    /// Sorts in what waits.
    pub(super) fn settle(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_unstable_by_key(|at| at.key);
        self.join(&waiting);
    }

    /// Adds weights in ascending order of their keys, of which as many bits are dropped as here.
    fn join(&mut self, other: &[At]) {
        if other.is_empty() {
            return;
        }
        let mine = std::mem::take(&mut self.scores);
        let mut joined: Vec<At> = Vec::with_capacity(mine.len() + other.len());
        let (mut mine, mut other) = (mine.iter().peekable(), other.iter().peekable());
        loop {
            let next = match (mine.peek(), other.peek()) {
                (Some(a), Some(b)) if b.key < a.key => other.next(),
                (Some(_), _) => mine.next(),
                (None, _) => other.next(),
            };
            let Some(next) = next else {
                break;
            };
            push(&mut joined, *next);
        }
        self.scores = joined;
        while self.scores.len() > self.limit {
            self.drop_bits(1);
        }
        self.scores.shrink_to_fit();
    }

    fn drop_bits(&mut self, more: u32) {
        self.dropped += more;
        let mut coarser = Vec::with_capacity(self.scores.len());
        for at in &self.scores {
            let key = at.key >> more;
            push(&mut coarser, At { key, ..*at });
        }
        self.scores = coarser;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.settle();
        let mut other = other.clone();
        other.settle();
        let dropped = self.dropped.max(other.dropped);
        for side in [&mut *self, &mut other] {
            if side.dropped < dropped {
                side.drop_bits(dropped - side.dropped);
            }
        }
        self.join(&other.scores);
    }

    pub(crate) fn size(&self) -> usize {
        (self.scores.capacity() + self.waiting.capacity()) * size_of::<At>()
    }

    /// Weights that are sums of few numbers take one number each.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        if !self.waiting.is_empty() {
            let mut settled = self.clone();
            settled.settle();
            return settled.write(out);
        }
        let short = self
            .scores
            .iter()
            .all(|at| at.positive.lo == 0.0 && at.other.lo == 0.0);
        out.extend([u8::from(short), self.dropped as u8]);
        out.extend((self.scores.len() as u32).to_le_bytes());
        for at in &self.scores {
            out.extend(at.key.to_le_bytes());
            for sum in [at.positive, at.other] {
                out.extend(sum.hi.to_le_bytes());
                if !short {
                    out.extend(sum.lo.to_le_bytes());
                }
            }
        }
    }

    pub(crate) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let ([short, dropped], rest) = bytes.split_first_chunk::<2>()?;
        let (count, mut rest) = rest.split_first_chunk::<4>()?;
        let (short, count) = (*short == 1, u32::from_le_bytes(*count) as usize);
        let mut word = || {
            let (head, tail) = rest.split_first_chunk::<8>()?;
            rest = tail;
            Some(u64::from_le_bytes(*head))
        };
        let mut read = Self {
            dropped: u32::from(*dropped),
            ..Self::default()
        };
        if count > SCORES || read.dropped > 63 {
            return None;
        }
        for _ in 0..count {
            let key = word()?;
            let mut sum = || {
                let hi = f64::from_bits(word()?);
                let lo = if short { 0.0 } else { f64::from_bits(word()?) };
                Some(Sum { hi, lo })
            };
            let (positive, other) = (sum()?, sum()?);
            if read.scores.last().is_some_and(|last| last.key >= key) {
                return None;
            }
            read.scores.push(At {
                key,
                positive,
                other,
            });
        }
        *bytes = rest;
        Some(read)
    }

    /// Weight of the positive rows, and of the others.
    fn totals(&self) -> (Sum, Sum) {
        let start = (Sum::ZERO, Sum::ZERO);
        self.scores.iter().fold(start, |(positive, other), at| {
            (positive + at.positive, other + at.other)
        })
    }

    /// The share of pairs of a positive and another row that the scores have in the right order; rows
    /// of the same score are half right. Not defined where either is missing.
    pub(super) fn roc_auc(&self) -> Option<f64> {
        let (positive, other) = self.totals();
        let pairs = positive * other;
        let half = Sum::from(0.5);
        let (mut right, mut below) = (Sum::ZERO, Sum::ZERO);
        for at in &self.scores {
            right = right + at.positive * (below + at.other * half);
            below = below + at.other;
        }
        (pairs.value() > 0.0).then(|| (right / pairs).value())
    }

    /// `Σ (R_n - R_n-1) P_n` over the scores from the highest: 0 where nothing is positive.
    pub(super) fn average_precision(&self) -> Option<f64> {
        let (positive, other) = self.totals();
        if (positive + other).value() == 0.0 {
            return None;
        }
        if positive.value() == 0.0 {
            return Some(0.0);
        }
        let (mut sum, mut found, mut wrong) = (Sum::ZERO, Sum::ZERO, Sum::ZERO);
        for at in self.scores.iter().rev() {
            found = found + at.positive;
            wrong = wrong + at.other;
            if at.positive.value() != 0.0 {
                sum = sum + at.positive * (found / (found + wrong));
            }
        }
        Some((sum / positive).value())
    }

    /// By how much the area may be off: 0 where no bits were dropped.
    pub fn bound(&self) -> f64 {
        if self.dropped == 0 {
            return 0.0;
        }
        let (positive, other) = self.totals();
        let tied = self.scores.iter().map(|at| at.positive * at.other);
        let tied = tied.fold(Sum::ZERO, |sum, pairs| sum + pairs);
        0.5 * (tied / (positive * other)).value()
    }
}

fn push(scores: &mut Vec<At>, at: At) {
    match scores.last_mut() {
        Some(last) if last.key == at.key => {
            last.positive = last.positive + at.positive;
            last.other = last.other + at.other;
        }
        _ => scores.push(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{mix, unit};

    #[test]
    fn keys_are_in_the_order_of_scores() {
        let scores = [
            f64::NEG_INFINITY,
            -2.0,
            -1e-300,
            0.0,
            1e-300,
            0.5,
            3.0,
            f64::INFINITY,
        ];
        assert!(scores.windows(2).all(|w| key(w[0]) < key(w[1])));
        assert_eq!(key(0.0), key(-0.0));
    }

    #[test]
    fn many_scores_lose_little_and_whichever_way_they_come() {
        let rows = 200_000;
        let scores: Vec<f64> = (0..rows).map(|row| unit(mix(row))).collect();
        let noise = |row: usize| unit(mix(!(row as u64)));
        let truth: Vec<f64> = (scores.iter().enumerate())
            .map(|(row, score)| f64::from(noise(row) < *score))
            .collect();
        let collect = |limit: usize, cuts: &[usize]| {
            let mut parts = cuts.windows(2).map(|w| {
                let mut part = Ranking::of(limit);
                part.update("roc_auc", &truth[w[0]..w[1]], &scores[w[0]..w[1]], None)
                    .unwrap();
                part
            });
            let mut whole = parts.next_back().unwrap();
            parts.for_each(|part| whole.merge(&part));
            whole.settle();
            whole
        };
        let exact = collect(SCORES, &[0, 200_000]);
        let coarse = collect(1 << 14, &[0, 200_000]);
        assert_eq!(exact.bound(), 0.0);
        assert!(coarse.scores.len() <= 1 << 14 && coarse.scores.len() > 1 << 12);
        assert!(coarse.size() < 40 << 15, "{}", coarse.size());
        let bound = coarse.bound();
        assert!(bound < 1e-4, "{bound}");
        let off = (exact.roc_auc().unwrap() - coarse.roc_auc().unwrap()).abs();
        assert!(off <= bound, "{off} {bound}");
        assert_eq!(
            coarse,
            collect(1 << 14, &[0, 1, 5000, 5000, 120_000, 200_000])
        );
    }
}

//! What a pass over rows has collected so far; states of any parts of the rows merge to that of all.
//!
//! The form is the same for every statistic, so that merging and the bytes on the wire are written,
//! and checked, once. Merging is commutative and associative up to the precision of [`Sum`].

use crate::error::{Error, Result};
use crate::metric::Ranking;
use crate::sum::Sum;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Rows seen.
    pub rows: u64,
    pub sums: Vec<Sum>,
    /// The smallest of what was seen; infinity before anything was.
    pub lows: Vec<f64>,
    /// The largest.
    pub highs: Vec<f64>,
    /// Rows that were picked: at most `limit`, those with the smallest draws.
    pub picked: Vec<Picked>,
    pub limit: u32,
    /// Whether rows with the same draw and values are picked once.
    pub distinct: bool,
    /// Scores in their order, where they are collected.
    pub ranking: Option<Ranking>,
}

/// A row that was picked, in the order in which picked rows are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Picked {
    pub draw: u64,
    pub values: Vec<f64>,
}

impl State {
    pub fn of_sums(count: usize) -> Self {
        Self {
            sums: vec![Sum::ZERO; count],
            ..Self::default()
        }
    }

    /// Extremes of `count` values.
    pub fn with_extremes(mut self, count: usize) -> Self {
        self.lows = vec![f64::INFINITY; count];
        self.highs = vec![f64::NEG_INFINITY; count];
        self
    }

    /// Up to `limit` rows to be picked.
    pub fn with_picks(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// Up to `limit` different rows to be picked.
    pub fn with_distinct_picks(self, limit: u32) -> Self {
        Self {
            limit,
            distinct: true,
            ..self
        }
    }

    /// Scores to be ordered.
    pub fn with_ranking(self) -> Self {
        Self {
            ranking: Some(Ranking::default()),
            ..self
        }
    }

    pub fn pick(&mut self, picked: Picked) {
        self.picked.push(picked);
        if self.picked.len() > 2 * self.limit as usize + 1024 {
            self.settle();
        }
    }

    /// Puts the picked rows in order and keeps as many as may be.
    pub fn settle(&mut self) {
        self.picked.sort_by(|a, b| {
            let values = a.values.iter().zip(&b.values);
            a.draw.cmp(&b.draw).then_with(|| {
                let mut orders = values.map(|(a, b)| a.total_cmp(b));
                orders
                    .find(|o| o.is_ne())
                    .unwrap_or(std::cmp::Ordering::Equal)
            })
        });
        if self.distinct {
            self.picked.dedup();
        }
        self.picked.truncate(self.limit as usize);
    }

    pub fn merge(&mut self, other: &State) -> Result<()> {
        let alike = self.sums.len() == other.sums.len()
            && self.lows.len() == other.lows.len()
            && self.highs.len() == other.highs.len()
            && self.limit == other.limit
            && self.distinct == other.distinct
            && self.ranking.is_some() == other.ranking.is_some();
        if !alike {
            return Err(Error::internal(
                "states of different passes cannot be merged",
            ));
        }
        self.rows += other.rows;
        for (mine, theirs) in self.sums.iter_mut().zip(&other.sums) {
            *mine = *mine + *theirs;
        }
        for (mine, theirs) in self.lows.iter_mut().zip(&other.lows) {
            *mine = mine.min(*theirs);
        }
        for (mine, theirs) in self.highs.iter_mut().zip(&other.highs) {
            *mine = mine.max(*theirs);
        }
        self.picked.extend(other.picked.iter().cloned());
        self.settle();
        if let (Some(mine), Some(theirs)) = (&mut self.ranking, &other.ranking) {
            mine.merge(theirs);
        }
        Ok(())
    }

    /// Bytes that the state takes in memory.
    pub fn size(&self) -> usize {
        let picked = self.picked.first().map_or(0, |p| p.values.len() * 8 + 32);
        size_of::<Self>()
            + self.sums.capacity() * size_of::<Sum>()
            + (self.lows.capacity() + self.highs.capacity()) * 8
            + self.picked.capacity() * picked
            + self.ranking.as_ref().map_or(0, Ranking::size)
    }

    /// Little-endian: version, rows, counts, then the numbers.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend(self.rows.to_le_bytes());
        out.extend(self.limit.to_le_bytes());
        out.push(u8::from(self.distinct));
        out.push(u8::from(self.ranking.is_some()));
        let width = self.picked.first().map_or(0, |p| p.values.len());
        let counts = [
            self.sums.len(),
            self.lows.len(),
            self.highs.len(),
            self.picked.len(),
            width,
        ];
        for count in counts {
            out.extend((count as u32).to_le_bytes());
        }
        let sums = self.sums.iter().flat_map(|sum| [sum.hi, sum.lo]);
        let extremes = self.lows.iter().chain(&self.highs).copied();
        sums.chain(extremes)
            .for_each(|v| out.extend(v.to_le_bytes()));
        for picked in &self.picked {
            out.extend(picked.draw.to_le_bytes());
            picked
                .values
                .iter()
                .for_each(|v| out.extend(v.to_le_bytes()));
        }
        if let Some(ranking) = &self.ranking {
            ranking.write(out);
        }
    }

    /// Reads what [`State::write`] wrote, from the front of `bytes`.
    pub fn read(bytes: &mut &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        if reader.take::<1>()? != [VERSION] {
            return Err(truncated());
        }
        let rows = u64::from_le_bytes(reader.take()?);
        let limit = reader.count()? as u32;
        let [distinct, ranked] = reader.take::<2>()?;
        let [sums, lows, highs, picked, width] = {
            let mut counts = [0; 5];
            for count in &mut counts {
                *count = reader.count()?;
            }
            counts
        };
        let sums = reader.floats(sums.saturating_mul(2))?;
        let (lows, highs) = (reader.floats(lows)?, reader.floats(highs)?);
        let each = width.saturating_add(1).saturating_mul(8);
        if reader.0.len() < picked.saturating_mul(each) {
            return Err(truncated());
        }
        let picked = (0..picked).map(|_| {
            let draw = u64::from_le_bytes(reader.take()?);
            let values = reader.floats(width)?;
            Ok(Picked { draw, values })
        });
        let picked = picked.collect::<Result<_>>()?;
        let ranking = match ranked {
            0 => None,
            _ => Some(Ranking::read(reader.0).ok_or_else(truncated)?),
        };
        Ok(Self {
            rows,
            limit,
            distinct: distinct != 0,
            ranking,
            sums: sums
                .chunks_exact(2)
                .map(|pair| Sum {
                    hi: pair[0],
                    lo: pair[1],
                })
                .collect(),
            lows,
            highs,
            picked,
        })
    }
}

const VERSION: u8 = 2;

fn truncated() -> Error {
    Error::corrupt("the state of a pass is damaged")
}

struct Reader<'a, 'b>(&'a mut &'b [u8]);

impl Reader<'_, '_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or_else(truncated)?;
        *self.0 = rest;
        Ok(*head)
    }

    fn count(&mut self) -> Result<usize> {
        Ok(u32::from_le_bytes(self.take()?) as usize)
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f64>> {
        let bytes = count.saturating_mul(8);
        let (head, rest) = self.0.split_at_checked(bytes).ok_or_else(truncated)?;
        *self.0 = rest;
        let numbers = head
            .chunks_exact(8)
            .map(|b| b.try_into().map(f64::from_le_bytes));
        numbers.collect::<Result<_, _>>().map_err(|_| truncated())
    }
}

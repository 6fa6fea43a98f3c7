//! What was left out or cannot be learned from, counted.

use crate::error::{Error, Kind, Result};

/// Counts over rows; those of columns are in the order of the encoding's columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that were read.
    pub read: u64,
    /// Rows that were used.
    pub used: u64,
    pub null_target: u64,
    /// Rows without a weight, or with one of zero.
    pub no_weight: u64,
    /// Rows with a NULL feature that were left out.
    pub null_feature: u64,
    /// By column: NULLs, NaN or infinite numbers, and texts that are no category.
    pub nulls: Vec<u64>,
    pub not_finite: Vec<u64>,
    pub unknown: Vec<u64>,
    /// Targets and weights that are NaN, infinite, or negative where they must not be.
    pub bad_target: u64,
    pub bad_weight: u64,
    /// Rows that are in none of the folds.
    pub bad_fold: u64,
}

impl Counts {
    pub fn of(columns: usize) -> Self {
        Self {
            nulls: vec![0; columns],
            not_finite: vec![0; columns],
            unknown: vec![0; columns],
            ..Self::default()
        }
    }

    fn scalars(&mut self) -> [&mut u64; 8] {
        [
            &mut self.read,
            &mut self.used,
            &mut self.null_target,
            &mut self.no_weight,
            &mut self.null_feature,
            &mut self.bad_target,
            &mut self.bad_weight,
            &mut self.bad_fold,
        ]
    }

    pub fn merge(&mut self, other: &Counts) {
        let mut other = other.clone();
        for (mine, theirs) in self.scalars().into_iter().zip(other.scalars()) {
            *mine += *theirs;
        }
        let lists = [
            (&mut self.nulls, &other.nulls),
            (&mut self.not_finite, &other.not_finite),
            (&mut self.unknown, &other.unknown),
        ];
        for (mine, theirs) in lists {
            mine.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        let mut copy = self.clone();
        out.extend((self.nulls.len() as u32).to_le_bytes());
        copy.scalars()
            .into_iter()
            .for_each(|n| out.extend(n.to_le_bytes()));
        let lists = self
            .nulls
            .iter()
            .chain(&self.not_finite)
            .chain(&self.unknown);
        lists.for_each(|n| out.extend(n.to_le_bytes()));
    }

    /// Reads from the front of `bytes` what [`Counts::write`] wrote.
    pub fn read(bytes: &mut &[u8]) -> Result<Self> {
        let damaged = || Error::corrupt("the counts of a scan are damaged");
        let (columns, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        let columns = u32::from_le_bytes(*columns) as usize;
        let size = columns
            .saturating_mul(3)
            .saturating_add(8)
            .saturating_mul(8);
        let (own, rest) = rest.split_at_checked(size).ok_or_else(damaged)?;
        *bytes = rest;
        let numbers = own
            .chunks_exact(8)
            .map(|b| b.try_into().map(u64::from_le_bytes));
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>().map_err(|_| damaged())?;
        let mut counts = Counts::of(columns);
        let (scalars, lists) = numbers.split_at(8);
        for (mine, value) in counts.scalars().into_iter().zip(scalars) {
            *mine = *value;
        }
        let slots = counts
            .nulls
            .iter_mut()
            .chain(&mut counts.not_finite)
            .chain(&mut counts.unknown);
        slots.zip(lists).for_each(|(slot, value)| *slot = *value);
        Ok(counts)
    }

    /// Fails for what training must not meet, with the number of rows by column.
    pub fn check(&self, columns: &[&str], nulls_are_errors: bool) -> Result<()> {
        let listed = |counts: &[u64]| {
            let named = columns.iter().zip(counts).filter(|(_, n)| **n > 0);
            named
                .map(|(name, n)| format!("\"{name}\" in {n} rows"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let not_finite = listed(&self.not_finite);
        if !not_finite.is_empty() {
            return Err(Error::rows(format!("features are NaN or infinite: {not_finite}"))
                .hint("Leave the rows out with WHERE, or make the values NULL with nullif and choose a null_policy."));
        }
        if self.bad_target > 0 {
            let rows = self.bad_target;
            return Err(
                Error::rows(format!("the target is NaN or infinite in {rows} rows"))
                    .hint("Leave the rows out with WHERE."),
            );
        }
        if self.bad_weight > 0 {
            let rows = self.bad_weight;
            return Err(Error::rows(format!(
                "weights are negative, NaN or infinite in {rows} rows"
            ))
            .hint("A weight says how often a row counts: 0 or more."));
        }
        if self.bad_fold > 0 {
            let rows = self.bad_fold;
            return Err(
                Error::rows(format!("the fold column names no fold in {rows} rows"))
                    .hint("Folds are numbered 0, 1, … up to cv - 1."),
            );
        }
        let nulls = listed(&self.nulls);
        if nulls_are_errors && !nulls.is_empty() {
            return Err(Error::rows(format!("features are NULL: {nulls}")).hint(
                "Choose what they mean: null_policy = 'drop', 'impute' or 'missing'; or use coalesce in the query.",
            ));
        }
        Ok(())
    }

    /// Fails for texts that are no category, at PREDICT.
    pub fn check_unknown(&self, columns: &[&str]) -> Result<()> {
        match columns.iter().zip(&self.unknown).find(|(_, n)| **n > 0) {
            Some((name, _)) => Err(Error::new(
                Kind::InvalidRows,
                format!("column \"{name}\" has a value that was no category in training"),
            )
            .hint("Train with handle_unknown = 'ignore' to let such rows be in none of the categories.")),
            None => Ok(()),
        }
    }
}

//! A block of rows as models see them: columns of `f64` without gaps.

use crate::error::Result;

/// Rows that a pass reads or a model scores. All columns have the same length.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Number of rows, also where there are no columns.
    pub count: usize,
    /// One for each encoded feature.
    pub features: &'a [&'a [f64]],
    /// What is learned: values, or numbers of classes. Empty where nothing is.
    pub target: &'a [f64],
    /// How much each row counts; `None` is 1 for each.
    pub weight: Option<&'a [f64]>,
    /// A number drawn for each row from its values, evenly over `0..=u64::MAX`; what a pass needs of
    /// chance comes from it, so that chance is the same in any order of the rows.
    pub draw: &'a [u64],
    /// The fold of each row; empty where there are no folds.
    pub fold: &'a [u32],
}

impl<'a> Rows<'a> {
    /// Rows that only have features.
    pub fn of(features: &'a [&'a [f64]], count: usize) -> Self {
        Self {
            count,
            features,
            target: &[],
            weight: None,
            draw: &[],
            fold: &[],
        }
    }

    pub fn with_target(self, target: &'a [f64]) -> Self {
        Self { target, ..self }
    }

    pub fn weight_of(&self, row: usize) -> f64 {
        self.weight.map_or(1.0, |weight| weight[row])
    }
}

/// Rows that own their columns: what a selection of [`Rows`] is.
#[derive(Debug, Default, Clone)]
pub struct Owned {
    pub features: Vec<Vec<f64>>,
    pub target: Vec<f64>,
    pub weight: Option<Vec<f64>>,
    pub draw: Vec<u64>,
    pub fold: Vec<u32>,
    pub count: usize,
}

impl Owned {
    /// The rows for which `wanted` holds.
    pub fn select(rows: &Rows<'_>, wanted: impl Fn(usize) -> bool) -> Self {
        let chosen: Vec<usize> = (0..rows.count).filter(|row| wanted(*row)).collect();
        fn gather<T: Copy>(of: &[T], chosen: &[usize]) -> Vec<T> {
            chosen
                .iter()
                .filter_map(|row| of.get(*row).copied())
                .collect()
        }
        Self {
            features: rows.features.iter().map(|c| gather(c, &chosen)).collect(),
            target: gather(rows.target, &chosen),
            weight: rows.weight.map(|w| gather(w, &chosen)),
            draw: gather(rows.draw, &chosen),
            fold: gather(rows.fold, &chosen),
            count: chosen.len(),
        }
    }

    /// Adds rows behind those that are there.
    pub fn extend(&mut self, rows: &Rows<'_>) {
        self.features.resize(rows.features.len(), Vec::new());
        for (mine, theirs) in self.features.iter_mut().zip(rows.features) {
            mine.extend_from_slice(theirs);
        }
        self.target.extend_from_slice(rows.target);
        if let Some(weight) = rows.weight {
            self.weight
                .get_or_insert_default()
                .extend_from_slice(weight);
        }
        self.draw.extend_from_slice(rows.draw);
        self.fold.extend_from_slice(rows.fold);
        self.count += rows.count;
    }

    /// Calls `with` with the rows, so many at a time.
    pub fn blocks(&self, size: usize, mut with: impl FnMut(&Rows<'_>) -> Result<()>) -> Result<()> {
        fn part<T>(of: &[T], from: usize, to: usize) -> &[T] {
            of.get(from..to).unwrap_or_default()
        }
        for from in (0..self.count).step_by(size.max(1)) {
            let to = self.count.min(from + size.max(1));
            let features = self.features.iter().map(|c| part(c, from, to));
            let features: Vec<&[f64]> = features.collect();
            with(&Rows {
                count: to - from,
                features: &features,
                target: part(&self.target, from, to),
                weight: self.weight.as_ref().map(|w| part(w, from, to)),
                draw: part(&self.draw, from, to),
                fold: part(&self.fold, from, to),
            })?;
        }
        Ok(())
    }

    /// Calls `with` with the rows.
    pub fn view<T>(&self, with: impl FnOnce(&Rows<'_>) -> T) -> T {
        let features: Vec<&[f64]> = self.features.iter().map(Vec::as_slice).collect();
        with(&Rows {
            count: self.count,
            features: &features,
            target: &self.target,
            weight: self.weight.as_deref(),
            draw: &self.draw,
            fold: &self.fold,
        })
    }
}

/// A draw from the bits of a row's values: the same for equal rows, independent of their order.
pub fn draw(seed: u64, values: impl Iterator<Item = f64>) -> u64 {
    values.fold(mix(seed), |so_far, value| {
        // Both zeros are one value.
        mix(so_far ^ (value + 0.0).to_bits())
    })
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every bit.
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A draw as a number in `[0, 1)`.
pub fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1u64 << 53) as f64
}

//! What has to be known of columns before they can be features: categories, labels, means.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};

use super::number::{null_count, numbers, texts};
use super::{CATEGORY_LIMIT, Column, Columns, Form, label};
use crate::error::{Error, Kind, Result};
use crate::sum::{Sum, dot, total};

/// What is looked for: plain data, so that it can travel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    /// Names of the feature columns, for messages.
    pub columns: Vec<String>,
    /// Whether each feature column becomes categories.
    pub texts: Vec<bool>,
    /// The target's name, where its labels are looked for.
    pub labels: Option<String>,
}

/// What was found so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Surveyed {
    pub rows: u64,
    features: Vec<Found>,
    labels: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Found {
    nulls: u64,
    /// How often each text occurs.
    texts: BTreeMap<String, u64>,
    /// Of numbers that are finite.
    count: u64,
    sum: Sum,
    squares: Sum,
}

impl Survey {
    pub fn start(&self) -> Surveyed {
        Surveyed {
            rows: 0,
            features: vec![Found::default(); self.texts.len()],
            labels: BTreeSet::new(),
        }
    }

    pub fn update(&self, found: &mut Surveyed, columns: &Columns<'_>, count: usize) -> Result<()> {
        found.rows += count as u64;
        let features = self.columns.iter().zip(&self.texts).zip(columns.features);
        for (((name, is_text), array), found) in features.zip(&mut found.features) {
            found.nulls += null_count(array);
            match is_text {
                true => texts(array)?
                    .iter()
                    .flatten()
                    .for_each(|text| found.see(text)),
                false => found.add(array)?,
            }
            limit(found.texts.len(), &format!("column \"{name}\""))?;
        }
        if let (Some(name), Some(array)) = (&self.labels, columns.target) {
            let weights = columns.weight.map(numbers).transpose()?;
            for (row, text) in texts(array)?.iter().enumerate() {
                let weight = weights
                    .as_ref()
                    .map_or(1.0, |w| if w.is_valid(row) { w.value(row) } else { 0.0 });
                // Rows of no weight are not learned from.
                let unknown = |text: &&str| weight > 0.0 && !found.labels.contains(*text);
                if let Some(text) = text.filter(unknown) {
                    found.labels.insert(text.to_string());
                }
            }
            limit(found.labels.len(), &format!("the target \"{name}\""))?;
        }
        Ok(())
    }

    pub fn merge(&self, found: &mut Surveyed, other: &Surveyed) -> Result<()> {
        if found.features.len() != other.features.len() {
            return Err(Error::internal(
                "surveys of different columns cannot be merged",
            ));
        }
        found.rows += other.rows;
        for ((mine, theirs), name) in found
            .features
            .iter_mut()
            .zip(&other.features)
            .zip(&self.columns)
        {
            mine.nulls += theirs.nulls;
            mine.count += theirs.count;
            mine.sum = mine.sum + theirs.sum;
            mine.squares = mine.squares + theirs.squares;
            for (text, count) in &theirs.texts {
                *mine.texts.entry(text.clone()).or_default() += count;
            }
            limit(mine.texts.len(), &format!("column \"{name}\""))?;
        }
        found.labels.extend(other.labels.iter().cloned());
        limit(found.labels.len(), "the target")
    }
}

fn limit(count: usize, what: &str) -> Result<()> {
    match count > CATEGORY_LIMIT {
        true => Err(Error::new(
            Kind::Limit,
            format!("{what} has more than {CATEGORY_LIMIT} different values"),
        )
        .hint("Group rare values together in the query, or leave the column out.")),
        false => Ok(()),
    }
}

impl Found {
    fn see(&mut self, text: &str) {
        match self.texts.get_mut(text) {
            Some(count) => *count += 1,
            None => drop(self.texts.insert(text.to_string(), 1)),
        }
    }

    fn add(&mut self, array: &ArrayRef) -> Result<()> {
        let values: Vec<f64> = numbers(array)?
            .iter()
            .flatten()
            .filter(|v| v.is_finite())
            .collect();
        self.count += values.len() as u64;
        self.sum = self.sum + total(&values);
        self.squares = self.squares + dot(&values, &values);
        Ok(())
    }

    fn mean(&self) -> Sum {
        match self.count {
            0 => Sum::ZERO,
            count => self.sum / Sum::from(count as f64),
        }
    }

    /// Of the whole population, as StandardScaler; 1 for a constant.
    fn deviation(&self) -> f64 {
        let mean = self.mean();
        let square = (self.squares - mean * self.sum).settled(self.squares.hi);
        let deviation = (square.value().max(0.0) / self.count.max(1) as f64).sqrt();
        // As good as constant: what is left is rounding.
        let noise = 10.0 * f64::EPSILON * mean.value().abs();
        if deviation <= noise { 1.0 } else { deviation }
    }
}

impl Surveyed {
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| Error::internal(e.to_string()))
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes)
            .map_err(|_| Error::corrupt("the state of a survey is damaged"))
    }

    pub fn size(&self) -> usize {
        let texts = self
            .features
            .iter()
            .flat_map(|f| f.texts.keys())
            .chain(&self.labels);
        size_of::<Self>()
            + self.features.len() * size_of::<Found>()
            + texts.map(|t| t.len() + 64).sum::<usize>()
    }

    /// Completes a column of the encoding.
    pub fn complete(&self, at: usize, column: &mut Column, impute: bool, standardize: bool) {
        let Some(found) = self.features.get(at) else {
            return;
        };
        if column.form != Form::Number {
            let sorted = column.sorted(found.texts.keys().cloned().collect());
            if impute {
                // The first of the most frequent ones.
                let most = found.texts.values().max();
                let first = sorted.iter().position(|text| found.texts.get(text) == most);
                column.fill = first.map(|at| at as f64);
            }
            column.form = Form::Categories(sorted);
            return;
        }
        if impute {
            column.fill = Some(found.mean().value());
        }
        if standardize {
            column.shift = found.mean().value();
            column.scale = found.deviation();
        }
    }

    /// The labels in the order of their type.
    pub fn labels(&self, data_type: &arrow::datatypes::DataType) -> Vec<String> {
        label::sorted(self.labels.iter().cloned().collect(), data_type)
    }
}

//! Columns of a batch to rows of a scan, or to the features that PREDICT scores.
//!
//! Numbers without gaps are not copied. A row that cannot be used is counted and left out of
//! training; PREDICT keeps it and marks it as having no answer.

use std::collections::HashMap;
use std::ops::Deref;

use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::buffer::ScalarBuffer;
use serde::{Deserialize, Serialize};

use super::number::{is_number, null_count, numbers, texts};
use super::{Column, Counts, Encoding, Form, NullPolicy, TEXT, Target, Unknown};
use crate::error::{Error, Result};
use crate::rows::{Owned, Rows, mix};
use crate::statistic::Split;

/// How rows get the number of their fold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Folds {
    #[default]
    None,
    /// From a column of whole numbers from 0 on, below this one.
    Column(u32),
    /// So many folds, by the draw.
    Drawn(u32),
    /// 1 for rows that are held out, 0 for the others.
    Split(Split),
}

/// The columns of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// In the order of the encoding.
    pub features: &'a [ArrayRef],
    pub target: Option<&'a ArrayRef>,
    pub weight: Option<&'a ArrayRef>,
    pub fold: Option<&'a ArrayRef>,
}

/// What a scan does with columns: plain data, so that it can travel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub encoding: Encoding,
    pub target: Option<Target>,
    /// Whether rows get a draw, which costs a little.
    pub draws: bool,
    pub seed: u64,
    pub folds: Folds,
    /// Rows that are held out, and do not count.
    pub held_out: Option<Split>,
}

impl Plan {
    /// Of a scan over all rows, where those that were held out are fold 1 and the others fold 0.
    pub fn for_scores(self) -> Self {
        Self {
            folds: self.held_out.map_or(Folds::None, Folds::Split),
            held_out: None,
            ..self
        }
    }

    fn needs_draws(&self) -> bool {
        let drawn = matches!(self.folds, Folds::Drawn(_) | Folds::Split(_));
        self.draws || drawn || self.held_out.is_some()
    }
}

/// A plan with its look-up tables.
#[derive(Debug)]
pub struct Encoder {
    plan: Plan,
    /// The number of each category, by column.
    categories: Vec<HashMap<String, usize>>,
}

/// The values of one feature.
enum Values {
    Shared(ScalarBuffer<f64>),
    Own(Vec<f64>),
}

impl Deref for Values {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        match self {
            Values::Shared(values) => values,
            Values::Own(values) => values,
        }
    }
}

/// The features of a batch.
pub struct Features {
    values: Vec<Values>,
    /// Rows that have an answer; empty where all have.
    valid: Vec<bool>,
    count: usize,
}

impl Features {
    pub fn view<T>(&self, with: impl FnOnce(&Rows<'_>) -> T) -> T {
        let slices: Vec<&[f64]> = self.values.iter().map(|values| &**values).collect();
        with(&Rows::of(&slices, self.count))
    }

    /// Whether each row has an answer; `None` where all have.
    pub fn valid(&self) -> Option<&[bool]> {
        (!self.valid.is_empty()).then_some(&self.valid)
    }

    fn refuse(&mut self, row: usize) {
        if self.valid.is_empty() {
            self.valid = vec![true; self.count];
        }
        if let Some(valid) = self.valid.get_mut(row) {
            *valid = false;
        }
    }
}

impl Encoder {
    pub fn new(plan: Plan) -> Self {
        let table = |column: &Column| match &column.form {
            Form::Number => HashMap::new(),
            Form::Categories(categories) => {
                let known = categories.iter().enumerate();
                let known = known.map(|(at, category)| (category.clone(), at));
                match column.sql_type.as_str() {
                    TEXT => known.collect(),
                    _ => known
                        .flat_map(|(c, at)| [(plain(&c).to_string(), at), (c, at)])
                        .collect(),
                }
            }
        };
        Self {
            categories: plan.encoding.columns.iter().map(table).collect(),
            plan,
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The features of every row.
    pub fn features(
        &self,
        columns: &[ArrayRef],
        count: usize,
        counts: &mut Counts,
    ) -> Result<Features> {
        let mut features = Features {
            values: Vec::with_capacity(self.plan.encoding.width()),
            valid: Vec::new(),
            count,
        };
        if columns.len() != self.plan.encoding.columns.len() {
            return Err(Error::internal("the columns are not those of the encoding"));
        }
        for (at, (column, array)) in self.plan.encoding.columns.iter().zip(columns).enumerate() {
            counts.nulls[at] += null_count(array);
            match &column.form {
                Form::Number => self.number(at, column, numbers(array)?, &mut features, counts),
                Form::Categories(categories) => {
                    self.one_hot(at, categories.len(), array, &mut features, counts)?;
                }
            }
        }
        Ok(features)
    }

    fn number(
        &self,
        at: usize,
        column: &Column,
        array: Float64Array,
        features: &mut Features,
        counts: &mut Counts,
    ) {
        let as_nan = self.plan.encoding.nulls == NullPolicy::Missing;
        let scaled = column.shift != 0.0 || column.scale != 1.0;
        if array.null_count() == 0 && !scaled && all_finite(array.values()) {
            return features.values.push(Values::Shared(array.values().clone()));
        }
        let values = (0..array.len()).map(|row| {
            let value = match (array.is_valid(row), column.fill) {
                (true, _) => array.value(row),
                (false, Some(fill)) => fill,
                (false, None) if as_nan => return f64::NAN,
                (false, None) => {
                    features.refuse(row);
                    return 0.0;
                }
            };
            if !value.is_finite() {
                counts.not_finite[at] += 1;
                features.refuse(row);
                return 0.0;
            }
            (value - column.shift) / column.scale
        });
        let values = values.collect();
        features.values.push(Values::Own(values));
    }

    fn one_hot(
        &self,
        at: usize,
        width: usize,
        array: &ArrayRef,
        features: &mut Features,
        counts: &mut Counts,
    ) -> Result<()> {
        let column = &self.plan.encoding.columns[at];
        let (texts, known) = (texts(array)?, &self.categories[at]);
        let numeric = is_number(array.data_type());
        let mut hot = vec![vec![0.0; features.count]; width];
        for (row, text) in texts.iter().enumerate() {
            let category = match (text, column.fill) {
                (Some(text), _) => {
                    let number = || numeric.then(|| known.get(plain(text))).flatten();
                    known.get(text).or_else(number).copied()
                }
                (None, Some(fill)) => Some(fill as usize),
                (None, None) => {
                    if self.plan.encoding.nulls != NullPolicy::Missing {
                        features.refuse(row);
                    }
                    continue;
                }
            };
            match category.and_then(|category| hot.get_mut(category)) {
                Some(feature) => feature[row] = 1.0,
                None => {
                    counts.unknown[at] += 1;
                    if self.plan.encoding.unknown == Unknown::Error {
                        features.refuse(row);
                    }
                }
            }
        }
        features.values.extend(hot.into_iter().map(Values::Own));
        Ok(())
    }

    /// Calls `with` with the rows of a scan that count.
    pub fn rows(
        &self,
        columns: &Columns<'_>,
        count: usize,
        counts: &mut Counts,
        with: impl FnOnce(&Rows<'_>),
    ) -> Result<()> {
        let mut features = self.features(columns.features, count, counts)?;
        counts.read += count as u64;
        counts.null_feature += features.valid.iter().filter(|valid| !**valid).count() as u64;
        let target = self.target(columns.target, &mut features, counts)?;
        let weight = weights(columns.weight, &mut features, counts)?;
        let draw = match self.plan.needs_draws() {
            true => self.draws(&features, &target),
            false => Vec::new(),
        };
        let fold = self.folds(columns.fold, &draw, &target, &mut features, counts)?;
        if let Some(split) = &self.plan.held_out {
            let held_out = |row: &usize| split.holds_out(draw[*row], target.get(*row).copied());
            let rows = (0..draw.len()).filter(held_out);
            rows.for_each(|row| features.refuse(row));
        }
        let all_valid = features.valid.iter().all(|valid| *valid);
        let valid = std::mem::take(&mut features.valid);
        features.view(|rows| {
            let rows = Rows {
                target: &target,
                weight: weight.as_deref(),
                draw: &draw,
                fold: &fold,
                ..*rows
            };
            if all_valid {
                counts.used += rows.count as u64;
                return with(&rows);
            }
            let kept = Owned::select(&rows, |row| valid.get(row).copied().unwrap_or(true));
            counts.used += kept.count as u64;
            kept.view(with);
        });
        Ok(())
    }

    /// The target of each row; rows without one do not count.
    fn target(
        &self,
        array: Option<&ArrayRef>,
        features: &mut Features,
        counts: &mut Counts,
    ) -> Result<Vec<f64>> {
        let (Some(target), Some(array)) = (&self.plan.target, array) else {
            return Ok(Vec::new());
        };
        let values = target.values(array)?;
        for row in 0..values.len() {
            if values.is_null(row) {
                counts.null_target += 1;
                features.refuse(row);
            } else if !values.value(row).is_finite() {
                counts.bad_target += 1;
                features.refuse(row);
            }
        }
        Ok(values.values().to_vec())
    }

    fn draws(&self, features: &Features, target: &[f64]) -> Vec<u64> {
        let mut draws = vec![mix(self.plan.seed); features.count];
        let columns = features
            .values
            .iter()
            .map(|values| &**values)
            .chain([target]);
        for column in columns {
            for (draw, value) in draws.iter_mut().zip(column) {
                *draw = mix(*draw ^ (value + 0.0).to_bits());
            }
        }
        draws
    }

    fn folds(
        &self,
        array: Option<&ArrayRef>,
        draws: &[u64],
        target: &[f64],
        features: &mut Features,
        counts: &mut Counts,
    ) -> Result<Vec<u32>> {
        match (&self.plan.folds, array) {
            (Folds::None, _) | (Folds::Column(_), None) => Ok(Vec::new()),
            (Folds::Drawn(folds), _) => {
                // Another stream than that of the held-out rows.
                let fold =
                    |draw: &u64| (mix(draw ^ 0x0066_6f6c_6473) % u64::from((*folds).max(1))) as u32;
                Ok(draws.iter().map(fold).collect())
            }
            (Folds::Split(split), _) => {
                let rows = draws.iter().enumerate();
                let fold =
                    |(row, draw): (usize, &u64)| split.holds_out(*draw, target.get(row).copied());
                Ok(rows.map(fold).map(u32::from).collect())
            }
            (Folds::Column(folds), Some(array)) => {
                let numbers = numbers(array)?;
                let fold = |row: usize| {
                    let fold = numbers.value(row);
                    let known = fold.fract() == 0.0 && (0.0..f64::from(*folds)).contains(&fold);
                    if numbers.is_valid(row) && known {
                        return fold as u32;
                    }
                    counts.bad_fold += 1;
                    features.refuse(row);
                    0
                };
                Ok((0..numbers.len()).map(fold).collect())
            }
        }
    }
}

/// A number without zeros at its end: the same of all types of numbers.
fn plain(text: &str) -> &str {
    match text.contains('.') && !text.contains(['e', 'E']) {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

/// The weight of each row; rows without one, or with 0, do not count.
fn weights(
    array: Option<&ArrayRef>,
    features: &mut Features,
    counts: &mut Counts,
) -> Result<Option<Vec<f64>>> {
    let Some(array) = array else {
        return Ok(None);
    };
    let weights = numbers(array)?;
    for row in 0..weights.len() {
        let weight = weights.value(row);
        if weights.is_null(row) || weight == 0.0 {
            counts.no_weight += 1;
            features.refuse(row);
        } else if !weight.is_finite() || weight < 0.0 {
            counts.bad_weight += 1;
            features.refuse(row);
        }
    }
    Ok(Some(weights.values().to_vec()))
}

/// NaN and the infinities times zero are NaN, and so is a sum with one of them.
fn all_finite(values: &[f64]) -> bool {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0f64; 8];
    for chunk in chunks {
        lanes
            .iter_mut()
            .zip(chunk)
            .for_each(|(lane, value)| *lane += value * 0.0);
    }
    lanes
        .iter()
        .chain(rest.iter())
        .all(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Int32Array, StringArray};

    use super::*;
    use crate::statistic::{Statistic, Strata, Task};

    fn plan() -> Plan {
        let mut scaled = Column::new("b", "double precision", Form::Number);
        (scaled.shift, scaled.scale) = (1.0, 2.0);
        let categories = Form::Categories(vec!["x".into(), "y".into()]);
        Plan {
            encoding: Encoding {
                columns: vec![
                    Column::new("a", "integer", Form::Number),
                    scaled,
                    Column::new("c", "text", categories),
                ],
                ..Encoding::default()
            },
            ..Plan::default()
        }
    }

    fn columns() -> Vec<ArrayRef> {
        vec![
            Arc::new(Int32Array::from(vec![Some(1), None, Some(3), Some(4)])),
            Arc::new(Float64Array::from(vec![3.0, 5.0, f64::NAN, 7.0])),
            Arc::new(StringArray::from(vec![
                Some("y"),
                Some("x"),
                Some("x"),
                Some("z"),
            ])),
        ]
    }

    #[test]
    fn rows_that_cannot_be_used_are_counted() {
        let mut counts = Counts::of(3);
        let encoder = Encoder::new(plan());
        let columns = columns();
        let columns = Columns {
            features: &columns,
            target: None,
            weight: None,
            fold: None,
        };
        let mut seen = Vec::new();
        encoder
            .rows(&columns, 4, &mut counts, |rows| {
                seen = rows.features.iter().map(|f| f.to_vec()).collect();
            })
            .unwrap();
        assert_eq!(seen, [[1.0], [1.0], [0.0], [1.0]]);
        assert_eq!((counts.read, counts.used, counts.null_feature), (4, 1, 3));
        assert_eq!(
            (counts.nulls, counts.not_finite, counts.unknown),
            (vec![1, 0, 0], vec![0, 1, 0], vec![0, 0, 1])
        );
    }

    #[test]
    fn nulls_and_unknown_texts_can_be_allowed() {
        let mut plan = plan();
        plan.encoding.columns[0].fill = Some(9.0);
        plan.encoding.unknown = Unknown::Ignore;
        let mut counts = Counts::of(3);
        let features = Encoder::new(plan)
            .features(&columns(), 4, &mut counts)
            .unwrap();
        assert_eq!(features.valid(), Some([true, true, false, true].as_slice()));
        features.view(|rows| {
            assert_eq!(rows.features[0], [1.0, 9.0, 3.0, 4.0]);
            assert_eq!((rows.features[2][3], rows.features[3][3]), (0.0, 0.0));
        });
    }

    #[test]
    fn booleans_are_numbers_and_rows_are_held_out_or_used() {
        let plan = |folds, held_out| Plan {
            encoding: Encoding {
                columns: vec![
                    Column::new("a", "boolean", Form::Number),
                    Column::new("n", "integer", Form::Number),
                ],
                ..Encoding::default()
            },
            folds,
            held_out,
            ..Plan::default()
        };
        let flags: ArrayRef = Arc::new(
            (0..1000)
                .map(|n| Some(n % 3 == 0))
                .collect::<BooleanArray>(),
        );
        let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..1000));
        let features = [flags, numbers];
        let columns = Columns {
            features: &features,
            target: None,
            weight: None,
            fold: None,
        };
        let collect = |folds, held_out, with: &mut dyn FnMut(&Rows<'_>)| {
            let mut counts = Counts::of(2);
            let encoder = Encoder::new(plan(folds, held_out));
            encoder.rows(&columns, 1000, &mut counts, with).unwrap();
            counts.used as usize
        };
        let strata = Task::of_all(Statistic::Strata(Strata { labels: 0 }));
        let mut state = strata.start();
        // Rows without draws would be in no stratum.
        collect(Folds::Drawn(3), None, &mut |rows| {
            assert!(rows.features[0].iter().sum::<f64>() > 300.0);
            let count = |fold: u32| rows.fold.iter().filter(|f| **f == fold).count();
            assert!((0..3).all(|fold| count(fold) > 1000 / 6));
            strata.update(&mut state, rows);
        });
        let split = Split::of(0.2, &state);
        let mut held_out = 0;
        collect(Folds::Split(split.clone()), None, &mut |rows| {
            held_out = rows.fold.iter().sum::<u32>() as usize;
        });
        assert!((198..=202).contains(&held_out));
        let kept = collect(Folds::None, Some(split), &mut |rows| {
            assert_eq!(rows.count, 1000 - held_out);
        });
        assert_eq!(kept + held_out, 1000);
    }
}

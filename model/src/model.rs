//! A trained model with what prepares its features: columns of a query in, columns of answers out.

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::DataType;
use std::sync::Arc;

use crate::class::{Class, Purpose};
use crate::error::{Error, Kind, Result};
use crate::feature::{Counts, Encoder, Encoding, Features, NullPolicy, Plan, Target};
use crate::fitted::Fitted;
use crate::parameter::Parameters;
use crate::predict::Predictor;
use crate::rows::Rows;
use crate::train::Setup;

/// What makes a model, apart from where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub parameters: Parameters,
    pub encoding: Encoding,
    pub target: Option<Target>,
    pub fitted: Fitted,
}

/// A model that is ready to score.
#[derive(Debug)]
pub struct Model {
    pub class: &'static Class,
    pub definition: Definition,
    features: Vec<String>,
    encoder: Encoder,
    predictor: Box<dyn Predictor>,
}

impl Definition {
    /// What the class knows of the model.
    pub fn setup(&self) -> Setup {
        Setup::of(&self.parameters, &self.encoding, self.target.as_ref())
    }
}

impl Model {
    /// Checks the parts, which may come from a file, and makes them ready.
    pub fn new(class: &'static Class, definition: Definition) -> Result<Self> {
        definition.encoding.check()?;
        let setup = definition.setup();
        if class.purpose.needs_target() != definition.target.is_some() {
            return Err(Error::corrupt(format!(
                "the target of the {} is missing",
                class.name
            )));
        }
        if (class.purpose == Purpose::Classification) == setup.labels.is_empty() {
            return Err(Error::corrupt(format!(
                "the labels of the {} are missing",
                class.name
            )));
        }
        let predictor = (class.predictor)(&definition.fitted, &setup)?;
        let encoder = Encoder::new(Plan {
            encoding: definition.encoding.clone(),
            ..Plan::default()
        });
        Ok(Self {
            class,
            features: setup.features,
            encoder,
            predictor,
            definition,
        })
    }

    /// The type of what [`Model::predict`] gives, where the target's is `target`.
    pub fn answer_type(&self, target: &DataType) -> DataType {
        match self.class.purpose {
            Purpose::Classification => target.clone(),
            Purpose::Regression => DataType::Float64,
            Purpose::Clustering | Purpose::OutlierDetection => DataType::Int64,
            Purpose::Transformation => DataType::new_list(DataType::Float64, true),
        }
    }

    /// An answer for each row; NULL where a feature that is needed is NULL.
    pub fn predict(
        &self,
        columns: &[ArrayRef],
        count: usize,
        target: &DataType,
    ) -> Result<ArrayRef> {
        let features = self.features_of(columns, count)?;
        let answers = features.view(|rows| self.predictor.predict(rows));
        let valid = valid(&features);
        Ok(match (self.class.purpose, &self.definition.target) {
            (Purpose::Classification, Some(labels)) => {
                labels.labels_of(&answers, valid.as_ref(), &self.answer_type(target))?
            }
            (Purpose::Clustering | Purpose::OutlierDetection, _) => {
                let whole = answers
                    .into_iter()
                    .map(|answer| answer as i64)
                    .collect::<Vec<_>>();
                Arc::new(Int64Array::new(whole.into(), nulls(valid)))
            }
            _ => Arc::new(Float64Array::new(answers.into(), nulls(valid))),
        })
    }

    /// The labels and, for each, the probability that a row has it.
    pub fn probabilities(&self, columns: &[ArrayRef], count: usize) -> Result<Vec<ArrayRef>> {
        let features = self.features_of(columns, count)?;
        let found = features.view(|rows| self.predictor.probabilities(rows));
        let found = found.ok_or_else(|| self.lacks("probabilities"))?;
        Ok(as_columns(found, &features))
    }

    /// The columns that a transformation makes.
    pub fn transform(&self, columns: &[ArrayRef], count: usize) -> Result<Vec<ArrayRef>> {
        let features = self.features_of(columns, count)?;
        let found = features.view(|rows| self.predictor.transform(rows));
        let found = found.ok_or_else(|| self.lacks("a transformation"))?;
        if self.definition.encoding.nulls == NullPolicy::Missing {
            return Ok(with_gaps(found, &features));
        }
        Ok(as_columns(found, &features))
    }

    /// The names of the columns that a transformation makes.
    pub fn outputs(&self) -> Vec<String> {
        self.predictor.outputs(&self.features)
    }

    /// The names of the encoded features.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// The labels of the classes in their order.
    pub fn labels(&self) -> &[String] {
        self.definition
            .target
            .as_ref()
            .map_or(&[], |target| &target.labels)
    }

    /// Whether the class says how probable labels are.
    pub fn has_probabilities(&self) -> bool {
        let none: Vec<&[f64]> = vec![&[]; self.features.len()];
        self.predictor.probabilities(&Rows::of(&none, 0)).is_some()
    }

    fn lacks(&self, what: &str) -> Error {
        Error::new(
            Kind::Unsupported,
            format!("{} has no {what}", self.class.name),
        )
    }

    fn features_of(&self, columns: &[ArrayRef], count: usize) -> Result<Features> {
        let mut counts = Counts::of(columns.len());
        let features = self.encoder.features(columns, count, &mut counts)?;
        let names: Vec<&str> = self
            .definition
            .encoding
            .columns
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        if self.definition.encoding.unknown == crate::feature::Unknown::Error {
            counts.check_unknown(&names)?;
        }
        Ok(features)
    }
}

fn valid(features: &Features) -> Option<BooleanArray> {
    features
        .valid()
        .map(|valid| BooleanArray::from(valid.to_vec()))
}

fn nulls(valid: Option<BooleanArray>) -> Option<NullBuffer> {
    valid.map(|valid| {
        NullBuffer::new(BooleanBuffer::collect_bool(valid.len(), |row| {
            valid.value(row)
        }))
    })
}

/// Columns where what is missing is NaN.
fn with_gaps(found: Vec<Vec<f64>>, features: &Features) -> Vec<ArrayRef> {
    let valid = |row: usize| features.valid().is_none_or(|valid| valid[row]);
    let column = |values: Vec<f64>| {
        let rows = values.into_iter().enumerate();
        let known = rows.map(|(row, value)| (valid(row) && !value.is_nan()).then_some(value));
        Arc::new(known.collect::<Float64Array>()) as ArrayRef
    };
    found.into_iter().map(column).collect()
}

fn as_columns(found: Vec<Vec<f64>>, features: &Features) -> Vec<ArrayRef> {
    let nulls = nulls(valid(features));
    let column =
        |values: Vec<f64>| Arc::new(Float64Array::new(values.into(), nulls.clone())) as ArrayRef;
    found.into_iter().map(column).collect()
}

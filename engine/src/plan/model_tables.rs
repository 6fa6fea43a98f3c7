//! What a model itself holds, as tables: `ml_weights(MODEL m)`, `ml_centroids(MODEL m)` and
//! `ml_training_info(MODEL m)`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use datafusion::catalog::MemTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use quern_model::class::Purpose;
use quern_model::feature::{Column, Form};
use quern_model::model::Model;

use super::models::Opened;
use crate::error::{Error, Kind, Result};

/// How the feature is called that is 1 in each row.
const INTERCEPT: &str = "__INTERCEPT__";

fn table(name: &str, columns: Vec<(&str, ArrayRef)>) -> Result<LogicalPlan> {
    let fields = columns
        .iter()
        .map(|(name, values)| Field::new(*name, values.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let values = columns.into_iter().map(|(_, values)| values).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), values)?;
    let rows = MemTable::try_new(schema, vec![vec![batch]])?;
    Ok(LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(rows)), None)?.build()?)
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

/// An encoded feature: a number, or a category of a column.
#[derive(Clone, Copy)]
struct Encoded<'a> {
    column: &'a Column,
    category: Option<&'a str>,
}

fn encoded<'a>(model: &'a Model) -> Vec<Encoded<'a>> {
    let columns = model.definition.encoding.columns.iter();
    let of = |column: &'a Column| -> Vec<Encoded<'a>> {
        match &column.form {
            Form::Number => vec![Encoded {
                column,
                category: None,
            }],
            Form::Categories(categories) => {
                let each = categories.iter().map(|category| Encoded {
                    column,
                    category: Some(category),
                });
                each.collect()
            }
        }
    };
    columns.flat_map(of).collect()
}

/// A row of weights: what they add up to, a weight for each encoded feature, and the intercept.
pub(super) struct Weights {
    pub output: Option<String>,
    pub weights: Vec<f64>,
    pub intercept: Option<f64>,
}

/// The weights of a model that is linear in its features.
pub(super) fn weights(model: &Opened) -> Result<Vec<Weights>> {
    let trained = &model.trained.model;
    let arrays = &trained.definition.fitted.arrays;
    let rows = arrays.get("coef").or_else(|| arrays.get("components"));
    let width = trained.features().len();
    let rows = rows.filter(|rows| rows.shape.last() == Some(&width));
    let Some(rows) = rows else {
        return Err(lacks(model, "weights"));
    };
    let intercepts = arrays.get("intercept").map(|i| i.data.as_slice());
    let outputs = match trained.class.purpose {
        Purpose::Transformation => trained.outputs(),
        // Of two labels, the weights speak for the second.
        _ if trained.labels().len() == 2 => trained.labels()[1..].to_vec(),
        _ => trained.labels().to_vec(),
    };
    let all = rows.rows().enumerate().map(|(at, weights)| Weights {
        output: outputs.get(at).cloned(),
        weights: weights.to_vec(),
        intercept: intercepts.and_then(|i| i.get(at)).copied(),
    });
    Ok(all.collect())
}

pub(super) fn lacks(model: &Opened, what: &str) -> Error {
    let class = model.trained.model.class.name;
    let message = format!(
        "model \"{}\" has no {what}: it is a {class}",
        model.name.name
    );
    Error::new(Kind::Unsupported, message)
}

/// `output`, `feature`, `category`, `weight`.
pub(super) fn weights_table(model: &Opened) -> Result<LogicalPlan> {
    let rows = weights(model)?;
    let features = encoded(&model.trained.model);
    let mut all: Vec<(Option<&str>, &str, Option<&str>, f64)> = Vec::new();
    for row in &rows {
        let output = row.output.as_deref();
        for (feature, weight) in features.iter().zip(&row.weights) {
            all.push((output, &feature.column.name, feature.category, *weight));
        }
        if let Some(intercept) = row.intercept {
            all.push((output, INTERCEPT, None, intercept));
        }
    }
    let weights: Float64Array = all.iter().map(|row| Some(row.3)).collect();
    table(
        "ml_weights",
        vec![
            ("output", texts(all.iter().map(|row| row.0))),
            ("feature", texts(all.iter().map(|row| Some(row.1)))),
            ("category", texts(all.iter().map(|row| row.2))),
            ("weight", Arc::new(weights)),
        ],
    )
}

/// `centroid`, `feature`, `category`, `value`: values as the query gave them, also where the model
/// standardizes.
pub(super) fn centroids_table(model: &Opened) -> Result<LogicalPlan> {
    let trained = &model.trained.model;
    let centers = trained.definition.fitted.arrays.get("cluster_centers");
    let centers = centers.ok_or_else(|| lacks(model, "centroids"))?;
    let features = encoded(trained);
    let mut all: Vec<(i64, Encoded, f64)> = Vec::new();
    for (centroid, center) in centers.rows().enumerate() {
        for (feature, value) in features.iter().zip(center) {
            let value = value * feature.column.scale + feature.column.shift;
            all.push((centroid as i64, *feature, value));
        }
    }
    let centroids: Int64Array = all.iter().map(|row| Some(row.0)).collect();
    let values: Float64Array = all.iter().map(|row| Some(row.2)).collect();
    table(
        "ml_centroids",
        vec![
            ("centroid", Arc::new(centroids)),
            (
                "feature",
                texts(all.iter().map(|row| Some(row.1.column.name.as_str()))),
            ),
            ("category", texts(all.iter().map(|row| row.1.category))),
            ("value", Arc::new(values)),
        ],
    )
}

/// `pass`, `rows`, `loss`: the passes of a class that is trained in several.
pub(super) fn training_table(model: &Opened) -> Result<LogicalPlan> {
    let about = &model.trained.about;
    let passes: Int64Array = (1..=about.losses.len() as i64).map(Some).collect();
    let rows: Int64Array = about
        .losses
        .iter()
        .map(|_| Some(about.rows as i64))
        .collect();
    let losses: Float64Array = about.losses.iter().copied().collect();
    table(
        "ml_training_info",
        vec![
            ("pass", Arc::new(passes)),
            ("rows", Arc::new(rows)),
            ("loss", Arc::new(losses)),
        ],
    )
}

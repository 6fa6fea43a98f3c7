//! `CREATE [OR REPLACE] EXPERIMENT [IF NOT EXISTS] e WITH (model_class = '…', experiment_class = '…',
//! tune_parameters = (…), experiment_kwargs = (…), target_column = '…') AS (query)`: searches for the
//! parameters that do best in a cross-validation.
//!
//! The reply is scikit-learn's `cv_results_`, a row for each candidate. The winner, trained on all
//! rows, is registered as a model under the experiment's name.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};
use quern_model::parameter::Value;
use quern_model::search::{self, Column};

use super::create_model::{Made, Place, noticed};
use super::cursor::Cursor;
use super::model_options::{Request, value, wrong};
use super::model_rows::Source;
use super::train::{self, Experiment};
use super::{Context, Notice, Outcome, with_options};
use crate::error::{Error, Kind, Result};
use crate::options::{OptionValue, Options};

#[derive(Debug, Clone)]
pub(crate) struct CreateExperiment {
    name: SqlName,
    or_replace: bool,
    if_not_exists: bool,
    options: Options,
    pub(super) query: Box<ast::Query>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<CreateExperiment> {
    c.expect(&["create"])?;
    let or_replace = c.take(&["or", "replace"]);
    c.expect(&["experiment"])?;
    let if_not_exists = c.if_not_exists();
    let name = c.name()?;
    c.expect(&["with"])?;
    let options = with_options::parse(c)?;
    c.expect(&["as"])?;
    Ok(CreateExperiment {
        name,
        or_replace,
        if_not_exists,
        options,
        query: c.query()?,
    })
}

impl CreateExperiment {
    /// What is trained, and the search in words.
    pub(super) fn request(&self) -> Result<(Request, String)> {
        let mut options = self.options.clone();
        let (experiment, _) = experiment(&mut options)?;
        let tuned = experiment.tuned.iter();
        let tuned: Vec<_> = tuned
            .map(|(name, values)| format!("{name} in {values}"))
            .collect();
        let search = format!("{} over {}", experiment.method.name, tuned.join(", "));
        Ok((Request::of(options)?, search))
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        Ok(self.made(ctx).await?.shown(ctx))
    }

    /// Searches and stores the winner.
    pub(super) async fn made(&self, ctx: &Context) -> Result<Made> {
        let mut options = self.options.clone();
        let (experiment, ignored) = experiment(&mut options)?;
        let request = Request::of(options)?;
        let place = Place::of(ctx, &self.name, self.or_replace, self.if_not_exists)?;
        if place.is_taken(ctx)? {
            return Ok(Made::nothing(place.skipped("CREATE EXPERIMENT")));
        }
        let mut source = Source::of(ctx, &self.query, &request).await?;
        let mut trained = train::train(ctx, &mut source, &request, Some(&experiment)).await?;
        let found = trained
            .found
            .take()
            .ok_or_else(|| Error::internal("a search found nothing"))?;
        let (_, stored) = place.register(ctx, &request, trained, true).await?;
        let table = table(request.class.name, &found.columns)?;
        let best = Value::Map(found.best_parameters.clone());
        let winner = format!(
            "model {} has the best parameters {best}, score {}",
            place.name, found.best_score
        );
        let warnings = found.warnings.iter().map(|w| Notice::warning(w.clone()));
        let ignored = ignored
            .iter()
            .map(|name| Notice::info(format!("{name} has no effect")));
        let notices = ignored.chain(warnings).chain([Notice::info(winner)]);
        let reply = noticed(Outcome::done("CREATE EXPERIMENT"), request, &stored);
        Ok(Made {
            reply: notices.fold(reply, Outcome::with),
            table: Some(table),
            passes: source.passes,
        })
    }

    pub fn columns(&self) -> Result<SchemaRef> {
        let mut options = self.options.clone();
        let (experiment, _) = experiment(&mut options)?;
        let request = Request::of(options)?;
        let (class, tuned) = (request.class, &experiment.tuned);
        let found =
            experiment
                .method
                .columns(&experiment.options, class, &request.parameters, tuned)?;
        Ok(table(class.name, &found)?.schema())
    }
}

/// The search that the options ask for, and what they ask for in vain.
fn experiment(options: &mut Options) -> Result<(Experiment, Vec<String>)> {
    let missing = |name: &str, example: &str| {
        Error::new(
            Kind::InvalidParameterValue,
            format!("CREATE EXPERIMENT needs {name}"),
        )
        .hint(format!("Write {name} = {example}."))
    };
    if options.take("automl_class").is_some() {
        return Err(Error::unsupported("automl_class")
            .hint("Search one class after the other with experiment_class = 'GridSearchCV'."));
    }
    let class = options.take_text("experiment_class")?;
    let class = class.ok_or_else(|| missing("experiment_class", "'GridSearchCV'"))?;
    let method = search::find(&class)?;
    let tuned = match options.take("tune_parameters") {
        Some(OptionValue::Map(entries)) => entries,
        Some(other) => {
            return Err(wrong(
                "tune_parameters",
                &other.to_string(),
                "(parameter = ARRAY[…], …)",
            ));
        }
        None => return Err(missing("tune_parameters", "(alpha = ARRAY[0.1, 1, 10])")),
    };
    let kwargs = match options.take("experiment_kwargs") {
        Some(OptionValue::Map(entries)) => entries,
        Some(other) => {
            return Err(wrong(
                "experiment_kwargs",
                &other.to_string(),
                "(cv = 5, …)",
            ));
        }
        None => Vec::new(),
    };
    let fit = options
        .take("tune_fit_kwargs")
        .map(|_| "tune_fit_kwargs".to_string());
    let named = |entries: Vec<(String, OptionValue)>| -> Vec<(String, Value)> {
        entries
            .into_iter()
            .map(|(name, v)| (name, value(&v)))
            .collect()
    };
    let (options, mut ignored) = method.parameters(&named(kwargs))?;
    ignored.extend(fit);
    let experiment = Experiment {
        method,
        options,
        tuned: named(tuned),
    };
    Ok((experiment, ignored))
}

/// The table of results; a score that is unknown is NULL.
fn table(class: &str, found: &[(String, Column)]) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    let mut add = |name: &str, column: ArrayRef| {
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    };
    let rows = found.first().map_or(0, |(_, column)| match column {
        Column::Whole(values) => values.len(),
        Column::Number(values) => values.len(),
        Column::Flag(values) => values.len(),
        Column::Text(values) => values.len(),
    });
    add(
        "model_class",
        Arc::new(StringArray::from(vec![class; rows])),
    );
    for (name, column) in found {
        add(
            name,
            match column {
                Column::Whole(values) => Arc::new(Int64Array::from(values.clone())),
                Column::Number(values) => {
                    let known = values.iter().map(|v| v.filter(|v| !v.is_nan()));
                    Arc::new(known.collect::<Float64Array>())
                }
                Column::Flag(values) => Arc::new(BooleanArray::from(values.clone())),
                Column::Text(values) => Arc::new(StringArray::from(values.clone())),
            },
        );
    }
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

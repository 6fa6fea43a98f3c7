//! `DESCRIBE MODEL m[@version]`: a model's parameters, columns, and how it was made.

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

use quern_model::feature::Form;

use super::cursor::Cursor;
use super::{Context, Outcome, outcome};
use crate::error::Result;
use crate::plan::{Opened, open_model};
use crate::sql::model_syntax::ModelName;

const COLUMNS: &[&str] = &["property", "value"];

#[derive(Debug, Clone)]
pub(crate) struct DescribeModel {
    model: ModelName,
}

pub(super) fn parse(c: &mut Cursor) -> Result<DescribeModel> {
    c.expect_one_of(&["describe", "desc"])?;
    c.expect(&["model"])?;
    Ok(DescribeModel { model: c.model()? })
}

impl DescribeModel {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let opened = open_model(&ctx.names(), &self.model).await?;
        let (properties, values): (Vec<_>, Vec<_>) = properties(&opened).into_iter().unzip();
        let columns = [properties, values].map(|c| Arc::new(StringArray::from(c)) as ArrayRef);
        let batch = RecordBatch::try_new(self.columns(), columns.to_vec())?;
        Ok(Outcome::batch("DESCRIBE", &ctx.query, batch))
    }

    pub fn columns(&self) -> SchemaRef {
        outcome::text_schema(COLUMNS)
    }
}

fn properties(opened: &Opened) -> Vec<(String, String)> {
    let trained = &opened.trained;
    let definition = &trained.model.definition;
    let mut all: Vec<(String, String)> = Vec::new();
    let mut say = |property: &str, value: String| all.push((property.to_string(), value));
    say("model", opened.name.to_string());
    say("version", opened.version.to_string());
    say("model_class", trained.model.class.name.to_string());
    say("purpose", trained.model.class.purpose.name().to_string());
    if let Some(target) = &definition.target {
        say("target", format!("{} {}", target.name, target.sql_type));
        if !target.labels.is_empty() {
            say("labels", target.labels.join(", "));
        }
    }
    for column in &definition.encoding.columns {
        let detail = match &column.form {
            Form::Number => String::new(),
            Form::Categories(categories) => format!(" ({} categories)", categories.len()),
        };
        say(
            "feature",
            format!("{} {}{detail}", column.name, column.sql_type),
        );
    }
    for (name, value) in definition.parameters.iter() {
        say(&format!("parameter {name}"), value.to_string());
    }
    let scores = &trained.about.scores;
    let mut in_sample = definition.fitted.facts.numbers.clone();
    in_sample.extend(scores.in_sample.clone());
    for (side, scores) in [("in-sample", &in_sample), ("held-out", &scores.held_out)] {
        for (name, value) in scores {
            say(&format!("{side} {name}"), value.to_string());
        }
    }
    for warning in &definition.fitted.facts.warnings {
        say("warning", warning.clone());
    }
    say("rows", trained.about.rows.to_string());
    if scores.rows_held_out > 0 {
        say("rows held out", scores.rows_held_out.to_string());
    }
    say("rows dropped", trained.about.rows_dropped.to_string());
    say("scans", trained.about.scans.to_string());
    say("statement", trained.about.sql.clone());
    all
}

//! `EXPLAIN CREATE MODEL …` and `EXPLAIN CREATE EXPERIMENT …`: how the training would go, and how the rows
//! to learn from would be read. Nothing is trained.

use arrow::datatypes::SchemaRef;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use quern_model::class::Training;
use quern_model::feature::Form;

use super::create_experiment::{self, CreateExperiment};
use super::create_model::{self, CreateModel};
use super::cursor::Cursor;
use super::model_options::Request;
use super::model_rows::Source;
use super::{Context, Outcome, outcome};
use crate::error::Result;
use crate::plan;
use crate::sql::type_name;

const COLUMN: &str = "QUERY PLAN";

#[derive(Debug, Clone)]
pub(crate) enum ExplainModel {
    Model(CreateModel),
    Experiment(CreateExperiment),
}

pub(super) fn parse(c: &mut Cursor) -> Result<ExplainModel> {
    c.expect(&["explain"])?;
    let words = c.leading_words::<4>();
    Ok(match words.iter().any(|word| word == "experiment") {
        true => ExplainModel::Experiment(create_experiment::parse(c)?),
        false => ExplainModel::Model(create_model::parse(c)?),
    })
}

impl ExplainModel {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let (request, query, search) = match self {
            ExplainModel::Model(model) => (model.request()?, &model.query, None),
            ExplainModel::Experiment(experiment) => {
                let (request, search) = experiment.request()?;
                (request, &experiment.query, Some(search))
            }
        };
        let source = Source::of(ctx, query, &request).await?;
        let mut lines = summary(&request, &source, search);
        let physical = ctx.execution.prepare(&ctx.state, source.plan()).await?;
        let rows = DisplayableExecutionPlan::new(physical.as_ref()).indent(false);
        let rows = plan::readable(&rows.to_string());
        lines.push("Rows to learn from:".to_string());
        lines.extend(rows.trim_end().lines().map(|line| format!("  {line}")));
        let lines = outcome::text_column(COLUMN, lines)?;
        Ok(Outcome::batch("EXPLAIN", &ctx.query, lines))
    }

    pub fn columns(&self) -> SchemaRef {
        outcome::text_schema(&[COLUMN])
    }
}

fn summary(request: &Request, source: &Source, search: Option<String>) -> Vec<String> {
    let class = request.class;
    let mut lines = vec![format!("{} ({})", class.name, class.purpose.name())];
    lines.extend(search.map(|search| format!("Search: {search}")));
    lines.push(match class.training {
        Training::Chunks(_) => "Training: by scans over chunks".to_string(),
        Training::Memory { rows, .. } => format!("Training: in memory, at most {rows} rows"),
    });
    let (coded, plain): (Vec<_>, Vec<_>) = source
        .features
        .iter()
        .partition(|(_, data_type)| class.form(data_type) != Form::Number);
    let shown = |columns: &[&(String, _)]| -> String {
        let named = columns
            .iter()
            .map(|(name, t)| format!("{name} {}", type_name(t)));
        named.collect::<Vec<_>>().join(", ")
    };
    if !plain.is_empty() {
        lines.push(format!("Features: {}", shown(&plain)));
    }
    if !coded.is_empty() {
        lines.push(format!("Features by category: {}", shown(&coded)));
    }
    let target = source
        .target
        .as_ref()
        .filter(|_| class.purpose.needs_target());
    lines.extend(target.map(|(name, t)| format!("Target: {name} {}", type_name(t))));
    if let Some(hold_out) = &request.hold_out {
        lines.push(format!("Held out: {} of the rows", hold_out.share()));
    }
    lines
}

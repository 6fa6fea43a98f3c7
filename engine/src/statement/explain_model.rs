//! `EXPLAIN [ANALYZE] CREATE MODEL …` and `EXPLAIN [ANALYZE] CREATE EXPERIMENT …`: how the training would
//! go, and how the rows to learn from would be read. With ANALYZE the model is trained and stored, and
//! each reading of the rows says what it read.

use std::time::Instant;

use arrow::datatypes::SchemaRef;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use quern_model::class;
use quern_model::feature::Form;

use super::create_experiment::{self, CreateExperiment};
use super::create_model::{self, CreateModel};
use super::cursor::Cursor;
use super::model_options::Request;
use super::model_rows::{Pass, Source};
use super::{Context, Notice, Outcome, outcome};
use crate::error::Result;
use crate::plan;
use crate::settings::{format_bytes, format_count};
use crate::sql::type_name;

const COLUMN: &str = "QUERY PLAN";

#[derive(Debug, Clone)]
pub(crate) struct ExplainModel {
    analyze: bool,
    training: Training,
}

#[derive(Debug, Clone)]
enum Training {
    Model(CreateModel),
    Experiment(CreateExperiment),
}

/// What stands behind EXPLAIN and its options.
pub(super) fn parse(c: &mut Cursor, analyze: bool) -> Result<ExplainModel> {
    let [_, second, _, fourth] = c.leading_words::<4>();
    let training = match second == "experiment" || fourth == "experiment" && second == "or" {
        true => Training::Experiment(create_experiment::parse(c)?),
        false => Training::Model(create_model::parse(c)?),
    };
    Ok(ExplainModel { analyze, training })
}

impl ExplainModel {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let (request, query, search) = match &self.training {
            Training::Model(model) => (model.request()?, &model.query, None),
            Training::Experiment(experiment) => {
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
        let mut notices = Vec::new();
        if self.analyze {
            let (trained, passes) = self.execute(ctx).await?;
            lines.extend(passes);
            notices = trained;
        }
        let lines = outcome::text_column(COLUMN, lines)?;
        let reply = Outcome::batch("EXPLAIN", &ctx.query, lines);
        Ok(notices.into_iter().fold(reply, Outcome::with))
    }

    /// Trains. Gives what the user should know of it, and lines on what was read for it.
    async fn execute(&self, ctx: &Context) -> Result<(Vec<Notice>, Vec<String>)> {
        let started = Instant::now();
        let made = match &self.training {
            Training::Model(model) => model.made(ctx).await?,
            Training::Experiment(experiment) => experiment.made(ctx).await?,
        };
        let mut lines = vec!["Passes over the rows:".to_string()];
        lines.extend((1..).zip(&made.passes).map(|(number, pass)| {
            let (rows, ms) = (format_count(pass.rows), pass.seconds * 1e3);
            format!(
                "  {number}. {}: {rows} rows, {}, {ms:.3} ms",
                pass.what,
                bytes(pass.bytes)
            )
        }));
        let sum = |of: fn(&Pass) -> u64| made.passes.iter().map(of).sum::<u64>();
        let rows = format_count(sum(|pass| pass.rows));
        lines.push(format!(
            "Scanned: {rows} rows, {}",
            bytes(sum(|pass| pass.bytes))
        ));
        let progress = ctx.query.progress();
        lines.push(format!(
            "Peak memory of a pass: {}",
            format_bytes(progress.memory_bytes)
        ));
        let ms = started.elapsed().as_secs_f64() * 1e3;
        lines.push(format!("Training time: {ms:.3} ms"));
        Ok((made.reply.notices, lines))
    }

    /// What a read-only transaction refuses.
    pub fn writes(&self) -> Option<&'static str> {
        self.analyze.then_some(match self.training {
            Training::Model(_) => "CREATE MODEL",
            Training::Experiment(_) => "CREATE EXPERIMENT",
        })
    }

    pub fn columns(&self) -> SchemaRef {
        outcome::text_schema(&[COLUMN])
    }
}

/// To the byte, because that is what one compares.
fn bytes(count: u64) -> String {
    match count {
        0 => "nothing from files".to_string(),
        count => format!("{} bytes from files", format_count(count)),
    }
}

fn summary(request: &Request, source: &Source, search: Option<String>) -> Vec<String> {
    let class = request.class;
    let mut lines = vec![format!("{} ({})", class.name, class.purpose.name())];
    lines.extend(search.map(|search| format!("Search: {search}")));
    lines.push(match class.training {
        class::Training::Chunks(_) => "Training: by scans over chunks".to_string(),
        class::Training::Memory { rows, .. } => format!("Training: in memory, at most {rows} rows"),
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

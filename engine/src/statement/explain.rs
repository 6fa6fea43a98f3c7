//! `EXPLAIN [ANALYZE] [VERBOSE] query` and
//! `EXPLAIN (ANALYZE, VERBOSE, DISTRIBUTED, FORMAT TEXT|TREE|JSON|GRAPHVIZ) query`.
//!
//! Shows how a query would run; with ANALYZE it runs, and each operator shows what it did. VERBOSE
//! adds the logical plan before and after optimization, DISTRIBUTED shows the stages on a cluster.

use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::metrics::MetricType;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;
use futures::StreamExt;

use super::cursor::Cursor;
use super::{Body, Context, Outcome, explain_model, outcome, query};
use crate::error::{Error, Kind, Result};
use crate::execution::{operator_metrics, remote_part};
use crate::plan;
use crate::settings::format_bytes;

const COLUMN: &str = "QUERY PLAN";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Tree,
    Json,
    Graphviz,
}

#[derive(Debug, Clone)]
pub(crate) struct Explain {
    analyze: bool,
    verbose: bool,
    distributed: bool,
    format: Format,
    query: Box<ast::Query>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Body> {
    c.expect(&["explain"])?;
    let mut explain = Explain {
        analyze: false,
        verbose: false,
        distributed: false,
        format: Format::Text,
        query: empty(),
    };
    if matches!(c.peek(), Token::LParen) && !starts_query(c) {
        options(c, &mut explain)?;
    }
    loop {
        if c.take(&["analyze"]) {
            explain.analyze = true;
        } else if c.take(&["verbose"]) {
            explain.verbose = true;
        } else if c.take(&["format"]) {
            explain.format = format(c)?;
        } else {
            break;
        }
    }
    let words = c.leading_words::<4>();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // The parser's own statements of this name are others, and its errors repeat what it read.
    if let ["create" | "alter", "user" | "role" | "group", ..] = words[..] {
        return Err(c.unexpected("a query"));
    }
    if let ["create", "model" | "experiment", ..]
    | ["create", "or", "replace", "model" | "experiment"] = words[..]
    {
        explain.text_of_this_process()?;
        let model = explain_model::parse(c, explain.analyze)?;
        return Ok(Body::ExplainModel(model));
    }
    explain.query = query::parse(c)?.query;
    Ok(Body::Explain(explain))
}

/// Stands in until the query is parsed.
fn empty() -> Box<ast::Query> {
    Box::new(ast::Query {
        with: None,
        body: Box::new(ast::SetExpr::Values(ast::Values {
            explicit_row: false,
            rows: Vec::new(),
            value_keyword: false,
        })),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    })
}

/// Whether the parenthesis opens a query rather than options.
fn starts_query(c: &Cursor) -> bool {
    match c.parser.peek_nth_token(1).token {
        Token::LParen => true,
        Token::Word(word) => matches!(
            word.value.to_lowercase().as_str(),
            "select" | "with" | "values" | "table" | "from"
        ),
        _ => false,
    }
}

fn options(c: &mut Cursor, explain: &mut Explain) -> Result<()> {
    c.expect_token(&Token::LParen)?;
    loop {
        match c.expect_one_of(&[
            "analyze",
            "verbose",
            "format",
            "distributed",
            "costs",
            "timing",
            "summary",
            "buffers",
        ])? {
            "analyze" => explain.analyze = switch(c),
            "verbose" => explain.verbose = switch(c),
            "format" => explain.format = format(c)?,
            "distributed" => explain.distributed = switch(c),
            _ => drop(switch(c)),
        }
        if !c.take_token(&Token::Comma) {
            break;
        }
    }
    c.expect_token(&Token::RParen)
}

/// `[TRUE|FALSE|ON|OFF]`, true when left out.
fn switch(c: &mut Cursor) -> bool {
    if c.take(&["false"]) || c.take(&["off"]) {
        return false;
    }
    let _ = c.take(&["true"]) || c.take(&["on"]);
    true
}

fn format(c: &mut Cursor) -> Result<Format> {
    Ok(
        match c.expect_one_of(&["text", "indent", "tree", "json", "pgjson", "graphviz"])? {
            "tree" => Format::Tree,
            "json" | "pgjson" => Format::Json,
            "graphviz" => Format::Graphviz,
            _ => Format::Text,
        },
    )
}

impl Explain {
    /// Of a training there is one form.
    fn text_of_this_process(&self) -> Result<()> {
        let what = match (self.format, self.distributed) {
            (Format::Text, false) => return Ok(()),
            (Format::Text, true) => "DISTRIBUTED",
            _ => "FORMAT",
        };
        Err(
            Error::unsupported(format!("EXPLAIN ({what}) of a training"))
                .hint("EXPLAIN and EXPLAIN ANALYZE show a training as text."),
        )
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let logical = ctx.plan(&self.query).await?;
        let optimized = ctx.state.optimize(&logical)?;
        let (physical, summary) = if self.analyze {
            self.execute(ctx, &logical).await?
        } else {
            let physical = ctx.execution.prepare(&ctx.state, &logical).await?;
            (physical, Vec::new())
        };
        if self.distributed {
            return self.stages(ctx, physical.as_ref(), summary);
        }
        let mut text = String::new();
        if self.verbose && self.format == Format::Text {
            text += &format!("Logical plan:\n{}\n", logical.display_indent());
            text += &format!(
                "Optimized logical plan:\n{}\nPhysical plan:\n",
                optimized.display_indent()
            );
        }
        text += &self.render(&optimized, physical.as_ref())?;
        let text = plan::readable(&text);
        let lines = match self.format {
            // One value, so that a client can parse it.
            Format::Json | Format::Graphviz => vec![text],
            _ => text
                .trim_end()
                .lines()
                .map(str::to_string)
                .chain(summary)
                .collect(),
        };
        Ok(Outcome::batch(
            "EXPLAIN",
            &ctx.query,
            outcome::text_column(COLUMN, lines)?,
        ))
    }

    /// The stages that the plan is cut into, or why it is not cut.
    fn stages(
        &self,
        ctx: &Context,
        physical: &dyn ExecutionPlan,
        summary: Vec<String>,
    ) -> Result<Outcome> {
        if self.format != Format::Text {
            return Err(
                Error::unsupported("EXPLAIN (DISTRIBUTED) in another format than text")
                    .hint("Leave FORMAT out."),
            );
        }
        let lines = match remote_part(physical) {
            Some(remote) => remote.explain()?,
            None => {
                let noted = ctx.query.told();
                let reason = match noted.is_empty() {
                    false => noted.join("; "),
                    true => "the query runs in this process".to_string(),
                };
                let plan = DisplayableExecutionPlan::new(physical);
                std::iter::once(reason)
                    .chain(
                        plan.indent(self.verbose)
                            .to_string()
                            .lines()
                            .map(String::from),
                    )
                    .collect()
            }
        };
        let lines = lines.iter().map(|line| plan::readable(line));
        Ok(Outcome::batch(
            "EXPLAIN",
            &ctx.query,
            outcome::text_column(COLUMN, lines.chain(summary).collect())?,
        ))
    }

    pub fn columns(&self) -> SchemaRef {
        outcome::text_schema(&[COLUMN])
    }

    fn render(&self, optimized: &LogicalPlan, physical: &dyn ExecutionPlan) -> Result<String> {
        let display = if self.analyze {
            // All that operators count is for VERBOSE; most readers want rows, time and bytes.
            let types = match self.verbose {
                true => vec![MetricType::Summary, MetricType::Dev],
                false => vec![MetricType::Summary],
            };
            DisplayableExecutionPlan::with_metrics(physical).set_metric_types(types)
        } else {
            DisplayableExecutionPlan::new(physical)
        };
        Ok(match self.format {
            Format::Text => display.indent(self.verbose).to_string(),
            Format::Tree => display.tree_render().to_string(),
            Format::Json => optimized.display_pg_json().to_string(),
            Format::Graphviz => display.graphviz().to_string(),
        })
    }

    /// Runs the plan, throws the rows away and says what it took. Gives the plan that ran last.
    async fn execute(
        &self,
        ctx: &Context,
        logical: &LogicalPlan,
    ) -> Result<(Arc<dyn ExecutionPlan>, Vec<String>)> {
        if self.format == Format::Json {
            return Err(
                Error::new(Kind::Unsupported, "EXPLAIN ANALYZE has no JSON format")
                    .hint("Use EXPLAIN ANALYZE, or EXPLAIN (FORMAT JSON)."),
            );
        }
        let started = Instant::now();
        let mut rows = 0;
        let mut ctx = ctx.clone();
        let mut plan = ctx.execution.prepare(&ctx.state, logical).await?;
        while let Err(error) = run_through(&ctx, &plan, &mut rows).await {
            // As without EXPLAIN: only when no row was given out.
            if rows > 0 || !ctx.begin_anew(&error) {
                return Err(error);
            }
            plan = ctx.execution.prepare(&ctx.state, logical).await?;
        }
        let lines = summary(&ctx, plan.as_ref(), rows, started);
        Ok((plan, lines))
    }
}

/// Runs a plan and counts its rows.
async fn run_through(ctx: &Context, plan: &Arc<dyn ExecutionPlan>, rows: &mut usize) -> Result<()> {
    let plan = Arc::clone(plan);
    let mut stream = ctx.execution.start(&ctx.query, &ctx.state, plan)?;
    while let Some(batch) = stream.next().await {
        *rows += batch?.num_rows();
    }
    Ok(())
}

/// What the plan took, in words.
fn summary(ctx: &Context, plan: &dyn ExecutionPlan, rows: usize, started: Instant) -> Vec<String> {
    let progress = ctx.query.progress();
    let spilled = operator_metrics(plan);
    let mut lines = vec![
        String::new(),
        format!("Rows: {rows}"),
        format!(
            "Execution time: {:.3} ms",
            started.elapsed().as_secs_f64() * 1e3
        ),
        format!(
            "Scanned: {} rows, {}",
            progress.rows_scanned,
            format_bytes(progress.bytes_read)
        ),
        format!("Peak memory: {}", format_bytes(progress.memory_bytes)),
        format!(
            "Spilled: {} in {} files",
            format_bytes(spilled.spilled_bytes),
            spilled.spill_files
        ),
    ];
    if progress.retries > 0 {
        lines.push("Out of memory at first: the plan above is the second, which needs less".into());
    }
    let warnings = progress.bad_rows.warnings();
    lines.extend(warnings.iter().map(|w| format!("Warning: {w}")));
    lines
}

//! The rows that a model learns from: a query, scanned as often as needed.
//!
//! Each scan is an ordinary query with one aggregate, so chunks, threads, memory and cancelling are
//! those of any query. Rows that are needed more than once are kept, encoded no further than the query
//! gives them, within the memory limit or in the spill folder.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Schema};
use datafusion::datasource::provider_as_source;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast;
use futures::TryStreamExt;
use quern_model::feature::{Columns, Counts, Encoder, Plan, is_feature, is_number};
use quern_model::rows::Owned;

use super::Context;
use super::model_options::Request;
use crate::error::{Error, Kind, Result};
use crate::model::{Roles, Scan, Scanned};
use crate::persist::Persisted;
use crate::plan;
use crate::sql::type_name;

/// The rows to learn from: feature columns first, then the target, the weight and the fold.
pub(super) struct Source {
    plan: LogicalPlan,
    pub roles: Roles,
    /// Name and type of each feature column.
    pub features: Vec<(String, DataType)>,
    pub target: Option<(String, DataType)>,
    /// How many rows are kept, once they are.
    kept: Option<u64>,
    pub scans: u32,
    /// What the last scan found, in words, for who watches.
    pub found: String,
    /// What was read so far.
    pub passes: Vec<Pass>,
}

/// One reading of the rows.
pub(super) struct Pass {
    pub what: &'static str,
    pub rows: u64,
    /// Bytes of files; rows that are kept in memory have none.
    pub bytes: u64,
    pub seconds: f64,
}

impl Source {
    /// The columns of the query in their roles.
    pub async fn of(ctx: &Context, query: &ast::Query, request: &Request) -> Result<Self> {
        let plan = ctx.plan(query).await?;
        let mut columns = columns(&plan)?;
        let target = taken(&mut columns, request.target.as_deref())?;
        let weight = taken(&mut columns, request.weight.as_deref())?;
        let fold = taken(&mut columns, request.fold.as_deref())?;
        check_columns(&columns, request)?;
        for (role, found) in [("weight", &weight), ("fold", &fold)] {
            if let Some((name, data_type, _)) = found
                && !is_number(data_type)
            {
                return Err(wrong_type(name, data_type, &format!("a {role}"), "numbers"));
            }
        }
        let roles = Roles {
            features: columns.len(),
            target: target.is_some(),
            weight: weight.is_some(),
            fold: fold.is_some(),
        };
        let features = columns
            .iter()
            .map(|(name, data_type, _)| (name.clone(), data_type.clone()));
        let features = features.collect();
        let named = target
            .as_ref()
            .map(|(name, data_type, _)| (name.clone(), data_type.clone()));
        let all = columns.into_iter().chain(target).chain(weight).chain(fold);
        let all: Vec<Expr> = all.map(|(name, _, column)| column.alias(name)).collect();
        Ok(Self {
            plan: LogicalPlanBuilder::from(plan).project(all)?.build()?,
            roles,
            features,
            target: named,
            kept: None,
            scans: 0,
            found: String::new(),
            passes: Vec::new(),
        })
    }

    /// The rows, as they are read.
    pub fn plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// Runs one scan, for `what`. Before the second one the rows are kept.
    pub async fn scan(&mut self, ctx: &Context, what: &'static str, scan: Scan) -> Result<Scanned> {
        if self.scans > 0 {
            self.keep(ctx).await?;
        }
        self.begin(ctx);
        let started = Instant::now();
        let columns = self.plan.schema().columns().into_iter().map(Expr::Column);
        let call = scan.clone().call(self.roles, columns.collect())?;
        let plan = LogicalPlanBuilder::from(self.plan.clone())
            .aggregate(Vec::<Expr>::new(), vec![call.alias("state")])?
            .build()?;
        let mut rows = ctx.stream(&plan).await?;
        let batch = rows.try_next().await?;
        self.read(ctx, what, started);
        let state = batch
            .as_ref()
            .and_then(|b| b.column(0).as_binary_opt::<i32>());
        match state {
            Some(state) if state.len() == 1 => scan.read(state.value(0)),
            _ => Err(Error::internal("a scan gave no state")),
        }
    }

    /// Tells who watches that a scan begins.
    fn begin(&mut self, ctx: &Context) {
        self.scans += 1;
        let found = match self.found.as_str() {
            "" => String::new(),
            found => format!(", {found}"),
        };
        ctx.query.tell(format!("pass {}{found}", self.scans));
    }

    /// Notes what the plan that ran last has read.
    fn read(&mut self, ctx: &Context, what: &'static str, started: Instant) {
        let progress = ctx.query.progress();
        self.passes.push(Pass {
            what,
            rows: self.kept.unwrap_or(progress.rows_scanned),
            bytes: progress.bytes_read,
            seconds: started.elapsed().as_secs_f64(),
        });
    }

    /// Keeps the rows, so that further scans do not read the files again.
    pub async fn keep(&mut self, ctx: &Context) -> Result<()> {
        if self.kept.is_some() {
            return Ok(());
        }
        ctx.query.tell("keeping the rows".to_string());
        let started = Instant::now();
        let rows = ctx.stream(&self.plan).await?;
        let schema: Arc<Schema> = Arc::clone(self.plan.schema().inner());
        let kept = Persisted::of(&ctx.state, rows, schema, String::new(), None).await?;
        self.read(ctx, "keep the rows", started);
        self.kept = Some(kept.rows);
        let source = provider_as_source(Arc::new(kept));
        self.plan = LogicalPlanBuilder::scan("kept", source, None)?.build()?;
        Ok(())
    }

    /// All rows that count, for what trains in memory.
    pub async fn collect(
        &mut self,
        ctx: &Context,
        plan: Plan,
        limit: usize,
        counts: &mut Counts,
    ) -> Result<(Owned, bool)> {
        self.begin(ctx);
        let started = Instant::now();
        let pool = &ctx.state.runtime_env().memory_pool;
        let reservation = MemoryConsumer::new("rows of a model").register(pool);
        let encoder = Encoder::new(plan);
        let mut all = Owned::default();
        let mut rows = ctx.stream(&self.plan).await?;
        while let Some(batch) = rows.try_next().await? {
            let columns = batch.columns();
            let (features, rest) = columns.split_at(self.roles.features);
            let mut rest = rest.iter();
            let mut next = |there: bool| if there { rest.next() } else { None };
            let columns = Columns {
                features,
                target: next(self.roles.target),
                weight: next(self.roles.weight),
                fold: next(self.roles.fold),
            };
            let width = encoder.plan().encoding.width() + 3;
            reservation.try_grow(batch.num_rows() * width * size_of::<f64>())?;
            encoder.rows(&columns, batch.num_rows(), counts, |rows| all.extend(rows))?;
            if all.count > limit {
                return Ok((all, false));
            }
        }
        self.read(ctx, "collect the rows", started);
        Ok((all, true))
    }
}

/// A column of the query: its name, its type, and how plans refer to it.
type QueryColumn = (String, DataType, Expr);

/// The columns of the query, whose names must differ.
fn columns(plan: &LogicalPlan) -> Result<Vec<QueryColumn>> {
    let mut columns: Vec<QueryColumn> = Vec::new();
    let schema = plan.schema();
    for (column, field) in schema.columns().into_iter().zip(schema.fields().iter()) {
        let name = plan::shown_name(field.name()).to_string();
        if columns.iter().any(|(known, ..)| *known == name) {
            return Err(Error::new(
                Kind::DuplicateColumn,
                format!("column \"{name}\" specified more than once"),
            )
            .hint("Features are known by their names: name the columns with AS."));
        }
        columns.push((name, field.data_type().clone(), Expr::Column(column)));
    }
    Ok(columns)
}

/// Takes the column that an option names, if it is given.
fn taken(columns: &mut Vec<QueryColumn>, wanted: Option<&str>) -> Result<Option<QueryColumn>> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let exact = columns.iter().position(|(name, ..)| name == wanted);
    let alike = |(name, ..): &QueryColumn| name.eq_ignore_ascii_case(wanted);
    match exact.or_else(|| columns.iter().position(alike)) {
        Some(at) => Ok(Some(columns.remove(at))),
        None => Err(Error::new(
            Kind::UndefinedColumn,
            format!("the query has no column \"{wanted}\""),
        )
        .candidates(wanted, columns.iter().map(|(name, ..)| name.as_str()))),
    }
}

/// There are features, of types that can be features.
fn check_columns(columns: &[QueryColumn], request: &Request) -> Result<()> {
    if columns.is_empty() {
        return Err(Error::new(Kind::InvalidRows, "there is no feature to learn from")
            .hint("The columns of the query are the features, but for the target, the weight and the fold."));
    }
    let wrong = columns
        .iter()
        .find(|(_, data_type, _)| !is_feature(data_type));
    match wrong {
        Some((name, data_type, _)) => Err(wrong_type(
            name,
            data_type,
            "a feature",
            "numbers, booleans and text",
        )
        .hint(match data_type.is_temporal() {
            true => format!(
                "Make a number of it: extract(epoch from {name}), extract(dow from {name})."
            ),
            false => "Leave the column out, or make numbers of it.".to_string(),
        })),
        None if request.class.purpose.needs_target() && request.target.is_none() => {
            Err(Error::new(
                Kind::InvalidParameterValue,
                format!("{} needs a target_column", request.class.name),
            )
            .hint("Write target_column = 'column' in WITH (…)."))
        }
        None => Ok(()),
    }
}

pub(super) fn wrong_type(name: &str, data_type: &DataType, role: &str, may_be: &str) -> Error {
    let shown = type_name(data_type);
    Error::new(
        Kind::TypeMismatch,
        format!("column \"{name}\" of type {shown} cannot be {role}"),
    )
    .detail(format!("It may be of {may_be}."))
}

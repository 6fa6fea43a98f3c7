//! Training: the rows of a query, scanned as often as a trainer asks, become a model.
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
use quern_model::class::{Class, Purpose, Training};
use quern_model::feature::{
    Column, Columns, Counts, Encoder, Encoding, Folds, Form, Keep, Plan, Survey, Surveyed, Target,
    is_feature, is_number,
};
use quern_model::fitted::Fitted;
use quern_model::model::Definition;
use quern_model::parameter::{Parameters, Value};
use quern_model::rows::Owned;
use quern_model::search::{self, Method, Search};
use quern_model::statistic::Collected;
use quern_model::train::{Setup, Step, Trainer};

use super::Context;
use super::model_options::Request;
use crate::error::{Error, Kind, Result};
use crate::model::{Roles, Scan, Scanned};
use crate::persist::Persisted;
use crate::plan;
use crate::sql::type_name;

/// What training gave.
pub(super) struct Outcome {
    pub definition: Definition,
    /// The type of the target column.
    pub target_type: DataType,
    pub counts: Counts,
    pub scans: u32,
    pub seconds: f64,
    /// The loss that each scan told, where it told one.
    pub losses: Vec<Option<f64>>,
    /// What a search found.
    pub found: Option<search::Outcome>,
}

/// A search that is asked for.
#[derive(Debug)]
pub(super) struct Experiment {
    pub method: &'static Method,
    pub options: Parameters,
    /// The values of each parameter that is searched.
    pub tuned: Vec<(String, Value)>,
}

impl Experiment {
    fn start(&self, class: &'static Class, setup: &Setup) -> Result<Search> {
        Ok(self
            .method
            .start(&self.options, class, setup, &self.tuned)?)
    }
}

/// How the rows get the folds that a trainer needs.
fn folds(source: &Source, trainer: &dyn Trainer) -> Folds {
    match (trainer.folds(), source.roles.fold) {
        (0, _) => Folds::None,
        (folds, true) => Folds::Column(folds),
        (folds, false) => Folds::Drawn(folds),
    }
}

/// The rows to learn from: feature columns first, then the target, the weight and the fold.
pub(super) struct Source {
    plan: LogicalPlan,
    roles: Roles,
    /// Name and type of each feature column.
    features: Vec<(String, DataType)>,
    target: Option<(String, DataType)>,
    kept: bool,
    scans: u32,
}

impl Source {
    /// The columns of the query in their roles.
    pub async fn of(ctx: &Context, query: &ast::Query, request: &Request) -> Result<Self> {
        let plan = ctx.plan(query).await?;
        let fields = plan
            .schema()
            .columns()
            .into_iter()
            .zip(plan.schema().fields().iter());
        let mut columns: Vec<(String, DataType, Expr)> = Vec::new();
        for (column, field) in fields {
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
        let mut special = |wanted: &Option<String>| -> Result<Option<(String, DataType, Expr)>> {
            let Some(wanted) = wanted else {
                return Ok(None);
            };
            let at = columns.iter().position(|(name, ..)| name == wanted);
            let at = at.or_else(|| {
                columns
                    .iter()
                    .position(|(name, ..)| name.eq_ignore_ascii_case(wanted))
            });
            match at {
                Some(at) => Ok(Some(columns.remove(at))),
                None => Err(Error::new(
                    Kind::UndefinedColumn,
                    format!("the query has no column \"{wanted}\""),
                )
                .candidates(wanted, columns.iter().map(|(name, ..)| name.as_str()))),
            }
        };
        let target = special(&request.target)?;
        let weight = special(&request.weight)?;
        let fold = special(&request.fold)?;
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
            kept: false,
            scans: 0,
        })
    }

    /// Runs one scan. Before the second one the rows are kept.
    async fn scan(&mut self, ctx: &Context, scan: Scan) -> Result<Scanned> {
        if self.scans > 0 {
            self.keep(ctx).await?;
        }
        self.scans += 1;
        let columns = self.plan.schema().columns().into_iter().map(Expr::Column);
        let call = scan.clone().call(self.roles, columns.collect())?;
        let plan = LogicalPlanBuilder::from(self.plan.clone())
            .aggregate(Vec::<Expr>::new(), vec![call.alias("state")])?
            .build()?;
        let mut rows = ctx.stream(&plan).await?;
        let batch = rows.try_next().await?;
        let state = batch
            .as_ref()
            .and_then(|b| b.column(0).as_binary_opt::<i32>());
        match state {
            Some(state) if state.len() == 1 => scan.read(state.value(0)),
            _ => Err(Error::internal("a scan gave no state")),
        }
    }

    /// Keeps the rows, so that further scans do not read the files again.
    async fn keep(&mut self, ctx: &Context) -> Result<()> {
        if self.kept {
            return Ok(());
        }
        let rows = ctx.stream(&self.plan).await?;
        let schema: Arc<Schema> = Arc::clone(self.plan.schema().inner());
        let kept = Persisted::of(&ctx.state, rows, schema, String::new(), None).await?;
        let source = provider_as_source(Arc::new(kept));
        self.plan = LogicalPlanBuilder::scan("kept", source, None)?.build()?;
        self.kept = true;
        Ok(())
    }

    /// All rows that count, for what trains in memory.
    async fn collect(
        &mut self,
        ctx: &Context,
        plan: Plan,
        limit: usize,
        counts: &mut Counts,
    ) -> Result<(Owned, bool)> {
        self.scans += 1;
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
        Ok((all, true))
    }
}

/// There are features, of types that can be features.
fn check_columns(columns: &[(String, DataType, Expr)], request: &Request) -> Result<()> {
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

fn wrong_type(name: &str, data_type: &DataType, role: &str, may_be: &str) -> Error {
    let shown = type_name(data_type);
    Error::new(
        Kind::TypeMismatch,
        format!("column \"{name}\" of type {shown} cannot be {role}"),
    )
    .detail(format!("It may be of {may_be}."))
}

/// Trains the model that is asked for, or searches for the parameters that do best.
pub(super) async fn train(
    ctx: &Context,
    source: &mut Source,
    request: &Request,
    experiment: Option<&Experiment>,
) -> Result<Outcome> {
    let started = Instant::now();
    let mut plan = Plan {
        encoding: encoding(source, request),
        target: target(source, request)?,
        draws: true,
        seed: request.parameters.seed(),
        folds: Folds::None,
        keep: request.held_out.map_or(Keep::All, Keep::Training),
    };
    let label_weights = survey(ctx, source, request, &mut plan).await?;
    let setup = Setup {
        parameters: request.parameters.clone(),
        features: plan.encoding.features(),
        labels: plan.target.iter().flat_map(|t| t.labels.clone()).collect(),
        label_weights,
    };
    let mut counts = Counts::default();
    let mut losses = Vec::new();
    let mut search = experiment
        .map(|e| e.start(request.class, &setup))
        .transpose()?;
    let fitted = match request.class.training {
        Training::Chunks(trainer) => {
            let mut own = None;
            let trainer: &mut dyn Trainer = match &mut search {
                Some(search) => search,
                None => own.insert(trainer(&setup)?).as_mut(),
            };
            plan.folds = folds(source, trainer);
            by_scans(ctx, source, &plan, trainer, &mut counts, &mut losses).await?
        }
        Training::Memory {
            train,
            rows,
            instead,
        } => {
            counts = Counts::of(plan.encoding.columns.len());
            if let Some(search) = &search {
                plan.folds = folds(source, search);
            }
            let (all, whole) = source.collect(ctx, plan.clone(), rows, &mut counts).await?;
            if !whole {
                return Err(too_many(request.class, rows, instead));
            }
            check(&counts, &plan)?;
            let setup = setup.clone();
            let mut searching = search.take();
            let task = tokio::task::spawn_blocking(move || {
                let fitted = match &mut searching {
                    Some(search) => search.in_memory(&all),
                    None => train(&setup, &all),
                };
                fitted.map(|fitted| (fitted, searching))
            });
            let (fitted, searched) = task.await.map_err(Error::internal)??;
            search = searched;
            fitted
        }
    };
    let found = search.map(|search| search.outcome().cloned()).transpose()?;
    let target_type = source
        .target
        .as_ref()
        .map_or(DataType::Null, |(_, data_type)| data_type.clone());
    Ok(Outcome {
        definition: Definition {
            parameters: match &found {
                Some(found) => found.parameters.clone(),
                None => request.parameters.clone(),
            },
            encoding: plan.encoding,
            target: plan.target,
            fitted,
        },
        target_type,
        counts,
        scans: source.scans,
        seconds: started.elapsed().as_secs_f64(),
        losses,
        found,
    })
}

/// Scans until the trainer is done.
pub(super) async fn by_scans(
    ctx: &Context,
    source: &mut Source,
    plan: &Plan,
    trainer: &mut dyn Trainer,
    counts: &mut Counts,
    losses: &mut Vec<Option<f64>>,
) -> Result<Fitted> {
    loop {
        let scan = Scan::Tasks(Box::new(plan.clone()), trainer.tasks());
        let Scanned::Tasks(counted, collected) = source.scan(ctx, scan).await? else {
            return Err(Error::internal("a pass gave a survey"));
        };
        check(&counted, plan)?;
        *counts = counted;
        let rows = counts.used;
        match step(trainer, collected)? {
            Step::Again { loss } => {
                losses.push(loss);
                let scans = source.scans;
                tracing::debug!(
                    query = ctx.query.id,
                    scans,
                    rows,
                    ?loss,
                    "a pass of training"
                );
            }
            Step::Done(fitted) => return Ok(*fitted),
        }
    }
}

fn step(trainer: &mut dyn Trainer, collected: Collected) -> Result<Step> {
    Ok(trainer.take(collected)?)
}

fn check(counts: &Counts, plan: &Plan) -> Result<()> {
    let names: Vec<&str> = plan
        .encoding
        .columns
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    counts.check(
        &names,
        plan.encoding.nulls == quern_model::feature::NullPolicy::Error,
    )?;
    if counts.used == 0 {
        return Err(
            Error::new(Kind::InvalidRows, "there are no rows to learn from").detail(format!(
                "{} rows were read; the target is NULL in {}, a feature in {}.",
                counts.read, counts.null_target, counts.null_feature
            )),
        );
    }
    Ok(())
}

fn too_many(class: &Class, rows: usize, instead: &str) -> Error {
    Error::new(
        Kind::LimitExceeded,
        format!("{} trains in memory, with at most {rows} rows", class.name),
    )
    .hint(match instead {
        "" => "Train on fewer rows: TABLESAMPLE BERNOULLI (10).".to_string(),
        other => format!(
            "{other} trains over any number of rows; or train on fewer: TABLESAMPLE BERNOULLI (10)."
        ),
    })
}

fn encoding(source: &Source, request: &Request) -> Encoding {
    let columns = source.features.iter().map(|(name, data_type)| {
        let form = match is_number(data_type) {
            true => Form::Number,
            false => Form::Categories(Vec::new()),
        };
        Column::new(name, &type_name(data_type), form)
    });
    Encoding {
        columns: columns.collect(),
        nulls: match request.class.missing {
            true => quern_model::feature::NullPolicy::Missing,
            false => request.nulls,
        },
        unknown: request.unknown,
    }
}

/// What is learned. A classifier's labels are surveyed later.
fn target(source: &Source, request: &Request) -> Result<Option<Target>> {
    let (true, Some((name, data_type))) = (request.class.purpose.needs_target(), &source.target)
    else {
        return Ok(None);
    };
    let fits = match request.class.purpose {
        Purpose::Classification => !data_type.is_nested() && !data_type.is_binary(),
        _ => is_number(data_type),
    };
    if !fits {
        let may_be = match request.class.purpose {
            Purpose::Classification => "any type that is not nested",
            _ => "numbers",
        };
        return Err(wrong_type(name, data_type, "the target", may_be));
    }
    Ok(Some(Target {
        name: name.clone(),
        sql_type: type_name(data_type),
        labels: Vec::new(),
    }))
}

/// Finds what the encoding needs and, of a classifier, the labels; gives how much each weighs.
async fn survey(
    ctx: &Context,
    source: &mut Source,
    request: &Request,
    plan: &mut Plan,
) -> Result<Vec<f64>> {
    let classifies = request.class.purpose == Purpose::Classification;
    let texts: Vec<bool> = plan
        .encoding
        .columns
        .iter()
        .map(|c| c.form != Form::Number)
        .collect();
    let impute = plan.encoding.nulls == quern_model::feature::NullPolicy::Impute;
    if !(classifies || impute || request.standardize || texts.contains(&true)) {
        return Ok(Vec::new());
    }
    source.keep(ctx).await?;
    let survey = Survey {
        columns: source
            .features
            .iter()
            .map(|(name, _)| name.clone())
            .collect(),
        texts,
        labels: source
            .target
            .as_ref()
            .filter(|_| classifies)
            .map(|(name, _)| name.clone()),
    };
    let Scanned::Survey(found) = source.scan(ctx, Scan::Survey(survey)).await? else {
        return Err(Error::internal("a survey gave a pass"));
    };
    complete(plan, &found, impute, request.standardize);
    let (Some(target), Some((_, data_type))) = (&mut plan.target, &source.target) else {
        return Ok(Vec::new());
    };
    if !classifies {
        return Ok(Vec::new());
    }
    let (labels, weights) = found.labels(data_type);
    if labels.len() < 2 {
        let found = labels.first().map_or("no label".to_string(), |label| {
            format!("one label, {label}")
        });
        return Err(Error::new(
            Kind::InvalidRows,
            format!(
                "the target \"{}\" has {found}: there is nothing to tell apart",
                target.name
            ),
        ));
    }
    target.labels = labels;
    Ok(weights)
}

fn complete(plan: &mut Plan, found: &Surveyed, impute: bool, standardize: bool) {
    for (at, column) in plan.encoding.columns.iter_mut().enumerate() {
        found.complete(at, column, impute, standardize);
    }
}

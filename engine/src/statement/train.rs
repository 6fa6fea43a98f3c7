//! Training: the rows of a query, scanned as often as a trainer asks, become a model.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use quern_model::class::{Class, Purpose, Training};
use quern_model::feature::{
    Column, Counts, Encoding, Folds, Form, NullPolicy, Plan, Survey, Surveyed, Target, is_number,
};
use quern_model::fitted::Fitted;
use quern_model::hold_out::{HoldOut, Scores};
use quern_model::model::Definition;
use quern_model::parameter::{Parameters, Value};
use quern_model::rows::Owned;
use quern_model::search::{self, Method, Search};
use quern_model::statistic::{Collected, Task};
use quern_model::train::{Setup, Step, Trainer, significant};
use quern_model::watch::{Watch, Watcher};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::model_options::Request;
use super::model_rows::{Source, wrong_type};
use crate::error::{Error, Kind, Result};
use crate::execution::Query;
use crate::model::{Scan, Scanned};
use crate::settings::format_count;
use crate::sql::type_name;

/// What training gave.
pub(super) struct Outcome {
    pub definition: Definition,
    pub counts: Counts,
    pub scans: u32,
    pub seconds: f64,
    /// The loss that each scan told, where it told one.
    pub losses: Vec<Option<f64>>,
    /// How well the model does, where that was asked for.
    pub scores: Scores,
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

/// Trains the model that is asked for, or searches for the parameters that do best.
pub(super) async fn train(
    ctx: &Context,
    source: &mut Source,
    request: &Request,
    experiment: Option<&Experiment>,
) -> Result<Outcome> {
    let started = Instant::now();
    let (mut plan, setup) = prepare(ctx, source, request).await?;
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
            if let Some(search) = &search {
                plan.folds = folds(source, search);
            }
            counts = Counts::of(plan.encoding.columns.len());
            let (all, whole) = source.collect(ctx, plan.clone(), rows, &mut counts).await?;
            if !whole {
                return Err(too_many(request.class, rows, instead));
            }
            check(&counts, &plan)?;
            let rows = format_count(all.count as u64);
            ctx.query.tell(format!("training in memory, {rows} rows"));
            let fitted;
            (fitted, search) = in_memory(train, setup, all, search).await?;
            fitted
        }
    };
    let found = search.map(|search| search.outcome().cloned()).transpose()?;
    let parameters = found
        .as_ref()
        .map_or(&request.parameters, |f| &f.parameters);
    let definition = Definition {
        parameters: parameters.clone(),
        encoding: plan.encoding.clone(),
        target: plan.target.clone(),
        fitted,
    };
    let scores = scores(ctx, source, request, plan, &definition).await?;
    Ok(Outcome {
        definition,
        counts,
        scans: source.scans,
        seconds: started.elapsed().as_secs_f64(),
        losses,
        scores,
        found,
    })
}

/// Finds what has to be known before the training: how rows are prepared, and which are held out.
async fn prepare(ctx: &Context, source: &mut Source, request: &Request) -> Result<(Plan, Setup)> {
    let mut plan = prepared(source, request)?;
    survey(ctx, source, request, &mut plan).await?;
    let setup = Setup {
        watch: Watch::of(Arc::new(Statement {
            query: Arc::clone(&ctx.query),
            cancel: ctx.query.cancel_token(),
            steps: AtomicU64::new(0),
        })),
        ..Setup::of(&request.parameters, &plan.encoding, plan.target.as_ref())
    };
    if let Some(hold_out) = &request.hold_out {
        split(ctx, source, hold_out, &mut plan, setup.labels.len()).await?;
    }
    Ok((plan, setup))
}

/// The statement, for a training in memory, which no plan ends.
struct Statement {
    query: Arc<Query>,
    cancel: CancellationToken,
    steps: AtomicU64,
}

impl Watcher for Statement {
    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    fn note(&self, loss: f64) {
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let loss = significant(loss);
        self.query
            .tell(format!("training in memory, step {step}, {loss}"));
    }
}

/// Finds which rows are held out, and leaves them out of the plan.
async fn split(
    ctx: &Context,
    source: &mut Source,
    hold_out: &HoldOut,
    plan: &mut Plan,
    labels: usize,
) -> Result<()> {
    let tasks = hold_out.strata(labels);
    if tasks.is_empty() {
        return Ok(());
    }
    let (counts, collected) = collect(ctx, source, "split the rows", plan, tasks).await?;
    check(&counts, plan)?;
    plan.held_out = Some(hold_out.split(collected)?);
    Ok(())
}

/// Scores a model that was trained by the plan, where that is asked for.
async fn scores(
    ctx: &Context,
    source: &mut Source,
    request: &Request,
    plan: Plan,
    definition: &Definition,
) -> Result<Scores> {
    let Some(hold_out) = &request.hold_out else {
        return Ok(Scores::default());
    };
    let tasks = hold_out.scoring(request.class, definition)?;
    source.found = "how well the model does".to_string();
    let (_, collected) = collect(ctx, source, "score the model", &plan.for_scores(), tasks).await?;
    Ok(hold_out.scores(request.class, &collected)?)
}

/// One scan by a plan.
async fn collect(
    ctx: &Context,
    source: &mut Source,
    what: &'static str,
    plan: &Plan,
    tasks: Vec<Task>,
) -> Result<(Counts, Collected)> {
    // Draws cost as much as a pass of KMeans.
    let plan = Plan {
        draws: tasks.iter().any(Task::needs_draws),
        ..plan.clone()
    };
    let scan = Scan::Tasks(Box::new(plan), tasks);
    match source.scan(ctx, what, scan).await? {
        Scanned::Tasks(counts, collected) => Ok((counts, collected)),
        Scanned::Survey(_) => Err(Error::internal("a pass gave a survey")),
    }
}

/// Trains in memory, on a thread that may be busy for long; it stops when the statement is cancelled.
async fn in_memory(
    train: fn(&Setup, &Owned) -> quern_model::Result<Fitted>,
    setup: Setup,
    rows: Owned,
    mut search: Option<Search>,
) -> Result<(Fitted, Option<Search>)> {
    let task = tokio::task::spawn_blocking(move || {
        let fitted = match &mut search {
            Some(search) => search.in_memory(&rows),
            None => train(&setup, &rows),
        };
        fitted.map(|fitted| (fitted, search))
    });
    Ok(task.await.map_err(Error::internal)??)
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
    if trainer.scans_again() {
        source.keep(ctx).await?;
    }
    loop {
        let (counted, collected) = collect(ctx, source, "train", plan, trainer.tasks()).await?;
        check(&counted, plan)?;
        *counts = counted;
        match trainer.take(collected)? {
            Step::Again { loss, words } => {
                losses.push(loss);
                source.found = words;
            }
            Step::Done(fitted) => return Ok(*fitted),
        }
    }
}

fn check(counts: &Counts, plan: &Plan) -> Result<()> {
    let names: Vec<&str> = plan
        .encoding
        .columns
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    counts.check(&names, plan.encoding.nulls == NullPolicy::Error)?;
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

/// How rows are prepared, as far as it is known before any was seen.
fn prepared(source: &Source, request: &Request) -> Result<Plan> {
    Ok(Plan {
        encoding: encoding(source, request),
        target: target(source, request)?,
        draws: true,
        seed: request.parameters.seed(),
        folds: Folds::None,
        held_out: None,
    })
}

fn encoding(source: &Source, request: &Request) -> Encoding {
    let columns = source.features.iter().map(|(name, data_type)| {
        let form = request.class.form(data_type);
        Column::new(name, &type_name(data_type), form)
    });
    Encoding {
        columns: columns.collect(),
        nulls: request.nulls,
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

/// Finds what the encoding needs and, of a classifier, the labels.
async fn survey(
    ctx: &Context,
    source: &mut Source,
    request: &Request,
    plan: &mut Plan,
) -> Result<()> {
    let classifies = request.class.purpose == Purpose::Classification;
    let texts: Vec<bool> = plan
        .encoding
        .columns
        .iter()
        .map(|c| c.form != Form::Number)
        .collect();
    let impute = plan.encoding.nulls == NullPolicy::Impute;
    if !(classifies || impute || request.standardize || texts.contains(&true)) {
        return Ok(());
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
    let Scanned::Survey(found) = source
        .scan(ctx, "survey the columns", Scan::Survey(survey))
        .await?
    else {
        return Err(Error::internal("a survey gave a pass"));
    };
    complete(plan, &found, impute, request.standardize);
    let (Some(target), Some((_, data_type))) = (&mut plan.target, &source.target) else {
        return Ok(());
    };
    if !classifies {
        return Ok(());
    }
    let labels = found.labels(data_type);
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
    Ok(())
}

fn complete(plan: &mut Plan, found: &Surveyed, impute: bool, standardize: bool) {
    for (at, column) in plan.encoding.columns.iter_mut().enumerate() {
        found.complete(at, column, impute, standardize);
    }
}

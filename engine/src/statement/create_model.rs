//! `CREATE [OR REPLACE] MODEL [IF NOT EXISTS] m WITH (model_class = '…', …) AS (query)`: learns from
//! the rows of a query.
//!
//! A model appears when it is complete, or not at all. OR REPLACE adds a version, which the name means
//! from then on; queries that run keep theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};

use super::cursor::Cursor;
use super::model_options::Request;
use super::model_rows::{Pass, Source};
use super::train;
use super::{Context, Notice, Outcome, context, with_options};
use crate::catalog::{Change, ObjectName, Relation, RelationKind, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::model::{About, Trained, Version, Versions};
use crate::options::Options;
use crate::plan;

#[derive(Debug, Clone)]
pub(crate) struct CreateModel {
    name: SqlName,
    or_replace: bool,
    if_not_exists: bool,
    options: Options,
    pub(super) query: Box<ast::Query>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<CreateModel> {
    c.expect(&["create"])?;
    let or_replace = c.take(&["or", "replace"]);
    c.expect(&["model"])?;
    let if_not_exists = c.if_not_exists();
    let name = c.name()?;
    c.expect(&["with"])?;
    let options = with_options::parse(c)?;
    c.expect(&["as"])?;
    Ok(CreateModel {
        name,
        or_replace,
        if_not_exists,
        options,
        query: c.query()?,
    })
}

impl CreateModel {
    pub(super) fn request(&self) -> Result<Request> {
        Request::of(self.options.clone())
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        Ok(self.made(ctx).await?.shown(ctx))
    }

    /// Trains and stores the model.
    pub(super) async fn made(&self, ctx: &Context) -> Result<Made> {
        let request = self.request()?;
        let place = Place::of(ctx, &self.name, self.or_replace, self.if_not_exists)?;
        if place.is_taken(ctx)? {
            return Ok(Made::nothing(place.skipped("CREATE MODEL")));
        }
        let mut source = Source::of(ctx, &self.query, &request).await?;
        let trained = train::train(ctx, &mut source, &request, None).await?;
        let (version, stored) = place.register(ctx, &request, trained, false).await?;
        Ok(Made {
            table: Some(reply(&place.name, version, &stored)?),
            reply: noticed(Outcome::done("CREATE MODEL"), request, &stored),
            passes: source.passes,
        })
    }

    pub fn columns(&self) -> SchemaRef {
        schema()
    }
}

/// What a training made: a reply, the table that goes with it, and what was read for it.
pub(super) struct Made {
    pub reply: Outcome,
    pub table: Option<RecordBatch>,
    pub passes: Vec<Pass>,
}

impl Made {
    pub fn nothing(reply: Outcome) -> Self {
        Self {
            reply,
            table: None,
            passes: Vec::new(),
        }
    }

    pub fn shown(self, ctx: &Context) -> Outcome {
        match self.table {
            None => self.reply,
            Some(table) => {
                let shown = Outcome::batch(self.reply.tag, &ctx.query, table);
                self.reply.notices.into_iter().fold(shown, Outcome::with)
            }
        }
    }
}

/// The reply with what the user should know of the training.
pub(super) fn noticed(reply: Outcome, request: Request, stored: &Trained) -> Outcome {
    let warnings = &stored.model.definition.fitted.facts.warnings;
    let warnings = warnings.iter().map(|w| Notice::warning(w.clone()));
    let all = request.notices.into_iter().chain(warnings);
    all.fold(reply, Outcome::with)
}

/// Where a new model or version belongs.
pub(super) struct Place {
    pub name: ObjectName,
    user: String,
    or_replace: bool,
    if_not_exists: bool,
}

impl Place {
    pub fn of(
        ctx: &Context,
        name: &SqlName,
        or_replace: bool,
        if_not_exists: bool,
    ) -> Result<Self> {
        Ok(Self {
            name: ctx.new_name(name, false)?,
            user: ctx.variables.user.clone(),
            or_replace,
            if_not_exists,
        })
    }

    /// Whether a model is there and may stay; an error where it may not.
    pub fn is_taken(&self, ctx: &Context) -> Result<bool> {
        self.exists(&ctx.catalog.snapshot())
    }

    pub fn skipped(&self, tag: &'static str) -> Outcome {
        let notice = Notice::info(format!("model {} already exists, skipping", self.name));
        Outcome::done(tag).with(notice)
    }

    fn exists(&self, snapshot: &Snapshot) -> Result<bool> {
        let name = &self.name;
        let Some(found) = snapshot.relation(name) else {
            return Ok(false);
        };
        if self.if_not_exists {
            return Ok(true);
        }
        if !self.or_replace {
            return Err(Error::new(
                Kind::DuplicateTable,
                format!("relation \"{}\" already exists", name.name),
            )
            .hint("Say IF NOT EXISTS to keep it, or OR REPLACE to add a version."));
        }
        context::expect_kind(name, &found.kind, "model")?;
        match snapshot.owns(&self.user, &found.access) {
            true => Ok(false),
            false => Err(plan::must_own("model", &name.name)),
        }
    }

    /// Stores what was trained and adds it as a version.
    pub async fn register(
        &self,
        ctx: &Context,
        request: &Request,
        trained: train::Outcome,
        experiment: bool,
    ) -> Result<(u32, Arc<Trained>)> {
        let counts = &trained.counts;
        let used = counts.used + trained.scores.rows_held_out;
        let about = About {
            sql: ctx.query.text.clone(),
            created_ms: chrono::Utc::now().timestamp_millis(),
            rows: counts.used,
            rows_dropped: counts.read.saturating_sub(used),
            scans: trained.scans,
            train_ms: (trained.seconds * 1e3) as u64,
            seed: trained.definition.parameters.seed(),
            losses: trained.losses,
            scores: trained.scores,
        };
        let models = ctx.warehouse.models();
        let stored = models
            .put(request.class, &trained.definition, &about)
            .await?;
        let version = self.add(ctx, &stored, experiment)?;
        Ok((version, stored))
    }

    /// Adds what is stored as a version, which the name means from now on.
    pub fn add(&self, ctx: &Context, stored: &Trained, experiment: bool) -> Result<u32> {
        let version = ctx
            .catalog
            .update(|snapshot| self.decide(snapshot, stored, experiment))?;
        ctx.wrote();
        Ok(version)
    }

    /// Adds the version. What was checked before training is checked again.
    fn decide(
        &self,
        snapshot: &Snapshot,
        stored: &Trained,
        experiment: bool,
    ) -> Result<(Vec<Change>, u32)> {
        let name = &self.name;
        if self.exists(snapshot)? {
            return Err(Error::new(
                Kind::DuplicateTable,
                format!("relation \"{}\" was created meanwhile", name.name),
            ));
        }
        snapshot.schema(&name.schema)?;
        let (mut relation, mut versions) = match snapshot.relation(name) {
            Some(found) => match &found.kind {
                RelationKind::Model(versions) => (Relation::clone(found), versions.clone()),
                _ => return Err(Error::internal("a model that is none")),
            },
            None => {
                let kind = RelationKind::Model(Versions::default());
                (Relation::new(kind, &self.user), Versions::default())
            }
        };
        let number = versions.next();
        versions.default = number;
        versions.experiment = experiment;
        versions.versions.push(Version {
            version: number,
            file: stored.file.clone(),
            class: stored.model.class.name.to_string(),
            created_ms: stored.about.created_ms,
            rows: stored.about.rows,
            scans: stored.about.scans,
            train_ms: stored.about.train_ms,
        });
        relation.kind = RelationKind::Model(versions);
        let put = Change::PutRelation(name.clone(), Box::new(relation));
        Ok((vec![put], number))
    }
}

pub(super) fn schema() -> SchemaRef {
    let columns = [
        ("model", DataType::Utf8),
        ("version", DataType::Int32),
        ("model_class", DataType::Utf8),
        ("rows", DataType::Int64),
        ("rows_dropped", DataType::Int64),
        ("scans", DataType::Int32),
        ("seconds", DataType::Float64),
        ("in_sample", DataType::Utf8),
        ("held_out", DataType::Utf8),
    ];
    let fields = columns.map(|(name, data_type)| Field::new(name, data_type, true));
    Arc::new(Schema::new(fields.to_vec()))
}

pub(super) fn reply(name: &ObjectName, version: u32, stored: &Trained) -> Result<RecordBatch> {
    let about = &stored.about;
    let text = |text: String| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let whole = |n: u64| Arc::new(Int64Array::from(vec![n as i64])) as ArrayRef;
    let small = |n: u32| Arc::new(Int32Array::from(vec![n as i32])) as ArrayRef;
    let listed = |numbers: &BTreeMap<String, f64>| -> Vec<String> {
        let each = numbers.iter();
        each.map(|(name, value)| format!("{name} = {value}"))
            .collect()
    };
    let mut in_sample = stored.model.definition.fitted.facts.numbers.clone();
    in_sample.extend(about.scores.in_sample.clone());
    let in_sample = listed(&in_sample);
    let held_out = listed(&about.scores.held_out);
    let columns = vec![
        text(name.to_string()),
        small(version),
        text(stored.model.class.name.to_string()),
        whole(about.rows),
        whole(about.rows_dropped),
        small(about.scans),
        Arc::new(Float64Array::from(vec![about.train_ms as f64 / 1e3])) as ArrayRef,
        text(in_sample.join(", ")),
        text(held_out.join(", ")),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

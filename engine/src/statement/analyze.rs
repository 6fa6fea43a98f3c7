//! `ANALYZE [TABLE] t [COMPUTE STATISTICS] [FOR ALL COLUMNS | FOR COLUMNS a, b]`.
//!
//! Scans the table once, stores what it found for the optimizer, and returns the figures that
//! SUMMARIZE returns.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use datafusion::common::Column;
use datafusion::sql::sqlparser::ast::ObjectName as SqlName;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::profile::{self, Profile};
use super::{Context, Outcome, context, summarize};
use crate::catalog::{Change, ColumnStatistics, ObjectName, Relation, TableStatistics};
use crate::error::{Error, Kind, Result};
use crate::plan::Need;

#[derive(Debug, Clone)]
pub(crate) struct Analyze {
    table: SqlName,
    /// `None` is all.
    columns: Option<Vec<String>>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Analyze> {
    c.expect(&["analyze"])?;
    c.take(&["table"]);
    let table = c.name()?;
    c.take(&["compute", "statistics"]);
    let columns = if c.take(&["for", "all", "columns"]) || !c.take(&["for", "columns"]) {
        None
    } else {
        let mut names = vec![c.identifier()?];
        while c.take_token(&Token::Comma) {
            names.push(c.identifier()?);
        }
        Some(names)
    };
    Ok(Analyze { table, columns })
}

impl Analyze {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let (name, relation) = ctx.existing(&self.table, Need::Owner)?;
        context::expect_kind(&name, &relation.kind, "table")?;
        let plan = ctx.plan(&*summarize::whole_table(&self.table)?).await?;
        let columns = self.selected(plan.schema().columns())?;
        let profiles = profile::profile(ctx, plan, columns).await?;
        let statistics = statistics(&profiles, relation.statistics.as_ref());
        store(ctx, &name, statistics)?;
        ctx.wrote();
        Ok(Outcome::batch(
            "ANALYZE",
            &ctx.query,
            profile::reply(&profiles)?,
        ))
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        ctx.existing(&self.table, Need::Owner)?;
        Ok(profile::reply_schema())
    }

    fn selected(&self, all: Vec<Column>) -> Result<Vec<Column>> {
        let Some(names) = &self.columns else {
            return Ok(all);
        };
        let found = names.iter().map(|name| {
            all.iter()
                .find(|c| c.name == *name)
                .cloned()
                .ok_or_else(|| {
                    Error::new(
                        Kind::UndefinedColumn,
                        format!("column \"{name}\" does not exist"),
                    )
                    .candidates(name, all.iter().map(|c| c.name.as_str()))
                })
        });
        found.collect()
    }
}

/// The new figures over the earlier ones of columns that were not looked at.
fn statistics(profiles: &[Profile], earlier: Option<&TableStatistics>) -> TableStatistics {
    let mut columns: BTreeMap<_, _> = earlier.map(|s| s.columns.clone()).unwrap_or_default();
    columns.extend(profiles.iter().map(|p| {
        let bound = |value: &Option<String>| value.as_ref().and_then(|v| v.parse::<f64>().ok());
        let histogram = [bound(&p.min)]
            .into_iter()
            .chain(p.quartiles)
            .chain([bound(&p.max)]);
        let statistics = ColumnStatistics {
            nulls: u64::try_from(p.rows - p.count).unwrap_or_default(),
            distinct: p.distinct.and_then(|d| u64::try_from(d).ok()),
            min: p.min.clone(),
            max: p.max.clone(),
            histogram: histogram.collect::<Option<Vec<_>>>().unwrap_or_default(),
        };
        (p.name.clone(), statistics)
    }));
    TableStatistics {
        rows: profiles
            .first()
            .and_then(|p| u64::try_from(p.rows).ok())
            .unwrap_or_default(),
        analyzed_ms: chrono::Utc::now().timestamp_millis(),
        columns,
    }
}

/// Stores the statistics unless the table was dropped or replaced meanwhile.
fn store(ctx: &Context, name: &ObjectName, statistics: TableStatistics) -> Result<()> {
    ctx.catalog.update(|snapshot| {
        let Some(relation) = snapshot.relation(name) else {
            return Ok((Vec::new(), ()));
        };
        let relation = Relation {
            statistics: Some(statistics),
            ..relation.as_ref().clone()
        };
        Ok((
            vec![Change::PutRelation(name.clone(), Box::new(relation))],
            (),
        ))
    })
}

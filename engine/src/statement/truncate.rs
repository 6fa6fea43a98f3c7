//! `TRUNCATE [TABLE] t, …`: removes all rows. Older versions of the table keep theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::ObjectName as SqlName;
use datafusion::sql::sqlparser::tokenizer::Token;
use serde_json::Value;

use super::cursor::Cursor;
use super::writing::{self, Target};
use super::{Context, Outcome};
use crate::error::Result;
use crate::plan::Need;
use crate::table::{Change, DeltaOperation, Written};

#[derive(Debug, Clone)]
pub(crate) struct Truncate {
    tables: Vec<SqlName>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Truncate> {
    c.expect(&["truncate"])?;
    c.take(&["table"]);
    let mut tables = vec![c.name()?];
    while c.take_token(&Token::Comma) {
        tables.push(c.name()?);
    }
    if !c.take(&["cascade"]) {
        c.take(&["restrict"]);
    }
    Ok(Truncate { tables })
}

impl Truncate {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let targets = self.tables.iter();
        let targets: Vec<Target> = targets
            .map(|name| writing::target(ctx, name, "truncate", &[Need::TRUNCATE]))
            .collect::<Result<_>>()?;
        for target in &targets {
            truncate(ctx, target).await?;
        }
        Ok(Outcome::done("TRUNCATE TABLE"))
    }
}

async fn truncate(ctx: &Context, target: &Target) -> Result<()> {
    let alone = Arc::new(ctx.warehouse.changing(&target.folder).await);
    let base = ctx.warehouse.latest(&target.folder).await?;
    if base.file_count()? == 0 {
        return Ok(());
    }
    let change = Change {
        operation: DeltaOperation::Delete { predicate: None },
        adds: Vec::new(),
        removes: (0..base.file_count()?).collect(),
        metadata: None,
        data_change: true,
        notes: BTreeMap::from([("statement", Value::from("TRUNCATE"))]),
    };
    let written = Written::default();
    let done = writing::commit(ctx, target, &base, change, &written, &alone).await?;
    match done {
        Ok(_) => {
            ctx.wrote();
            Ok(())
        }
        Err(_) => Err(writing::conflict(target)),
    }
}

//! `VACUUM [t] [RETAIN n HOURS] [DRY RUN]`: removes files that no version of the last week (or the
//! last n hours) needs: those of older versions, and those of statements that never committed.
//! Without a table it does so for all, and removes folders that belong to no table.

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::ObjectName as SqlName;

use super::cursor::Cursor;
use super::{Context, Notice, Outcome, outcome, writing};
use crate::catalog::RelationKind;
use crate::error::{Error, Kind, Result};
use crate::plan::Need;
use crate::table;

/// As other writers of Delta tables keep them.
const RETENTION_HOURS: u64 = 7 * 24;

const COLUMN: &str = "file";

#[derive(Debug, Clone)]
pub(crate) struct Vacuum {
    table: Option<SqlName>,
    retention_hours: u64,
    dry_run: bool,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Vacuum> {
    c.expect(&["vacuum"])?;
    let mut vacuum = Vacuum {
        table: None,
        retention_hours: RETENTION_HOURS,
        dry_run: false,
    };
    let [word] = c.leading_words::<1>();
    if !c.at_end() && !["retain", "dry"].contains(&word.as_str()) {
        vacuum.table = Some(c.name()?);
    }
    if c.take(&["retain"]) {
        vacuum.retention_hours = c.sql(|p| p.parse_literal_uint())?;
        c.expect(&["hours"])?;
    }
    vacuum.dry_run = c.take(&["dry", "run"]);
    Ok(vacuum)
}

impl Vacuum {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let retention = i64::try_from(self.retention_hours).ok();
        let retention = retention
            .and_then(chrono::Duration::try_hours)
            .ok_or_else(|| Error::new(Kind::InvalidParameterValue, "the retention is too long"))?;
        let folders = match &self.table {
            Some(name) => vec![writing::target(ctx, name, "vacuum", &[Need::Owner])?.folder],
            None => managed_folders(ctx, true),
        };
        let mut removed = Vec::new();
        for folder in &folders {
            let done = table::vacuum(&ctx.warehouse, folder, retention, self.dry_run).await?;
            removed.extend(
                done.files
                    .into_iter()
                    .map(|file| format!("{folder}/{file}")),
            );
        }
        // Folders of no table are nobody's but the superuser's.
        if self.table.is_none() && ctx.is_superuser() {
            let used = managed_folders(ctx, false).into_iter().collect();
            for folder in ctx.warehouse.unused(&used).await? {
                if !self.dry_run {
                    ctx.warehouse.remove(&folder).await?;
                }
                removed.push(format!("{folder}/"));
            }
        }
        if self.dry_run {
            let rows = outcome::text_column(COLUMN, removed)?;
            return Ok(Outcome::batch("VACUUM", &ctx.query, rows));
        }
        let done = format!("{} unused files or folders removed", removed.len());
        Ok(Outcome::done("VACUUM").with(Notice::info(done)))
    }

    pub fn columns(&self) -> Option<SchemaRef> {
        self.dry_run.then(|| outcome::text_schema(&[COLUMN]))
    }
}

/// The folders of managed tables, of all of them or those that the user owns.
fn managed_folders(ctx: &Context, owned: bool) -> Vec<String> {
    let snapshot = ctx.catalog.snapshot();
    let user = &ctx.variables.user;
    let folders = snapshot
        .relations()
        .filter(|(_, relation)| !owned || snapshot.owns(user, &relation.access))
        .filter_map(|(_, relation)| match &relation.kind {
            RelationKind::Managed(managed) => Some(managed.folder.clone()),
            _ => None,
        });
    folders.collect()
}

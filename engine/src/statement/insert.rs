//! `INSERT INTO t [(column, …)] VALUES …|SELECT …|DEFAULT VALUES`: adds rows to a managed table.
//!
//! The rows are one new version of the table: all of them are there, or none. Writers that only add
//! rows never wait for each other and never fail because of each other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};
use serde_json::Value;

use super::cursor::Cursor;
use super::writing::{self, Target};
use super::{Context, Outcome, compose};
use crate::error::{Error, Kind, Result};
use crate::plan::{self, Need};
use crate::table::{Change, DeltaOperation, SaveMode};

#[derive(Debug, Clone)]
pub(crate) struct Insert {
    table: SqlName,
    columns: Vec<SqlName>,
    /// None: DEFAULT VALUES.
    source: Option<Box<ast::Query>>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Insert> {
    let ast::Statement::Insert(insert) = c.sql(|p| p.parse_statement())? else {
        return Err(c.unexpected("INSERT INTO t …"));
    };
    for (given, what) in [
        (insert.on.is_some(), "ON CONFLICT"),
        (insert.returning.is_some(), "RETURNING"),
        (insert.overwrite, "INSERT OVERWRITE"),
        (insert.partitioned.is_some(), "INSERT … PARTITION"),
    ] {
        if given {
            return Err(Error::unsupported(what));
        }
    }
    let ast::TableObject::TableName(table) = insert.table else {
        return Err(Error::unsupported("INSERT INTO a function"));
    };
    let mut source = insert.source;
    if let Some(query) = &mut source
        && let ast::SetExpr::Values(values) = query.body.as_mut()
    {
        for value in values
            .rows
            .iter_mut()
            .flat_map(|row| row.content.iter_mut())
        {
            *value = compose::or_default(value);
        }
    }
    Ok(Insert {
        table,
        columns: insert.columns,
        source,
    })
}

impl Insert {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let target = writing::target(ctx, &self.table, "insert into", &[Need::INSERT])?;
        let query = match &self.source {
            Some(query) => query.clone(),
            None => crate::sql::parse_query("SELECT 1 LIMIT 1")?,
        };
        let mut query = query;
        self.type_values(ctx, &target, &mut query).await?;
        let plan = ctx.plan(&query).await?;
        let found = match self.source {
            Some(_) => plan.schema().fields().len(),
            None => 0,
        };
        let sources = |schema: &Schema| self.sources(schema, found, &target);
        let rows = append(ctx, &target, "INSERT", plan, sources);
        Ok(Outcome::wrote("INSERT 0", rows.await?))
    }

    /// A value of VALUES is of the type of the column that it is for.
    async fn type_values(
        &self,
        ctx: &Context,
        target: &Target,
        query: &mut ast::Query,
    ) -> Result<()> {
        let ast::SetExpr::Values(values) = query.body.as_mut() else {
            return Ok(());
        };
        let base = ctx.warehouse.latest(&target.folder).await?;
        let schema = base.schema();
        let width = values.rows.iter().map(|row| row.content.len()).max();
        let sources = self.sources(schema, width.unwrap_or_default(), target)?;
        let columns = schema.fields().iter().zip(sources);
        let mut types = HashMap::new();
        for (field, source) in columns {
            if let Some(at) = source {
                types.insert(at, field);
            }
        }
        for row in &mut values.rows {
            for (at, value) in row.content.iter_mut().enumerate() {
                if let Some(field) = types.get(&at) {
                    *value = compose::typed(value.clone(), field)?;
                }
            }
        }
        Ok(())
    }

    /// For each column of the table, which column of the source it gets.
    fn sources(
        &self,
        schema: &Schema,
        found: usize,
        target: &Target,
    ) -> Result<Vec<Option<usize>>> {
        let name = &target.name.name;
        let columns = schema.fields().iter().map(|f| f.name().clone());
        let named: Vec<String> = match self.columns.is_empty() {
            true => columns.clone().take(found).collect(),
            false => {
                let names = self.columns.iter();
                names
                    .map(|column| compose::known_column(column, schema, name))
                    .collect::<Result<_>>()?
            }
        };
        compose::check_once(&named)?;
        if found > named.len() {
            return Err(Error::new(
                Kind::Syntax,
                "INSERT has more expressions than target columns",
            ));
        }
        if found < named.len() && !self.columns.is_empty() {
            return Err(Error::new(
                Kind::Syntax,
                "INSERT has more target columns than expressions",
            ));
        }
        Ok(columns
            .map(|column| named.iter().position(|name| *name == column))
            .collect())
    }
}

/// Adds the rows of a plan as one new version; `sources` tells which of its columns each of the
/// table's columns is. Gives their number.
pub(super) async fn append(
    ctx: &Context,
    target: &Target,
    verb: &'static str,
    plan: LogicalPlan,
    sources: impl FnOnce(&Schema) -> Result<Vec<Option<usize>>>,
) -> Result<u64> {
    let adding = Arc::new(ctx.warehouse.writing(&target.folder).await);
    let base = ctx.warehouse.latest(&target.folder).await?;
    let fields: Vec<&Field> = base.schema().fields().iter().map(|f| f.as_ref()).collect();
    let logical = plan::assigned(&ctx.state, plan, &fields, &sources(base.schema())?)?;
    let shape = (base.schema(), &base.layout()?);
    let (uncommitted, adds, rows) =
        writing::write_query(ctx, &logical, base.place(), shape, false).await?;
    if adds.is_empty() {
        return Ok(0);
    }
    let change = Change {
        operation: DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: None,
            predicate: None,
        },
        adds,
        removes: Vec::new(),
        metadata: None,
        data_change: true,
        notes: BTreeMap::from([
            ("statement", Value::from(verb)),
            ("rowsAdded", Value::from(rows)),
        ]),
    };
    let written = &uncommitted.written;
    let done = writing::commit(ctx, target, &base, change, written, &adding).await?;
    if done.is_err() {
        return Err(writing::conflict(target));
    }
    uncommitted.committed();
    ctx.wrote();
    Ok(rows)
}

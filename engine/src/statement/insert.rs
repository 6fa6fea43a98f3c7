//! `INSERT INTO t [(column, …)] VALUES …|SELECT …|DEFAULT VALUES`: adds rows to a managed table.
//!
//! The rows are one new version of the table: all of them are there, or none. Writers that only add
//! rows never wait for each other and never fail because of each other.

use std::collections::{BTreeMap, HashMap};

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};
use serde_json::Value;

use super::cursor::Cursor;
use super::writing::{self, Target, Uncommitted};
use super::{Context, Outcome, compose};
use crate::error::{Error, Kind, Result};
use crate::plan;
use crate::sql::type_name;
use crate::table::{self, Change, DeltaOperation, SaveMode, WriteTarget};

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
        let target = writing::target(ctx, &self.table, "insert into")?;
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
            if let Some(at) = source.filter(|_| !field.data_type().is_nested()) {
                types.insert(at, (field, stored_type(field.data_type())));
            }
        }
        for row in &mut values.rows {
            for (at, value) in row.content.iter_mut().enumerate() {
                if let Some((field, data_type)) = types.get(&at) {
                    check_literal(value, field)?;
                    *value = compose::cast(value.clone(), data_type)?;
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
        if let Some(twice) = (1..named.len()).find(|at| named[..*at].contains(&named[*at])) {
            return Err(Error::new(
                Kind::DuplicateColumn,
                format!("column \"{}\" specified more than once", named[twice]),
            ));
        }
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

/// A number is no date and a boolean no number, though a cast would make one of the other.
fn check_literal(value: &ast::Expr, field: &Field) -> Result<()> {
    let value = match value {
        ast::Expr::UnaryOp { expr, .. } | ast::Expr::Nested(expr) => expr,
        other => other,
    };
    let ast::Expr::Value(literal) = value else {
        return Ok(());
    };
    let data_type = field.data_type();
    let is_text = matches!(data_type, DataType::Utf8View);
    let (found, fits) = match &literal.value {
        ast::Value::Number(..) => ("numeric", data_type.is_numeric() || is_text),
        ast::Value::Boolean(_) => ("boolean", *data_type == DataType::Boolean || is_text),
        _ => return Ok(()),
    };
    match fits {
        true => Ok(()),
        false => Err(Error::new(
            Kind::TypeMismatch,
            format!(
                "column \"{}\" is of type {} but expression is of type {found}",
                field.name(),
                type_name(data_type)
            ),
        )
        .hint("You will need to rewrite or cast the expression.")),
    }
}

/// The type of a column in SQL. A timestamp without its precision would be one of nanoseconds, which
/// has not room for all years.
fn stored_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Timestamp(_, None) => "timestamp(6)".to_string(),
        DataType::Timestamp(_, Some(_)) => "timestamp(6) with time zone".to_string(),
        other => type_name(other),
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
    let _writing = ctx.warehouse.writing(&target.folder).await;
    let base = ctx.warehouse.latest(&target.folder).await?;
    let fields: Vec<&Field> = base.schema().fields().iter().map(|f| f.as_ref()).collect();
    let logical = plan::assigned(&ctx.state, plan, &fields, &sources(base.schema())?)?;
    let physical = ctx.execution.prepare(&ctx.state, &logical).await?;
    let uncommitted = Uncommitted::new(base.place());
    let written = &uncommitted.written;
    let to = WriteTarget::new(
        base.place(),
        base.schema().clone(),
        &base.layout()?,
        written,
    )?;
    let (adds, rows) = writing::write(ctx, physical, to, false).await?;
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
    let done = table::commit(&ctx.warehouse, &target.folder, &base, change, written).await?;
    if done.is_err() {
        return Err(writing::conflict(target));
    }
    uncommitted.committed();
    ctx.wrote();
    Ok(rows)
}

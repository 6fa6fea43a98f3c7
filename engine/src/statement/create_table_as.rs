//! `CREATE [OR REPLACE] TABLE [IF NOT EXISTS] t [(column type [NOT NULL], …)] [PARTITIONED BY (c, …)]
//! [CLUSTERED BY (k, …) [INTO n CHUNKS]] [WITH (…)] [AS query [WITH [NO] DATA]]`: a table that Quern
//! stores.
//!
//! The rows are written and the table's first version is committed in a folder of its own; only then
//! does the catalog learn the name. A crash before that leaves a folder that VACUUM finds.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::create_table::{Created, Head, column_spec};
use super::cursor::{Cursor, fold};
use super::writing::{self, Uncommitted};
use super::{Context, Outcome, create_temporary, with_options};
use crate::catalog::RelationKind;
use crate::error::{Error, Kind, Result};
use crate::options::Options;
use crate::plan;
use crate::table::{self, Layout, Managed};

#[derive(Debug, Clone)]
pub(crate) struct CreateTableAs {
    head: Head,
    layout: Layout,
    options: Options,
    query: Option<Box<ast::Query>>,
    with_data: bool,
}

/// What follows the name and the columns.
pub(super) fn parse(c: &mut Cursor, head: Head, options: Options) -> Result<CreateTableAs> {
    let mut table = CreateTableAs {
        head,
        layout: Layout::default(),
        options,
        query: None,
        with_data: true,
    };
    while !c.at_end() {
        match c.expect_one_of(&["clustered", "partitioned", "with", "on", "as"])? {
            "clustered" => clustered_by(c, &mut table.layout)?,
            "partitioned" => {
                c.expect(&["by"])?;
                table.layout.partitioned_by = names(c)?;
            }
            "on" => table.head.on_commit = Some(create_temporary::on_commit(c)?),
            "with" => table.options = with_options::parse(c)?,
            _ => {
                table.query = Some(c.query()?);
                if c.take(&["with", "no", "data"]) {
                    table.with_data = false;
                } else {
                    c.take(&["with", "data"]);
                }
                break;
            }
        }
    }
    let untyped = |column: &ast::ColumnDef| column.data_type == ast::DataType::Unspecified;
    if table.query.is_none()
        && (table.head.columns.is_empty() || table.head.columns.iter().any(untyped))
    {
        return Err(c
            .unexpected("(column type, …) or AS query")
            .hint("A table over files needs WITH (location = '…')."));
    }
    Ok(table)
}

/// `BY (k, …) [INTO n CHUNKS]`, after CLUSTER or CLUSTERED.
pub(super) fn clustered_by(c: &mut Cursor, layout: &mut Layout) -> Result<()> {
    c.expect(&["by"])?;
    layout.clustered_by = names(c)?;
    if c.take(&["into"]) {
        let chunks = c.sql(|p| p.parse_literal_uint())?;
        if chunks == 0 {
            return Err(Error::new(
                Kind::InvalidParameterValue,
                "a table has at least one chunk",
            ));
        }
        c.expect(&["chunks"])?;
        layout.chunks = Some(chunks);
    }
    Ok(())
}

fn names(c: &mut Cursor) -> Result<Vec<String>> {
    let names = c.sql(|p| {
        p.expect_token(&Token::LParen)?;
        let names = p.parse_comma_separated(|p| p.parse_identifier())?;
        p.expect_token(&Token::RParen)?;
        Ok(names)
    })?;
    Ok(names.iter().map(fold).collect())
}

impl CreateTableAs {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let name = self.head.new_name(ctx)?;
        if self
            .head
            .exists(&ctx.catalog.snapshot(), &ctx.variables.user, &name)?
        {
            return Ok(self.head.skipped(&name));
        }
        let plan = match &self.query {
            Some(query) => Some(ctx.plan(query).await?),
            None => None,
        };
        let schema = table::storable_schema(&self.columns(ctx, plan.as_ref())?)?;
        let layout = self.checked_layout(&schema)?;
        let folder = ctx.warehouse.new_folder(&name.schema, &name.name);
        let place = ctx.warehouse.place(&folder.name);
        let (uncommitted, adds, rows) = match plan.filter(|_| self.with_data) {
            Some(plan) => {
                let fields: Vec<&Field> = schema.fields().iter().map(|f| f.as_ref()).collect();
                let sources: Vec<_> = (0..fields.len()).map(Some).collect();
                let plan = plan::assigned(&ctx.state, plan, &fields, &sources)?;
                writing::write_query(ctx, &plan, &place, (&schema, &layout), true).await?
            }
            None => (Uncommitted::new(&place), Vec::new(), 0),
        };
        // What becomes of it is known before the statement is cancelled.
        ctx.query.begin_commit()?;
        table::create(
            &ctx.warehouse,
            &folder.name,
            &schema,
            &layout,
            adds,
            &uncommitted.written,
        )
        .await?;
        let kind = RelationKind::Managed(Managed {
            folder: folder.name.clone(),
        });
        let created = ctx
            .catalog
            .update(|snapshot| self.head.decide(snapshot, &ctx.variables.user, &name, kind));
        match created {
            Ok(Created::InPlaceOf(replaced)) => {
                uncommitted.committed();
                if let Some(RelationKind::Managed(old)) = replaced.map(|r| r.kind.clone()) {
                    ctx.remove_folder(&old.folder).await;
                }
            }
            Ok(Created::Skipped) => {
                ctx.warehouse.remove(&folder.name).await?;
                return Ok(self.head.skipped(&name));
            }
            Err(error) => {
                ctx.warehouse.remove(&folder.name).await?;
                return Err(error);
            }
        }
        ctx.wrote();
        create_temporary::end_transaction(ctx).await;
        Ok(match (&self.query, self.with_data) {
            (Some(_), true) => Outcome::wrote("SELECT", rows),
            (Some(_), false) => Outcome::done("CREATE TABLE AS"),
            (None, _) => Outcome::done("CREATE TABLE"),
        })
    }

    /// The columns as they are declared, or those of the query.
    fn columns(&self, ctx: &Context, plan: Option<&LogicalPlan>) -> Result<Schema> {
        let declared = &self.head.columns;
        let Some(plan) = plan else {
            let columns = declared
                .iter()
                .map(|column| Ok(column_spec(ctx, column)?.field()));
            return Ok(Schema::new(columns.collect::<Result<Vec<_>>>()?));
        };
        if let Some(typed) = declared
            .iter()
            .find(|c| c.data_type != ast::DataType::Unspecified)
        {
            return Err(Error::new(
                Kind::Syntax,
                format!(
                    "column \"{}\" has a type and CREATE TABLE AS a query",
                    typed.name
                ),
            )
            .hint("The query gives the types: cast its columns."));
        }
        let found = plan::shown(plan.schema().inner());
        if declared.len() > found.fields().len() {
            return Err(Error::new(
                Kind::Syntax,
                "too many column names were specified",
            ));
        }
        let fields = found.fields().iter().enumerate().map(|(at, field)| {
            let name = declared.get(at).map(|column| fold(&column.name));
            let name = name.unwrap_or_else(|| field.name().clone());
            let data_type = match field.data_type() {
                DataType::Null => DataType::Utf8View,
                other => other.clone(),
            };
            Field::new(name, data_type, true)
        });
        Ok(Schema::new(fields.collect::<Vec<_>>()))
    }

    fn checked_layout(&self, schema: &SchemaRef) -> Result<Layout> {
        let mut options = self.options.clone();
        let mut layout = self.layout.clone();
        if let Some(columns) = options.take_texts("bloom_filter_columns")? {
            layout.bloom_filters = columns;
        }
        options.finish()?;
        check_layout(&layout, schema)?;
        Ok(layout)
    }
}

/// The columns of a layout exist, and their values can be sorted or name a folder.
pub(super) fn check_layout(layout: &Layout, schema: &Schema) -> Result<()> {
    let groups = [
        &layout.clustered_by,
        &layout.partitioned_by,
        &layout.bloom_filters,
    ];
    for name in groups.into_iter().flatten() {
        let Ok(field) = schema.field_with_name(name) else {
            return Err(Error::new(
                Kind::UndefinedColumn,
                format!("column \"{name}\" does not exist"),
            )
            .candidates(name, schema.fields().iter().map(|f| f.name().as_str())));
        };
        if field.data_type().is_nested() {
            return Err(Error::new(
                Kind::InvalidTableDefinition,
                format!("column \"{name}\" is nested and cannot lay out a table"),
            ));
        }
    }
    for names in groups {
        if let Some(at) = (1..names.len()).find(|at| names[..*at].contains(&names[*at])) {
            return Err(Error::new(
                Kind::DuplicateColumn,
                format!("column \"{}\" specified more than once", names[at]),
            ));
        }
    }
    let partitions = &layout.partitioned_by;
    if let Some(both) = partitions.iter().find(|p| layout.clustered_by.contains(p)) {
        return Err(Error::new(
            Kind::InvalidTableDefinition,
            format!("column \"{both}\" partitions and clusters the table"),
        )
        .hint("Each partition has one value of it already: cluster by another column."));
    }
    if !partitions.is_empty() && partitions.len() == schema.fields().len() {
        return Err(Error::new(
            Kind::InvalidTableDefinition,
            "a table needs a column besides those that partition it",
        ));
    }
    let binary = partitions.iter().find(|name| {
        let field = schema.field_with_name(name);
        field.is_ok_and(|f| matches!(f.data_type(), DataType::BinaryView))
    });
    match binary {
        Some(name) => Err(Error::unsupported(format!(
            "partitioning by bytea column \"{name}\""
        ))),
        None => Ok(()),
    }
}

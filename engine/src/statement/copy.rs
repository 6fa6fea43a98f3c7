//! `COPY t [(column, …)] | (query) TO 'path' (…)` writes files; `COPY t [(column, …)] FROM 'path' (…)`
//! adds the rows of files to a managed table.
//!
//! A path with an extension is one file; any other, and every COPY with PARTITION_BY, is a folder.
//! A file appears when it is complete. Options: FORMAT, HEADER, DELIMITER, NULL, QUOTE, COMPRESSION,
//! PARTITION_BY; FROM takes those of `read_csv` and its sisters.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::cast::as_uint64_array;
use datafusion::common::file_options::file_type::FileType;
use datafusion::datasource::file_format::format_as_file_type;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};
use datafusion::sql::sqlparser::tokenizer::Token;
use futures::TryStreamExt;

use super::cursor::{Cursor, fold};
use super::{Context, Outcome, compose, insert, writing};
use crate::error::{Error, Kind, Result};
use crate::options::{OptionValue, Options};
use crate::source::store::is_remote;
use crate::source::{ColumnSpec, Format, Spec, Store, StoreOptions, absolute_location};
use crate::sql::literal;

#[derive(Debug, Clone)]
pub(crate) struct Copy {
    direction: Direction,
    path: String,
    options: Options,
}

#[derive(Debug, Clone)]
enum Direction {
    To(Box<ast::Query>),
    From {
        table: SqlName,
        columns: Vec<SqlName>,
    },
}

pub(super) fn parse(c: &mut Cursor) -> Result<Copy> {
    c.expect(&["copy"])?;
    let (direction, path) = if c.take_token(&Token::LParen) {
        let query = c.query()?;
        c.expect_token(&Token::RParen)?;
        c.expect(&["to"])?;
        (Direction::To(query), c.string()?)
    } else {
        let table = c.name()?;
        let mut columns = Vec::new();
        if c.take_token(&Token::LParen) {
            let names = c.sql(|p| p.parse_comma_separated(|p| p.parse_identifier()))?;
            c.expect_token(&Token::RParen)?;
            columns = names.into_iter().map(|n| SqlName::from(vec![n])).collect();
        }
        match c.expect_one_of(&["to", "from"])? {
            "to" => (Direction::To(columns_of(&table, &columns)?), c.string()?),
            _ => (Direction::From { table, columns }, c.string()?),
        }
    };
    c.take(&["with"]);
    let options = match c.at_end() {
        true => Options::default(),
        false => options(c)?,
    };
    Ok(Copy {
        direction,
        path,
        options,
    })
}

fn columns_of(table: &SqlName, columns: &[SqlName]) -> Result<Box<ast::Query>> {
    let mut query = super::summarize::whole_table(table)?;
    if let ast::SetExpr::Select(select) = query.body.as_mut()
        && !columns.is_empty()
    {
        let names = columns
            .iter()
            .filter_map(|c| c.0.first()?.as_ident().cloned());
        select.projection = names
            .map(|name| ast::SelectItem::UnnamedExpr(ast::Expr::Identifier(name)))
            .collect();
    }
    Ok(query)
}

/// `(NAME value, NAME = value, NAME, …)`; a name alone is TRUE.
fn options(c: &mut Cursor) -> Result<Options> {
    c.expect_token(&Token::LParen)?;
    let mut entries = Vec::new();
    while !c.take_token(&Token::RParen) {
        let name = c.identifier()?;
        c.take_token(&Token::Eq);
        let value = match c.peek() {
            Token::Comma | Token::RParen => OptionValue::Boolean(true),
            Token::LParen => {
                let names = c.sql(|p| {
                    p.expect_token(&Token::LParen)?;
                    let names = p.parse_comma_separated(|p| p.parse_identifier())?;
                    p.expect_token(&Token::RParen)?;
                    Ok(names)
                })?;
                OptionValue::Array(names.iter().map(|n| OptionValue::Text(fold(n))).collect())
            }
            Token::Word(word) if word.quote_style.is_none() => {
                let _ = c.identifier()?;
                match word.value.to_lowercase().as_str() {
                    "true" | "on" => OptionValue::Boolean(true),
                    "false" | "off" => OptionValue::Boolean(false),
                    other => OptionValue::Text(other.to_string()),
                }
            }
            _ => literal::value_of(&c.sql(|p| p.parse_expr())?)?,
        };
        entries.push((name, value));
        if !c.take_token(&Token::Comma) {
            c.expect_token(&Token::RParen)?;
            break;
        }
    }
    Options::new(entries)
}

impl Copy {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        if !ctx.variables.is_superuser {
            return Err(Error::new(
                Kind::Privilege,
                "permission denied to COPY to or from a file",
            )
            .hint("Only the administrator reads and writes the server's files."));
        }
        let rows = match &self.direction {
            Direction::To(query) => self.write(ctx, query).await?,
            Direction::From { table, columns } => self.read(ctx, table, columns).await?,
        };
        Ok(Outcome::wrote("COPY", rows))
    }

    async fn write(&self, ctx: &Context, query: &ast::Query) -> Result<u64> {
        let mut options = self.options.clone();
        let location = absolute_location(&self.path)?;
        let named = options.take_text("format")?;
        let format = output_format(named.as_deref(), &location)?;
        let partition_by = options.take_texts("partition_by")?.unwrap_or_default();
        let settings = writer_settings(&mut options, format)?;
        options.finish()?;
        let is_file = partition_by.is_empty() && Path::new(&location).extension().is_some();
        let target = match (is_remote(&location), is_file) {
            (true, _) => {
                let store = Store::open(&location, &StoreOptions::default(), ctx.state.as_ref())?;
                let end = if is_file { "" } else { "/" };
                format!("{}{}{end}", store.url.as_str(), store.prefix)
            }
            (false, true) => location,
            (false, false) => folder(&location)?,
        };
        let plan = ctx.plan(query).await?;
        for name in &partition_by {
            if plan.schema().field_with_unqualified_name(name).is_err() {
                return Err(Error::new(
                    Kind::UndefinedColumn,
                    format!("column \"{name}\" of PARTITION_BY does not exist"),
                ));
            }
        }
        let factory = ctx.state.get_file_format_factory(format);
        let factory = factory.ok_or_else(|| Error::internal(format!("no writer of {format}")))?;
        let file_type: Arc<dyn FileType> = format_as_file_type(factory);
        let copy = LogicalPlanBuilder::copy_to(plan, target, file_type, settings, partition_by)?;
        let physical = ctx.execution.prepare(&ctx.state, &copy.build()?).await?;
        let stream = ctx.execution.start(&ctx.query, &ctx.state, physical)?;
        let batches: Vec<_> = stream.try_collect().await?;
        let counts = batches.iter().map(|batch| {
            let counts = as_uint64_array(batch.column(0))?;
            Ok(counts.iter().flatten().sum::<u64>())
        });
        counts.sum()
    }

    async fn read(&self, ctx: &Context, table: &SqlName, columns: &[SqlName]) -> Result<u64> {
        let target = writing::target(ctx, table, "copy into")?;
        let schema = Arc::clone(ctx.warehouse.latest(&target.folder).await?.schema());
        let names: Vec<String> = match columns.is_empty() {
            true => schema.fields().iter().map(|f| f.name().clone()).collect(),
            false => {
                let names = columns.iter();
                names
                    .map(|name| compose::known_column(name, &schema, &target.name.name))
                    .collect::<Result<_>>()?
            }
        };
        let mut options = self.options.clone();
        options.rename("null", "null_values");
        let format = options.take_text("format")?;
        let is_csv = match &format {
            Some(format) => Format::parse(format)?.0 == Format::Csv,
            None => Format::of_name(&self.path) == Some(Format::Csv),
        };
        let declared = names.iter().filter(|_| is_csv).map(|name| {
            let field = schema.field_with_name(name)?;
            Ok(ColumnSpec {
                name: name.clone(),
                data_type: field.data_type().clone(),
                nullable: true,
            })
        });
        let spec = Spec {
            locations: vec![self.path.clone()],
            format,
            columns: declared.collect::<Result<_>>()?,
            partition_columns: None,
            options,
        };
        let files = spec.resolve(&ctx.state).await?.open(&ctx.state).await?;
        let scan = LogicalPlanBuilder::scan("files", provider_as_source(files), None)?.build()?;
        let found = Schema::clone(scan.schema().inner());
        let sources = |schema: &Schema| {
            let fields = schema.fields().iter();
            let sources = fields.map(|f| {
                let wanted = names.contains(f.name());
                wanted.then(|| found.index_of(f.name()).ok()).flatten()
            });
            let sources: Vec<_> = sources.collect();
            match sources.iter().any(Option::is_some) {
                true => Ok(sources),
                false => Err(Error::new(
                    Kind::UndefinedColumn,
                    "the files have none of the table's columns",
                )),
            }
        };
        insert::append(ctx, &target, "COPY", scan, sources).await
    }
}

/// The format to write: as named, or as the path's extension says.
fn output_format(named: Option<&str>, location: &str) -> Result<&'static str> {
    let format = match named {
        Some(name) => Some(Format::parse(name)?.0),
        None => Format::of_name(location),
    };
    match format {
        Some(Format::Parquet) => Ok("parquet"),
        Some(Format::Csv) => Ok("csv"),
        Some(Format::Json) => Ok("json"),
        Some(Format::Arrow) => Ok("arrow"),
        Some(other) => Err(Error::unsupported(format!(
            "writing {} files",
            other.name()
        ))),
        None => Err(Error::new(
            Kind::InvalidParameterValue,
            format!("the name of \"{location}\" does not tell its format"),
        )
        .hint("Add (FORMAT parquet), or csv, json, arrow.")),
    }
}

/// The options of a writer, as DataFusion names them.
fn writer_settings(options: &mut Options, format: &'static str) -> Result<HashMap<String, String>> {
    let mut settings = HashMap::new();
    let mut set = |name: &str, value: String| settings.insert(format!("format.{name}"), value);
    if let Some(compression) = options.take_text("compression")? {
        set("compression", compression.to_lowercase());
    }
    if format == "csv" {
        let header = options.take_boolean("header")?.unwrap_or(true);
        set("has_header", header.to_string());
        set("timestamp_format", "%Y-%m-%d %H:%M:%S%.f".to_string());
        set("timestamp_tz_format", "%Y-%m-%d %H:%M:%S%.f%:z".to_string());
        for (option, name) in [
            ("delimiter", "delimiter"),
            ("quote", "quote"),
            ("null", "null_value"),
        ] {
            if let Some(text) = options.take_text(option)? {
                set(name, text);
            }
        }
    }
    Ok(settings)
}

/// The folder to write into, which must be empty or not be there.
fn folder(location: &str) -> Result<String> {
    let folder = format!("{}/", location.trim_end_matches('/'));
    let is_empty = match std::fs::read_dir(&folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => true,
    };
    match is_empty {
        false => Err(Error::new(
            Kind::DuplicateObject,
            format!("folder \"{folder}\" is not empty"),
        )
        .hint("Choose another folder, or remove its files first.")),
        true => Ok(folder),
    }
}

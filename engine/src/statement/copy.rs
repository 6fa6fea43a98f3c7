//! `COPY t [(column, …)] | (query) TO 'path' (…)` writes files, or sends rows to the client (STDOUT); `COPY t [(column, …)] FROM 'path' (…)`
//! adds the rows of files, or of the client (STDIN), to a managed table.
//!
//! A path with an extension is one file; any other, and every COPY with PARTITION_BY, is a folder.
//! A file appears when it is complete. Options: FORMAT, HEADER, DELIMITER, NULL, QUOTE, COMPRESSION,
//! PARTITION_BY; FROM takes those of `read_csv` and its sisters.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::cast::as_int64_array;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};
use datafusion::sql::sqlparser::tokenizer::Token;
use futures::TryStreamExt;

use super::copy_stream::{self, CopyStream};
use super::cursor::Cursor;
use super::{Context, Outcome, compose, copy_options, insert, writing};
use crate::error::{Error, Kind, Result};
use crate::export::{CsvStyle, Encoding, Export, ExportExec, Finished, Place};
use crate::options::Options;
use crate::plan::{self, Need};
use crate::source::store::is_remote;
use crate::source::{
    ColumnSpec, Compression, Format, Spec, Store, StoreOptions, Wish, absolute_location,
};
use crate::table;

#[derive(Debug, Clone)]
pub(crate) struct Copy {
    direction: Direction,
    place: End,
    options: Options,
}

/// The other end of a COPY.
#[derive(Debug, Clone)]
enum End {
    Files(String),
    /// STDIN or STDOUT: the connection.
    Client,
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
    let (direction, place) = if c.take_token(&Token::LParen) {
        let query = c.query()?;
        c.expect_token(&Token::RParen)?;
        c.expect(&["to"])?;
        (Direction::To(query), end(c, "stdout")?)
    } else {
        let table = c.name()?;
        let mut columns = Vec::new();
        if c.take_token(&Token::LParen) {
            let names = c.sql(|p| p.parse_comma_separated(|p| p.parse_identifier()))?;
            c.expect_token(&Token::RParen)?;
            columns = names.into_iter().map(|n| SqlName::from(vec![n])).collect();
        }
        match c.expect_one_of(&["to", "from"])? {
            "to" => {
                let query = columns_of(&table, &columns)?;
                (Direction::To(query), end(c, "stdout")?)
            }
            _ => (Direction::From { table, columns }, end(c, "stdin")?),
        }
    };
    c.take(&["with"]);
    let options = copy_options::parse(c)?;
    Ok(Copy {
        direction,
        place,
        options,
    })
}

fn end(c: &mut Cursor, client: &'static str) -> Result<End> {
    match c.take(&[client]) {
        true => Ok(End::Client),
        false => Ok(End::Files(c.string()?)),
    }
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

impl Copy {
    /// Whether it changes a table.
    pub fn writes(&self) -> bool {
        matches!(self.direction, Direction::From { .. })
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        match &self.place {
            End::Files(path) => self.run_files(ctx, path).await,
            End::Client => self.run_client(ctx).await,
        }
    }

    /// Rows of a query for the client, or of the client for a table.
    async fn run_client(&self, ctx: &Context) -> Result<Outcome> {
        if !ctx.variables.takes_copies {
            return Err(Error::unsupported("COPY with STDIN or STDOUT here")
                .hint("It is for clients of a server. Name a file, or use SELECT and INSERT."));
        }
        let options = self.options.clone();
        match &self.direction {
            Direction::To(query) => {
                let plan = ctx.plan(query).await?;
                let style = copy_stream::style(options, &plan::shown(plan.schema().inner()))?;
                let mut outcome = Outcome::rows("COPY", ctx.rows(&plan).await?);
                outcome.copy = Some(CopyStream { style, input: None });
                Ok(outcome)
            }
            Direction::From { table, columns } => {
                let stream = copy_stream::input(ctx, table, columns, options).await?;
                let mut outcome = Outcome::done("COPY");
                outcome.copy = Some(stream);
                Ok(outcome)
            }
        }
    }

    async fn run_files(&self, ctx: &Context, path: &str) -> Result<Outcome> {
        let rows = match &self.direction {
            Direction::To(query) => self.write(ctx, path, query).await?,
            Direction::From { table, columns } => self.read(ctx, path, table, columns).await?,
        };
        Ok(Outcome::wrote("COPY", rows))
    }

    async fn write(&self, ctx: &Context, path: &str, query: &ast::Query) -> Result<u64> {
        let mut options = self.options.clone();
        let location = absolute_location(path)?;
        let written = std::slice::from_ref(&location);
        ctx.names().reach().admit(written, Wish::Write)?;
        let partition_by = options.take_texts("partition_by")?.unwrap_or_default();
        let (encoding, compression) = output(&mut options, &location)?;
        options.finish()?;
        let has_extension = Path::new(&location).extension().is_some();
        let is_folder = !partition_by.is_empty() || !has_extension || location.ends_with('/');
        let plan = ctx.plan(query).await?;
        let columns = plan::shown(plan.schema().inner());
        compose::check_once(&partition_by)?;
        let partition_by = partition_by.iter().map(|name| {
            columns.index_of(name).map_err(|_| {
                let names = columns.fields().iter().map(|f| f.name().as_str());
                let message = format!("column \"{name}\" of PARTITION_BY does not exist");
                Error::new(Kind::UndefinedColumn, message).candidates(name, names)
            })
        });
        let partition_by = partition_by.collect::<Result<Vec<_>>>()?;
        if !partition_by.is_empty() && partition_by.len() == columns.fields().len() {
            let message = "the files need a column besides those of PARTITION_BY";
            return Err(Error::new(Kind::InvalidTableDefinition, message));
        }
        let export = Export {
            place: place(ctx, &location, is_folder)?,
            encoding,
            compression,
            partition_by,
            is_folder,
            finished: Arc::default(),
        };
        // A store's folder may keep files of the first attempt that the second would not replace.
        let repeatable = !is_folder || matches!(export.place, Place::Local(_));
        match write_files(ctx, &plan, &columns, export.clone()).await {
            Err(error) if repeatable => {
                let mut ctx = ctx.clone();
                if !ctx.begin_anew(&error) {
                    return Err(error);
                }
                let finished = Arc::default();
                write_files(&ctx, &plan, &columns, Export { finished, ..export }).await
            }
            done => done,
        }
    }

    async fn read(
        &self,
        ctx: &Context,
        path: &str,
        table: &SqlName,
        columns: &[SqlName],
    ) -> Result<u64> {
        let target = writing::target(ctx, table, "copy into", &[Need::INSERT])?;
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
        compose::check_once(&names)?;
        let mut options = self.options.clone();
        options.rename("null", "null_values");
        let format = options.take_text("format")?;
        let is_csv = match &format {
            Some(format) => Format::parse(format)?.0 == Format::Csv,
            None => Format::of_name(path) == Some(Format::Csv),
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
            locations: vec![path.to_string()],
            format,
            columns: declared.collect::<Result<_>>()?,
            partition_columns: None,
            options,
            reach: ctx.names().reach(),
        };
        let reach = spec.reach.clone();
        let files = plan::define(&ctx.state, spec).await?;
        let files = plan::open_external(&ctx.state, &files, None, &reach).await?;
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

/// Runs the query into its files; gives the number of rows. Its files are removed if it fails.
async fn write_files(
    ctx: &Context,
    plan: &LogicalPlan,
    columns: &SchemaRef,
    export: Export,
) -> Result<u64> {
    let physical = ctx.execution.prepare(&ctx.state, plan).await?;
    let finished = RemovedUnlessKept(Some(Arc::clone(&export.finished)));
    let plan = export_plan(physical, Arc::clone(columns), export)?;
    let stream = ctx.execution.start(&ctx.query, &ctx.state, plan)?;
    let batches: Vec<_> = stream.try_collect().await?;
    finished.keep();
    let counts = batches.iter().map(|batch| {
        let counts = as_int64_array(batch.column(0))?;
        Ok(counts.iter().flatten().sum::<i64>())
    });
    let rows: i64 = counts.sum::<Result<i64>>()?;
    Ok(u64::try_from(rows).unwrap_or_default())
}

/// Removes the files of a COPY that failed or was cancelled.
struct RemovedUnlessKept(Option<Arc<Finished>>);

impl RemovedUnlessKept {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for RemovedUnlessKept {
    fn drop(&mut self) {
        if let Some(finished) = &self.0 {
            finished.remove();
        }
    }
}

/// One file gets all rows, a folder a file for each partition; rows come sorted by the columns that
/// make folders.
fn export_plan(
    input: Arc<dyn ExecutionPlan>,
    columns: SchemaRef,
    export: Export,
) -> Result<Arc<dyn ExecutionPlan>> {
    let names = columns.fields().iter().enumerate().map(|(at, field)| {
        let column = PhysicalColumn::new(input.schema().field(at).name(), at);
        (
            Arc::new(column) as Arc<dyn PhysicalExpr>,
            field.name().clone(),
        )
    });
    let named = ProjectionExec::try_new(names.collect::<Vec<_>>(), Arc::clone(&input))?;
    let input: Arc<dyn ExecutionPlan> = Arc::new(named);
    let input: Arc<dyn ExecutionPlan> = match export.is_folder {
        false => Arc::new(CoalescePartitionsExec::new(input)),
        true => table::sorted_within(input, &columns, &export.partition_by)?,
    };
    Ok(Arc::new(ExportExec::new(input, export)))
}

/// Where the files go. A folder must be empty or not be there.
fn place(ctx: &Context, location: &str, is_folder: bool) -> Result<Place> {
    if is_remote(location) {
        let store = Store::open(location, &StoreOptions::default(), ctx.state.as_ref())?;
        return Ok(Place::Remote(store.store, store.prefix));
    }
    let path = PathBuf::from(location);
    let taken = match is_folder {
        true => std::fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some()),
        false => false,
    };
    if taken {
        return Err(Error::new(
            Kind::DuplicateObject,
            format!("folder \"{location}\" is not empty"),
        )
        .hint("Choose another folder, or remove its files first."));
    }
    Ok(Place::Local(path))
}

/// The format and the compression, as named or as the path says.
fn output(options: &mut Options, location: &str) -> Result<(Encoding, Compression)> {
    let named = options.take_text("format")?;
    let (format, delimiter) = match &named {
        Some(name) => {
            let (format, delimiter) = Format::parse(name)?;
            (Some(format), delimiter)
        }
        None => Format::named_by(location),
    };
    let compression = match options.take_text("compression")? {
        Some(name) => Some(Compression::parse(&name)?),
        None => None,
    };
    let whole = compression.unwrap_or_else(|| Compression::of_name(location));
    let encoding = match format {
        Some(Format::Parquet) => {
            let inside = match compression {
                None | Some(Compression::Zstd) => {
                    return Ok((Encoding::parquet(), Compression::None));
                }
                Some(Compression::None) => parquet::basic::Compression::UNCOMPRESSED,
                Some(Compression::Gzip) => parquet::basic::Compression::GZIP(Default::default()),
                Some(_) => {
                    return Err(Error::new(
                        Kind::InvalidParameterValue,
                        "Parquet files are compressed by zstd, gzip or none",
                    ));
                }
            };
            return Ok((Encoding::Parquet(inside), Compression::None));
        }
        Some(Format::Csv) => Encoding::Csv(CsvStyle {
            header: options.take_boolean("header")?.unwrap_or(true),
            delimiter: one_character(options, "delimiter")?
                .unwrap_or_else(|| char::from(delimiter.unwrap_or(b','))),
            quote: one_character(options, "quote")?.unwrap_or('"'),
            null: options.take_text("null")?.unwrap_or_default(),
        }),
        Some(Format::Json) => Encoding::Json,
        Some(Format::Arrow) if whole == Compression::None => Encoding::Arrow,
        Some(Format::Arrow) => {
            return Err(Error::unsupported("compressing Arrow files as a whole"));
        }
        Some(other) => {
            return Err(Error::unsupported(format!(
                "writing {} files",
                other.name()
            )));
        }
        None => {
            return Err(Error::new(
                Kind::InvalidParameterValue,
                format!("the name of \"{location}\" does not tell its format"),
            )
            .hint("Add (FORMAT parquet), or csv, json, arrow."));
        }
    };
    Ok((encoding, whole))
}

fn one_character(options: &mut Options, name: &'static str) -> Result<Option<char>> {
    let Some(text) = options.take_text(name)? else {
        return Ok(None);
    };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(one), None) if !"\r\n".contains(one) => Ok(Some(one)),
        _ => Err(Error::new(
            Kind::InvalidParameterValue,
            format!("option \"{name}\" cannot be '{text}'"),
        )
        .hint("It is one character.")),
    }
}

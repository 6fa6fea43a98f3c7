//! `COPY … TO STDOUT` and `COPY … FROM STDIN`: rows as bytes over the client's connection.
//!
//! The engine reads the options, gives or takes the rows and knows nothing of bytes: the server
//! writes and reads them ([`CopyStream`]). Rows of a client are added as one version of the table,
//! once [`CopyInput::finish`] says that all have come; until then nothing is visible, and a client
//! that goes away leaves nothing.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::DataFusionError;
use datafusion::datasource::provider_as_source;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::sql::sqlparser::ast::ObjectName as SqlName;
use futures::stream;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{Context, Outcome, compose, insert, writing};
use crate::error::{Error, Kind, Result};
use crate::execution::{Query, Task, unless_ended};
use crate::options::{OptionValue, Options};
use crate::plan::Need;

/// What the server does with a COPY: it writes the outcome's rows, or reads rows for `input`.
pub struct CopyStream {
    pub style: CopyStyle,
    pub input: Option<CopyInput>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    Text,
    Csv,
    Binary,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CopyHeader {
    #[default]
    None,
    /// Written; when reading, skipped.
    Line,
    /// When reading, it must be the columns' names.
    Match,
}

/// How rows look as bytes; `None` is the format's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyStyle {
    pub format: CopyFormat,
    pub delimiter: Option<u8>,
    pub null: Option<String>,
    pub header: CopyHeader,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    /// By position.
    pub force_quote: Vec<bool>,
    pub force_not_null: Vec<bool>,
    pub force_null: Vec<bool>,
}

/// Where the rows of a client go.
pub struct CopyInput {
    /// What each batch must look like.
    pub schema: SchemaRef,
    /// For messages.
    pub table: String,
    rows: mpsc::Sender<Option<RecordBatch>>,
    done: Task<u64>,
    query: Arc<Query>,
}

impl fmt::Debug for CopyInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyInput")
            .field("table", &self.table)
            .finish()
    }
}

/// Batches that wait to be written.
const AHEAD_BATCHES: usize = 2;

impl CopyInput {
    /// Takes rows; waits while the table's writer is behind. An error says why it gave up.
    pub async fn send(&mut self, batch: RecordBatch) -> Result<()> {
        match self.rows.send(Some(batch)).await {
            Ok(()) => Ok(()),
            Err(_) => self.outcome().await.map(drop),
        }
    }

    /// All rows have come: they are in the table when this returns.
    pub async fn finish(mut self) -> Result<Outcome> {
        // When the writer gave up, its error is told below.
        let _ = self.rows.send(None).await;
        let rows = self.outcome().await?;
        Ok(Outcome::wrote("COPY", rows))
    }

    /// The client gave up, or sent what is no row.
    pub fn fail(self, error: &Error) {
        self.query.finish(Err(error));
    }

    async fn outcome(&mut self) -> Result<u64> {
        let query = Arc::clone(&self.query);
        let result = unless_ended(&query, &mut self.done).await;
        query.finish(result.as_ref().map(drop));
        result
    }
}

impl Drop for CopyInput {
    fn drop(&mut self) {
        // Unless it ended already.
        self.query.finish(Err(&given_up()));
    }
}

fn given_up() -> Error {
    Error::new(Kind::Cancelled, "the client gave up its COPY")
}

/// Starts to take rows for the columns of a table.
pub(super) async fn input(
    ctx: &Context,
    table: &SqlName,
    columns: &[SqlName],
    options: Options,
) -> Result<CopyStream> {
    let target = writing::target(ctx, table, "copy into", &[Need::INSERT])?;
    let base = ctx.warehouse.latest(&target.folder).await?;
    let of_table = Arc::clone(base.schema());
    let names = match columns.is_empty() {
        true => of_table.fields().iter().map(|f| f.name().clone()).collect(),
        false => {
            let known = |name| compose::known_column(name, &of_table, &target.name.name);
            columns.iter().map(known).collect::<Result<Vec<_>>>()?
        }
    };
    compose::check_once(&names)?;
    let fields = names.iter().map(|name| {
        let field = of_table.field_with_name(name)?;
        Ok(field.clone().with_nullable(true))
    });
    let schema = Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?));
    let style = style(options, &schema)?;
    let (rows, received) = mpsc::channel(AHEAD_BATCHES);
    let received = Received {
        schema: Arc::clone(&schema),
        rows: Mutex::new(Some(received)),
    };
    let table = StreamingTable::try_new(Arc::clone(&schema), vec![Arc::new(received)])?;
    let table = provider_as_source(Arc::new(table));
    let scan = LogicalPlanBuilder::scan("stdin", table, None)?.build()?;
    let name = target.name.name.clone();
    // Rows that were received cannot be received again.
    let running = ctx.never_anew();
    let done = ctx.workers.run(async move {
        let sources = |schema: &Schema| {
            let fields = schema.fields().iter();
            let sources = fields.map(|f| names.iter().position(|name| name == f.name()));
            Ok(sources.collect())
        };
        insert::append(&running, &target, "COPY", scan, sources).await
    });
    Ok(CopyStream {
        style,
        input: Some(CopyInput {
            schema,
            table: name,
            rows,
            done,
            query: Arc::clone(&ctx.query),
        }),
    })
}

/// What was received, as the one partition of a table that can be read once.
#[derive(Debug)]
struct Received {
    schema: SchemaRef,
    /// Taken by the scan.
    rows: Mutex<Option<mpsc::Receiver<Option<RecordBatch>>>>,
}

impl PartitionStream for Received {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().take();
        if rows.is_none() {
            let error = Error::internal("a client's rows are read twice");
            let batches = stream::iter([Err(error.into())]);
            return Box::pin(RecordBatchStreamAdapter::new(
                Arc::clone(&self.schema),
                batches,
            ));
        }
        let batches = stream::unfold(rows, |rows| async move {
            let mut rows = rows?;
            match rows.recv().await {
                Some(Some(batch)) => Some((Ok(batch), Some(rows))),
                Some(None) => None,
                // Without its end the rows are not all there.
                None => Some((Err(DataFusionError::from(given_up())), None)),
            }
        });
        let schema = Arc::clone(&self.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

/// Reads the options; `columns` are those that are copied.
pub(super) fn style(mut options: Options, columns: &Schema) -> Result<CopyStyle> {
    let format = match options.take_text("format")?.as_deref() {
        None | Some("text") => CopyFormat::Text,
        Some("csv") => CopyFormat::Csv,
        Some("binary") => CopyFormat::Binary,
        Some(other) => {
            let message = format!("COPY format \"{other}\" not recognized");
            return Err(Error::new(Kind::InvalidParameterValue, message)
                .hint("Between server and client rows are text, csv or binary."));
        }
    };
    let header = match options.take("header") {
        None | Some(OptionValue::Boolean(false)) => CopyHeader::None,
        Some(OptionValue::Boolean(true)) => CopyHeader::Line,
        Some(OptionValue::Text(text)) if text.eq_ignore_ascii_case("match") => CopyHeader::Match,
        Some(other) => {
            let message = format!("header requires a Boolean value or \"match\", not {other}");
            return Err(Error::new(Kind::InvalidParameterValue, message));
        }
    };
    let style = CopyStyle {
        format,
        delimiter: one_byte(&mut options, "delimiter")?,
        null: options.take_text("null")?,
        header,
        quote: one_byte(&mut options, "quote")?,
        escape: one_byte(&mut options, "escape")?,
        force_quote: forced(&mut options, "force_quote", columns)?,
        force_not_null: forced(&mut options, "force_not_null", columns)?,
        force_null: forced(&mut options, "force_null", columns)?,
    };
    // Every row that is read is made visible at once anyway.
    options.take_boolean("freeze")?;
    let encoding = options.take_text("encoding")?;
    options.finish()?;
    if let Some(other) =
        encoding.filter(|e| !["utf8", "utf-8"].contains(&e.to_lowercase().as_str()))
    {
        return Err(Error::unsupported(format!(
            "COPY in the encoding \"{other}\""
        )));
    }
    check(&style)?;
    Ok(style)
}

fn check(style: &CopyStyle) -> Result<()> {
    let wrong = |message: &str| Err(Error::new(Kind::Syntax, message));
    let of_csv = style.quote.is_some()
        || style.escape.is_some()
        || [&style.force_quote, &style.force_not_null, &style.force_null]
            .iter()
            .any(|list| list.contains(&true));
    let texts = style.delimiter.is_some() || style.null.is_some();
    match style.format {
        CopyFormat::Binary if texts || of_csv || style.header != CopyHeader::None => {
            wrong("COPY in BINARY mode takes no DELIMITER, NULL, HEADER or QUOTE")
        }
        CopyFormat::Text if of_csv => {
            wrong("COPY QUOTE, ESCAPE and FORCE_… are available only in CSV mode")
        }
        _ => Ok(()),
    }
}

fn one_byte(options: &mut Options, name: &'static str) -> Result<Option<u8>> {
    match options.take_text(name)? {
        None => Ok(None),
        Some(text) => match text.as_bytes() {
            [byte] if byte.is_ascii() && !b"\r\n\\".contains(byte) => Ok(Some(*byte)),
            b"\\" if name == "escape" => Ok(Some(b'\\')),
            _ => Err(Error::new(
                Kind::InvalidParameterValue,
                format!("COPY {name} must be a single one-byte character"),
            )),
        },
    }
}

/// `*` or names of columns.
fn forced(options: &mut Options, name: &'static str, columns: &Schema) -> Result<Vec<bool>> {
    let given = options.take_texts(name)?.unwrap_or_default();
    let all = matches!(given.as_slice(), [one] if one == "*");
    let mut forced = vec![all; columns.fields().len()];
    for column in given.iter().filter(|_| !all) {
        let at = columns.index_of(column).map_err(|_| {
            let message = format!("{name} column \"{column}\" not referenced by COPY");
            Error::new(Kind::UndefinedColumn, message)
        })?;
        forced[at] = true;
    }
    Ok(forced)
}

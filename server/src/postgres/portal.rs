//! Rows on their way to a client: all of them, or as many as it asks for at a time.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use futures::StreamExt;
use pgwire::messages::data::{FieldDescription, RowDescription};
use quern_engine::execution::Query;
use quern_engine::{Notice, Outcome, Result, Rows};
use tokio::io::AsyncWrite;

use super::connection::Connection;
use super::output::Sent;
use super::types::{Format, RowEncoder, TextStyle, pg_type_of};

/// The rows of a statement that runs, and how far they have been sent.
pub struct OpenRows {
    rows: Rows,
    encoder: RowEncoder,
    batch: Option<RecordBatch>,
    /// Of the batch.
    next_row: usize,
    /// Since it was last asked for rows.
    sent_rows: u64,
    tag: &'static str,
}

/// Whether there are more rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Suspended,
    Complete,
}

impl OpenRows {
    pub fn new(
        rows: Rows,
        tag: &'static str,
        formats: &[Format],
        style: &TextStyle,
    ) -> Result<Self> {
        Ok(Self {
            encoder: RowEncoder::new(&rows.schema(), formats, style)?,
            rows,
            batch: None,
            next_row: 0,
            sent_rows: 0,
            tag,
        })
    }
}

impl<W: AsyncWrite + Unpin + Send> Connection<W> {
    /// Sends rows, up to `limit` of them.
    pub(super) async fn send_rows(
        &mut self,
        open: &mut OpenRows,
        limit: Option<u64>,
    ) -> Sent<Result<Extent>> {
        open.sent_rows = 0;
        let mut left = limit.unwrap_or(u64::MAX);
        loop {
            if let Some(batch) = &open.batch {
                let end = batch.num_rows();
                let encoder = match open.encoder.batch(batch) {
                    Ok(encoder) => encoder,
                    Err(error) => return Ok(Err(error)),
                };
                while open.next_row < end && left > 0 {
                    if let Err(error) = encoder.data_row(open.next_row, self.output.buffer()) {
                        return Ok(Err(error));
                    }
                    open.next_row += 1;
                    open.sent_rows += 1;
                    left -= 1;
                    self.output.make_room().await?;
                }
                if left == 0 {
                    return Ok(Ok(Extent::Suspended));
                }
            }
            match self.unless_gone(open.rows.next()).await {
                Some(Ok(batch)) => (open.batch, open.next_row) = (Some(batch), 0),
                Some(Err(error)) => return Ok(Err(error)),
                None => {
                    open.batch = None;
                    return Ok(Ok(Extent::Complete));
                }
            }
        }
    }

    /// Says that all rows were sent, and what was odd about them.
    pub(super) fn finish_rows(&mut self, open: &OpenRows) {
        self.finish(&open.rows, open.tag, open.sent_rows);
    }

    pub(super) fn finish(&mut self, rows: &Rows, tag: &str, sent_rows: u64) {
        self.warn(rows.query());
        self.complete(counted(tag, sent_rows));
    }

    /// Says that a statement without rows is done, and what was odd about what it read.
    pub(super) fn done(&mut self, outcome: &Outcome) {
        if let Some(query) = self.session.current_query() {
            self.warn(&query);
        }
        self.complete(tag(outcome));
    }

    fn warn(&mut self, query: &Query) {
        let warnings = query.warnings();
        let told = query.told().into_iter().map(Notice::info);
        let notices: Vec<_> = told
            .chain(warnings.into_iter().map(Notice::warning))
            .collect();
        self.notices(&notices);
    }
}

/// The command tag of an outcome without rows.
pub fn tag(outcome: &Outcome) -> String {
    match outcome.affected_rows {
        Some(rows) => format!("{} {rows}", outcome.tag),
        None => outcome.tag.to_string(),
    }
}

/// Only some statements tell how many rows they gave.
fn counted(tag: &str, rows: u64) -> String {
    match tag {
        "SELECT" | "FETCH" => format!("{tag} {rows}"),
        _ => tag.to_string(),
    }
}

/// The columns as clients are told of them.
pub fn describe(schema: &Schema, formats: &[Format], style: &TextStyle) -> RowDescription {
    let fields = schema.fields().iter().zip(formats).map(|(field, format)| {
        let pg = pg_type_of(field, style);
        FieldDescription::new(
            field.name().clone(),
            0,
            0,
            pg.oid,
            pg.len,
            pg.modifier,
            format.code(),
        )
    });
    RowDescription::new(fields.collect())
}

//! COPY between the server and its client: rows as text, CSV or PostgreSQL's binary tuples.
//!
//! ```text
//!  TO STDOUT     ← CopyOutResponse, CopyData…, CopyDone, CommandComplete
//!  FROM STDIN    ← CopyInResponse   → CopyData…, CopyDone | CopyFail   ← CommandComplete | error
//! ```
//!
//! Rows that a client sends go to the table's writer batch by batch, and are visible once all came.
//! A client that gives up, or sends what is no row, leaves nothing.

use arrow::array::RecordBatch;
use bytes::BytesMut;
use futures::StreamExt;
use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::copy::{CopyDone, CopyInResponse, CopyOutResponse};
use quern_engine::{
    CopyFormat, CopyHeader, CopyInput, CopyStream, CopyStyle, Error, Kind, Outcome, Result, Rows,
};
use tokio::io::AsyncWrite;

use super::connection::Connection;
use super::message::{Message, violation};
use super::output::Sent;
use super::portal;
use super::types::Format;
use super::types::copy_in::{self, CopyDecoder, CopyOptions};
use super::types::encode::{
    BatchEncoder, CopyCsv, CopyText, RowEncoder, copy_binary_header, copy_binary_trailer,
};

const COPY_DATA: u8 = b'd';

impl<W: AsyncWrite + Unpin + Send> Connection<W> {
    /// Sends or takes the rows of a COPY, and says how many they were.
    pub(super) async fn copy(
        &mut self,
        stream: CopyStream,
        rows: Option<Rows>,
    ) -> Sent<Result<()>> {
        let tag = match (stream.input, rows) {
            (Some(input), _) => self.copy_in(input, &stream.style).await?,
            (None, Some(rows)) => self.copy_out(rows, &stream.style).await?,
            (None, None) => Err(Error::internal("a COPY without rows")),
        };
        Ok(tag.map(|tag| self.complete(tag)))
    }

    async fn copy_out(&mut self, mut rows: Rows, style: &CopyStyle) -> Sent<Result<String>> {
        let schema = rows.schema();
        let format = match style.format {
            CopyFormat::Binary => Format::Binary,
            _ => Format::Text,
        };
        let columns = schema.fields().len();
        let text_style = self.text_style();
        let encoder = match RowEncoder::new(&schema, &vec![format; columns], &text_style) {
            Ok(encoder) => encoder,
            Err(error) => return Ok(Err(error)),
        };
        let (code, count, codes) = announced(format, columns);
        self.output.put(Reply::CopyOutResponse(CopyOutResponse::new(
            code, count, codes,
        )));
        let names: Vec<_> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let lines = Lines::new(style);
        // Readers of the binary format expect its header and the first row in one message.
        let mut start = BytesMut::new();
        lines.start(&names, &mut start);
        if style.format != CopyFormat::Binary {
            self.copy_data(std::mem::take(&mut start));
        }
        let mut sent_rows = 0_u64;
        while let Some(batch) = self.unless_gone(rows.next()).await {
            let batch: RecordBatch = match batch {
                Ok(batch) => batch,
                Err(error) => return Ok(Err(error)),
            };
            let encoded = match encoder.batch(&batch) {
                Ok(encoded) => encoded,
                Err(error) => return Ok(Err(error)),
            };
            for row in 0..batch.num_rows() {
                let written = self.output.framed(COPY_DATA, |out| {
                    out.extend_from_slice(&start.split());
                    lines.row(&encoded, row, out)
                });
                if let Err(error) = written {
                    return Ok(Err(error));
                }
                self.output.make_room().await?;
            }
            sent_rows += batch.num_rows() as u64;
        }
        lines.end(&mut start);
        self.copy_data(start);
        self.output.put(Reply::CopyDone(CopyDone::new()));
        Ok(Ok(format!("COPY {sent_rows}")))
    }

    /// Sends a piece, if it is one.
    pub(super) fn copy_data(&mut self, piece: impl AsRef<[u8]>) {
        let piece = piece.as_ref();
        if !piece.is_empty() {
            let _ = self.output.framed(COPY_DATA, |out| {
                out.extend_from_slice(piece);
                Ok::<_, Error>(())
            });
        }
    }

    async fn copy_in(&mut self, mut input: CopyInput, style: &CopyStyle) -> Sent<Result<String>> {
        let options = options(style, &input.table);
        let schema = std::sync::Arc::clone(&input.schema);
        let format = match style.format {
            CopyFormat::Binary => Format::Binary,
            _ => Format::Text,
        };
        let (code, count, codes) = announced(format, schema.fields().len());
        let mut decoder = match CopyDecoder::new(options, schema, &self.text_style()) {
            Ok(decoder) => decoder,
            Err(error) => return Ok(Err(error)),
        };
        self.output.put(Reply::CopyInResponse(CopyInResponse::new(
            code, count, codes,
        )));
        let taken = self.take_rows(&mut decoder, &mut input).await?;
        Ok(match taken {
            Ok(()) => {
                let finished = self.unless_gone(input.finish()).await;
                finished.map(|outcome: Outcome| portal::tag(&outcome))
            }
            Err(error) => {
                input.fail(&error);
                Err(error)
            }
        })
    }

    /// Reads CopyData up to its end.
    async fn take_rows(
        &mut self,
        decoder: &mut CopyDecoder,
        input: &mut CopyInput,
    ) -> Sent<Result<()>> {
        loop {
            let message = match self.next_of_copy().await? {
                Ok(message) => message,
                Err(error) => return Ok(Err(error)),
            };
            let batches = match message {
                Message::CopyData(bytes) => decoder.push(&bytes),
                Message::CopyDone => {
                    return Ok(match decoder.finish() {
                        Ok(Some(batch)) => self.unless_gone(input.send(batch)).await,
                        Ok(None) => Ok(()),
                        Err(error) => Err(error),
                    });
                }
                Message::CopyFail(reason) => Err(Error::new(
                    Kind::Cancelled,
                    format!("COPY from stdin failed: {reason}"),
                )),
                // As PostgreSQL: clients may have sent them ahead.
                Message::Flush | Message::Sync => continue,
                Message::Terminate => return Err(super::output::Gone),
                _ => Err(violation("unexpected message type during COPY from stdin")),
            };
            let batches = match batches {
                Ok(batches) => batches,
                Err(error) => return Ok(Err(error)),
            };
            for batch in batches {
                if let Err(error) = self.unless_gone(input.send(batch)).await {
                    return Ok(Err(error));
                }
            }
        }
    }
}

/// Format of the whole, number of columns, format of each.
fn announced(format: Format, columns: usize) -> (i8, i16, Vec<i16>) {
    let code = format.code();
    let count = i16::try_from(columns).unwrap_or(i16::MAX);
    (code as i8, count, vec![code; columns])
}

/// How rows are written.
enum Lines {
    Text(CopyText, bool),
    Csv(CopyCsv, bool),
    Binary,
}

impl Lines {
    fn new(style: &CopyStyle) -> Self {
        let header = style.header != CopyHeader::None;
        match style.format {
            CopyFormat::Binary => Lines::Binary,
            CopyFormat::Text => {
                let default = CopyText::default();
                let text = CopyText {
                    delimiter: style.delimiter.unwrap_or(default.delimiter),
                    null: style.null.clone().unwrap_or(default.null),
                };
                Lines::Text(text, header)
            }
            CopyFormat::Csv => {
                let default = CopyCsv::default();
                let forced = style.force_quote.iter().enumerate();
                let quote = style.quote.unwrap_or(default.quote);
                let csv = CopyCsv {
                    delimiter: style.delimiter.unwrap_or(default.delimiter),
                    null: style.null.clone().unwrap_or(default.null),
                    quote,
                    escape: style.escape.unwrap_or(quote),
                    force_quote: forced.filter(|(_, f)| **f).map(|(at, _)| at).collect(),
                };
                Lines::Csv(csv, header)
            }
        }
    }

    fn start(&self, names: &[&str], out: &mut BytesMut) {
        match self {
            Lines::Binary => copy_binary_header(out),
            Lines::Text(text, true) => text.header(names.iter().copied(), out),
            Lines::Csv(csv, true) => csv.header(names.iter().copied(), out),
            Lines::Text(..) | Lines::Csv(..) => {}
        }
    }

    fn row(&self, batch: &BatchEncoder, row: usize, out: &mut BytesMut) -> Result<()> {
        match self {
            Lines::Binary => batch.copy_binary_row(row, out),
            Lines::Text(text, _) => batch.copy_text_row(row, text, out),
            Lines::Csv(csv, _) => batch.copy_csv_row(row, csv, out),
        }
    }

    fn end(&self, out: &mut BytesMut) {
        if matches!(self, Lines::Binary) {
            copy_binary_trailer(out);
        }
    }
}

/// How rows are read.
fn options(style: &CopyStyle, table: &str) -> CopyOptions {
    let format = match style.format {
        CopyFormat::Text => copy_in::CopyFormat::Text,
        CopyFormat::Csv => copy_in::CopyFormat::Csv,
        CopyFormat::Binary => copy_in::CopyFormat::Binary,
    };
    let default = CopyOptions::new(format, table);
    let quote = style.quote.unwrap_or(default.quote);
    CopyOptions {
        delimiter: style.delimiter.unwrap_or(default.delimiter),
        null: style.null.clone().unwrap_or_else(|| default.null.clone()),
        header: match style.header {
            CopyHeader::None => copy_in::CopyHeader::None,
            CopyHeader::Line => copy_in::CopyHeader::Skip,
            CopyHeader::Match => copy_in::CopyHeader::Match,
        },
        quote,
        escape: style.escape.unwrap_or(quote),
        force_not_null: style.force_not_null.clone(),
        force_null: style.force_null.clone(),
        ..default
    }
}

//! Batches as bytes of a file format.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

use crate::error::Result;
use crate::value_text::{JsonColumn, TextColumn, TextStyle, write_json_string};

#[derive(Debug, Clone)]
pub enum Encoding {
    Csv(CsvStyle),
    Json,
    /// With the compression of its pages.
    Parquet(Compression),
    Arrow,
}

impl Encoding {
    /// Parquet whose pages zstd compresses.
    pub fn parquet() -> Self {
        Encoding::Parquet(Compression::ZSTD(ZstdLevel::default()))
    }

    pub fn extension(&self) -> &'static str {
        match self {
            Encoding::Csv(_) => "csv",
            Encoding::Json => "json",
            Encoding::Parquet(_) => "parquet",
            Encoding::Arrow => "arrow",
        }
    }
}

#[derive(Debug, Clone)]
pub struct CsvStyle {
    pub header: bool,
    pub delimiter: char,
    pub quote: char,
    /// How NULL is written; a text that is the same is quoted.
    pub null: String,
}

/// Encodes the batches of one file.
pub(super) enum Encoder {
    Csv(CsvStyle, TextStyle),
    Json(Vec<String>, TextStyle),
    Parquet(Box<ArrowWriter<Vec<u8>>>, SchemaRef),
    Arrow(Box<FileWriter<Vec<u8>>>, SchemaRef),
}

impl Encoder {
    /// The encoder, and what stands before the first row.
    pub fn new(
        encoding: &Encoding,
        schema: &SchemaRef,
        style: TextStyle,
    ) -> Result<(Self, Vec<u8>)> {
        match encoding {
            Encoding::Csv(csv) => {
                let mut head = String::new();
                if csv.header {
                    let names = schema.fields().iter().map(|f| Some(f.name().as_str()));
                    csv.record(names, &mut head);
                }
                Ok((Self::Csv(csv.clone(), style), head.into_bytes()))
            }
            Encoding::Json => {
                let keys = schema.fields().iter().map(|field| {
                    let mut key = String::new();
                    write_json_string(field.name(), &mut key);
                    key + ":"
                });
                Ok((Self::Json(keys.collect(), style), Vec::new()))
            }
            Encoding::Parquet(compression) => {
                let properties = WriterProperties::builder()
                    .set_compression(*compression)
                    .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
                    .build();
                let schema = plain(schema);
                let writer =
                    ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?;
                Ok((Self::Parquet(Box::new(writer), schema), Vec::new()))
            }
            Encoding::Arrow => {
                let schema = plain(schema);
                let writer = FileWriter::try_new(Vec::new(), &schema)?;
                Ok((Self::Arrow(Box::new(writer), schema), Vec::new()))
            }
        }
    }

    pub fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        match self {
            Self::Csv(csv, style) => Ok(csv.batch(batch, style)),
            Self::Json(keys, style) => Ok(json(batch, keys, style)),
            Self::Parquet(writer, schema) => {
                writer.write(&cast(batch, schema)?)?;
                Ok(std::mem::take(writer.inner_mut()))
            }
            Self::Arrow(writer, schema) => {
                writer.write(&cast(batch, schema)?)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }

    /// What stands after the last row.
    pub fn finish(self) -> Result<Vec<u8>> {
        match self {
            Self::Csv(..) | Self::Json(..) => Ok(Vec::new()),
            Self::Parquet(mut writer, _) => {
                writer.finish()?;
                Ok(std::mem::take(writer.inner_mut()))
            }
            Self::Arrow(mut writer, _) => {
                writer.finish()?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }
}

/// Encoded bytes of a row group, which the writer holds.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// The columns in types that every reader of the format knows.
fn plain(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|f| {
        let data_type = match f.data_type() {
            DataType::Utf8View | DataType::Null => DataType::Utf8,
            DataType::BinaryView => DataType::Binary,
            other => other.clone(),
        };
        Field::new(f.name(), data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn cast(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(array, field)| arrow::compute::cast(array, field.data_type()));
    Ok(RecordBatch::try_new(
        Arc::clone(schema),
        columns.collect::<Result<_, _>>()?,
    )?)
}

impl CsvStyle {
    fn batch(&self, batch: &RecordBatch, style: &TextStyle) -> Vec<u8> {
        let columns = batch.columns().iter();
        let columns: Vec<_> = columns.map(|array| TextColumn::new(array, style)).collect();
        let mut out = String::new();
        let mut values = vec![String::new(); columns.len()];
        for row in 0..batch.num_rows() {
            let fields = columns.iter().zip(&mut values).map(|(column, value)| {
                value.clear();
                column.write(row, value).then_some(value.as_str())
            });
            self.record(fields, &mut out);
        }
        out.into_bytes()
    }

    /// One record; `None` is NULL.
    fn record<'a>(&self, fields: impl Iterator<Item = Option<&'a str>>, out: &mut String) {
        for (at, field) in fields.enumerate() {
            if at > 0 {
                out.push(self.delimiter);
            }
            match field {
                None => out.push_str(&self.null),
                Some(value) => self.field(value, out),
            }
        }
        out.push('\n');
    }

    fn field(&self, value: &str, out: &mut String) {
        let special = |c: char| c == self.delimiter || c == self.quote || c == '\n' || c == '\r';
        if value != self.null && !value.is_empty() && !value.contains(special) {
            return out.push_str(value);
        }
        out.push(self.quote);
        for c in value.chars() {
            if c == self.quote {
                out.push(c);
            }
            out.push(c);
        }
        out.push(self.quote);
    }
}

fn json(batch: &RecordBatch, keys: &[String], style: &TextStyle) -> Vec<u8> {
    let columns = batch.columns().iter();
    let columns: Vec<_> = columns.map(|array| JsonColumn::new(array, style)).collect();
    let mut out = String::new();
    for row in 0..batch.num_rows() {
        out.push('{');
        for (at, (key, column)) in keys.iter().zip(&columns).enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(key);
            column.write(row, &mut out);
        }
        out.push_str("}\n");
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_would_read_otherwise() {
        let csv = CsvStyle {
            header: false,
            delimiter: ',',
            quote: '"',
            null: "nil".into(),
        };
        let mut out = String::new();
        let fields = [
            Some("a"),
            Some(""),
            None,
            Some("nil"),
            Some("x,y"),
            Some("q\"r"),
        ];
        csv.record(fields.into_iter(), &mut out);
        assert_eq!(out, "a,\"\",nil,\"nil\",\"x,y\",\"q\"\"r\"\n");
    }
}

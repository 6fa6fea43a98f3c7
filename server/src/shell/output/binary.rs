//! Parquet and Arrow: files that other programs read.
//!
//! Text and binary values are written with offsets, not as views: every reader knows those, and
//! none of the memory that a view keeps alive goes into the file. Decimals have no negative scale.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use quern_engine::Error;

use super::super::Problem;
use super::json::distinct_names;
use super::{Sink, Target};

/// Encoded bytes of a row group; what a group holds is in memory until it is written.
const ROW_GROUP_BYTES: usize = 64 << 20;

pub struct Parquet {
    schema: SchemaRef,
    writer: ArrowWriter<Target>,
}

impl Parquet {
    pub fn new(schema: &SchemaRef, target: Target) -> Result<Self, Problem> {
        target.fill("Parquet")?;
        let schema = file_schema(schema);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("quern {}", env!("CARGO_PKG_VERSION")))
            .build();
        let writer = ArrowWriter::try_new(target, Arc::clone(&schema), Some(properties));
        Ok(Self {
            writer: writer.map_err(parquet_problem)?,
            schema,
        })
    }
}

impl Sink for Parquet {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        let batch = conformed(batch, &self.schema)?;
        self.writer.write(&batch).map_err(parquet_problem)?;
        if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(parquet_problem)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Problem> {
        self.writer.close().map_err(parquet_problem)?;
        Ok(())
    }
}

pub struct Arrow {
    schema: SchemaRef,
    writer: ArrowIpc,
}

enum ArrowIpc {
    File(FileWriter<Target>),
    Stream(StreamWriter<Target>),
}

impl Arrow {
    pub fn new(schema: &SchemaRef, target: Target) -> Result<Self, Problem> {
        target.fill("Arrow")?;
        let schema = file_schema(schema);
        let writer = if target.is_file() {
            FileWriter::try_new(target, &schema).map(ArrowIpc::File)
        } else {
            StreamWriter::try_new(target, &schema).map(ArrowIpc::Stream)
        };
        Ok(Self {
            writer: writer.map_err(arrow_problem)?,
            schema,
        })
    }
}

impl Sink for Arrow {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        let batch = conformed(batch, &self.schema)?;
        match &mut self.writer {
            ArrowIpc::File(writer) => writer.write(&batch),
            ArrowIpc::Stream(writer) => writer.write(&batch),
        }
        .map_err(arrow_problem)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Problem> {
        match &mut self.writer {
            ArrowIpc::File(writer) => writer.finish(),
            ArrowIpc::Stream(writer) => writer.finish(),
        }
        .map_err(arrow_problem)
    }
}

/// The columns as the file has them: names that differ, types without views.
fn file_schema(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().zip(distinct_names(schema));
    let fields: Vec<Field> = fields
        .map(|(field, name)| {
            let data_type = match field.data_type() {
                DataType::Utf8View => DataType::Utf8,
                DataType::BinaryView => DataType::Binary,
                DataType::Decimal128(precision, scale @ ..0) => {
                    let digits = precision.saturating_add(scale.unsigned_abs());
                    DataType::Decimal128(digits.min(DECIMAL128_MAX_PRECISION), 0)
                }
                other => other.clone(),
            };
            Field::new(name, data_type, field.is_nullable())
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn conformed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Problem> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(array, field)| {
        if array.data_type() == field.data_type() {
            Ok(Arc::clone(array))
        } else {
            cast(array, field.data_type())
        }
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>().map_err(arrow_problem)?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(arrow_problem)
}

fn arrow_problem(error: ArrowError) -> Problem {
    match error {
        ArrowError::IoError(_, e) => Problem::Output(e),
        other => Problem::Engine(Error::from(other)),
    }
}

fn parquet_problem(error: ParquetError) -> Problem {
    match error {
        ParquetError::External(e) => match e.downcast::<std::io::Error>() {
            Ok(e) => Problem::Output(*e),
            Err(e) => Problem::Engine(Error::unsupported(format!("this result as Parquet ({e})"))),
        },
        other => Problem::Engine(Error::unsupported(format!(
            "this result as Parquet ({other})"
        ))),
    }
}

//! The arrays of a model as an Arrow IPC stream: one record batch with a row for each array, whose
//! columns are `name`, `shape` and `data`.
//!
//! The schema is given by the format version, so the one in the stream is not looked at. Arrow's
//! reader panics where buffers lie outside of the message or are cut off within a number; that is
//! checked before it is called.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, AsArray, Float64Builder, LargeListBuilder, RecordBatch, StringArray, UInt64Builder,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, UInt64Type};
use arrow::ipc::reader::read_record_batch;
use arrow::ipc::writer::StreamWriter;
use arrow::ipc::{Message, MetadataVersion, root_as_message};

use super::damaged;
use crate::error::{Error, Result};
use crate::fitted::Array;

/// Arrays of a model, and numbers of all together.
const ARRAYS: usize = 10_000;
const NUMBERS: usize = 1 << 28;
const DIMENSIONS: usize = 4;
const NAME_BYTES: usize = 100;

const CONTINUED: [u8; 4] = [0xff; 4];

fn schema() -> SchemaRef {
    let list = |name, item: DataType| {
        let item = Arc::new(Field::new("item", item, false));
        Field::new(name, DataType::LargeList(item), false)
    };
    Arc::new(Schema::new(vec![
        Field::new("name", DataType::Utf8, false),
        list("shape", DataType::UInt64),
        list("data", DataType::Float64),
    ]))
}

pub fn write(arrays: &BTreeMap<String, Array>, out: &mut Vec<u8>) -> Result<()> {
    let item = |data_type| Arc::new(Field::new("item", data_type, false));
    let mut shapes = LargeListBuilder::new(UInt64Builder::new()).with_field(item(DataType::UInt64));
    let mut data = LargeListBuilder::new(Float64Builder::new()).with_field(item(DataType::Float64));
    for array in arrays.values() {
        let shape = array.shape.iter().map(|size| *size as u64);
        shapes.values().extend(shape.map(Some));
        shapes.append(true);
        data.values().append_slice(&array.data);
        data.append(true);
    }
    let names = StringArray::from_iter_values(arrays.keys());
    let failed = |error| Error::internal(format!("the model cannot be stored: {error}"));
    let schema = schema();
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(names),
        Arc::new(shapes.finish()),
        Arc::new(data.finish()),
    ];
    let batch = RecordBatch::try_new(schema.clone(), columns).map_err(failed)?;
    let mut writer = StreamWriter::try_new(out, &schema).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    writer.finish().map_err(failed)
}

pub fn read(mut stream: &[u8]) -> Result<BTreeMap<String, Array>> {
    // The schema, which is known.
    message(&mut stream, |message, _| {
        message.header_as_schema().map(|_| ()).ok_or_else(odd)
    })?;
    let batch = message(&mut stream, batch)?;
    let end = stream.strip_prefix(&CONTINUED).ok_or_else(odd)?;
    if end != [0; 4] {
        return Err(odd());
    }
    let names = batch.column(0).as_string::<i32>();
    let shapes = batch.column(1).as_list::<i64>();
    let data = batch.column(2).as_list::<i64>();
    if batch.num_rows() > ARRAYS || data.values().len() > NUMBERS {
        return Err(damaged("it has too many arrays or numbers"));
    }
    let mut arrays = BTreeMap::new();
    for row in 0..batch.num_rows() {
        let (shape, data) = (shapes.value(row), data.value(row));
        let shape = shape.as_primitive::<UInt64Type>().values();
        let data = data.as_primitive::<Float64Type>().values();
        let name = names.value(row);
        let array = Array {
            shape: shape.iter().map(|size| *size as usize).collect(),
            data: data.to_vec(),
        };
        check(name, &array)?;
        if arrays.insert(name.to_string(), array).is_some() {
            return Err(damaged("two of its arrays have the same name"));
        }
    }
    Ok(arrays)
}

fn check(name: &str, array: &Array) -> Result<()> {
    let mut sizes = array.shape.iter();
    let count = sizes.try_fold(1usize, |count, size| count.checked_mul(*size));
    let shaped = count == Some(array.data.len()) && array.shape.len() <= DIMENSIONS;
    // A shape without numbers could still have any other size.
    let sized = array.shape.iter().all(|size| *size <= NUMBERS);
    if name.len() > NAME_BYTES || !shaped || !sized {
        return Err(damaged("the shape of an array is not that of its numbers"));
    }
    match array.data.iter().all(|number| number.is_finite()) {
        true => Ok(()),
        false => Err(damaged("a number in its arrays is not finite")),
    }
}

/// Reads the next message of the stream, with what belongs to it.
fn message<T>(stream: &mut &[u8], with: impl FnOnce(Message<'_>, &[u8]) -> Result<T>) -> Result<T> {
    let rest = stream.strip_prefix(&CONTINUED).ok_or_else(odd)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(odd)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (metadata, rest) = rest.split_at_checked(length).ok_or_else(odd)?;
    let message = root_as_message(metadata).map_err(|_| odd())?;
    let length = usize::try_from(message.bodyLength()).map_err(|_| odd())?;
    let (body, rest) = rest.split_at_checked(length).ok_or_else(odd)?;
    *stream = rest;
    with(message, body)
}

/// Nodes of the schema: three columns and the items of two.
const NODES: usize = 5;
/// For each buffer what its length is a multiple of: validity, offsets and bytes of the names, then
/// for each list validity and offsets, and validity and values of its items.
const WIDTHS: [i64; 11] = [1, 4, 1, 1, 8, 1, 8, 1, 8, 1, 8];

fn batch(message: Message<'_>, body: &[u8]) -> Result<RecordBatch> {
    let found = message.header_as_record_batch().ok_or_else(odd)?;
    let within = |length: i64| usize::try_from(length).is_ok_and(|length| length <= body.len());
    let nodes = found.nodes().ok_or_else(odd)?;
    let sound = nodes.len() == NODES
        && nodes
            .iter()
            .all(|node| within(node.length()) && node.null_count() == 0);
    let buffers = found.buffers().ok_or_else(odd)?;
    let inside = buffers.len() == WIDTHS.len()
        && buffers.iter().zip(WIDTHS).all(|(buffer, width)| {
            let (start, length) = (buffer.offset(), buffer.length());
            let end = start.checked_add(length);
            let aligned = start % 8 == 0 && length % width == 0;
            aligned && within(start) && within(length) && end.is_some_and(within)
        });
    let plain = found.compression().is_none() && found.variadicBufferCounts().is_none();
    let known = message.version() == MetadataVersion::V5;
    if !(sound && inside && plain && known && within(found.length())) {
        return Err(odd());
    }
    read_record_batch(
        &Buffer::from(body),
        found,
        schema(),
        &Default::default(),
        None,
        &message.version(),
    )
    .map_err(|_| odd())
}

fn odd() -> Error {
    damaged("its arrays are not an Arrow stream of version 1")
}

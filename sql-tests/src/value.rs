//! Values as text, one form for every surface: what stands in the expected results.
//!
//! Integers and decimals as they are; floats shortest, with at least one decimal; NULL; `(empty)`;
//! line ends and tabs escaped, for a row is one line and a tab separates its columns.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};

const OPTIONS: FormatOptions<'static> = FormatOptions::new()
    .with_null("NULL")
    .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
    .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"))
    .with_duration_format(DurationFormat::Pretty);

/// The rows of a batch.
pub fn rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let columns: Vec<_> = batch.columns().iter().map(|c| texts(c.as_ref())).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|c| escaped(&c[row])).collect())
        .collect()
}

fn texts(column: &dyn Array) -> Vec<String> {
    let rows = 0..column.len();
    match column.data_type() {
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>();
            rows.map(|i| {
                if values.is_null(i) {
                    "NULL".into()
                } else {
                    float(values.value(i))
                }
            })
            .collect()
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>();
            rows.map(|i| {
                if values.is_null(i) {
                    "NULL".into()
                } else {
                    single(values.value(i))
                }
            })
            .collect()
        }
        _ => {
            let formatter =
                ArrayFormatter::try_new(column, &OPTIONS).expect("a type that has a text");
            rows.map(|i| formatter.value(i).to_string()).collect()
        }
    }
}

fn float(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".into(),
        v if v.is_infinite() => if v > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        v if v != 0.0 && !(1e-5..1e16).contains(&v.abs()) => format!("{v:e}"),
        v => format!("{v:?}"),
    }
}

fn single(value: f32) -> String {
    match value {
        v if v.is_nan() => "NaN".into(),
        v if v.is_infinite() => if v > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        v if v != 0.0 && !(1e-5..1e16).contains(&v.abs()) => format!("{v:e}"),
        v => format!("{v:?}"),
    }
}

fn escaped(value: &str) -> String {
    match value {
        "" => "(empty)".into(),
        v => v
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('\t', "\\t")
            .replace('\r', "\\r"),
    }
}

//! What the log keeps of each file: rows, NULLs, minima and maxima of its columns, as JSON.
//!
//! Read here, and written for our own files. A bound is exact only where every writer must store it
//! in full: text may be cut short, timestamps are kept in milliseconds, NaN has no place in JSON.
//! Format: <https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics>

use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use serde_json::{Map, Value, json};

/// Digits that a JSON number keeps wherever it is read.
const SAFE_DIGITS: usize = 15;

/// Statistics of a file for the columns that it stores, then for its partition columns.
pub(super) fn read(
    json: Option<&str>,
    stored: &[&Field],
    partition_values: &[ScalarValue],
    size_bytes: i64,
) -> Statistics {
    let parsed: Value = json
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null);
    let num_rows = count(&parsed["numRecords"]);
    let stored = stored.iter().map(|field| ColumnStatistics {
        null_count: count(&parsed["nullCount"][field.name()]),
        min_value: bound(&parsed["minValues"][field.name()], field.data_type(), false),
        max_value: bound(&parsed["maxValues"][field.name()], field.data_type(), true),
        ..ColumnStatistics::default()
    });
    let partitions = partition_values.iter().map(|value| match value.is_null() {
        true => ColumnStatistics {
            null_count: num_rows,
            ..ColumnStatistics::default()
        },
        false => ColumnStatistics {
            null_count: Precision::Exact(0),
            min_value: Precision::Exact(value.clone()),
            max_value: Precision::Exact(value.clone()),
            ..ColumnStatistics::default()
        },
    });
    Statistics {
        num_rows,
        total_byte_size: Precision::Inexact(usize::try_from(size_bytes).unwrap_or_default()),
        column_statistics: stored.chain(partitions).collect(),
    }
}

fn count(value: &Value) -> Precision<usize> {
    let count = value.as_u64().and_then(|n| usize::try_from(n).ok());
    count.map_or(Precision::Absent, Precision::Exact)
}

fn bound(value: &Value, data_type: &DataType, is_max: bool) -> Precision<ScalarValue> {
    match scalar(value, data_type, is_max) {
        None => Precision::Absent,
        Some(scalar) if data_type.is_integer() || *data_type == DataType::Date32 => {
            Precision::Exact(scalar)
        }
        Some(scalar) => Precision::Inexact(scalar),
    }
}

fn scalar(value: &Value, data_type: &DataType, is_max: bool) -> Option<ScalarValue> {
    let text = match (value, data_type) {
        (Value::Number(n), t) if t.is_integer() || t.is_floating() => n.to_string(),
        (Value::Number(n), DataType::Decimal128(..)) => {
            let text = n.to_string();
            let digits = text.chars().filter(char::is_ascii_digit).count();
            (digits <= SAFE_DIGITS && !text.contains('e')).then_some(text)?
        }
        (Value::String(text), DataType::Utf8View | DataType::Date32 | DataType::Timestamp(..)) => {
            text.clone()
        }
        _ => return None,
    };
    let scalar = ScalarValue::try_from_string(text, data_type).ok()?;
    match scalar {
        // What the milliseconds left out.
        ScalarValue::TimestampMicrosecond(Some(micros), zone) if is_max => Some(
            ScalarValue::TimestampMicrosecond(Some(micros.checked_add(999)?), zone),
        ),
        other => Some(other),
    }
}

/// The JSON for a file that we wrote.
pub(super) fn write(statistics: &Statistics, schema: &SchemaRef) -> String {
    let (mut minima, mut maxima, mut nulls) = (Map::new(), Map::new(), Map::new());
    let columns = schema.fields().iter().zip(&statistics.column_statistics);
    for (field, column) in columns {
        if let Precision::Exact(count) | Precision::Inexact(count) = column.null_count {
            nulls.insert(field.name().clone(), json!(count));
        }
        let (min, max) = (column.min_value.get_value(), column.max_value.get_value());
        if let (Some(min), Some(max)) = (min.and_then(value_of), max.and_then(value_of)) {
            minima.insert(field.name().clone(), min);
            maxima.insert(field.name().clone(), max);
        }
    }
    let rows = statistics.num_rows.get_value().copied().unwrap_or_default();
    json!({
        "numRecords": rows,
        "minValues": minima,
        "maxValues": maxima,
        "nullCount": nulls,
    })
    .to_string()
}

fn value_of(scalar: &ScalarValue) -> Option<Value> {
    let data_type = scalar.data_type();
    if scalar.is_null() {
        return None;
    }
    if data_type.is_integer() || data_type.is_floating() {
        return serde_json::from_str(&scalar.to_string()).ok();
    }
    match scalar {
        ScalarValue::Decimal128(..) => {
            let text = scalar.cast_to(&DataType::Utf8).ok()?.to_string();
            let digits = text.chars().filter(char::is_ascii_digit).count();
            (digits <= SAFE_DIGITS).then(|| serde_json::from_str(&text).ok())?
        }
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => Some(json!(text)),
        ScalarValue::Date32(_) => Some(json!(scalar.cast_to(&DataType::Utf8).ok()?.to_string())),
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            let floor = micros.div_euclid(1000);
            let instant = chrono::DateTime::from_timestamp_millis(floor)?;
            let suffix = if zone.is_some() { "Z" } else { "" };
            Some(json!(format!(
                "{}{suffix}",
                instant.format("%Y-%m-%dT%H:%M:%S%.3f")
            )))
        }
        ScalarValue::TimestampMillisecond(_, zone)
        | ScalarValue::TimestampSecond(_, zone)
        | ScalarValue::TimestampNanosecond(_, zone) => {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            value_of(&scalar.cast_to(&micros).ok()?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::datatypes::Schema;
    use std::sync::Arc;

    fn round_trip(min: ScalarValue, max: ScalarValue) -> ColumnStatistics {
        let field = Field::new("a", min.data_type(), true);
        let column = ColumnStatistics {
            null_count: Precision::Exact(3),
            min_value: Precision::Exact(min),
            max_value: Precision::Exact(max),
            ..ColumnStatistics::default()
        };
        let statistics = Statistics {
            num_rows: Precision::Exact(9),
            total_byte_size: Precision::Absent,
            column_statistics: vec![column],
        };
        let schema = Arc::new(Schema::new(vec![field.clone()]));
        let json = write(&statistics, &schema);
        let read = read(Some(&json), &[&field], &[], 100);
        assert_eq!(read.num_rows, Precision::Exact(9));
        assert_eq!(read.column_statistics[0].null_count, Precision::Exact(3));
        read.column_statistics[0].clone()
    }

    #[test]
    fn bounds_survive_the_log() {
        let int = round_trip(
            ScalarValue::Int64(Some(i64::MIN)),
            ScalarValue::Int64(Some(7)),
        );
        assert_eq!(
            int.min_value,
            Precision::Exact(ScalarValue::Int64(Some(i64::MIN)))
        );
        let float = |f| ScalarValue::Float64(Some(f));
        let floats = round_trip(float(-0.1), float(1e300));
        assert_eq!(floats.max_value, Precision::Inexact(float(1e300)));
        let micros = |n| ScalarValue::TimestampMicrosecond(Some(n), Some("UTC".into()));
        let instants = round_trip(micros(-1), micros(1_700_000_000_123_456));
        assert_eq!(instants.min_value, Precision::Inexact(micros(-1000)));
        assert_eq!(
            instants.max_value,
            Precision::Inexact(micros(1_700_000_000_123_999))
        );
        let decimal = |n| ScalarValue::Decimal128(Some(n), 10, 2);
        let decimals = round_trip(decimal(-5), decimal(1234));
        assert_eq!(decimals.min_value, Precision::Inexact(decimal(-5)));
        let long = |n| ScalarValue::Decimal128(Some(n), 38, 2);
        assert_eq!(
            round_trip(long(1), long(10_i128.pow(30))).max_value,
            Precision::Absent
        );
    }
}

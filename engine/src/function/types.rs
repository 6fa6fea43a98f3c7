//! The SQL names of Arrow's types, as PostgreSQL spells them.

use arrow::datatypes::DataType;

/// `bigint`, `text`, `timestamp with time zone` …; what `pg_typeof` gives.
pub(crate) fn sql_name(data_type: &DataType) -> String {
    use DataType as T;
    match data_type {
        T::Null => "unknown",
        T::Boolean => "boolean",
        T::Int8 => "tinyint",
        T::UInt8 | T::Int16 => "smallint",
        T::UInt16 | T::Int32 => "integer",
        T::UInt32 | T::UInt64 | T::Int64 => "bigint",
        T::Float16 | T::Float32 => "real",
        T::Float64 => "double precision",
        T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => "numeric",
        T::Utf8 | T::LargeUtf8 | T::Utf8View => "text",
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => "bytea",
        T::Date32 | T::Date64 => "date",
        T::Time32(_) | T::Time64(_) => "time without time zone",
        T::Timestamp(_, None) => "timestamp without time zone",
        T::Timestamp(_, Some(_)) => "timestamp with time zone",
        T::Interval(_) | T::Duration(_) => "interval",
        T::List(item)
        | T::LargeList(item)
        | T::FixedSizeList(item, _)
        | T::ListView(item)
        | T::LargeListView(item) => return format!("{}[]", sql_name(item.data_type())),
        T::Dictionary(_, value) => return sql_name(value),
        T::RunEndEncoded(_, value) => return sql_name(value.data_type()),
        T::Struct(_) => "record",
        T::Map(..) => "map",
        T::Union(..) => "json",
    }
    .to_string()
}

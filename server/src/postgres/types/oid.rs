//! Which PostgreSQL type stands for an Arrow type, and the other way round for declared parameters.

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use quern_engine::sql::pg_type;

use super::TextStyle;

/// A type as RowDescription tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgType {
    pub oid: u32,
    /// `typlen`: bytes, or -1 for a variable length.
    pub len: i16,
    /// `typmod`: -1 for none.
    pub modifier: i32,
}

pub const BOOL: u32 = 16;
pub const BYTEA: u32 = 17;
pub const CHAR: u32 = 18;
pub const INT8: u32 = 20;
pub const INT2: u32 = 21;
pub const INT2VECTOR: u32 = 22;
pub const INT4: u32 = 23;
pub const TEXT: u32 = 25;
pub const TEXT_ARRAY: u32 = 1009;
pub const OID: u32 = 26;
pub const OIDVECTOR: u32 = 30;
pub const OID_ARRAY: u32 = 1028;
pub const FLOAT4: u32 = 700;
pub const FLOAT8: u32 = 701;
pub const UNKNOWN: u32 = 705;
pub const DATE: u32 = 1082;
pub const TIME: u32 = 1083;
pub const TIMESTAMP: u32 = 1114;
pub const TIMESTAMPTZ: u32 = 1184;
pub const INTERVAL: u32 = 1186;
pub const NUMERIC: u32 = 1700;
pub const RECORD: u32 = 2249;
pub const RECORD_ARRAY: u32 = 2287;
pub const UUID: u32 = 2950;
pub const JSONB: u32 = 3802;
pub const JSONB_ARRAY: u32 = 3807;

/// The type of a result column or of a column of COPY.
pub fn pg_type_of(field: &Field, style: &TextStyle) -> PgType {
    let oid = oid_of(field, style);
    PgType {
        oid,
        len: pg_type::by_oid(oid).map_or(-1, |t| t.length),
        modifier: pg_type::of_field(field).1,
    }
}

/// The oid alone: what the catalog says, where values can be written as that in both formats.
pub(super) fn oid_of(field: &Field, style: &TextStyle) -> u32 {
    match pg_type::of_field(field).0 {
        RECORD if style.struct_as_json => JSONB,
        RECORD_ARRAY if style.struct_as_json => JSONB_ARRAY,
        known if is_written(known) => known,
        array if element_of(array).is_some() => TEXT_ARRAY,
        _ => TEXT,
    }
}

/// Types whose binary form is their characters.
const CHARACTERS: &[&str] = &[
    "aclitem",
    "bpchar",
    "char",
    "json",
    "jsonb",
    "name",
    "pg_node_tree",
    "text",
    "uuid",
    "varchar",
    "xml",
];

/// Whether there is an encoder for the type.
fn is_written(oid: u32) -> bool {
    let Some(known) = pg_type::by_oid(oid) else {
        return false;
    };
    let plain = matches!(
        oid,
        BOOL | BYTEA
            | INT2
            | INT4
            | INT8
            | FLOAT4
            | FLOAT8
            | NUMERIC
            | DATE
            | TIME
            | TIMESTAMP
            | TIMESTAMPTZ
            | INTERVAL
            | RECORD
    );
    plain
        || known.is_oid()
        || known.is_vector()
        || CHARACTERS.contains(&known.name.as_str())
        || element_of(oid).is_some_and(is_written)
}

/// Whether the type is one of those that are an oid in binary.
pub(super) fn is_oid(oid: u32) -> bool {
    pg_type::by_oid(oid).is_some_and(pg_type::PgType::is_oid)
}

/// The element type of an array type.
pub(super) fn element_of(array: u32) -> Option<u32> {
    let known = pg_type::by_oid(array)?;
    (known.element != 0 && known.name.starts_with('_')).then_some(known.element)
}

/// The Arrow type of a parameter that a client declared; `None` where it left the type open.
pub fn arrow_type_of(oid: u32) -> Option<DataType> {
    Some(match oid {
        BOOL => DataType::Boolean,
        BYTEA => DataType::Binary,
        INT2 => DataType::Int16,
        INT4 => DataType::Int32,
        INT8 => DataType::Int64,
        FLOAT4 => DataType::Float32,
        FLOAT8 => DataType::Float64,
        DATE => DataType::Date32,
        TIME => DataType::Time64(TimeUnit::Microsecond),
        TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        INTERVAL => DataType::Interval(IntervalUnit::MonthDayNano),
        NUMERIC => DataType::Decimal128(38, 10),
        INT2VECTOR => list(DataType::Int16),
        OIDVECTOR => list(DataType::Int64),
        oid if is_oid(oid) => DataType::Int64,
        RECORD => return None,
        oid => match element_of(oid) {
            Some(element) => list(arrow_type_of(element)?),
            None if is_written(oid) => DataType::Utf8,
            None => return None,
        },
    })
}

fn list(item: DataType) -> DataType {
    DataType::List(Field::new_list_field(item, true).into())
}

/// The name of a type in PostgreSQL's messages.
pub(super) fn sql_name(oid: u32) -> &'static str {
    match oid {
        BOOL => "boolean",
        INT2 => "smallint",
        INT4 => "integer",
        INT8 => "bigint",
        FLOAT4 => "real",
        FLOAT8 => "double precision",
        TIME => "time",
        TIMESTAMP => "timestamp",
        TIMESTAMPTZ => "timestamp with time zone",
        oid => match pg_type::by_oid(oid) {
            Some(known) if element_of(oid).is_none() => &known.name,
            _ => "array",
        },
    }
}

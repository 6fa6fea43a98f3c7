//! Which PostgreSQL type stands for an Arrow type, and the other way round for declared parameters.

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use super::TextStyle;

/// The metadata key of a field that names its PostgreSQL type (`oid`, `name`, `_text` …).
pub const PG_TYPE_KEY: &str = "pg_type";

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
pub const UUID: u32 = 2950;
pub const JSONB: u32 = 3802;

/// What values of a type are made of, as far as the wire cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Written from the Arrow type alone.
    Plain,
    /// Characters, in text and in binary.
    Characters,
    /// Four unsigned bytes in binary.
    Oid,
    /// Numbers with spaces between them in text, an array in binary.
    Vector,
}

/// Name, oid, length in bytes, oid of its array type (0 for none) and what its values are made of.
const TYPES: &[(&str, u32, i16, u32, Class)] = &[
    ("bool", BOOL, 1, 1000, Class::Plain),
    ("bytea", BYTEA, -1, 1001, Class::Plain),
    ("char", CHAR, 1, 1002, Class::Characters),
    ("name", 19, 64, 1003, Class::Characters),
    ("int8", INT8, 8, 1016, Class::Plain),
    ("int2", INT2, 2, 1005, Class::Plain),
    ("int2vector", INT2VECTOR, -1, 1006, Class::Vector),
    ("int4", INT4, 4, 1007, Class::Plain),
    ("regproc", 24, 4, 1008, Class::Oid),
    ("text", TEXT, -1, 1009, Class::Characters),
    ("oid", OID, 4, 1028, Class::Oid),
    ("xid", 28, 4, 1011, Class::Oid),
    ("cid", 29, 4, 1012, Class::Oid),
    ("oidvector", OIDVECTOR, -1, 1013, Class::Vector),
    ("json", 114, -1, 199, Class::Characters),
    ("xml", 142, -1, 143, Class::Characters),
    ("pg_node_tree", 194, -1, 0, Class::Characters),
    ("float4", FLOAT4, 4, 1021, Class::Plain),
    ("float8", FLOAT8, 8, 1022, Class::Plain),
    ("aclitem", 1033, 12, 1034, Class::Characters),
    ("bpchar", 1042, -1, 1014, Class::Characters),
    ("varchar", 1043, -1, 1015, Class::Characters),
    ("date", DATE, 4, 1182, Class::Plain),
    ("time", TIME, 8, 1183, Class::Plain),
    ("timestamp", TIMESTAMP, 8, 1115, Class::Plain),
    ("timestamptz", TIMESTAMPTZ, 8, 1185, Class::Plain),
    ("interval", INTERVAL, 16, 1187, Class::Plain),
    ("numeric", NUMERIC, -1, 1231, Class::Plain),
    ("regprocedure", 2202, 4, 2207, Class::Oid),
    ("regoper", 2203, 4, 2208, Class::Oid),
    ("regoperator", 2204, 4, 2209, Class::Oid),
    ("regclass", 2205, 4, 2210, Class::Oid),
    ("regtype", 2206, 4, 2211, Class::Oid),
    ("record", RECORD, -1, 2287, Class::Plain),
    ("uuid", UUID, 16, 2951, Class::Characters),
    ("regconfig", 3734, 4, 3735, Class::Oid),
    ("regdictionary", 3769, 4, 3770, Class::Oid),
    ("jsonb", JSONB, -1, 3807, Class::Characters),
    ("regnamespace", 4089, 4, 4090, Class::Oid),
    ("regrole", 4096, 4, 4097, Class::Oid),
    ("regcollation", 4191, 4, 4192, Class::Oid),
];

/// The type of a result column or of a column of COPY.
pub fn pg_type_of(field: &Field, style: &TextStyle) -> PgType {
    let oid = oid_of(field, style);
    PgType {
        oid,
        len: TYPES.iter().find(|t| t.1 == oid).map_or(-1, |t| t.2),
        modifier: modifier(field.data_type()),
    }
}

/// The oid alone.
pub(super) fn oid_of(field: &Field, style: &TextStyle) -> u32 {
    if let Some(oid) = declared(field, style) {
        return oid;
    }
    match field.data_type() {
        DataType::Dictionary(_, values) => oid_of_type(values, style),
        DataType::RunEndEncoded(_, values) => oid_of(values, style),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => array_of(innermost_oid(item, style)),
        other => oid_of_type(other, style),
    }
}

/// The oid of an array's elements: an array of arrays is an array with more dimensions.
pub(super) fn innermost_oid(item: &Field, style: &TextStyle) -> u32 {
    match item_of(item.data_type()) {
        Some(inner) => innermost_oid(inner, style),
        None => oid_of(item, style),
    }
}

/// The elements of a list type.
pub(super) fn item_of(data_type: &DataType) -> Option<&Field> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}

fn oid_of_type(data_type: &DataType, style: &TextStyle) -> u32 {
    match data_type {
        DataType::Boolean => BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => INT2,
        DataType::Int32 | DataType::UInt16 => INT4,
        DataType::Int64 | DataType::UInt32 => INT8,
        DataType::UInt64 => NUMERIC,
        DataType::Float16 | DataType::Float32 => FLOAT4,
        DataType::Float64 => FLOAT8,
        decimal if decimal.is_decimal() => NUMERIC,
        binary if binary.is_binary() => BYTEA,
        DataType::Date32 | DataType::Date64 => DATE,
        DataType::Time32(_) | DataType::Time64(_) => TIME,
        DataType::Timestamp(_, None) => TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => TIMESTAMPTZ,
        DataType::Interval(_) | DataType::Duration(_) => INTERVAL,
        DataType::Map(_, _) => JSONB,
        DataType::Struct(_) if style.struct_as_json => JSONB,
        DataType::Struct(_) => RECORD,
        _ => TEXT,
    }
}

/// The type that a field's metadata names, if values of the Arrow type can be written as it.
fn declared(field: &Field, style: &TextStyle) -> Option<u32> {
    let data_type = match field.data_type() {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let extension = field.extension_type_name();
    if extension == Some("arrow.uuid") && *data_type == DataType::FixedSizeBinary(16) {
        return Some(UUID);
    }
    let Some(name) = field.metadata().get(PG_TYPE_KEY) else {
        let json = extension == Some("arrow.json") && data_type.is_string();
        return json.then_some(114);
    };
    if let (Some(item), Some(element)) = (item_of(data_type), name.strip_prefix('_')) {
        let kind = TYPES.iter().find(|t| t.0 == element && t.3 != 0)?;
        let plain = innermost_oid(item, style);
        return (plain == kind.1 || fits(innermost_type(item), kind)).then_some(kind.3);
    }
    let kind = TYPES.iter().find(|t| t.0 == name)?;
    fits(data_type, kind).then_some(kind.1)
}

fn innermost_type(item: &Field) -> &DataType {
    match item_of(item.data_type()) {
        Some(inner) => innermost_type(inner),
        None => item.data_type(),
    }
}

fn fits(data_type: &DataType, kind: &(&str, u32, i16, u32, Class)) -> bool {
    match kind.4 {
        Class::Plain => match kind.1 {
            INT2 | INT4 | INT8 => data_type.is_integer() && oid_widens(data_type, kind.1),
            _ => false,
        },
        Class::Characters if kind.1 == UUID => {
            data_type.is_string() || *data_type == DataType::FixedSizeBinary(16)
        }
        Class::Characters => data_type.is_string(),
        Class::Oid => data_type.is_integer() || data_type.is_string(),
        Class::Vector => {
            data_type.is_string()
                || item_of(data_type).is_some_and(|item| item.data_type().is_integer())
        }
    }
}

/// Whether every value of the integer type fits into `int2`, `int4` or `int8`.
fn oid_widens(data_type: &DataType, oid: u32) -> bool {
    let rank = |oid| [INT2, INT4, INT8].iter().position(|known| *known == oid);
    let own = rank(oid_of_type(data_type, &TextStyle::default()));
    own.is_some_and(|own| Some(own) <= rank(oid))
}

/// Whether the type is one of those that are an oid in binary.
pub(super) fn is_oid(oid: u32) -> bool {
    TYPES.iter().any(|t| t.1 == oid && t.4 == Class::Oid)
}

/// The array type of an element type.
fn array_of(element: u32) -> u32 {
    let known = TYPES.iter().find(|t| t.1 == element && t.3 != 0);
    known.map_or(1009, |t| t.3)
}

/// The element type of an array type.
pub(super) fn element_of(array: u32) -> Option<u32> {
    let known = TYPES.iter().find(|t| t.3 == array && array != 0);
    known.map(|t| t.1)
}

fn modifier(data_type: &DataType) -> i32 {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            ((i32::from(*precision) << 16) | (i32::from(*scale) & 0x7ff)) + 4
        }
        DataType::Dictionary(_, values) => modifier(values),
        DataType::RunEndEncoded(_, values) => modifier(values.data_type()),
        other => item_of(other).map_or(-1, |item| modifier(item.data_type())),
    }
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
        oid => match TYPES.iter().find(|t| t.1 == oid) {
            Some(_) => DataType::Utf8,
            None => list(arrow_type_of(element_of(oid)?)?),
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
        oid => match TYPES.iter().find(|t| t.1 == oid) {
            Some(known) => known.0,
            None => "array",
        },
    }
}

//! PostgreSQL's types: their OIDs, their names, and which of them an Arrow field is.
//!
//! A field whose metadata has [`PG_TYPE`] is of the type that is named there, such as `oid` or
//! `regclass`; for others the Arrow type decides. [`declared`] ignores a name that does not fit the
//! Arrow type, because DataFusion's casts keep the metadata of what they cast.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::datatypes::{DataType, Field, TimeUnit};

/// The key of a field's metadata that names its PostgreSQL type.
pub const PG_TYPE: &str = "pg_type";

/// A type of PostgreSQL as `pg_type` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgType {
    pub oid: u32,
    pub name: String,
    /// Bytes of a value, or -1.
    pub length: i16,
    pub by_value: bool,
    pub kind: char,
    pub category: char,
    pub preferred: bool,
    pub delimiter: char,
    /// The type of the items, or 0.
    pub element: u32,
    /// The array of this type, or 0.
    pub array: u32,
    pub align: char,
    pub storage: char,
    pub collation: u32,
    /// Names and OIDs of the functions `typinput`, `typoutput`, `typreceive`, `typsend`.
    pub functions: [Option<(String, u32)>; 4],
    /// What `format_type` calls it.
    pub shown: String,
}

impl PgType {
    /// Whether its values are the numbers of objects: four unsigned bytes.
    pub fn is_oid(&self) -> bool {
        let numbers = matches!(self.name.as_str(), "oid" | "xid" | "cid");
        numbers || (self.category == 'N' && self.name.starts_with("reg"))
    }

    /// Whether it is a vector: numbers with spaces between them in text, an array in binary.
    pub fn is_vector(&self) -> bool {
        matches!(self.name.as_str(), "int2vector" | "oidvector")
    }
}

/// Every type, in the order of the OIDs; arrays are made of their items.
static TYPES: LazyLock<Vec<PgType>> = LazyLock::new(|| {
    let base: Vec<PgType> = include_str!("pg_types.txt")
        .lines()
        .filter_map(base_type)
        .collect();
    let arrays: Vec<PgType> = base.iter().filter(|t| t.array != 0).map(array_of).collect();
    let mut all: Vec<_> = base.into_iter().chain(arrays).collect();
    all.sort_by_key(|t| t.oid);
    all
});

static BY_NAME: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    let named = TYPES.iter().enumerate();
    named.map(|(at, t)| (t.name.as_str(), at)).collect()
});

fn base_type(line: &str) -> Option<PgType> {
    let mut words = line.splitn(18, ' ');
    let mut word = || words.next();
    let letter = |w: &str| w.chars().next();
    Some(PgType {
        oid: word()?.parse().ok()?,
        name: word()?.to_string(),
        length: word()?.parse().ok()?,
        by_value: word()? == "t",
        kind: letter(word()?)?,
        category: letter(word()?)?,
        preferred: word()? == "t",
        delimiter: letter(word()?)?,
        element: word()?.parse().ok()?,
        array: word()?.parse().ok()?,
        align: letter(word()?)?,
        storage: letter(word()?)?,
        collation: word()?.parse().ok()?,
        functions: [
            function(word()?),
            function(word()?),
            function(word()?),
            function(word()?),
        ],
        shown: word()?.to_string(),
    })
}

fn function(word: &str) -> Option<(String, u32)> {
    let (name, oid) = word.split_once('/')?;
    Some((name.to_string(), oid.parse().ok()?))
}

fn array_of(item: &PgType) -> PgType {
    let of = |name: &str, oid| Some((name.to_string(), oid));
    PgType {
        oid: item.array,
        name: format!("_{}", item.name),
        length: -1,
        by_value: false,
        kind: 'b',
        category: 'A',
        preferred: false,
        delimiter: item.delimiter,
        element: item.oid,
        array: 0,
        align: if item.align == 'd' { 'd' } else { 'i' },
        storage: 'x',
        collation: item.collation,
        functions: [
            of("array_in", 750),
            of("array_out", 751),
            of("array_recv", 2400),
            of("array_send", 2401),
        ],
        shown: format!("{}[]", item.shown),
    }
}

pub fn all() -> &'static [PgType] {
    &TYPES
}

pub fn by_oid(oid: u32) -> Option<&'static PgType> {
    let at = TYPES.binary_search_by_key(&oid, |t| t.oid).ok()?;
    TYPES.get(at)
}

/// By the name in `pg_type`, such as `int4` or `_text`.
pub fn by_name(name: &str) -> Option<&'static PgType> {
    TYPES.get(*BY_NAME.get(name)?)
}

/// By any spelling that SQL takes, such as `integer`, `double precision`, `text[]`, `numeric(5,2)`.
pub fn by_spelling(text: &str) -> Option<&'static PgType> {
    let text = text.trim();
    if let Some(item) = text.strip_suffix("[]") {
        return by_oid(by_spelling(item)?.array);
    }
    if let Some(quoted) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        return by_name(quoted);
    }
    let lower = text.to_ascii_lowercase();
    let plain = lower.split('(').next().unwrap_or_default().trim();
    let plain = plain.strip_prefix("pg_catalog.").unwrap_or(plain);
    let alias = match plain {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "real" => "float4",
        "float" | "double precision" => "float8",
        "boolean" => "bool",
        "decimal" | "dec" => "numeric",
        "character varying" => "varchar",
        "character" | "char" => "bpchar",
        "string" => "text",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        "time without time zone" => "time",
        "time with time zone" => "timetz",
        "\"char\"" => "char",
        "bit varying" => "varbit",
        other => other,
    };
    by_name(alias)
}

/// `format_type(oid, typmod)`: the type as SQL writes it.
pub fn format_type(oid: u32, modifier: Option<i32>) -> String {
    let Some(found) = by_oid(oid) else {
        return if oid == 0 { "-" } else { "???" }.to_string();
    };
    let (item, brackets) = match by_oid(found.element) {
        Some(item)
            if found.category == 'A' && found.length == -1 && found.name.starts_with('_') =>
        {
            (item, "[]")
        }
        _ => (found, ""),
    };
    let given = modifier.filter(|m| *m >= 0);
    let name = match (item.name.as_str(), given) {
        ("numeric", Some(m)) if m >= 4 => {
            format!("numeric({},{})", ((m - 4) >> 16) & 0xffff, (m - 4) & 0x7ff)
        }
        ("varchar" | "bpchar", Some(m)) if m >= 4 => format!("{}({})", item.shown, m - 4),
        ("bpchar", None) if modifier.is_some() => "bpchar".to_string(),
        ("timestamp" | "timestamptz" | "time" | "timetz", Some(m)) => {
            match item.shown.split_once(' ') {
                Some((word, rest)) => format!("{word}({m}) {rest}"),
                None => item.shown.clone(),
            }
        }
        _ => item.shown.clone(),
    };
    format!("{name}{brackets}")
}

/// The type that a field's metadata names, if the Arrow type can hold it.
pub fn declared(field: &Field) -> Option<&'static PgType> {
    let name = match (field.metadata().get(PG_TYPE), field.extension_type_name()) {
        (Some(name), _) => name,
        (None, Some("arrow.uuid")) => "uuid",
        (None, Some("arrow.json")) => "json",
        (None, _) => return None,
    };
    by_name(name).filter(|named| fits(named, field.data_type()))
}

fn fits(named: &PgType, arrow: &DataType) -> bool {
    match arrow {
        DataType::Dictionary(_, value) => fits(named, value),
        text if text.is_string() => is_text(named),
        DataType::UInt32 => named.is_oid(),
        DataType::FixedSizeBinary(16) => named.name == "uuid",
        list => match (item_of(list), by_oid(named.element)) {
            (Some(item), Some(of)) => {
                let inner = of_field(item).0;
                fits(of, item.data_type()) || inner == of.oid || inner == named.oid
            }
            (None, None) => widens(of_arrow(list).0, named.oid),
            _ => false,
        },
    }
}

/// Whether text is how its values are kept: not for what has values of a fixed form.
fn is_text(named: &PgType) -> bool {
    match named.category {
        'N' => named.name.starts_with("reg"),
        'A' => named.is_vector(),
        'U' => !matches!(named.name.as_str(), "bytea" | "xid" | "cid"),
        'B' | 'D' | 'T' => false,
        _ => true,
    }
}

/// Whether an integer type holds every value of another, or they are the same type.
fn widens(own: u32, named: u32) -> bool {
    let rank = |oid| [21, 23, 20].iter().position(|known| *known == oid);
    own == named || rank(own).is_some_and(|own| Some(own) <= rank(named))
}

/// The items of a list type.
pub fn item_of(data_type: &DataType) -> Option<&Field> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}

/// The OID and the modifier of the type that a field has.
pub fn of_field(field: &Field) -> (u32, i32) {
    match declared(field) {
        Some(named) => (named.oid, -1),
        None => of_arrow(field.data_type()),
    }
}

/// The OID and the modifier (-1 for none) that an Arrow type stands for.
pub fn of_arrow(data_type: &DataType) -> (u32, i32) {
    match data_type {
        DataType::Boolean => (16, -1),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => (21, -1),
        DataType::Int32 | DataType::UInt16 => (23, -1),
        DataType::Int64 | DataType::UInt32 => (20, -1),
        DataType::UInt64 => (1700, -1),
        DataType::Float16 | DataType::Float32 => (700, -1),
        DataType::Float64 => (701, -1),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => {
            (1700, ((i32::from(*p) << 16) | (i32::from(*s) & 0x7ff)) + 4)
        }
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Null
        | DataType::Union(..) => (25, -1),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => (17, -1),
        DataType::Date32 | DataType::Date64 => (1082, -1),
        DataType::Time32(unit) | DataType::Time64(unit) => (1083, digits(*unit)),
        DataType::Timestamp(unit, None) => (1114, digits(*unit)),
        DataType::Timestamp(unit, Some(_)) => (1184, digits(*unit)),
        DataType::Interval(_) | DataType::Duration(_) => (1186, -1),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            // An array of oids has lost what its items are called.
            let (of, modifier) = match item.data_type() {
                DataType::UInt32 => (26, -1),
                _ => of_field(item),
            };
            (array_type(of), modifier)
        }
        DataType::Struct(_) => (2249, -1),
        DataType::Map(..) => (3802, -1),
        DataType::Dictionary(_, value) => of_arrow(value),
        DataType::RunEndEncoded(_, values) => of_field(values),
    }
}

/// The array of a type; an array of arrays is an array, and what has none is written as text.
pub fn array_type(item: u32) -> u32 {
    match by_oid(item) {
        Some(inner) if inner.name.starts_with('_') => item,
        Some(inner) if inner.array != 0 => inner.array,
        _ => 1009,
    }
}

/// Microseconds and finer are PostgreSQL's own.
fn digits(unit: TimeUnit) -> i32 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond | TimeUnit::Nanosecond => -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_every_spelling() {
        for (text, oid) in [
            ("integer", 23),
            ("int4", 23),
            ("text[]", 1009),
            ("double precision", 701),
            ("numeric(5,2)", 1700),
            ("\"char\"", 18),
            ("character varying(20)", 1043),
            ("pg_catalog.regclass", 2205),
        ] {
            assert_eq!(by_spelling(text).map(|t| t.oid), Some(oid), "{text}");
        }
    }

    #[test]
    fn names_are_postgres_own() {
        assert_eq!(format_type(1700, Some(327_686)), "numeric(5,2)");
        assert_eq!(format_type(1015, Some(14)), "character varying(10)[]");
        assert_eq!(format_type(1114, Some(3)), "timestamp(3) without time zone");
        assert_eq!(format_type(22, None), "int2vector");
        assert_eq!(format_type(18, None), "\"char\"");
        assert_eq!(format_type(0, None), "-");
    }

    #[test]
    fn metadata_counts_only_where_it_fits() {
        let named = |arrow, name: &str| {
            let metadata = [(PG_TYPE.to_string(), name.to_string())].into();
            of_field(&Field::new("f", arrow, true).with_metadata(metadata)).0
        };
        assert_eq!(named(DataType::UInt32, "oid"), 26);
        assert_eq!(named(DataType::Utf8, "oid"), 25);
        assert_eq!(named(DataType::Utf8, "regclass"), 2205);
        assert_eq!(named(DataType::Int64, "regclass"), 20);
        assert_eq!(named(DataType::Utf8, "float8"), 25);
        assert_eq!(named(DataType::Utf8, "oidvector"), 30);
        assert_eq!(named(DataType::Int16, "int4"), 23);
        assert_eq!(named(DataType::Int64, "int4"), 20);
        let list = |of| DataType::new_list(of, true);
        assert_eq!(named(list(DataType::Utf8), "_name"), 1003);
        assert_eq!(named(list(DataType::UInt32), "oidvector"), 30);
        assert_eq!(named(list(DataType::Utf8), "_float8"), 1009);
        assert_eq!(named(DataType::Utf8, "_text"), 25);
    }
}

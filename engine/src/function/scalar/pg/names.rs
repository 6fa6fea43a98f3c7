//! Objects by name and by OID: the casts `::regclass`, `::regtype`, …, `format_type`, `…_is_visible`.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::Result;
use datafusion::logical_expr::Volatility::{Stable, Volatile};

use super::{Object, SECTION};
use crate::error::{Error, Kind};
use crate::function::define::{Arg, Call, Overload, Scalar, takes, variadic};
use crate::function::directory::Class;
use crate::function::rows::{given, gives};
use crate::sql::pg_type;

/// Writes an OID alias as text: `reg_text('regclass', oid)`.
pub(crate) const REG_TEXT: &str = "reg_text";

/// Stands for a value that no plan could be made for.
pub(crate) const UNPLANNED: &str = "unplanned_subquery";

fn oid_type(_: &[DataType]) -> DataType {
    DataType::UInt32
}

/// A cast to an OID alias.
macro_rules! alias {
    ($name:literal, $class:expr, $about:literal) => {
        Scalar::new(
            SECTION,
            $name,
            concat!($name, "(name)"),
            $about,
            const {
                &[takes(&[Arg::Any], oid_type, |call| {
                    named(call, $class, true)
                })]
            },
        )
        .that_is(Stable)
        .of_pg($name)
    };
}

/// The OID of a name, or NULL.
macro_rules! look_up {
    ($name:literal, $pg:literal, $class:expr, $about:literal) => {
        Scalar::new(
            SECTION,
            $name,
            concat!($name, "(name)"),
            $about,
            const {
                &[takes(&[Arg::Any], oid_type, |call| {
                    named(call, $class, false)
                })]
            },
        )
        .that_is(Stable)
        .of_pg($pg)
    };
}

macro_rules! visible {
    ($name:literal, $class:expr) => {
        Scalar::new(
            SECTION,
            $name,
            concat!($name, "(oid)"),
            "Whether the object is found by its name alone.",
            const {
                &[takes(&[Arg::Any], gives::boolean, |call| {
                    visible(call, $class)
                })]
            },
        )
        .that_is(Stable)
    };
}

/// Kinds of objects that there are none of.
macro_rules! never_visible {
    ($name:literal) => {
        Scalar::new(
            SECTION,
            $name,
            concat!($name, "(oid)"),
            "Whether the object is found by its name alone.",
            const {
                &[takes(&[Arg::Any], gives::boolean, |call| {
                    call.each_bool(|_| Ok(Some(true)))
                })]
            },
        )
    };
}

const FORMAT: &[Overload] = &[takes(&[Arg::Any, Arg::Any], gives::text, |call| {
    let (types, modifiers) = (call.objects(0)?, call.objects(1)?);
    call.each_text(|row| {
        let oid = given!(types.oid(row, Class::Type, call.directory()));
        let modifier = match modifiers.at(row) {
            #[allow(clippy::cast_possible_wrap)]
            Some(Object::Oid(m)) => Some(m as i32),
            _ => None,
        };
        Ok(Some(pg_type::format_type(oid, modifier)))
    })
})];

pub(crate) static FUNCTIONS: &[Scalar] = &[
    alias!(
        "regclass",
        Class::Relation,
        "The table or view of a name, as an OID that reads as its name."
    ),
    alias!(
        "regtype",
        Class::Type,
        "The type of a name, as an OID that reads as its name."
    ),
    alias!(
        "regproc",
        Class::Function,
        "The function of a name, as an OID that reads as its name."
    ),
    alias!(
        "regprocedure",
        Class::Function,
        "The function of a name, as an OID that reads as its name."
    ),
    alias!(
        "regnamespace",
        Class::Namespace,
        "The schema of a name, as an OID that reads as its name."
    ),
    alias!(
        "regrole",
        Class::Role,
        "The role of a name, as an OID that reads as its name."
    ),
    alias!(
        "regcollation",
        Class::Collation,
        "The collation of a name, as an OID that reads as its name."
    ),
    alias!(
        "oid",
        Class::Relation,
        "A number as the identifier of an object."
    ),
    look_up!(
        "to_regclass",
        "regclass",
        Class::Relation,
        "The table or view of a name, or NULL."
    ),
    look_up!(
        "to_regtype",
        "regtype",
        Class::Type,
        "The type of a name, or NULL."
    ),
    look_up!(
        "to_regproc",
        "regproc",
        Class::Function,
        "The function of a name, or NULL."
    ),
    look_up!(
        "to_regnamespace",
        "regnamespace",
        Class::Namespace,
        "The schema of a name, or NULL."
    ),
    look_up!(
        "to_regrole",
        "regrole",
        Class::Role,
        "The role of a name, or NULL."
    ),
    Scalar::new(
        SECTION,
        "name",
        "name(text)",
        "The text as an identifier.",
        &[takes(&[Arg::Text], gives::text, copied)],
    )
    .of_pg("name"),
    Scalar::new(
        SECTION,
        "pg_char",
        "pg_char(text)",
        "The first character of a text.",
        &[takes(&[Arg::Text], gives::text, |call| {
            let texts = call.text(0)?;
            call.each_text(|row| {
                Ok(texts
                    .at(row)
                    .map(|t| t.chars().next().map(String::from).unwrap_or_default()))
            })
        })],
    )
    .of_pg("char"),
    Scalar::new(
        SECTION,
        REG_TEXT,
        "reg_text(type, oid)",
        "The name that an OID of type regclass, regtype, … reads as.",
        &[takes(&[Arg::Text, Arg::Any], gives::text, reg_text)],
    )
    .that_is(Stable),
    Scalar::new(
        SECTION,
        "format_type",
        "format_type(type, modifier)",
        "The type as SQL writes it.",
        FORMAT,
    )
    .that_is(Stable),
    visible!("pg_table_is_visible", Class::Relation),
    visible!("pg_type_is_visible", Class::Type),
    visible!("pg_function_is_visible", Class::Function),
    visible!("pg_collation_is_visible", Class::Collation),
    never_visible!("pg_opclass_is_visible"),
    never_visible!("pg_opfamily_is_visible"),
    never_visible!("pg_operator_is_visible"),
    never_visible!("pg_conversion_is_visible"),
    never_visible!("pg_statistics_obj_is_visible"),
    never_visible!("pg_ts_config_is_visible"),
    never_visible!("pg_ts_dict_is_visible"),
    never_visible!("pg_ts_parser_is_visible"),
    never_visible!("pg_ts_template_is_visible"),
    Scalar::new(
        SECTION,
        "pg_get_userbyid",
        "pg_get_userbyid(oid)",
        "The name of a role.",
        &[takes(&[Arg::Any], gives::text, |call| {
            let roles = call.objects(0)?;
            call.each_text(|row| {
                let oid = given!(roles.oid(row, Class::Role, call.directory()));
                let name = call.directory().and_then(|d| d.name(Class::Role, oid));
                Ok(Some(name.unwrap_or_else(|| format!("unknown (OID={oid})"))))
            })
        })],
    )
    .that_is(Stable)
    .of_pg("name"),
    Scalar::new(
        SECTION,
        UNPLANNED,
        "unplanned_subquery(null)",
        "Fails: stands for a subquery that could not be planned.",
        &[takes(&[Arg::Any], gives::first, |call| match call.rows {
            0 => Ok(arrow::array::new_empty_array(&call.returns)),
            _ => Err(Error::unsupported("a correlated subquery of this form").into()),
        })],
    )
    .that_is(Volatile),
    Scalar::new(
        SECTION,
        "pg_get_partkeydef",
        "pg_get_partkeydef(table)",
        "The partition key of a table; there is none.",
        &[variadic(&[Arg::Any], Arg::Any, gives::text, |call| {
            call.each_text(|_| Ok(None::<&str>))
        })],
    ),
];

fn copied(call: &Call) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    call.each_text(|row| Ok(texts.at(row)))
}

fn named(call: &Call, class: Class, must_exist: bool) -> Result<ArrayRef> {
    let objects = call.objects(0)?;
    call.each::<UInt32Type>(|row| {
        let name = match given!(objects.at(row)) {
            Object::Oid(oid) => return Ok(Some(oid)),
            Object::Name(name) => name,
        };
        match call.directory().and_then(|d| d.oid(class, name)) {
            Some(oid) => Ok(Some(oid)),
            None if must_exist => Err(missing(call.name, class, name).into()),
            None => Ok(None),
        }
    })
}

fn missing(cast: &str, class: Class, name: &str) -> Error {
    if cast == "oid" {
        return Error::new(
            Kind::InvalidText,
            format!("invalid input syntax for type oid: \"{name}\""),
        );
    }
    let (kind, what) = match class {
        Class::Relation => (Kind::UndefinedTable, "relation"),
        Class::Type => (Kind::UndefinedObject, "type"),
        Class::Function => (Kind::UndefinedFunction, "function"),
        Class::Namespace => (Kind::UndefinedSchema, "schema"),
        Class::Role => (Kind::UndefinedObject, "role"),
        Class::Collation => (Kind::UndefinedObject, "collation"),
    };
    Error::new(kind, format!("{what} \"{name}\" does not exist"))
}

fn visible(call: &Call, class: Class) -> Result<ArrayRef> {
    let objects = call.objects(0)?;
    call.each_bool(|row| {
        let oid = given!(objects.oid(row, class, call.directory()));
        Ok(call.directory().and_then(|d| d.is_visible(class, oid)))
    })
}

fn reg_text(call: &Call) -> Result<ArrayRef> {
    let (kinds, objects) = (call.text(0)?, call.objects(1)?);
    call.each_text(|row| {
        let class = match given!(kinds.at(row)) {
            "regclass" => Class::Relation,
            "regtype" => Class::Type,
            "regnamespace" => Class::Namespace,
            "regrole" => Class::Role,
            "regcollation" => Class::Collation,
            _ => Class::Function,
        };
        let oid = given!(objects.oid(row, class, call.directory()));
        if oid == 0 {
            return Ok(Some("-".to_string()));
        }
        let name = match class {
            Class::Type => pg_type::by_oid(oid).map(|_| pg_type::format_type(oid, None)),
            _ => call.directory().and_then(|d| d.name(class, oid)),
        };
        Ok(Some(name.unwrap_or_else(|| oid.to_string())))
    })
}

//! `has_table_privilege(…)` and its kin.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::Volatility::Stable;

use super::{Object, SECTION};
use crate::error::{Error, Kind};
use crate::function::define::{Arg, Call, Overload, Scalar, takes};
use crate::function::directory::Class;
use crate::function::rows::{given, gives};

macro_rules! privilege {
    ($name:literal, $object:literal) => {
        Scalar::new(
            SECTION,
            $name,
            concat!($name, "([user, ] ", $object, ", privilege)"),
            "Whether a user may do this.",
            PLAIN,
        )
        .that_is(Stable)
    };
}

const PLAIN: &[Overload] = &[
    takes(&[Arg::Any, Arg::Text], gives::boolean, |call| {
        allowed(call, 0)
    }),
    takes(&[Arg::Any, Arg::Any, Arg::Text], gives::boolean, |call| {
        allowed(call, 1)
    }),
];

const OF_TABLE: &[Overload] = &[
    takes(&[Arg::Any, Arg::Text], gives::boolean, |call| {
        on(call, 0, Class::Relation)
    }),
    takes(&[Arg::Any, Arg::Any, Arg::Text], gives::boolean, |call| {
        on(call, 1, Class::Relation)
    }),
];

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "has_table_privilege",
        "has_table_privilege([user, ] table, privilege)",
        "Whether a user may do this with a table.",
        OF_TABLE,
    )
    .that_is(Stable),
    Scalar::new(
        SECTION,
        "has_any_column_privilege",
        "has_any_column_privilege([user, ] table, privilege)",
        "Whether a user may do this with a column of a table.",
        OF_TABLE,
    )
    .that_is(Stable),
    Scalar::new(
        SECTION,
        "has_column_privilege",
        "has_column_privilege([user, ] table, column, privilege)",
        "Whether a user may do this with a column.",
        &[
            takes(&[Arg::Any, Arg::Any, Arg::Text], gives::boolean, |call| {
                on(call, 0, Class::Relation)
            }),
            takes(
                &[Arg::Any, Arg::Any, Arg::Any, Arg::Text],
                gives::boolean,
                |call| on(call, 1, Class::Relation),
            ),
        ],
    )
    .that_is(Stable),
    Scalar::new(
        SECTION,
        "has_schema_privilege",
        "has_schema_privilege([user, ] schema, privilege)",
        "Whether a user may do this in a schema.",
        &[
            takes(&[Arg::Any, Arg::Text], gives::boolean, |call| {
                on(call, 0, Class::Namespace)
            }),
            takes(&[Arg::Any, Arg::Any, Arg::Text], gives::boolean, |call| {
                on(call, 1, Class::Namespace)
            }),
        ],
    )
    .that_is(Stable),
    privilege!("has_database_privilege", "database"),
    privilege!("has_function_privilege", "function"),
    privilege!("has_language_privilege", "language"),
    privilege!("has_sequence_privilege", "sequence"),
    privilege!("has_tablespace_privilege", "tablespace"),
    privilege!("has_type_privilege", "type"),
    privilege!("has_server_privilege", "server"),
    privilege!("has_foreign_data_wrapper_privilege", "wrapper"),
    privilege!("pg_has_role", "role"),
    Scalar::new(
        SECTION,
        "row_security_active",
        "row_security_active(table)",
        "Whether rows of the table are hidden from the user: never.",
        &[takes(&[Arg::Any], gives::boolean, |call| {
            call.each_bool(|_| Ok(Some(false)))
        })],
    ),
];

/// A user may read everything, and the superuser may do everything.
fn may(call: &Call, privilege: &str) -> bool {
    let reads = |word: &str| {
        let word = word.trim().to_ascii_lowercase();
        matches!(
            word.as_str(),
            "select" | "usage" | "connect" | "execute" | "member" | "set"
        )
    };
    call.directory().is_some_and(|d| d.is_superuser()) || privilege.split(',').any(reads)
}

fn allowed(call: &Call, object: usize) -> Result<ArrayRef> {
    let (objects, privileges) = (call.objects(object)?, call.text(call.arrays.len() - 1)?);
    call.each_bool(|row| {
        given!(objects.at(row));
        Ok(Some(may(call, given!(privileges.at(row)))))
    })
}

/// As in PostgreSQL, an unknown name is an error and an unknown OID is NULL.
fn on(call: &Call, object: usize, class: Class) -> Result<ArrayRef> {
    let (objects, privileges) = (call.objects(object)?, call.text(call.arrays.len() - 1)?);
    let users = (object > 0).then(|| call.objects(0)).transpose()?;
    call.each_bool(|row| {
        let Some(known) = call.directory() else {
            return Ok(None);
        };
        let oid = match given!(objects.at(row)) {
            Object::Oid(oid) => oid,
            Object::Name(name) => match known.oid(class, name) {
                Some(oid) => oid,
                None => return Err(unknown(class, name).into()),
            },
        };
        let user = match &users {
            None => known.user(),
            Some(users) => match given!(users.at(row)) {
                Object::Oid(oid) => given!(known.name(Class::Role, oid)),
                Object::Name(name) => name.to_string(),
            },
        };
        let mut may = false;
        for privilege in given!(privileges.at(row)).split(',') {
            may |= given!(known.allows(&user, class, oid, privilege.trim()));
        }
        Ok(Some(may))
    })
}

fn unknown(class: Class, name: &str) -> Error {
    match class {
        Class::Namespace => Error::new(
            Kind::UndefinedSchema,
            format!("schema \"{name}\" does not exist"),
        ),
        _ => Error::new(
            Kind::UndefinedTable,
            format!("relation \"{name}\" does not exist"),
        ),
    }
}

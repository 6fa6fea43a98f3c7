//! How objects are defined and what is said of them: `pg_get_viewdef`, `obj_description`, ….
//!
//! There are no indexes, constraints, rules and triggers: their definitions are NULL.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::Volatility::Stable;

use super::SECTION;
use crate::function::define::{Arg, Call, Scalar, takes, variadic};
use crate::function::directory::Class;
use crate::function::rows::{given, gives};

/// The definition of something that there is none of.
macro_rules! nothing {
    ($name:literal) => {
        Scalar::new(
            SECTION,
            $name,
            concat!($name, "(oid, …)"),
            "The definition of an object of a kind that there is none of: NULL.",
            const { &[variadic(&[Arg::Any], Arg::Any, gives::text, null)] },
        )
    };
}

fn null(call: &Call) -> Result<ArrayRef> {
    call.each_text(|_| Ok(None::<&str>))
}

/// A comment on an object; `catalog` is the argument that names the relation it stands in.
fn comment(call: &Call) -> Result<ArrayRef> {
    let objects = call.objects(0)?;
    let catalogs = match call.arrays.len() {
        1 => None,
        _ => Some(call.text(1)?),
    };
    call.each_text(|row| {
        let oid = given!(objects.oid(row, Class::Relation, call.directory()));
        let catalog = catalogs
            .as_ref()
            .and_then(|c| c.at(row))
            .unwrap_or("pg_class");
        Ok(call.directory().and_then(|d| d.description(catalog, oid)))
    })
}

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "pg_get_expr",
        "pg_get_expr(expression, relation [, pretty])",
        "A stored expression as SQL.",
        &[variadic(
            &[Arg::Text, Arg::Any],
            Arg::Any,
            gives::text,
            |call| {
                let texts = call.text(0)?;
                call.each_text(|row| Ok(texts.at(row)))
            },
        )],
    ),
    Scalar::new(
        SECTION,
        "pg_get_viewdef",
        "pg_get_viewdef(view [, pretty])",
        "The query of a view.",
        &[variadic(&[Arg::Any], Arg::Any, gives::text, |call| {
            let views = call.objects(0)?;
            call.each_text(|row| {
                let oid = given!(views.oid(row, Class::Relation, call.directory()));
                Ok(call.directory().and_then(|d| d.view_definition(oid)))
            })
        })],
    )
    .that_is(Stable),
    Scalar::new(
        SECTION,
        "obj_description",
        "obj_description(oid [, catalog])",
        "The comment on an object.",
        &[
            takes(&[Arg::Any], gives::text, comment),
            takes(&[Arg::Any, Arg::Text], gives::text, comment),
        ],
    )
    .that_is(Stable),
    nothing!("col_description"),
    nothing!("shobj_description"),
    nothing!("pg_get_constraintdef"),
    nothing!("pg_get_functiondef"),
    nothing!("pg_get_function_sqlbody"),
    nothing!("pg_get_function_arg_default"),
    nothing!("pg_get_indexdef"),
    nothing!("pg_get_ruledef"),
    nothing!("pg_get_triggerdef"),
    nothing!("pg_get_serial_sequence"),
    nothing!("pg_get_statisticsobjdef"),
    nothing!("pg_get_statisticsobjdef_columns"),
    nothing!("pg_get_statisticsobjdef_expressions"),
    nothing!("pg_get_partition_constraintdef"),
    nothing!("pg_index_column_has_property"),
    nothing!("pg_describe_object"),
    Scalar::new(
        SECTION,
        "pg_tablespace_location",
        "pg_tablespace_location(oid)",
        "Where a tablespace is, in PostgreSQL: no other place than the database, and so the empty text.",
        &[takes(&[Arg::Any], gives::text, |call| {
            call.each_text(|_| Ok(Some("")))
        })],
    ),
    Scalar::new(
        SECTION,
        "pg_get_function_arguments",
        "pg_get_function_arguments(oid)",
        "What the parentheses of a call of the function take.",
        &[takes(&[Arg::Any], gives::text, arguments)],
    )
    .or(&["pg_get_function_identity_arguments"])
    .that_is(Stable),
    Scalar::new(
        SECTION,
        "pg_get_function_result",
        "pg_get_function_result(oid)",
        "The type that the function gives, which depends on its arguments.",
        &[takes(&[Arg::Any], gives::text, |call| {
            let functions = call.objects(0)?;
            call.each_text(|row| {
                let oid = given!(functions.oid(row, Class::Function, call.directory()));
                let known = call.directory().and_then(|d| d.name(Class::Function, oid));
                Ok(known.map(|_| "\"any\""))
            })
        })],
    )
    .that_is(Stable),
];

fn arguments(call: &Call) -> Result<ArrayRef> {
    let functions = call.objects(0)?;
    call.each_text(|row| {
        let oid = given!(functions.oid(row, Class::Function, call.directory()));
        Ok(call.directory().and_then(|d| d.arguments(oid)))
    })
}

//! What the server says of itself and of the session, and locks that are nobody's.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int32Builder, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type};
use chrono::Utc;
use datafusion::common::Result;
use datafusion::logical_expr::Volatility::{Stable, Volatile};

use super::SECTION;
use crate::error::{Error, Kind};
use crate::function::define::{Arg, Call, Scalar, micros_tz, takes, variadic};
use crate::function::rows::{given, gives};

fn void(call: &Call) -> Result<ArrayRef> {
    call.each_text(|_| Ok(Some("")))
}

fn yes(call: &Call) -> Result<ArrayRef> {
    call.each_bool(|_| Ok(Some(true)))
}

fn no(call: &Call) -> Result<ArrayRef> {
    call.each_bool(|_| Ok(Some(false)))
}

fn null_text(call: &Call) -> Result<ArrayRef> {
    call.each_text(|_| Ok(None::<&str>))
}

fn null_int(call: &Call) -> Result<ArrayRef> {
    call.each::<Int32Type>(|_| Ok(None))
}

fn null_int8(call: &Call) -> Result<ArrayRef> {
    call.each::<Int64Type>(|_| Ok(None))
}

fn instant_type(_: &[DataType]) -> DataType {
    micros_tz("UTC")
}

/// A lock that no one else can hold: there is nothing to wait for.
macro_rules! lock {
    ($name:literal, $pg:literal, $gives:expr, $run:expr) => {
        Scalar::new(
            SECTION,
            $name,
            concat!($name, "(key, …)"),
            "Advisory locks are granted and mean nothing.",
            const {
                &[
                    takes(&[], $gives, $run),
                    variadic(&[Arg::Any], Arg::Any, $gives, $run),
                ]
            },
        )
        .that_is(Volatile)
        .of_pg($pg)
    };
}

/// A function without arguments.
macro_rules! about {
    ($name:literal, $gives:expr, $run:expr, $about:literal) => {
        Scalar::new(
            SECTION,
            $name,
            concat!($name, "()"),
            $about,
            const { &[takes(&[], $gives, $run)] },
        )
        .that_is(Stable)
    };
}

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "pg_encoding_to_char",
        "pg_encoding_to_char(number)",
        "The name of an encoding; text is always UTF8.",
        &[takes(&[Arg::Int], gives::text, |call| {
            let numbers = call.ints(0)?;
            call.each_text(|row| {
                use crate::function::rows::At;
                Ok(Some(match given!(numbers.at(row)) {
                    0 => "SQL_ASCII",
                    6 => "UTF8",
                    _ => "",
                }))
            })
        })],
    )
    .of_pg("name"),
    Scalar::new(
        SECTION,
        "pg_char_to_encoding",
        "pg_char_to_encoding(name)",
        "The number of an encoding.",
        &[takes(&[Arg::Text], gives::int32, |call| {
            let names = call.text(0)?;
            call.each::<Int32Type>(|row| {
                let name = given!(names.at(row)).to_ascii_lowercase();
                Ok(Some(match name.as_str() {
                    "sql_ascii" => 0,
                    "utf8" | "utf-8" | "unicode" => 6,
                    _ => -1,
                }))
            })
        })],
    ),
    about!(
        "pg_client_encoding",
        gives::text,
        |call| call.each_text(|_| Ok(Some("UTF8"))),
        "The encoding of text: UTF8."
    ),
    about!(
        "getdatabaseencoding",
        gives::text,
        |call| call.each_text(|_| Ok(Some("UTF8"))),
        "The encoding of the database: UTF8."
    )
    .of_pg("name"),
    about!(
        "pg_backend_pid",
        gives::int32,
        pid,
        "The number that stands for this session."
    ),
    about!(
        "pg_my_temp_schema",
        |_| DataType::UInt32,
        temporary_schema,
        "The OID of the session's schema of temporary tables; 0 when it has none."
    )
    .of_pg("oid"),
    about!(
        "pg_is_in_recovery",
        gives::boolean,
        no,
        "Whether the server only follows another: false."
    ),
    about!(
        "pg_is_wal_replay_paused",
        gives::boolean,
        no,
        "Whether following is paused: false."
    ),
    about!(
        "inet_server_addr",
        gives::text,
        null_text,
        "The address of the server, which is not told."
    ),
    about!(
        "inet_client_addr",
        gives::text,
        null_text,
        "The address of the client, which is not told."
    ),
    about!(
        "inet_server_port",
        gives::int32,
        null_int,
        "The port of the server, which is not told."
    ),
    about!(
        "inet_client_port",
        gives::int32,
        null_int,
        "The port of the client, which is not told."
    ),
    about!(
        "pg_postmaster_start_time",
        instant_type,
        started,
        "When the server began."
    ),
    about!(
        "pg_conf_load_time",
        instant_type,
        started,
        "When the configuration was read."
    ),
    about!(
        "txid_current",
        gives::int,
        transaction,
        "A number for the transaction, later ones larger."
    )
    .that_is(Volatile),
    about!(
        "pg_current_xact_id",
        gives::text,
        |call| call.each_text(|_| Ok(Some(Utc::now().timestamp_micros().to_string()))),
        "A number for the transaction, later ones larger."
    )
    .that_is(Volatile)
    .of_pg("xid8"),
    about!(
        "txid_current_if_assigned",
        gives::int,
        null_int8,
        "NULL: transactions have no numbers."
    ),
    about!(
        "pg_export_snapshot",
        gives::text,
        |call| call.each_text(|_| Ok(Some("00000003-00000001-1"))),
        "A name for the snapshot; each statement has its own."
    )
    .that_is(Volatile),
    about!(
        "pg_current_logfile",
        gives::text,
        null_text,
        "The file of the log, which is not told."
    ),
    Scalar::new(
        SECTION,
        "pg_is_other_temp_schema",
        "pg_is_other_temp_schema(oid)",
        "Whether the schema holds temporary tables of another session: false.",
        &[takes(&[Arg::Any], gives::boolean, no)],
    ),
    Scalar::new(
        SECTION,
        "pg_relation_is_publishable",
        "pg_relation_is_publishable(table)",
        "Whether the table can be replicated: false.",
        &[takes(&[Arg::Any], gives::boolean, no)],
    ),
    Scalar::new(
        SECTION,
        "pg_relation_is_updatable",
        "pg_relation_is_updatable(table, with_triggers)",
        "The commands that a view passes on to its table: none.",
        &[takes(&[Arg::Any, Arg::Any], gives::int32, |call| {
            call.each::<Int32Type>(|_| Ok(Some(0)))
        })],
    ),
    Scalar::new(
        SECTION,
        "pg_database_size",
        "pg_database_size(database)",
        "What all tables take, which is not added up: NULL.",
        &[takes(&[Arg::Any], gives::int, null_int8)],
    ),
    Scalar::new(
        SECTION,
        "pg_stat_get_live_tuples",
        "pg_stat_get_live_tuples(oid)",
        "How many rows were inserted and not deleted, which is not counted: NULL.",
        &[takes(&[Arg::Any], gives::int, null_int8)],
    )
    .or(&["pg_stat_get_dead_tuples"]),
    Scalar::new(
        SECTION,
        "pg_stat_get_numscans",
        "pg_stat_get_numscans(oid)",
        "How often a relation was read by itself, which is not counted: NULL.",
        &[takes(&[Arg::Any], gives::int, null_int8)],
    ),
    Scalar::new(
        SECTION,
        "pg_blocking_pids",
        "pg_blocking_pids(pid)",
        "The sessions that a session waits for: none, as nobody waits for another's lock.",
        &[takes(
            &[Arg::Int],
            |_| DataType::new_list(DataType::Int32, true),
            |call| {
                let mut out = ListBuilder::new(Int32Builder::new());
                (0..call.rows).for_each(|_| out.append(true));
                Ok(Arc::new(out.finish()))
            },
        )],
    ),
    Scalar::new(
        SECTION,
        "current_schemas",
        "current_schemas(with_implicit)",
        "The schemas in which names are looked up, in order.",
        &[takes(&[Arg::Any], gives_names, schemas)],
    )
    .that_is(Stable)
    .of_pg("_name"),
    Scalar::new(
        SECTION,
        "set_config",
        "set_config(name, value, is_local)",
        "Sets a setting of the session, and gives its value.",
        &[takes(&[Arg::Text, Arg::Text, Arg::Any], gives::text, set)],
    )
    .that_is(Volatile),
    Scalar::new(
        SECTION,
        "pg_cancel_backend",
        "pg_cancel_backend(pid)",
        "Ends the statement that a session runs.",
        &[takes(&[Arg::Int], gives::boolean, cancel)],
    )
    .or(&["pg_terminate_backend"])
    .that_is(Volatile),
    Scalar::new(
        SECTION,
        "pg_reload_conf",
        "pg_reload_conf()",
        "Does nothing: the configuration is read at the start.",
        &[takes(&[], gives::boolean, yes)],
    )
    .that_is(Volatile),
    Scalar::new(
        SECTION,
        "pg_size_pretty",
        "pg_size_pretty(bytes)",
        "A number of bytes with a unit.",
        &[takes(&[Arg::Int], gives::text, |call| {
            use crate::function::rows::At;
            let sizes = call.ints(0)?;
            call.each_text(|row| Ok(sizes.at(row).map(pretty)))
        })],
    ),
    lock!("pg_advisory_lock", "void", gives::text, void),
    lock!("pg_advisory_lock_shared", "void", gives::text, void),
    lock!("pg_advisory_xact_lock", "void", gives::text, void),
    lock!("pg_advisory_xact_lock_shared", "void", gives::text, void),
    lock!("pg_advisory_unlock_all", "void", gives::text, void),
    lock!("pg_try_advisory_lock", "bool", gives::boolean, yes),
    lock!("pg_try_advisory_lock_shared", "bool", gives::boolean, yes),
    lock!("pg_try_advisory_xact_lock", "bool", gives::boolean, yes),
    lock!("pg_advisory_unlock", "bool", gives::boolean, yes),
    lock!("pg_advisory_unlock_shared", "bool", gives::boolean, yes),
];

fn pid(call: &Call) -> Result<ArrayRef> {
    let pid = call.directory().map_or(0, |d| d.backend_pid());
    call.each::<Int32Type>(|_| Ok(Some(pid)))
}

fn temporary_schema(call: &Call) -> Result<ArrayRef> {
    let schema = call.directory().and_then(|d| d.temporary_schema());
    call.each::<UInt32Type>(|_| Ok(Some(schema.unwrap_or(0))))
}

fn started(call: &Call) -> Result<ArrayRef> {
    let instant = call.directory().map(|d| d.started_us());
    call.each::<TimestampMicrosecondType>(|_| Ok(instant))
}

fn transaction(call: &Call) -> Result<ArrayRef> {
    let now = Utc::now().timestamp_micros();
    call.each::<Int64Type>(|_| Ok(Some(now)))
}

fn booleans(call: &Call, argument: usize) -> Result<BooleanArray> {
    let array = arrow::compute::cast(call.array(argument)?, &DataType::Boolean)?;
    Ok(datafusion::common::cast::as_boolean_array(&array)?.clone())
}

fn gives_names(_: &[DataType]) -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

fn schemas(call: &Call) -> Result<ArrayRef> {
    let all = booleans(call, 0)?;
    let mut out = ListBuilder::new(StringBuilder::new());
    for row in 0..call.rows {
        let names = match all.is_valid(row) {
            true => call.directory().map(|d| d.schemas(all.value(row))),
            false => None,
        };
        out.append_option(names.map(|names| names.into_iter().map(Some)));
    }
    Ok(Arc::new(out.finish()))
}

fn set(call: &Call) -> Result<ArrayRef> {
    let (names, values, local) = (call.text(0)?, call.text(1)?, booleans(call, 2)?);
    call.each_text(|row| {
        let (name, value) = (given!(names.at(row)), values.at(row).unwrap_or_default());
        let local = local.is_valid(row) && local.value(row);
        let directory = call
            .directory()
            .ok_or_else(|| Error::new(Kind::Unsupported, "set_config needs a session"))?;
        Ok(Some(directory.set(name, value, local)?))
    })
}

fn cancel(call: &Call) -> Result<ArrayRef> {
    use crate::function::rows::At;
    let pids = call.ints(0)?;
    call.each_bool(|row| {
        let pid = given!(pids.at(row));
        match call.directory() {
            Some(directory) => Ok(Some(directory.cancel(pid)?)),
            None => Ok(Some(false)),
        }
    })
}

/// As PostgreSQL: up to 10 240 of a unit, then the next one, rounded half up.
fn pretty(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    let sign = if bytes < 0 { "-" } else { "" };
    let mut size = u128::from(bytes.unsigned_abs());
    let mut unit = 0;
    // Twice the value in the unit, so that a half can be rounded up.
    if size >= 10 * 1024 {
        size /= 512;
        unit = 1;
        while size >= 20 * 1024 - 1 && unit + 1 < UNITS.len() {
            size /= 1024;
            unit += 1;
        }
        size = size.div_ceil(2);
    }
    format!(
        "{sign}{size} {}",
        UNITS.get(unit).copied().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn sizes_are_rounded_as_postgres_does() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (8192, "8192 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (10_485_247, "10239 kB"),
            (10_485_248, "10 MB"),
            (-123_456_789, "-118 MB"),
            (i64::MAX, "8192 PB"),
        ] {
            assert_eq!(pretty(bytes), text, "{bytes}");
        }
    }
}

//! `pg_proc`: the functions.

use futures::FutureExt;

use super::Fill;
use super::cells::row;
use super::objects::{OWNER, PG_CATALOG};

/// `"any"`: what a function takes and gives depends on the call.
const ANY: u32 = 2276;

pub(super) const FILLS: &[(&str, Fill)] = &[("pg_proc", |system, rows| {
    async move {
        for function in &system.functions.all {
            row!(rows,
                "oid" => function.oid,
                "proname" => &function.name,
                "pronamespace" => PG_CATALOG,
                "proowner" => OWNER,
                "prolang" => 12,
                "procost" => 1.0,
                "prorows" => if function.is_set { 1000.0 } else { 0.0 },
                "prokind" => function.kind,
                "proretset" => function.is_set,
                "provolatile" => 's',
                "proparallel" => 's',
                "prorettype" => ANY,
                "prosrc" => &function.name,
            );
        }
        Ok(())
    }
    .boxed()
})];

//! `CREATE [OR REPLACE] [LOCAL|GLOBAL] TEMP[ORARY] TABLE t … [ON COMMIT PRESERVE ROWS|DROP]` and
//! `CREATE [OR REPLACE] [LOCAL|GLOBAL] TEMP[ORARY] VIEW …`: tables and views of this session only.
//!
//! They are managed tables and views like others, in a schema that only this session has. A name
//! without a schema finds them first. They end with the session, with DISCARD, or with the transaction.

use super::context::TransactionState;
use super::cursor::Cursor;
use super::{Body, Context, create_table, create_view};
use crate::catalog::Relation;
use crate::error::{Error, Result};

/// What becomes of a temporary table at the end of the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnCommit {
    PreserveRows,
    Drop,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Body> {
    c.expect(&["create"])?;
    let or_replace = c.take(&["or", "replace"]);
    if !c.take(&["local"]) {
        c.take(&["global"]);
    }
    c.expect_one_of(&["temporary", "temp"])?;
    match c.expect_one_of(&["table", "view"])? {
        "table" => create_table::after_table(c, or_replace, true),
        _ => Ok(Body::CreateView(create_view::after_view(
            c, or_replace, true,
        )?)),
    }
}

/// What follows ON.
pub(super) fn on_commit(c: &mut Cursor) -> Result<OnCommit> {
    c.expect(&["commit"])?;
    match c.expect_one_of(&["preserve", "drop", "delete"])? {
        "preserve" => c.expect(&["rows"]).map(|()| OnCommit::PreserveRows),
        "drop" => Ok(OnCommit::Drop),
        _ => {
            c.expect(&["rows"])?;
            Err(Error::unsupported("ON COMMIT DELETE ROWS")
                .hint("TRUNCATE the table, or make it with ON COMMIT DROP."))
        }
    }
}

/// Drops temporary tables and views of the session.
pub(super) async fn drop_temporary(ctx: &Context, which: impl Fn(&Relation) -> bool) {
    for folder in ctx.catalog.drop_temporary(which) {
        ctx.remove_folder(&folder).await;
    }
}

/// Drops what ends with a transaction, if there is none any more.
pub(super) async fn end_transaction(ctx: &Context) {
    let state = *ctx.variables.transaction.lock();
    if state == TransactionState::Idle {
        drop_temporary(ctx, |relation| relation.ends_with_transaction).await;
    }
}

//! `DISCARD ALL`: the session as it began: settings, prepared statements, cursors, temporary tables.
//! `DISCARD TEMP` drops the latter alone.

use std::sync::Arc;

use super::context::TransactionState;
use super::cursor::Cursor;
use super::{Context, Outcome, create_temporary};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) enum Discard {
    All,
    Temporary,
    /// What a session never has.
    Nothing(&'static str),
}

pub(super) fn parse(c: &mut Cursor) -> Result<Discard> {
    c.expect(&["discard"])?;
    Ok(
        match c.expect_one_of(&["all", "plans", "temporary", "temp", "sequences"])? {
            "all" => Discard::All,
            "plans" => Discard::Nothing("DISCARD PLANS"),
            "sequences" => Discard::Nothing("DISCARD SEQUENCES"),
            _ => Discard::Temporary,
        },
    )
}

impl Discard {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        match self {
            Discard::All => {}
            Discard::Nothing(tag) => return Ok(Outcome::done(tag)),
            Discard::Temporary => {
                create_temporary::drop_temporary(ctx, |_| true).await;
                return Ok(Outcome::done("DISCARD TEMP"));
            }
        }
        if *ctx.variables.transaction.lock() != TransactionState::Idle {
            return Err(Error::new(
                Kind::ActiveTransaction,
                "DISCARD ALL cannot run inside a transaction block",
            ));
        }
        *ctx.variables.settings.write() = Arc::new(ctx.variables.initial.clone());
        ctx.variables.prepared.lock().clear();
        ctx.variables.cursors.lock().clear();
        create_temporary::drop_temporary(ctx, |_| true).await;
        Ok(Outcome::done("DISCARD ALL"))
    }
}

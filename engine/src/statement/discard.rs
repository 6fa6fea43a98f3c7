//! `DISCARD ALL`: the session as it began: settings, prepared statements, transaction.

use super::context::TransactionState;
use super::cursor::Cursor;
use super::{Context, Outcome};
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct Discard;

pub(super) fn parse(c: &mut Cursor) -> Result<Discard> {
    c.expect(&["discard"])?;
    c.expect_one_of(&["all", "plans", "temporary", "temp", "sequences"])?;
    Ok(Discard)
}

impl Discard {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        *ctx.variables.settings.write() = ctx.variables.initial.clone();
        ctx.variables.prepared.lock().clear();
        *ctx.variables.transaction.lock() = TransactionState::Idle;
        Ok(Outcome::done("DISCARD ALL"))
    }
}

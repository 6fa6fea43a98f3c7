//! `CANCEL QUERY 'id'`: ends a running query; its client gets 57014.

use super::cursor::Cursor;
use super::{Context, Outcome};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct CancelQuery {
    id: String,
}

pub(super) fn parse(c: &mut Cursor) -> Result<CancelQuery> {
    c.expect(&["cancel", "query"])?;
    Ok(CancelQuery { id: c.string()? })
}

impl CancelQuery {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let mine = ctx
            .registry
            .queries()
            .into_iter()
            .any(|q| q.id == self.id && q.user == ctx.variables.user);
        if !mine && !ctx.is_superuser() {
            return Err(Error::new(
                Kind::Privilege,
                "permission denied to cancel queries of other users",
            ));
        }
        ctx.registry.cancel(&self.id)?;
        Ok(Outcome::done("CANCEL QUERY"))
    }
}

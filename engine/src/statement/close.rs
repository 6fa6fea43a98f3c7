//! `CLOSE cursor | ALL`: ends cursors.

use super::cursor::Cursor;
use super::{Context, Outcome};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct Close {
    /// `None` is ALL.
    name: Option<String>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Close> {
    c.expect(&["close"])?;
    let all = c.take(&["all"]);
    let name = if all { None } else { Some(c.identifier()?) };
    Ok(Close { name })
}

impl Close {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let mut cursors = ctx.variables.cursors.lock();
        let Some(name) = &self.name else {
            cursors.clear();
            return Ok(Outcome::done("CLOSE CURSOR ALL"));
        };
        match cursors.remove(name) {
            Some(_) => Ok(Outcome::done("CLOSE CURSOR")),
            None => Err(Error::new(
                Kind::UndefinedCursor,
                format!("cursor \"{name}\" does not exist"),
            )),
        }
    }
}

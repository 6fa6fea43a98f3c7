//! `DEALLOCATE [PREPARE] name | ALL`: forgets prepared statements.

use super::cursor::Cursor;
use super::{Context, Outcome};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct Deallocate {
    /// `None` is ALL.
    name: Option<String>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Deallocate> {
    c.expect(&["deallocate"])?;
    c.take(&["prepare"]);
    if c.take(&["all"]) {
        return Ok(Deallocate { name: None });
    }
    Ok(Deallocate {
        name: Some(c.identifier()?),
    })
}

impl Deallocate {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let mut prepared = ctx.variables.prepared.lock();
        let Some(name) = &self.name else {
            prepared.clear();
            return Ok(Outcome::done("DEALLOCATE ALL"));
        };
        match prepared.remove(name) {
            Some(_) => Ok(Outcome::done("DEALLOCATE")),
            None => Err(Error::new(
                Kind::UndefinedStatement,
                format!("prepared statement \"{name}\" does not exist"),
            )
            .candidates(name, prepared.keys().map(String::as_str))),
        }
    }
}

//! `REVOKE privilege, … ON [TABLE] t | MODEL m | ALL TABLES IN SCHEMA s | SCHEMA s FROM role, …` and
//! `REVOKE role, … FROM role, …`.

use super::cursor::Cursor;
use super::privileges::{Direction, Terms};
use super::{Context, Outcome};
use crate::error::{Error, Result};

#[derive(Debug, Clone)]
pub(crate) struct Revoke {
    terms: Terms,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Revoke> {
    c.expect(&["revoke"])?;
    for option in ["grant", "admin"] {
        if c.take(&[option, "option", "for"]) {
            return Err(Error::unsupported(format!(
                "{} OPTION FOR",
                option.to_uppercase()
            )));
        }
    }
    let terms = Terms::parse(c, Direction::Revoke)?;
    if c.take(&["granted", "by"]) {
        return Err(Error::unsupported("GRANTED BY"));
    }
    // Nothing depends on a grant: nobody can pass it on.
    if !c.take(&["cascade"]) {
        c.take(&["restrict"]);
    }
    Ok(Revoke { terms })
}

impl Revoke {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        self.terms.run(ctx, Direction::Revoke)
    }
}

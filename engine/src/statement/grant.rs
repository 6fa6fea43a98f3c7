//! `GRANT privilege, … ON [TABLE] t | MODEL m | ALL TABLES IN SCHEMA s | SCHEMA s TO role, …` and
//! `GRANT role, … TO role, …`.

use super::cursor::Cursor;
use super::privileges::{Direction, Terms};
use super::{Context, Outcome};
use crate::error::{Error, Result};

#[derive(Debug, Clone)]
pub(crate) struct Grant {
    terms: Terms,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Grant> {
    c.expect(&["grant"])?;
    let terms = Terms::parse(c, Direction::Grant)?;
    if c.take(&["with"]) {
        let option = c.expect_one_of(&["grant", "admin", "inherit", "set"])?;
        return Err(
            Error::unsupported(format!("WITH {} OPTION", option.to_uppercase()))
                .hint("The owner grants privileges, a superuser memberships."),
        );
    }
    if c.take(&["granted", "by"]) {
        return Err(Error::unsupported("GRANTED BY"));
    }
    Ok(Grant { terms })
}

impl Grant {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        self.terms.run(ctx, Direction::Grant)
    }
}

//! `UNLISTEN name | *`: taken from clients that send it when they give a connection back to its
//! pool. There is nothing to listen to.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::Outcome;
use super::cursor::Cursor;
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct Unlisten;

pub(super) fn parse(c: &mut Cursor) -> Result<Unlisten> {
    c.expect(&["unlisten"])?;
    if !c.take_token(&Token::Mul) {
        c.identifier()?;
    }
    Ok(Unlisten)
}

impl Unlisten {
    pub fn run(&self) -> Result<Outcome> {
        Ok(Outcome::done("UNLISTEN"))
    }
}

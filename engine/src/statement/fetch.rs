//! `FETCH [direction] [FROM|IN] cursor` and `MOVE …`: the next rows of a cursor, or past them.
//!
//! Directions are forwards: `NEXT`, a number, `ALL`, `FORWARD [n|ALL]`, `RELATIVE n`.

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::tokenizer::Token;
use futures::TryStreamExt;

use super::cursor::Cursor;
use super::open_cursor::Fetched;
use super::{Context, Outcome};
use crate::error::{Error, Kind, Result};
use crate::execution::Rows;

#[derive(Debug, Clone)]
pub(crate) struct Fetch {
    cursor: String,
    /// Rows that are passed over first.
    skip: usize,
    rows: usize,
    /// MOVE: they are counted only.
    only_move: bool,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Fetch> {
    let only_move = c.expect_one_of(&["fetch", "move"])? == "move";
    let (skip, rows) = direction(c)?;
    if !c.take(&["from"]) {
        c.take(&["in"]);
    }
    Ok(Fetch {
        cursor: c.identifier()?,
        skip,
        rows,
        only_move,
    })
}

/// Rows to pass over, and rows to fetch.
fn direction(c: &mut Cursor) -> Result<(usize, usize)> {
    if c.take(&["next"]) {
        return Ok((0, 1));
    }
    if c.take(&["relative"]) {
        return Ok(match count(c)? {
            Some(0) | None => (0, 0),
            Some(n) => (n - 1, 1),
        });
    }
    let backwards = ["prior", "backward", "first", "last", "absolute"];
    if backwards.iter().any(|word| c.take(&[word])) {
        return Err(forward_only());
    }
    c.take(&["forward"]);
    if c.take(&["all"]) {
        return Ok((0, usize::MAX));
    }
    Ok((0, count(c)?.unwrap_or(1)))
}

fn count(c: &mut Cursor) -> Result<Option<usize>> {
    if c.take_token(&Token::Minus) {
        return Err(forward_only());
    }
    match c.peek() {
        Token::Number(digits, _) => {
            let wrong = |_| c.unexpected("a number of rows");
            let count = digits.parse::<u32>().map_err(wrong)?;
            c.parser.next_token();
            Ok(Some(count as usize))
        }
        _ => Ok(None),
    }
}

fn forward_only() -> Error {
    Error::new(Kind::WrongState, "cursor can only scan forward")
        .hint("Cursors are read from their start to their end.")
}

impl Fetch {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        if self.skip > 0 {
            self.pass(ctx, self.skip).await?;
        }
        if self.only_move {
            let rows = self.pass(ctx, self.rows).await?;
            return Ok(Outcome::wrote("MOVE", rows));
        }
        let fetched = Box::pin(self.fetched(ctx, self.rows)?);
        let rows = Rows::ready(std::sync::Arc::clone(&ctx.query), fetched);
        Ok(Outcome::rows("FETCH", rows))
    }

    /// Passes over rows; gives their number.
    async fn pass(&self, ctx: &Context, rows: usize) -> Result<u64> {
        let mut fetched = self.fetched(ctx, rows)?;
        let mut passed = 0;
        while let Some(batch) = fetched.try_next().await? {
            passed += batch.num_rows() as u64;
        }
        Ok(passed)
    }

    fn fetched(&self, ctx: &Context, rows: usize) -> Result<Fetched> {
        Fetched::new(&ctx.variables, &self.cursor, rows).ok_or_else(|| self.undefined())
    }

    fn undefined(&self) -> Error {
        Error::new(
            Kind::UndefinedCursor,
            format!("cursor \"{}\" does not exist", self.cursor),
        )
    }

    pub fn columns(&self, ctx: &Context) -> Result<Option<SchemaRef>> {
        let cursors = ctx.variables.cursors.lock();
        let cursor = cursors.get(&self.cursor);
        let schema = cursor.ok_or_else(|| self.undefined())?.schema();
        Ok((!self.only_move).then_some(schema))
    }
}

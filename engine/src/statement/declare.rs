//! `DECLARE name [BINARY] [ASENSITIVE|INSENSITIVE] [[NO] SCROLL] CURSOR [WITH|WITHOUT HOLD] FOR query`:
//! a query whose rows are fetched a few at a time.

use super::cursor::Cursor;
use super::open_cursor::OpenCursor;
use super::{Context, Outcome, TransactionState, query};
use crate::error::{Error, Kind, Result};
use crate::execution::QueryInfo;

#[derive(Debug, Clone)]
pub(crate) struct Declare {
    name: String,
    held: bool,
    query: query::Query,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Declare> {
    c.expect(&["declare"])?;
    let name = c.identifier()?;
    loop {
        if c.take(&["scroll"]) {
            return Err(Error::unsupported("a SCROLL cursor")
                .hint("Cursors are read forwards only: leave SCROLL out."));
        }
        if c.take(&["binary"]) {
            return Err(Error::unsupported("a BINARY cursor")
                .hint("Ask for binary results in the extended protocol."));
        }
        let without_effect: [&[&str]; 3] = [&["no", "scroll"], &["insensitive"], &["asensitive"]];
        if !without_effect.iter().any(|words| c.take(words)) {
            break;
        }
    }
    c.expect(&["cursor"])?;
    let held = c.take(&["with", "hold"]);
    if !held {
        c.take(&["without", "hold"]);
    }
    c.expect(&["for"])?;
    Ok(Declare {
        name,
        held,
        query: query::parse(c)?,
    })
}

impl Declare {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let idle = *ctx.variables.transaction.lock() == TransactionState::Idle;
        if idle && !self.held {
            return Err(Error::new(
                Kind::NoTransaction,
                "DECLARE CURSOR can only be used in transaction blocks",
            )
            .hint("Say BEGIN first, or WITH HOLD."));
        }
        if ctx.variables.cursors.lock().contains_key(&self.name) {
            return Err(Error::new(
                Kind::DuplicateCursor,
                format!("cursor \"{}\" already exists", self.name),
            ));
        }
        // A query of its own: it goes on when this statement is over, without its time limit.
        let mut own = ctx.clone();
        own.query = ctx.registry.start(QueryInfo {
            text: ctx.query.text.clone(),
            user: ctx.query.user.clone(),
            application: ctx.query.application.clone(),
            session: ctx.query.session,
            timeout: None,
        });
        let opened = self.query.run(&own).await;
        let rows = match opened {
            Ok(outcome) => outcome.rows,
            Err(error) => {
                own.query.finish(Err(&error));
                return Err(error);
            }
        };
        if let Some(rows) = rows {
            let cursor = OpenCursor::new(rows, self.held);
            let mut cursors = ctx.variables.cursors.lock();
            cursors.insert(self.name.clone(), cursor);
        }
        Ok(Outcome::done("DECLARE CURSOR"))
    }
}

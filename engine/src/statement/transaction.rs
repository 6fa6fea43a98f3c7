//! `BEGIN`, `COMMIT`, `ROLLBACK` and their synonyms.
//!
//! Each statement is atomic by itself and committed when it is done; the words are there for
//! clients that send them always. A ROLLBACK after something was written says that it came too late.

use super::context::TransactionState;
use super::cursor::Cursor;
use super::{Context, Notice, Outcome};
use crate::error::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    Begin,
    Commit,
    Rollback,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Transaction> {
    let transaction =
        match c.expect_one_of(&["begin", "start", "commit", "end", "rollback", "abort"])? {
            "begin" | "start" => Transaction::Begin,
            "commit" | "end" => Transaction::Commit,
            _ => Transaction::Rollback,
        };
    if !c.take(&["transaction"]) {
        c.take(&["work"]);
    }
    if transaction == Transaction::Begin {
        modes(c)?;
    }
    Ok(transaction)
}

/// `ISOLATION LEVEL …, READ ONLY|WRITE, [NOT] DEFERRABLE`: taken, for every mode is met.
fn modes(c: &mut Cursor) -> Result<()> {
    while !c.at_end() {
        let known: [&[&str]; 8] = [
            &["isolation", "level", "serializable"],
            &["isolation", "level", "repeatable", "read"],
            &["isolation", "level", "read", "committed"],
            &["isolation", "level", "read", "uncommitted"],
            &["read", "only"],
            &["read", "write"],
            &["not", "deferrable"],
            &["deferrable"],
        ];
        if !known.iter().any(|words| c.take(words)) {
            return Err(c.unexpected("a transaction mode"));
        }
        c.take_token(&datafusion::sql::sqlparser::tokenizer::Token::Comma);
    }
    Ok(())
}

impl Transaction {
    pub fn run(self, ctx: &Context) -> Result<Outcome> {
        use TransactionState::{Failed, Idle, Open};
        let mut state = ctx.variables.transaction.lock();
        let before = *state;
        *state = match self {
            Transaction::Begin if before == Idle => Open { wrote: false },
            Transaction::Begin => before,
            _ => Idle,
        };
        Ok(match (self, before) {
            (Transaction::Begin, Idle) => Outcome::done("BEGIN"),
            (Transaction::Begin, _) => {
                Outcome::done("BEGIN").with(Notice::warning("there is already a transaction in progress"))
            }
            (Transaction::Commit, Open { .. }) => Outcome::done("COMMIT"),
            (Transaction::Rollback, Open { wrote: true } | Failed { wrote: true })
            | (Transaction::Commit, Failed { wrote: true }) => Outcome::done("ROLLBACK").with(Notice::warning(
                "statements of this transaction were committed one by one and are not rolled back",
            )),
            (Transaction::Rollback, Open { .. }) | (_, Failed { .. }) => Outcome::done("ROLLBACK"),
            (Transaction::Commit, Idle) => {
                Outcome::done("COMMIT").with(Notice::warning("there is no transaction in progress"))
            }
            (Transaction::Rollback, Idle) => {
                Outcome::done("ROLLBACK").with(Notice::warning("there is no transaction in progress"))
            }
        })
    }
}

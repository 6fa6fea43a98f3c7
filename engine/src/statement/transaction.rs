//! `BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT` and their kin.
//!
//! Each statement is atomic by itself and committed when it is done; the words are there for
//! clients that send them always. A ROLLBACK after something was written says that it came too late.

use std::sync::Arc;

use datafusion::sql::sqlparser::tokenizer::Token;

use super::block::Block;
use super::context::TransactionState;
use super::cursor::Cursor;
use super::{Context, Notice, Outcome, create_temporary};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transaction {
    Begin { modes: Modes, tag: &'static str },
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
}

/// What a transaction asks for; of its modes only READ ONLY changes anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Modes {
    pub read_only: Option<bool>,
    /// Kept for those who ask for it.
    pub isolation: Option<&'static str>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Transaction> {
    let word = c.expect_one_of(&[
        "begin",
        "start",
        "commit",
        "end",
        "rollback",
        "abort",
        "savepoint",
        "release",
    ])?;
    match word {
        "savepoint" => return Ok(Transaction::Savepoint(c.identifier()?)),
        "release" => {
            c.take(&["savepoint"]);
            return Ok(Transaction::Release(c.identifier()?));
        }
        _ => {}
    }
    if !c.take(&["transaction"]) {
        c.take(&["work"]);
    }
    Ok(match word {
        "begin" => Transaction::Begin {
            modes: modes(c)?,
            tag: "BEGIN",
        },
        "start" => Transaction::Begin {
            modes: modes(c)?,
            tag: "START TRANSACTION",
        },
        "commit" | "end" => Transaction::Commit,
        _ if c.take(&["to"]) => {
            c.take(&["savepoint"]);
            Transaction::RollbackTo(c.identifier()?)
        }
        _ => Transaction::Rollback,
    })
}

/// `ISOLATION LEVEL …, READ ONLY|WRITE, [NOT] DEFERRABLE`: every level is met.
pub(super) fn modes(c: &mut Cursor) -> Result<Modes> {
    const LEVELS: [(&[&str], &str); 4] = [
        (&["isolation", "level", "serializable"], "serializable"),
        (
            &["isolation", "level", "repeatable", "read"],
            "repeatable read",
        ),
        (
            &["isolation", "level", "read", "committed"],
            "read committed",
        ),
        (
            &["isolation", "level", "read", "uncommitted"],
            "read uncommitted",
        ),
    ];
    let mut modes = Modes::default();
    while !c.at_end() {
        if c.take(&["read", "only"]) {
            modes.read_only = Some(true);
        } else if c.take(&["read", "write"]) {
            modes.read_only = Some(false);
        } else if let Some((_, level)) = LEVELS.iter().find(|(words, _)| c.take(words)) {
            modes.isolation = Some(level);
        } else if !c.take(&["not", "deferrable"]) && !c.take(&["deferrable"]) {
            return Err(c.unexpected("a transaction mode"));
        }
        c.take_token(&Token::Comma);
    }
    Ok(modes)
}

const TOO_LATE: &str =
    "statements of this transaction were committed one by one and are not rolled back";

impl Transaction {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let outcome = self.change(ctx)?;
        create_temporary::end_transaction(ctx).await;
        Ok(outcome)
    }

    fn change(&self, ctx: &Context) -> Result<Outcome> {
        match self {
            Transaction::Begin { modes, tag } => begin(ctx, *modes, tag),
            Transaction::Commit => end(ctx, true),
            Transaction::Rollback => end(ctx, false),
            Transaction::Savepoint(name) => {
                inside(ctx, "SAVEPOINT")?;
                let settings = ctx.settings();
                ctx.variables.block.lock().save(name, &settings);
                Ok(Outcome::done("SAVEPOINT"))
            }
            Transaction::Release(name) => {
                inside(ctx, "RELEASE SAVEPOINT")?;
                ctx.variables.block.lock().release(name)?;
                Ok(Outcome::done("RELEASE"))
            }
            Transaction::RollbackTo(name) => roll_back_to(ctx, name),
        }
    }

    /// True when a failed transaction takes it.
    pub fn ends_failure(&self) -> bool {
        use Transaction::{Commit, Rollback, RollbackTo};
        matches!(self, Commit | Rollback | RollbackTo(_))
    }
}

fn begin(ctx: &Context, modes: Modes, tag: &'static str) -> Result<Outcome> {
    let mut state = ctx.variables.transaction.lock();
    if *state != TransactionState::Idle {
        let warning = Notice::warning("there is already a transaction in progress");
        return Ok(Outcome::done(tag).with(warning));
    }
    *state = TransactionState::Open { wrote: false };
    drop(state);
    let settings = ctx.settings();
    *ctx.variables.block.lock() = Block::begin(&settings);
    let default = Modes {
        read_only: Some(settings.read_only(false)),
        isolation: None,
    };
    let level = settings.get("default_transaction_isolation")?;
    ctx.variables
        .set("transaction_isolation", Some(level), true)?;
    apply(ctx, default)?;
    apply(ctx, modes)?;
    Ok(Outcome::done(tag))
}

/// Gives the open transaction modes, which end with it.
pub(super) fn apply(ctx: &Context, modes: Modes) -> Result<()> {
    if let Some(read_only) = modes.read_only {
        let value = if read_only { "on" } else { "off" };
        ctx.variables
            .set("transaction_read_only", Some(value), true)?;
    }
    if let Some(level) = modes.isolation {
        ctx.variables
            .set("transaction_isolation", Some(level), true)?;
    }
    Ok(())
}

fn end(ctx: &Context, commit: bool) -> Result<Outcome> {
    use TransactionState::{Failed, Idle, Open};
    let before = std::mem::take(&mut *ctx.variables.transaction.lock());
    let committed = commit && !matches!(before, Failed { .. });
    let now = ctx.settings();
    let ended = ctx.variables.block.lock().end(committed, &now)?;
    if let Some(settings) = ended {
        *ctx.variables.settings.write() = Arc::new(settings);
    }
    ctx.variables
        .cursors
        .lock()
        .retain(|_, c| c.held && committed);
    let tag = if committed { "COMMIT" } else { "ROLLBACK" };
    Ok(match before {
        Idle => Outcome::done(tag).with(Notice::warning("there is no transaction in progress")),
        Open { wrote: true } | Failed { wrote: true } if !committed => {
            Outcome::done(tag).with(Notice::warning(TOO_LATE))
        }
        _ => Outcome::done(tag),
    })
}

fn roll_back_to(ctx: &Context, name: &str) -> Result<Outcome> {
    inside(ctx, "ROLLBACK TO SAVEPOINT")?;
    let (settings, late) = ctx.variables.block.lock().roll_back_to(name)?;
    *ctx.variables.settings.write() = Arc::new(settings);
    let mut state = ctx.variables.transaction.lock();
    if let TransactionState::Failed { wrote } = *state {
        *state = TransactionState::Open { wrote };
    }
    let outcome = Outcome::done("ROLLBACK");
    Ok(match late {
        true => outcome.with(Notice::warning(TOO_LATE)),
        false => outcome,
    })
}

fn inside(ctx: &Context, statement: &str) -> Result<()> {
    match *ctx.variables.transaction.lock() {
        TransactionState::Idle => Err(Error::new(
            Kind::NoTransaction,
            format!("{statement} can only be used in transaction blocks"),
        )),
        _ => Ok(()),
    }
}

//! `DROP EXPERIMENT [IF EXISTS] e, …`: forgets experiments, and with them the models that they made.

use super::cursor::Cursor;
use super::drop_model::{self, DropModel};
use crate::error::Result;

pub(super) fn parse(c: &mut Cursor) -> Result<DropModel> {
    drop_model::parse_of(c, "experiment")
}

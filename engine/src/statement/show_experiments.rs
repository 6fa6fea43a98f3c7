//! `SHOW EXPERIMENTS [FROM schema] [LIKE 'pattern']`: the models that searches made.

use super::cursor::Cursor;
use super::show_models::{self, ShowModels};
use crate::error::Result;

pub(super) fn parse(c: &mut Cursor) -> Result<ShowModels> {
    show_models::parse_of(c, true)
}

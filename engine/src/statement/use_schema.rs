//! `USE [SCHEMA] s`: makes a schema the current one of this session.

use std::sync::Arc;

use super::cursor::Cursor;
use super::{Context, Outcome, context};
use crate::error::Result;
use crate::sql::quote_identifier;

#[derive(Debug, Clone)]
pub(crate) struct UseSchema {
    name: String,
}

pub(super) fn parse(c: &mut Cursor) -> Result<UseSchema> {
    c.expect(&["use"])?;
    c.take(&["schema"]);
    Ok(UseSchema {
        name: c.identifier()?,
    })
}

impl UseSchema {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        if !context::is_reserved_schema(&self.name) {
            ctx.catalog.snapshot().schema(&self.name)?;
        }
        let mut settings = ctx.variables.settings.write();
        Arc::make_mut(&mut settings).set("search_path", &quote_identifier(&self.name))?;
        Ok(Outcome::done("USE"))
    }
}

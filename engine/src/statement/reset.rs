//! `RESET name`, `RESET ALL`: back to the values with which the session began.

use super::cursor::Cursor;
use super::set::setting_name;
use super::{Context, Outcome};
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct Reset {
    /// `None` is ALL.
    name: Option<String>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Reset> {
    c.expect(&["reset"])?;
    if c.take(&["all"]) {
        return Ok(Reset { name: None });
    }
    Ok(Reset {
        name: Some(setting_name(c)?),
    })
}

impl Reset {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let mut settings = ctx.variables.settings.write();
        match &self.name {
            Some(name) => settings.reset(name, &ctx.variables.initial)?,
            None => *settings = ctx.variables.initial.clone(),
        }
        Ok(Outcome::done("RESET"))
    }
}

//! `RESET name`, `RESET ALL`: back to the values with which the session began.

use super::cursor::Cursor;
use super::set::setting_name;
use super::{Context, Outcome};
use crate::error::Result;
use crate::settings::SETTINGS;

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
        let variables = &ctx.variables;
        match &self.name {
            Some(name) => variables.set(name, None, false)?,
            None => {
                let own = SETTINGS.iter().filter(|s| !s.is_of_transaction());
                own.map(|s| s.name)
                    .try_for_each(|name| variables.set(name, None, false))?;
            }
        }
        Ok(Outcome::done("RESET"))
    }
}

//! `SHOW name`, `SHOW ALL`, `SHOW TIME ZONE`, `SHOW TRANSACTION ISOLATION LEVEL`: settings of this
//! session.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::cursor::Cursor;
use super::set::setting_name;
use super::show::SystemQuery;
use super::{Context, Outcome, outcome};
use crate::error::Result;
use crate::settings::Settings;

#[derive(Debug, Clone)]
pub(crate) enum ShowSetting {
    One(String),
    All,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ShowSetting> {
    c.expect(&["show"])?;
    if c.take(&["all"]) {
        return Ok(ShowSetting::All);
    }
    let of_words: [(&[&str], &str); 3] = [
        (&["time", "zone"], "timezone"),
        (
            &["transaction", "isolation", "level"],
            "transaction_isolation",
        ),
        (&["session", "authorization"], "session_authorization"),
    ];
    if let Some((_, name)) = of_words.iter().find(|(words, _)| c.take(words)) {
        return Ok(ShowSetting::One(name.to_string()));
    }
    Ok(ShowSetting::One(setting_name(c)?))
}

const ALL: SystemQuery<'static> = SystemQuery {
    select: "name, value AS setting, description FROM system.settings",
    conditions: Vec::new(),
    order_by: "name",
};

impl ShowSetting {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        match self {
            ShowSetting::All => ALL.run(ctx).await,
            ShowSetting::One(name) => {
                let setting = Settings::declaration(name)?;
                let value = ctx.settings().value(setting).to_string();
                Ok(Outcome::batch(
                    "SHOW",
                    &ctx.query,
                    outcome::text_column(setting.name, vec![value])?,
                ))
            }
        }
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        match self {
            ShowSetting::All => ALL.columns(ctx).await,
            ShowSetting::One(name) => {
                let name = Settings::declaration(name)?.name;
                Ok(Arc::new(Schema::new(vec![Field::new(
                    name,
                    DataType::Utf8,
                    true,
                )])))
            }
        }
    }
}

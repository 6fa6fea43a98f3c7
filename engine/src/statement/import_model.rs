//! `IMPORT [OR REPLACE] MODEL [IF NOT EXISTS] m FROM 'path'`: takes a model from a file that EXPORT MODEL
//! wrote. The file is checked in full before the model appears.

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::ObjectName as SqlName;
use object_store::ObjectStoreExt;

use super::create_model::{self, Place};
use super::cursor::Cursor;
use super::{Context, Outcome};
use crate::error::{Error, Kind, Result};
use crate::model::{MODEL_BYTES_LIMIT, store_error};
use crate::settings::format_bytes;
use crate::source::{Store, StoreOptions, Wish, absolute_location};

#[derive(Debug, Clone)]
pub(crate) struct ImportModel {
    name: SqlName,
    or_replace: bool,
    if_not_exists: bool,
    location: String,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ImportModel> {
    c.expect(&["import"])?;
    let or_replace = c.take(&["or", "replace"]);
    c.expect(&["model"])?;
    let if_not_exists = c.if_not_exists();
    let name = c.name()?;
    c.expect(&["from"])?;
    Ok(ImportModel {
        name,
        or_replace,
        if_not_exists,
        location: c.string()?,
    })
}

impl ImportModel {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let place = Place::of(ctx, &self.name, self.or_replace, self.if_not_exists)?;
        if place.is_taken(ctx)? {
            return Ok(place.skipped("IMPORT MODEL"));
        }
        let location = absolute_location(&self.location)?;
        let read = std::slice::from_ref(&location);
        ctx.names().reach().admit(read, Wish::Read)?;
        let from = Store::open(&location, &StoreOptions::default(), ctx.state.as_ref())?;
        let lost = |e: object_store::Error| match e {
            object_store::Error::NotFound { .. } => {
                let message = format!("file \"{}\" does not exist", from.shown);
                Error::new(Kind::UndefinedFile, message)
            }
            other => store_error(other),
        };
        let found = from.store.get(&from.prefix).await.map_err(lost)?;
        if found.meta.size > MODEL_BYTES_LIMIT as u64 {
            let message = format!("\"{}\" is too large for a model", from.shown);
            let limit = format_bytes(MODEL_BYTES_LIMIT as u64);
            return Err(Error::new(Kind::LimitExceeded, message)
                .hint(format!("A model has at most {limit}.")));
        }
        let bytes = found.bytes().await.map_err(store_error)?;
        let stored = ctx.warehouse.models().import(bytes).await?;
        let version = place.add(ctx, &stored, false)?;
        let reply = create_model::reply(&place.name, version, &stored)?;
        Ok(Outcome::batch("IMPORT MODEL", &ctx.query, reply))
    }

    pub fn columns(&self) -> SchemaRef {
        create_model::schema()
    }
}

//! `EXPORT MODEL m[@version] WITH (format = 'quern', location = '…')`: writes a version of a model to a
//! file, on disk or in an object store, from where IMPORT MODEL takes it.

use object_store::{ObjectStoreExt, PutPayload};

use super::cursor::Cursor;
use super::{Context, Outcome, with_options};
use crate::error::{Error, Kind, Result};
use crate::model::store_error;
use crate::options::Options;
use crate::plan::open_model;
use crate::source::{Store, StoreOptions, Wish, absolute_location};
use crate::sql::model_syntax::ModelName;

#[derive(Debug, Clone)]
pub(crate) struct ExportModel {
    model: ModelName,
    options: Options,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ExportModel> {
    c.expect(&["export", "model"])?;
    let model = c.model()?;
    c.expect(&["with"])?;
    Ok(ExportModel {
        model,
        options: with_options::parse(c)?,
    })
}

impl ExportModel {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let mut options = self.options.clone();
        check_format(options.take_text("format")?.as_deref().unwrap_or("quern"))?;
        let location = options.take_text("location")?.ok_or_else(|| {
            Error::new(Kind::InvalidParameterValue, "EXPORT MODEL needs a location")
                .hint("Write EXPORT MODEL m WITH (location = 'folder/m.qm').")
        })?;
        options.finish()?;
        let location = absolute_location(&location)?;
        let written = std::slice::from_ref(&location);
        ctx.names().reach().admit(written, Wish::Write)?;
        let opened = open_model(&ctx.names(), &self.model).await?;
        let bytes = ctx.warehouse.models().bytes(&opened.trained.file).await?;
        let to = Store::open(&location, &StoreOptions::default(), ctx.state.as_ref())?;
        to.store
            .put(&to.prefix, PutPayload::from(bytes))
            .await
            .map_err(store_error)?;
        Ok(Outcome::done("EXPORT MODEL"))
    }
}

fn check_format(format: &str) -> Result<()> {
    let refused = |hint: &str| {
        let message = format!("EXPORT MODEL does not write the format \"{format}\"");
        Err(Error::new(Kind::Unsupported, message).hint(hint.to_string()))
    };
    match format.to_lowercase().as_str() {
        "quern" => Ok(()),
        "pickle" | "joblib" | "mlflow" => refused(
            "Pickled objects run code when they are loaded. Use format = 'quern', whose arrays any \
             reader of Arrow can read.",
        ),
        _ => refused("Use format = 'quern'."),
    }
}

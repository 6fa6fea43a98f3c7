//! Models in queries: what trains them is an aggregate function, what they say a scalar function.
//!
//! The numbers are `quern_model`'s. Here a model meets columns: [`scan`] collects what training needs
//! over the rows of any plan, [`answer`] scores rows, [`library`] keeps the files of trained models.

mod answer;
mod kind;

mod library;
mod scan;

pub use answer::{Answer, What};
pub use kind::{Version, Versions};
pub use library::{About, LIMIT_BYTES as MODEL_BYTES_LIMIT, Library, Trained, store_error};
pub(crate) use scan::ModelScan;
pub use scan::{Roles, Scan, Scanned};

use crate::error::{Error, Kind};

impl From<quern_model::Error> for Error {
    fn from(error: quern_model::Error) -> Self {
        let kind = match error.kind {
            quern_model::Kind::Undefined => Kind::UndefinedObject,
            quern_model::Kind::InvalidParameter => Kind::InvalidParameterValue,
            quern_model::Kind::InvalidRows => Kind::InvalidRows,
            quern_model::Kind::Limit => Kind::LimitExceeded,
            quern_model::Kind::Corrupt => Kind::DamagedModel,
            quern_model::Kind::Unsupported => Kind::Unsupported,
            quern_model::Kind::Cancelled => Kind::Cancelled,
            quern_model::Kind::Internal => Kind::Internal,
        };
        let plain = Error::new(kind, error.message);
        match error.hint {
            Some(hint) => plain.hint(hint),
            None => plain,
        }
    }
}

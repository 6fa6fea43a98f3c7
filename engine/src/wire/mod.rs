//! Our parts of a plan as bytes, for the processes of a cluster: sources of scans, functions, errors.
//!
//! The plan itself is DataFusion's to write. All processes of a cluster are of one version, so the bytes
//! need to be exact, not lasting: CBOR, in which numbers stay what they are to the last bit.

mod error;
mod function;
mod scan;

pub use error::{carried, carry, within};
pub use function::{Functions, is_training};
pub use scan::{Kind as SourceKind, ScanSource};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// A value as bytes.
pub fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

/// The value that [`to_bytes`] was given.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    ciborium::from_reader(bytes).map_err(Error::internal)
}

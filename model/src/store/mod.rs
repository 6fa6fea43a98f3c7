//! Models as bytes, for files and for the wire.
//!
//! # Format, version 1
//!
//! ```text
//! offset        bytes
//! 0             8      QUERNMDL
//! 8             4      format version (little-endian, as all numbers)
//! 12            4      length of the header
//! 16            …      header: JSON, with spaces behind it so that what follows is aligned to 64
//! 16 + length   …      arrays: an Arrow IPC stream of one record batch (see `arrays`)
//! end - 32      32     BLAKE3 of all before it
//! ```
//!
//! `tests/golden/read_model.py` reads it with pyarrow. Fields of the header that are not known are
//! ignored: a later version may say more of a model's origin. What changes the meaning of a model
//! raises the version. Files of every version stay readable (`tests/golden/models`).
//!
//! # Files of others
//!
//! Nothing in a file is trusted: sizes are compared with what is there before anything is allocated,
//! then the hash, then shapes, numbers, parameters and encoding, and at last the class itself.
//!
//! The model's hash ([`hash`]) is another: it is of what the model says, not of where it comes from.

mod arrays;
mod digest;
mod json;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::class::{Class, find};
use crate::error::{Error, Kind, Result};
use crate::feature::{Encoding, Target};
use crate::fitted::{Facts, Fitted};
use crate::model::{Definition, Model};
use crate::parameter::Parameters;
pub use digest::hash;

const MAGIC: &[u8; 8] = b"QUERNMDL";
pub const VERSION: u32 = 1;
/// Magic, version and length.
const FRONT: usize = 16;
const TRAILER: usize = 32;
const ALIGNMENT: usize = 64;
/// The longest header, and the longest name of a column in it.
pub const HEADER_BYTES: usize = 16 << 20;
const NAME_BYTES: usize = 1 << 10;

/// Where a model comes from: nothing here changes what it says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    pub metrics: BTreeMap<String, f64>,
    /// The query that gave the rows.
    pub sql: String,
    pub sources: Vec<Source>,
    /// The version of the engine that trained it.
    pub engine: String,
    pub seed: u64,
    /// When, as text in UTC.
    pub created: String,
    pub log: Vec<Pass>,
    /// The experiment that it is the best of; null where there is none.
    pub experiment: serde_json::Value,
}

/// A table that was read, and its version then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub table: String,
    pub version: Option<i64>,
}

/// A scan of the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    pub pass: u64,
    pub loss: Option<f64>,
    pub rows: u64,
}

#[derive(Serialize, Deserialize)]
struct Header {
    class: String,
    purpose: String,
    parameters: Parameters,
    encoding: Encoding,
    target: Option<Target>,
    facts: Facts,
    origin: Origin,
}

/// The bytes of a model.
pub fn write(class: &Class, definition: &Definition, origin: &Origin) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::internal(format!("the model cannot be stored: {error}"))
    };
    let header = Header {
        class: class.name.to_string(),
        purpose: class.purpose.name().to_string(),
        parameters: definition.parameters.clone(),
        encoding: definition.encoding.clone(),
        target: definition.target.clone(),
        facts: definition.fitted.facts.clone(),
        origin: origin.clone(),
    };
    let mut header = serde_json::to_vec(&header).map_err(|error| failed(&error))?;
    let padded = (FRONT + header.len()).next_multiple_of(ALIGNMENT) - FRONT;
    header.resize(padded, b' ');
    let length = u32::try_from(header.len()).map_err(|error| failed(&error))?;
    let mut out = MAGIC.to_vec();
    out.extend(VERSION.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(header);
    arrays::write(&definition.fitted.arrays, &mut out)?;
    out.extend(blake3::hash(&out).as_bytes());
    // What cannot be read back must not be found out later.
    let (model, back) = read(&out, out.len()).map_err(|error| failed(&error))?;
    match model.definition == *definition && back == *origin {
        true => Ok(out),
        false => Err(failed(&"it does not read back as it is")),
    }
}

/// The name of a file of these bytes: their hash, as hexadecimal digits.
pub fn name(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// The model of the bytes, which may come from anywhere. More than `limit_bytes` are refused.
pub fn read(bytes: &[u8], limit_bytes: usize) -> Result<(Model, Origin)> {
    if bytes.len() > limit_bytes {
        let message = format!(
            "the model has {} bytes, and at most {limit_bytes} are read",
            bytes.len()
        );
        return Err(Error::new(Kind::Limit, message));
    }
    let (header, stream) = parts(bytes)?;
    let header = std::str::from_utf8(header).map_err(|_| damaged("its header is not text"))?;
    let header: Header = serde_json::from_value(json::parse(header)?)
        .map_err(|error| damaged(&format!("its header lacks something: {error}")))?;
    let class = find(&header.class)
        .ok()
        .filter(|class| class.name == header.class)
        .ok_or_else(|| damaged("its class is not known"))?;
    if header.purpose != class.purpose.name() {
        return Err(damaged("its purpose is not that of its class"));
    }
    let names = header.encoding.columns.iter().map(|column| &column.name);
    if names.clone().any(|name| name.len() > NAME_BYTES) {
        return Err(damaged("the name of a column is too long"));
    }
    let given = header.parameters.iter();
    let given: Vec<_> = given.map(|(k, v)| (k.to_string(), v.clone())).collect();
    // Parameters that the class has got since then have their defaults.
    let (parameters, _) = class
        .parameters(&given)
        .map_err(|error| damaged(&error.message))?;
    let definition = Definition {
        parameters,
        encoding: header.encoding,
        target: header.target,
        fitted: Fitted {
            arrays: arrays::read(stream)?,
            facts: header.facts,
        },
    };
    Ok((Model::new(class, definition)?, header.origin))
}

/// Header and arrays of bytes that are as they were written.
fn parts(bytes: &[u8]) -> Result<(&[u8], &[u8])> {
    let short = || damaged("it is cut off");
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| Error::corrupt("these bytes are not a model"))?;
    let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        let message = format!("the model has format version {version}, which is not known");
        return Err(Error::new(Kind::Unsupported, message)
            .hint(format!("This version of Quern reads version {VERSION}.")));
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > HEADER_BYTES {
        return Err(damaged("its header is too long"));
    }
    let (rest, trailer) = rest.split_last_chunk::<TRAILER>().ok_or_else(short)?;
    let parts = rest.split_at_checked(length).ok_or_else(short)?;
    let hashed = bytes.len() - TRAILER;
    match blake3::hash(&bytes[..hashed]) == *trailer {
        true => Ok(parts),
        false => Err(damaged("its hash is another")),
    }
}

fn damaged(how: &str) -> Error {
    Error::corrupt(format!("the model is damaged: {how}"))
}

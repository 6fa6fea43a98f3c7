//! Arrow values as PostgreSQL's clients send and expect them: text, binary, and the rows of COPY.
//!
//! [`oid`] says which PostgreSQL type stands for an Arrow type, [`encode`] writes results, [`decode`]
//! reads parameters and [`copy_in`] the data of `COPY … FROM STDIN`. Texts come from the engine's
//! `value_text`, so that a value reads the same in the shell, in a cast and over the wire.
//!
//! Bytes are PostgreSQL's own, with these exceptions, each of which has no counterpart there:
//! - Unsigned integers are the next wider signed type, 64 bits `numeric`; half floats are `float4`.
//! - Nanoseconds are cut to microseconds: instants and times downwards, intervals towards zero. The
//!   smallest and largest instant and day of a type are `-infinity` and `infinity`. Instants before
//!   what 64 bits of microseconds since 2000 can hold are `-infinity` in binary.
//! - Decimals have no NaN and no infinities.
//! - Maps are `jsonb`, and structs too where the session asks for it; their JSON is compact and
//!   keeps the order of its keys, where PostgreSQL sorts them and puts spaces between.
//! - Columns without a type (`NULL`), unions and what is unknown are `text`.
//! - A list of lists whose parts differ in length reads `{{1},{2,3}}` and has no binary form, as
//!   PostgreSQL's arrays are rectangular. Lower bounds are always 1.
//! - Text with a zero byte is refused, as PostgreSQL cannot hold it.
//! - `DateStyle` is ISO, floats have the shortest digits that read back; BC years and years past
//!   9999 are written as PostgreSQL does, also where its own types end earlier.

pub mod copy_in;
pub mod decode;
pub mod encode;
mod numeric;
pub mod oid;

use arrow::array::timezone::Tz;

pub use decode::parameter;
pub use encode::{BatchEncoder, RowEncoder};
pub use oid::{PgType, arrow_type_of, pg_type_of};

/// The two forms of a value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

impl Format {
    /// The code of the format in messages.
    pub fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// How intervals read: the values of `IntervalStyle` that clients use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IntervalStyle {
    #[default]
    Postgres,
    Iso8601,
}

/// How bytes read: the values of `bytea_output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ByteaOutput {
    #[default]
    Hex,
    Escape,
}

/// What a session decides about values.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextStyle {
    /// The session's zone, in which instants are shown and read; `None` is UTC.
    pub timezone: Option<Tz>,
    pub interval_style: IntervalStyle,
    pub bytea_output: ByteaOutput,
    /// Structs are `jsonb` instead of `record`, for clients that cannot read records.
    pub struct_as_json: bool,
}

impl TextStyle {
    /// The style of a session with these settings.
    pub fn of(settings: &quern_engine::Settings) -> Self {
        Self {
            timezone: settings.timezone().parse().ok(),
            interval_style: match settings.get("IntervalStyle") {
                Ok("iso_8601") => IntervalStyle::Iso8601,
                _ => IntervalStyle::Postgres,
            },
            bytea_output: match settings.get("bytea_output") {
                Ok("escape") => ByteaOutput::Escape,
                _ => ByteaOutput::Hex,
            },
            struct_as_json: settings.get("quern.struct_as").is_ok_and(|v| v == "json"),
        }
    }
}

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's instants start.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The same in days.
const EPOCH_DAYS: i32 = 10_957;
const DAY_MICROS: i64 = 86_400_000_000;

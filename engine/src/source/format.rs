//! Formats and compressions of files, and what a file's name says about them.
//!
//! A name is read from its end: an optional compression (`.gz .bz2 .xz .zst`), then the format.
//! Only text formats are compressed as a whole; Parquet, Avro and Arrow compress inside.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Parquet,
    /// Also TSV, which is CSV with tabs.
    Csv,
    Json,
    Avro,
    /// Arrow IPC, file or stream.
    Arrow,
    /// A folder with a log, which names its Parquet files.
    Delta,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    None,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

/// What the name of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    pub format: Option<Format>,
    pub compression: Compression,
    /// The usual delimiter of the extension.
    pub delimiter: u8,
}

const FORMATS: &[(&str, Format, u8)] = &[
    ("parquet", Format::Parquet, b','),
    ("parq", Format::Parquet, b','),
    ("pq", Format::Parquet, b','),
    ("csv", Format::Csv, b','),
    ("tsv", Format::Csv, b'\t'),
    ("tab", Format::Csv, b'\t'),
    ("psv", Format::Csv, b'|'),
    ("json", Format::Json, b','),
    ("ndjson", Format::Json, b','),
    ("jsonl", Format::Json, b','),
    ("avro", Format::Avro, b','),
    ("arrow", Format::Arrow, b','),
    ("arrows", Format::Arrow, b','),
    ("ipc", Format::Arrow, b','),
    ("feather", Format::Arrow, b','),
];

const COMPRESSIONS: &[(&str, Compression)] = &[
    ("gz", Compression::Gzip),
    ("gzip", Compression::Gzip),
    ("bgz", Compression::Gzip),
    ("bz2", Compression::Bzip2),
    ("bzip2", Compression::Bzip2),
    ("xz", Compression::Xz),
    ("zst", Compression::Zstd),
    ("zstd", Compression::Zstd),
];

impl Named {
    pub fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let (stem, compression) = match name.rsplit_once('.') {
            Some((stem, extension)) => match compression_named(extension) {
                Some(compression) => (stem.to_string(), compression),
                None => (name, Compression::None),
            },
            None => (name, Compression::None),
        };
        let extension = stem.rsplit_once('.').map_or("", |(_, extension)| extension);
        let known = FORMATS.iter().find(|(name, ..)| *name == extension);
        Self {
            format: known.map(|(_, format, _)| *format),
            compression,
            delimiter: known.map_or(b',', |(.., delimiter)| *delimiter),
        }
    }
}

fn compression_named(name: &str) -> Option<Compression> {
    COMPRESSIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, compression)| *compression)
}

impl Format {
    /// The format that a file's name tells.
    pub fn of_name(path: &str) -> Option<Self> {
        Named::of(path).format
    }

    /// The format that a file's name tells, with the delimiter that the name implies.
    pub fn named_by(path: &str) -> (Option<Self>, Option<u8>) {
        let named = Named::of(path);
        (named.format, named.format.map(|_| named.delimiter))
    }

    /// The format of that name and, for the CSV family, the delimiter that the name implies.
    pub fn parse(name: &str) -> Result<(Self, Option<u8>)> {
        let lower = name.trim().to_ascii_lowercase();
        if lower == "csv" {
            return Ok((Format::Csv, None));
        }
        if lower == "delta" {
            return Ok((Format::Delta, None));
        }
        match FORMATS.iter().find(|(known, ..)| *known == lower) {
            Some((_, Format::Csv, delimiter)) => Ok((Format::Csv, Some(*delimiter))),
            Some((_, format, _)) => Ok((*format, None)),
            None => Err(Error::new(
                Kind::InvalidParameterValue,
                format!("unknown file format \"{name}\""),
            )
            .hint("Known formats: parquet, csv, tsv, json, ndjson, avro, arrow, delta.")),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Avro => "avro",
            Format::Arrow => "arrow",
            Format::Delta => "delta",
        }
    }

    /// Whether a whole file of the format may be compressed.
    pub fn is_text(self) -> bool {
        matches!(self, Format::Csv | Format::Json)
    }
}

impl Compression {
    /// The compression that a file's name tells.
    pub fn of_name(path: &str) -> Self {
        Named::of(path).compression
    }

    /// The end of the name of a file that is compressed so.
    pub fn extension(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Bzip2 => ".bz2",
            Compression::Xz => ".xz",
            Compression::Zstd => ".zst",
        }
    }

    pub fn parse(name: &str) -> Result<Self> {
        let lower = name.trim().to_ascii_lowercase();
        if matches!(lower.as_str(), "none" | "uncompressed") {
            return Ok(Compression::None);
        }
        compression_named(&lower).ok_or_else(|| {
            Error::new(
                Kind::InvalidParameterValue,
                format!("unknown compression \"{name}\""),
            )
            .hint("Known compressions: gzip, bzip2, xz, zstd, none.")
        })
    }

    /// The compression of data that starts so.
    pub fn of_start(bytes: &[u8]) -> Option<Self> {
        const STARTS: [(&[u8], Compression); 3] = [
            (b"\x1F\x8B", Compression::Gzip),
            (b"\xFD7zXZ\0", Compression::Xz),
            (b"\x28\xB5\x2F\xFD", Compression::Zstd),
        ];
        // The start of bzip2 data is text; the digit is the size of its blocks.
        if bytes.starts_with(b"BZh") && bytes.get(4..10) == Some(b"1AY&SY") {
            return Some(Compression::Bzip2);
        }
        let known = STARTS.iter().find(|(start, _)| bytes.starts_with(start));
        known.map(|(_, compression)| *compression)
    }

    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Zstd => "zstd",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_tells_format_and_compression() {
        let cases = [
            ("/a/b.parquet", Some(Format::Parquet), Compression::None),
            ("b.TSV.GZ", Some(Format::Csv), Compression::Gzip),
            ("x.y/b.ndjson.zst", Some(Format::Json), Compression::Zstd),
            ("feather", None, Compression::None),
            ("b.txt.bz2", None, Compression::Bzip2),
            ("x.csv/part-0", None, Compression::None),
            ("b.feather", Some(Format::Arrow), Compression::None),
        ];
        for (name, format, compression) in cases {
            let named = Named::of(name);
            assert_eq!(
                (named.format, named.compression),
                (format, compression),
                "{name}"
            );
        }
        assert_eq!(Named::of("a.tsv").delimiter, b'\t');
    }

    #[test]
    fn formats_go_by_name() {
        assert_eq!(Format::parse("TSV").unwrap(), (Format::Csv, Some(b'\t')));
        assert_eq!(Format::parse("csv").unwrap(), (Format::Csv, None));
        assert!(Format::parse("xlsx").is_err());
        assert_eq!(Compression::parse("GZIP").unwrap(), Compression::Gzip);
    }
}

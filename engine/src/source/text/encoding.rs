//! Character encodings: bytes of a file as UTF-8.
//!
//! UTF-8 passes through untouched; whether it is valid is checked where texts are made of it. A
//! byte order mark at a file's start decides between UTF-8 and the kinds of UTF-16, unless the user
//! named an encoding that is none of these.

use bytes::Bytes;
use encoding_rs::{DecoderResult, UTF_8, UTF_16BE, UTF_16LE};
use futures::{StreamExt, TryStreamExt};
use memchr::memchr_iter;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::source::stream::ByteStream;

/// The longest byte order mark that is looked for.
const MARK_BYTES: usize = 2;

/// How the files' text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8, unless a byte order mark says UTF-16.
    #[default]
    Utf8,
    /// ISO-8859-1 as the standard has it: each byte is the character of that number.
    Latin1,
    Other(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// Understands the names of the web's standard and of PostgreSQL.
    pub fn parse(name: &str) -> Option<Self> {
        let lower = name.trim().to_ascii_lowercase().replace('_', "-");
        match lower.as_str() {
            "latin1" | "latin-1" | "iso-8859-1" | "iso8859-1" | "l1" => return Some(Self::Latin1),
            "latin9" | "latin-9" => return Self::parse("iso-8859-15"),
            _ => {}
        }
        let spelled = match lower.split_once('-') {
            Some(("latin", number)) => format!("latin{number}"),
            _ => match lower.strip_prefix("win") {
                Some(number) if number.bytes().all(|b| b.is_ascii_digit()) => {
                    format!("windows-{number}")
                }
                _ => lower,
            },
        };
        let found = encoding_rs::Encoding::for_label_no_replacement(spelled.as_bytes())?;
        match found {
            found if found == UTF_8 => Some(Self::Utf8),
            found if found == encoding_rs::X_USER_DEFINED => None,
            found => Some(Self::Other(found)),
        }
    }

    pub fn name(self) -> String {
        match self {
            Self::Utf8 => "utf-8".to_string(),
            Self::Latin1 => "latin-1".to_string(),
            Self::Other(other) => other.name().to_ascii_lowercase(),
        }
    }

    fn is_unicode(self) -> bool {
        match self {
            Self::Utf8 => true,
            Self::Latin1 => false,
            Self::Other(other) => other == UTF_16LE || other == UTF_16BE,
        }
    }

    /// Whether an ASCII character is the one byte that it is in ASCII, and no other byte is, so that
    /// places in a file can be found without reading what is before.
    pub fn can_be_cut(self) -> bool {
        match self {
            Self::Utf8 | Self::Latin1 => true,
            Self::Other(other) => other.is_single_byte() && other.is_ascii_compatible(),
        }
    }

    /// The encoding of a file that starts so, if its mark says another than the user.
    pub fn of_start(self, start: &[u8]) -> Self {
        if !self.is_unicode() {
            return self;
        }
        match encoding_rs::Encoding::for_bom(start) {
            Some((found, _)) if found == UTF_8 => Self::Utf8,
            Some((found, _)) => Self::Other(found),
            None => self,
        }
    }
}

impl Serialize for Encoding {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.name())
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Self::parse(&name).ok_or_else(|| serde::de::Error::custom("unknown encoding"))
    }
}

/// Where in which file a stream is from.
pub struct Place {
    pub at_start: bool,
    pub at_end: bool,
    pub shown: String,
}

/// The stream as UTF-8.
pub async fn decoded(
    mut stream: ByteStream,
    mut encoding: Encoding,
    place: Place,
) -> Result<ByteStream> {
    // Not every stream can be asked again once it has ended.
    stream = stream.fuse().boxed();
    let at_start = place.at_start;
    if at_start && encoding.is_unicode() {
        let mut first = stream.try_next().await?.unwrap_or_default();
        while first.len() < MARK_BYTES {
            let Some(more) = stream.try_next().await? else {
                break;
            };
            first = [first, more].concat().into();
        }
        encoding = encoding.of_start(&first);
        if !first.is_empty() {
            stream = futures::stream::iter([Ok(first)]).chain(stream).boxed();
        }
    }
    let decoder = match encoding {
        Encoding::Utf8 => return Ok(stream),
        Encoding::Latin1 => return Ok(stream.map_ok(|piece| latin1(&piece)).boxed()),
        Encoding::Other(other) if at_start => other.new_decoder_with_bom_removal(),
        Encoding::Other(other) => other.new_decoder_without_bom_handling(),
    };
    let decoding = Decoding {
        decoder,
        line: at_start.then_some(1),
        place,
        ended: false,
    };
    let pieces = futures::stream::try_unfold(
        (stream, decoding),
        |(mut stream, mut decoding)| async move {
            if decoding.ended {
                return Ok(None);
            }
            let piece = stream.try_next().await?;
            decoding.ended = piece.is_none();
            let text = decoding.piece(&piece.unwrap_or_default())?;
            Ok(Some((text, (stream, decoding))))
        },
    );
    let filled = pieces.try_filter(|piece: &Bytes| futures::future::ready(!piece.is_empty()));
    Ok(filled.boxed())
}

fn latin1(piece: &[u8]) -> Bytes {
    let mut text = vec![0; piece.len() * 2];
    let length = encoding_rs::mem::convert_latin1_to_utf8(piece, &mut text);
    text.truncate(length);
    text.into()
}

struct Decoding {
    decoder: encoding_rs::Decoder,
    /// The line that is being decoded, if what was before is known.
    line: Option<u64>,
    place: Place,
    ended: bool,
}

impl Decoding {
    fn piece(&mut self, bytes: &[u8]) -> Result<Bytes> {
        let room = self
            .decoder
            .max_utf8_buffer_length_without_replacement(bytes.len());
        let mut text = vec![0; room.unwrap_or(bytes.len()).max(16)];
        let last = self.ended && self.place.at_end;
        let (result, _, written) = self
            .decoder
            .decode_to_utf8_without_replacement(bytes, &mut text, last);
        text.truncate(written);
        let ends = memchr_iter(b'\n', &text).count() as u64;
        self.line = self.line.map(|line| line + ends);
        match result {
            DecoderResult::InputEmpty => Ok(text.into()),
            DecoderResult::OutputFull => {
                Err(Error::internal("a decoder asked for too little room"))
            }
            DecoderResult::Malformed(..) => Err(self.malformed()),
        }
    }

    fn malformed(&self) -> Error {
        let at = self
            .line
            .map_or(String::new(), |line| format!(", line {line}"));
        let name = self.decoder.encoding().name();
        Error::new(
            Kind::BadData,
            format!("file \"{}\"{at}: the text is not {name}", self.place.shown),
        )
        .hint("The option encoding says how the file's text is stored: 'utf-8', 'latin-1', 'windows-1252', 'utf-16', …")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names() {
        for (name, canonical) in [
            ("UTF-8", "utf-8"),
            ("utf8", "utf-8"),
            ("LATIN1", "latin-1"),
            ("iso-8859-1", "latin-1"),
            ("latin-9", "iso-8859-15"),
            ("WIN1252", "windows-1252"),
            ("cp1252", "windows-1252"),
            ("utf-16", "utf-16le"),
            ("UTF_16BE", "utf-16be"),
            ("sjis", "shift_jis"),
        ] {
            let found = Encoding::parse(name).map(Encoding::name);
            assert_eq!(found.as_deref(), Some(canonical), "{name}");
        }
        assert_eq!(Encoding::parse("ebcdic"), None);
        assert_eq!(Encoding::parse("x-user-defined"), None);
    }

    async fn text(encoding: &str, bytes: &[u8], step: usize) -> Result<String> {
        let pieces: Vec<_> = bytes
            .chunks(step)
            .map(|p| Ok(Bytes::copy_from_slice(p)))
            .collect();
        let stream = futures::stream::iter(pieces).boxed();
        let encoding = Encoding::parse(encoding).unwrap();
        let place = Place {
            at_start: true,
            at_end: true,
            shown: "f".into(),
        };
        let pieces: Vec<Bytes> = decoded(stream, encoding, place)
            .await?
            .try_collect()
            .await?;
        Ok(String::from_utf8(pieces.concat()).unwrap())
    }

    #[tokio::test]
    async fn texts_in_pieces() {
        let utf16: Vec<u8> = "\u{feff}aé😀\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = "\u{feff}aé😀\n"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for step in 1..9 {
            assert_eq!(text("utf-8", &utf16, step).await.unwrap(), "aé😀\n");
            assert_eq!(text("utf-16", &big, step).await.unwrap(), "aé😀\n");
            assert_eq!(text("utf-16le", &utf16[2..], step).await.unwrap(), "aé😀\n");
            assert_eq!(
                text("latin-1", b"a\xe9\x80", step).await.unwrap(),
                "aé\u{80}"
            );
            assert_eq!(
                text("windows-1252", b"a\xe9\x80", step).await.unwrap(),
                "aé€"
            );
            assert_eq!(text("utf-8", "aé".as_bytes(), step).await.unwrap(), "aé");
            let error = text("shift_jis", b"a\n\x81\xff", step).await.unwrap_err();
            assert_eq!(
                error.message,
                "file \"f\", line 2: the text is not Shift_JIS"
            );
            // Half of a character at the end.
            assert!(text("utf-16", &utf16[..5], step).await.is_err());
        }
        assert_eq!(text("utf-8", b"", 1).await.unwrap(), "");
    }
}

//! What the start of a CSV file says: its columns' names, their number, where the data begins; and
//! which of them are the table's columns.

use std::collections::{HashMap, HashSet};

use arrow::datatypes::Schema;
use futures::TryStreamExt;
use object_store::ObjectMeta;

use super::fault::FaultKind;
use super::records::{Records, Syntax};
use crate::error::{Error, Kind, Result};
use crate::source::dialect::Csv;
use crate::source::format::Compression;
use crate::source::location;
use crate::source::stream::ByteStream;
use crate::source::text::{Part, Text};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// What is read of a file to see its first record.
const HEAD_BYTES: u64 = 64 << 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub names: Vec<String>,
    /// Offset of the first record that is data.
    pub data_start: usize,
    /// What ends the file's lines: `\n`, or a lone `\r`.
    pub line_end: u8,
}

impl Head {
    /// That of a file without a record.
    pub fn empty(data_start: usize) -> Self {
        Self {
            names: vec![],
            data_start,
            line_end: b'\n',
        }
    }
}

/// The first record: where it ends and how many fields it has.
struct First {
    end: usize,
    fields: usize,
}

/// Parses the head; None when the input is too short for it.
pub fn parse(
    input: &[u8],
    at_end: bool,
    dialect: &Csv,
    text: &Text,
) -> Result<Option<Head>, FaultKind> {
    let mark = if input.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len()
    } else {
        0
    };
    if !at_end && input.len() < BYTE_ORDER_MARK.len() {
        return Ok(None);
    }
    let syntax = |line_end| Syntax::new(dialect, text, line_end).any();
    let rest = input.get(mark..).unwrap_or(&[]);
    let feeds = first(rest, at_end, syntax(b'\n'));
    let (line_end, found) = match first(rest, at_end, syntax(b'\r')) {
        Ok(Some(first)) if !at_end && first.end >= rest.len() => return Ok(None),
        Ok(Some(first)) if ends_with_return(rest, first.end, &feeds) => (b'\r', first),
        _ => match feeds? {
            Some(first) => (b'\n', first),
            None => return Ok(at_end.then(|| Head::empty(input.len()))),
        },
    };
    if !dialect.header {
        let names = (1..=found.fields).map(|number| format!("column{number}"));
        return Ok(Some(Head {
            names: names.collect(),
            data_start: mark,
            line_end,
        }));
    }
    let all: Vec<usize> = (0..found.fields).collect();
    let mut records = Records::new(syntax(line_end), found.fields, &all).without_blanks();
    records.read(rest, at_end, 1).map_err(|fault| fault.kind)?;
    let names = records.columns.iter().map(|column| {
        let span = column.first();
        let bytes = span
            .and_then(|span| span.bytes(rest, &records.arena))
            .unwrap_or(&[]);
        String::from_utf8_lossy(bytes).into_owned()
    });
    Ok(Some(Head {
        names: distinct(names),
        data_start: mark + found.end,
        line_end,
    }))
}

fn first(rest: &[u8], at_end: bool, syntax: Syntax) -> Result<Option<First>, FaultKind> {
    let mut records = Records::new(syntax, 0, &[]);
    records.read(rest, at_end, 1).map_err(|fault| fault.kind)?;
    Ok((records.rows() == 1).then_some(First {
        end: records.consumed,
        fields: records.last_fields,
    }))
}

/// Whether a record that ends so ends with a lone `\r`, before any line feed ends one.
fn ends_with_return(rest: &[u8], end: usize, feeds: &Result<Option<First>, FaultKind>) -> bool {
    let is_return = end > 0 && rest.get(end - 1) == Some(&b'\r') && rest.get(end) != Some(&b'\n');
    let earlier = match feeds {
        Ok(Some(first)) => end < first.end,
        _ => true,
    };
    is_return && earlier
}

/// Names as a table needs them: none empty, none twice.
fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut known: HashSet<String> = HashSet::new();
    let mut distinct = Vec::new();
    for (at, name) in names.enumerate() {
        let base = match name.trim() {
            "" => format!("column{}", at + 1),
            name => name.to_string(),
        };
        let numbered = (1..).map(|n| format!("{base}_{n}"));
        let free = std::iter::once(base.clone())
            .chain(numbered)
            .find(|name| !known.contains(name));
        let name = free.unwrap_or(base);
        known.insert(name.clone());
        distinct.push(name);
    }
    distinct
}

/// Reads the head of a file on its own.
pub async fn head_of_file(part: &Part, dialect: &Csv) -> Result<Head> {
    let size = part.file.size;
    if size == 0 {
        return Ok(Head::empty(0));
    }
    let whole = Part {
        range: None,
        ..part.clone()
    };
    if part.compression == Compression::None && size > HEAD_BYTES {
        let start = Part {
            range: Some(0..HEAD_BYTES),
            ..part.clone()
        };
        let mut stream = start.open(None).await?;
        if let (Some(head), _) = head_of_stream(&mut stream, &start, dialect).await? {
            return Ok(head);
        }
    }
    let mut stream = whole.open(None).await?;
    let (found, _) = head_of_stream(&mut stream, &whole, dialect).await?;
    Ok(found.unwrap_or(Head::empty(0)))
}

/// Reads the head off a stream; also gives the bytes read so far, of which the head is a part. No
/// head when the part ends before it is certain.
pub async fn head_of_stream(
    stream: &mut ByteStream,
    part: &Part,
    dialect: &Csv,
) -> Result<(Option<Head>, Vec<u8>)> {
    let mut input = Vec::new();
    let mut tried = 0;
    loop {
        let piece = stream.try_next().await?;
        let ended = piece.is_none();
        input.extend_from_slice(&piece.unwrap_or_default());
        if !ended && input.len() < tried * 2 {
            continue;
        }
        tried = input.len();
        if let Some(compression) = Compression::of_start(&input) {
            return Err(compressed(part, compression));
        }
        let at_end = ended && part.is_last();
        match parse(&input, at_end, dialect, &part.text) {
            Ok(Some(head)) => return Ok((Some(head), input)),
            Ok(None) if ended => return Ok((None, input)),
            Ok(None) if input.len() <= part.text.max_line_bytes => {}
            _ => return Err(unreadable_head(part)),
        }
    }
}

fn unreadable_head(part: &Part) -> Error {
    let message = format!("the first line of file \"{}\" is not CSV", part.shown());
    Error::new(Kind::BadData, message)
        .hint("Check the options delimiter and quote; quote = '' reads quotes as text.")
}

/// The error of a file whose name does not say that it is compressed.
fn compressed(part: &Part, compression: Compression) -> Error {
    let name = compression.name();
    part.error(None, &format!("the file is {name} data"))
        .hint(format!(
            "Its name does not say so: add compression = '{name}'."
        ))
}

/// For each column of the table its place in the file; None where the file lacks it.
pub fn places(table: &Schema, head: &Head, dialect: &Csv) -> Vec<Option<usize>> {
    if !dialect.header || dialect.by_place {
        return (0..table.fields().len())
            .map(|at| (at < head.names.len()).then_some(at))
            .collect();
    }
    let mut exact: HashMap<&str, usize> = HashMap::new();
    let mut loose: HashMap<String, usize> = HashMap::new();
    for (at, name) in head.names.iter().enumerate() {
        exact.entry(name).or_insert(at);
        loose.entry(name.to_ascii_lowercase()).or_insert(at);
    }
    let place = |name: &String| {
        let found = exact.get(name.as_str());
        found
            .or_else(|| loose.get(&name.to_ascii_lowercase()))
            .copied()
    };
    table.fields().iter().map(|f| place(f.name())).collect()
}

/// Whether declared columns go by place: no file has any of their names, but as many columns.
pub fn goes_by_place(declared: &Schema, heads: &[(Head, &ObjectMeta)]) -> Result<bool> {
    let named = Csv::default();
    let known = |head: &Head| places(declared, head, &named).iter().any(Option::is_some);
    let full: Vec<_> = heads
        .iter()
        .filter(|(head, _)| !head.names.is_empty())
        .collect();
    let Some((first, file)) = full.first() else {
        return Ok(false);
    };
    if full.iter().any(|(head, _)| known(head)) {
        return Ok(false);
    }
    if full
        .iter()
        .all(|(head, _)| head.names.len() == declared.fields().len())
    {
        return Ok(true);
    }
    Err(Error::new(
        Kind::BadData,
        format!(
            "file \"{}\" has none of the table's columns",
            location::shown(&file.location)
        ),
    )
    .detail(format!("Its header is: {}.", first.names.join(", ")))
    .hint("If the file has no header, add header = false."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::datatypes::{DataType, Field};
    use object_store::path::Path;

    fn head(text: &str, header: bool) -> Head {
        let dialect = Csv {
            header,
            ..Csv::default()
        };
        parse(text.as_bytes(), true, &dialect, &Text::default())
            .unwrap()
            .unwrap()
    }

    #[test]
    fn heads() {
        assert_eq!(
            head("a,b,a,,\"c\nd\"\n1", true).names,
            ["a", "b", "a_1", "column4", "c\nd"]
        );
        assert_eq!(
            head("\u{feff}a\n1\n", true),
            Head {
                names: vec!["a".into()],
                data_start: 5,
                line_end: b'\n',
            }
        );
        assert_eq!(
            head("\u{feff}1,2\n", false),
            Head {
                names: vec!["column1".into(), "column2".into()],
                data_start: 3,
                line_end: b'\n',
            }
        );
        assert_eq!(head("", true), Head::empty(0));
        assert_eq!(head("\n\na,b", true).data_start, 5);
        let short = |text: &str| parse(text.as_bytes(), false, &Csv::default(), &Text::default());
        assert_eq!(short("a,b").unwrap(), None);
        assert_eq!(short("a,b\r").unwrap(), None);
    }

    #[test]
    fn line_ends() {
        for (text, line_end) in [
            ("a,b\r1,2\r", b'\r'),
            ("a,b\r\n1,2\r\n", b'\n'),
            ("\"a\rb\",c\n1,2", b'\n'),
            ("\"a\nb\",c\r1,2", b'\r'),
            ("a,b\n1\r", b'\n'),
            ("\r\n\r\na\r\n1", b'\n'),
            ("\r\ra\r1", b'\r'),
            ("a,b", b'\n'),
        ] {
            assert_eq!(head(text, true).line_end, line_end, "{text:?}");
        }
    }

    #[test]
    fn columns_go_by_name_then_by_place() {
        let table = |names: &[&str]| {
            let field = |name: &&str| Field::new(*name, DataType::Int64, true);
            Schema::new(names.iter().map(field).collect::<Vec<_>>())
        };
        let file = ObjectMeta {
            location: Path::from("t.csv"),
            last_modified: Default::default(),
            size: 0,
            e_tag: None,
            version: None,
        };
        let heads = [(head("A,b\n", true), &file)];
        let places = |names: &[&str]| places(&table(names), &heads[0].0, &Csv::default());
        assert_eq!(places(&["b", "x", "a"]), [Some(1), None, Some(0)]);
        assert!(!goes_by_place(&table(&["b", "x"]), &heads).unwrap());
        assert!(goes_by_place(&table(&["x", "y"]), &heads).unwrap());
        let error = goes_by_place(&table(&["x", "y", "z"]), &heads).unwrap_err();
        assert_eq!(error.sqlstate(), "22P04");
    }
}

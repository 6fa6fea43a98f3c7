//! What the start of a CSV file says: its columns' names, their number, where the data begins; and
//! which of them are the table's columns.

use std::sync::Arc;

use arrow::datatypes::Schema;
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore};

use super::records::{FaultKind, MAX_RECORD_BYTES, Pass, Records};
use crate::error::{Error, Kind, Result};
use crate::source::dialect::Csv;
use crate::source::format::Compression;
use crate::source::location;
use crate::source::stream::{self, ByteStream};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// What is read of a file to see its first record.
const HEAD_BYTES: u64 = 64 << 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub names: Vec<String>,
    /// Offset of the first record that is data.
    pub data_start: usize,
}

/// Parses the head; None when the input is too short for it.
pub fn parse(input: &[u8], at_end: bool, dialect: &Csv) -> Result<Option<Head>, FaultKind> {
    let mark = if input.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len()
    } else {
        0
    };
    if !at_end && input.len() < BYTE_ORDER_MARK.len() {
        return Ok(None);
    }
    let text = input.get(mark..).unwrap_or(&[]);
    let mut counted = Records::any(dialect, 0);
    let pass = counted.read(text, at_end, 1).map_err(|fault| fault.kind)?;
    let Some(columns) = counted.counts.first().copied() else {
        return Ok((pass == Pass::NeedsMore && at_end).then(|| Head {
            names: vec![],
            data_start: input.len(),
        }));
    };
    if !dialect.header {
        let names = (1..=columns)
            .map(|number| format!("column{number}"))
            .collect();
        return Ok(Some(Head {
            names,
            data_start: mark,
        }));
    }
    let mut first = Records::any(dialect, columns);
    first.read(text, at_end, 1).map_err(|fault| fault.kind)?;
    let names = first.columns.iter().map(|column| {
        let span = column.first();
        let bytes = span
            .and_then(|span| span.bytes(text, &first.arena))
            .unwrap_or(&[]);
        String::from_utf8_lossy(bytes).into_owned()
    });
    Ok(Some(Head {
        names: distinct(names),
        data_start: mark + counted.consumed,
    }))
}

/// Names as a table needs them: none empty, none twice.
fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for (at, name) in names.enumerate() {
        let base = match name.trim() {
            "" => format!("column{}", at + 1),
            name => name.to_string(),
        };
        let numbered = (1..).map(|n| format!("{base}_{n}"));
        let free = std::iter::once(base.clone())
            .chain(numbered)
            .find(|name| !known.contains(name));
        known.push(free.unwrap_or(base));
    }
    known
}

/// Reads the head of a file on its own.
pub async fn head_of_file(
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    compression: Compression,
    dialect: &Csv,
) -> Result<Head> {
    let range = (compression == Compression::None).then_some(0..file.size.min(HEAD_BYTES));
    let whole = range.as_ref().is_none_or(|range| range.end == file.size);
    if file.size > 0 {
        let mut stream = stream::open(store, &file.location, range, compression, None).await?;
        let found = head_of_stream(&mut stream, file, dialect, whole).await?;
        if let Some((head, _)) = found {
            return Ok(head);
        }
        let mut stream = stream::open(store, &file.location, None, compression, None).await?;
        if let Some((head, _)) = head_of_stream(&mut stream, file, dialect, true).await? {
            return Ok(head);
        }
    }
    Ok(Head {
        names: vec![],
        data_start: 0,
    })
}

/// Reads the head off a stream; also gives the bytes read so far, of which the head is a part.
/// None when the stream ends within the head and is not the `whole` file.
pub async fn head_of_stream(
    stream: &mut ByteStream,
    file: &ObjectMeta,
    dialect: &Csv,
    whole: bool,
) -> Result<Option<(Head, Vec<u8>)>> {
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
        let fault = |_| unreadable_head(file);
        match parse(&input, ended && whole, dialect).map_err(fault)? {
            Some(head) => return Ok(Some((head, input))),
            None if ended => return Ok(None),
            None if input.len() > MAX_RECORD_BYTES => return Err(unreadable_head(file)),
            None => {}
        }
    }
}

fn unreadable_head(file: &ObjectMeta) -> Error {
    Error::new(
        Kind::BadData,
        format!(
            "the first line of file \"{}\" is not CSV",
            location::shown(&file.location)
        ),
    )
    .hint("Check the options delimiter and quote; quote = '' reads quotes as text.")
}

/// For each column of the table its place in the file; None where the file lacks it.
pub fn places(table: &Schema, head: &Head, dialect: &Csv) -> Vec<Option<usize>> {
    if !dialect.header || dialect.by_place {
        return (0..table.fields().len())
            .map(|at| (at < head.names.len()).then_some(at))
            .collect();
    }
    let exact = |name: &str| head.names.iter().position(|known| known == name);
    let loose = |name: &str| {
        head.names
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name))
    };
    table
        .fields()
        .iter()
        .map(|f| exact(f.name()).or_else(|| loose(f.name())))
        .collect()
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
        parse(text.as_bytes(), true, &dialect).unwrap().unwrap()
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
                data_start: 5
            }
        );
        assert_eq!(
            head("\u{feff}1,2\n", false),
            Head {
                names: vec!["column1".into(), "column2".into()],
                data_start: 3
            }
        );
        assert_eq!(
            head("", true),
            Head {
                names: vec![],
                data_start: 0
            }
        );
        assert_eq!(head("\n\na,b", true).data_start, 5);
        assert_eq!(parse(b"a,b", false, &Csv::default()).unwrap(), None);
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

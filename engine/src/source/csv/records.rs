//! Cuts CSV bytes into records and fields, looking only at delimiters, line ends and quotes.
//!
//! A field that starts with a quote ends with one; inside, a doubled quote (or an escaped byte)
//! stands for itself and line ends are text. A quote elsewhere is an ordinary byte. A record ends
//! with `\n` or `\r\n`. Only the wanted columns are kept, as places in the input; the fields of
//! every record are counted nevertheless, because a missing delimiter must not go unnoticed.

use memchr::{memchr, memchr2, memchr3_iter};

use crate::source::dialect::Csv;

/// Longer records are taken for a quote that never closes.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// Where a field's text is: in the input, or in the arena if quotes had to be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: u32,
    length: u32,
    in_arena: bool,
    pub quoted: bool,
}

impl Span {
    fn new(start: usize, end: usize, in_arena: bool, quoted: bool) -> Self {
        // The input is at most a few records of MAX_RECORD_BYTES: it fits 32 bits.
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            start: narrow(start),
            length: narrow(end.saturating_sub(start)),
            in_arena,
            quoted,
        }
    }

    pub fn of<'a>(&self, input: &'a str, arena: &'a str) -> Option<&'a str> {
        let from = if self.in_arena { arena } else { input };
        let start = self.start as usize;
        from.get(start..start + self.length as usize)
    }

    pub fn bytes<'a>(&self, input: &'a [u8], arena: &'a [u8]) -> Option<&'a [u8]> {
        let from = if self.in_arena { arena } else { input };
        let start = self.start as usize;
        from.get(start..start + self.length as usize)
    }
}

/// Why the bytes are not CSV; the record that starts at `record_start` is the wrong one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub record_start: usize,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    Columns { found: usize },
    AfterQuote { column: usize },
    Unterminated { column: usize },
}

/// How a pass over the input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// As many records as asked for.
    Full,
    /// What follows the last record is not a whole one.
    NeedsMore,
}

#[derive(Debug)]
pub struct Records {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    comment: Option<u8>,
    /// Fields that each record must have; None takes any number.
    expected: Option<usize>,
    /// For each column of the file, its place among the wanted ones.
    slots: Vec<Option<usize>>,
    /// Per wanted column, a span for each record.
    pub columns: Vec<Vec<Span>>,
    pub arena: Vec<u8>,
    /// The arena up to here belongs to whole records.
    arena_kept: usize,
    /// Where in the input each record starts.
    pub starts: Vec<u32>,
    /// Fields of each record; kept only when any number is taken.
    pub counts: Vec<usize>,
    /// The input up to here is done with.
    pub consumed: usize,
}

enum Step {
    Pass(Pass),
    /// A comment is next.
    Comment,
}

/// What comes after a field.
enum After {
    Field(usize),
    Record(usize),
}

enum Quoted {
    Closed(After),
    Open,
    Fault(FaultKind),
}

impl Records {
    /// Records of `columns` fields, of which those in `wanted` are kept, in that order.
    pub fn new(dialect: &Csv, columns: usize, wanted: &[usize]) -> Self {
        let mut slots = vec![None; columns];
        for (place, column) in wanted.iter().enumerate() {
            if let Some(slot) = slots.get_mut(*column) {
                *slot = Some(place);
            }
        }
        Self {
            delimiter: dialect.delimiter,
            quote: dialect.quote,
            escape: dialect.escape.filter(|e| Some(*e) != dialect.quote),
            comment: dialect.comment,
            expected: Some(columns),
            columns: vec![Vec::new(); wanted.len()],
            slots,
            arena: Vec::new(),
            arena_kept: 0,
            starts: Vec::new(),
            counts: Vec::new(),
            consumed: 0,
        }
    }

    /// Records of any number of fields, of which the first `columns` are kept.
    pub fn any(dialect: &Csv, columns: usize) -> Self {
        let wanted: Vec<usize> = (0..columns).collect();
        Self {
            expected: None,
            ..Self::new(dialect, columns, &wanted)
        }
    }

    pub fn rows(&self) -> usize {
        self.starts.len()
    }

    /// Forgets the records, which the caller has taken; the input before `consumed` may go.
    pub fn clear(&mut self) {
        self.columns.iter_mut().for_each(Vec::clear);
        self.arena.clear();
        self.arena_kept = 0;
        self.starts.clear();
        self.counts.clear();
        self.consumed = 0;
    }

    /// Adds records from `input`, from `consumed` on, until there are `max_rows`.
    ///
    /// `at_end` says that no more input follows, so that the last record needs no line end.
    pub fn read(&mut self, input: &[u8], at_end: bool, max_rows: usize) -> Result<Pass, Fault> {
        loop {
            while self.skip_comment(input, at_end) {}
            if self.rows() >= max_rows {
                return Ok(Pass::Full);
            }
            if self.consumed >= input.len() || self.at_comment(input) {
                return Ok(Pass::NeedsMore);
            }
            match self.run(input, at_end, max_rows)? {
                Step::Pass(pass) => return Ok(pass),
                Step::Comment => {}
            }
        }
    }

    fn at_comment(&self, input: &[u8]) -> bool {
        self.comment.is_some() && input.get(self.consumed).copied() == self.comment
    }

    /// Skips one comment line if a whole one is next.
    fn skip_comment(&mut self, input: &[u8], at_end: bool) -> bool {
        if !self.at_comment(input) {
            return false;
        }
        let rest = input.get(self.consumed..).unwrap_or(&[]);
        match memchr(b'\n', rest) {
            Some(length) => self.consumed += length + 1,
            None if at_end => self.consumed = input.len(),
            None => return false,
        }
        true
    }

    /// Reads records until the input ends, a comment starts or there are enough.
    fn run(&mut self, input: &[u8], at_end: bool, max_rows: usize) -> Result<Step, Fault> {
        let (mut field, mut column) = (self.consumed, 0);
        let quote = self.quote.unwrap_or(self.delimiter);
        let newline = b'\n';
        'restart: loop {
            let base = field;
            for hit in memchr3_iter(
                self.delimiter,
                newline,
                quote,
                input.get(base..).unwrap_or(&[]),
            ) {
                let at = base + hit;
                let byte = input.get(at).copied().unwrap_or(newline);
                if byte == self.delimiter {
                    self.keep(column, Span::new(field, at, false, false));
                    column += 1;
                    field = at + 1;
                } else if byte == newline {
                    let end = without_return(input, field, at);
                    let blank = column == 0 && end == field && self.expected != Some(1);
                    if blank {
                        self.consumed = at + 1;
                    } else {
                        self.keep(column, Span::new(field, end, false, false));
                        self.finish(column + 1, at + 1)?;
                    }
                    (field, column) = (at + 1, 0);
                    if let Some(step) = self.stop(input, max_rows) {
                        return Ok(step);
                    }
                } else if at == field {
                    match self.quoted(input, at, column, at_end) {
                        Quoted::Closed(After::Field(next)) => (field, column) = (next, column + 1),
                        Quoted::Closed(After::Record(next)) => {
                            self.finish(column + 1, next)?;
                            (field, column) = (next, 0);
                            if let Some(step) = self.stop(input, max_rows) {
                                return Ok(step);
                            }
                        }
                        Quoted::Open => return Ok(Step::Pass(self.give_up())),
                        Quoted::Fault(kind) => return Err(self.fault(kind)),
                    }
                    continue 'restart;
                }
            }
            break;
        }
        Ok(Step::Pass(self.last(input, field, column, at_end)?))
    }

    /// Whether to stop after a record.
    #[inline]
    fn stop(&self, input: &[u8], max_rows: usize) -> Option<Step> {
        if self.rows() >= max_rows {
            return Some(Step::Pass(Pass::Full));
        }
        self.at_comment(input).then_some(Step::Comment)
    }

    /// What is left after the last line end: a record if nothing follows it.
    fn last(
        &mut self,
        input: &[u8],
        field: usize,
        column: usize,
        at_end: bool,
    ) -> Result<Pass, Fault> {
        if !at_end {
            return Ok(self.give_up());
        }
        if column > 0 || field < input.len() {
            let end = without_return(input, field, input.len());
            let blank = column == 0 && end == field;
            if !blank {
                self.keep(column, Span::new(field, end, false, false));
                self.finish(column + 1, input.len())?;
            }
        }
        self.consumed = input.len();
        Ok(Pass::NeedsMore)
    }

    #[inline]
    fn keep(&mut self, column: usize, span: Span) {
        if let Some(Some(slot)) = self.slots.get(column)
            && let Some(spans) = self.columns.get_mut(*slot)
        {
            spans.push(span);
        }
    }

    fn finish(&mut self, found: usize, next: usize) -> Result<(), Fault> {
        match self.expected {
            Some(expected) if expected != found => {
                return Err(self.fault(FaultKind::Columns { found }));
            }
            Some(_) => {}
            None => {
                self.counts.push(found);
                self.pad();
            }
        }
        self.starts
            .push(u32::try_from(self.consumed).unwrap_or(u32::MAX));
        self.arena_kept = self.arena.len();
        self.consumed = next;
        Ok(())
    }

    /// Fills the columns that a short record lacks.
    fn pad(&mut self) {
        let rows = self.starts.len() + 1;
        for spans in &mut self.columns {
            spans.resize(rows, Span::new(0, 0, false, false));
        }
    }

    /// Drops what was kept of a record that is not whole.
    fn give_up(&mut self) -> Pass {
        let rows = self.rows();
        for spans in &mut self.columns {
            spans.truncate(rows);
        }
        self.arena.truncate(self.arena_kept);
        Pass::NeedsMore
    }

    fn fault(&mut self, kind: FaultKind) -> Fault {
        self.give_up();
        Fault {
            record_start: self.consumed,
            kind,
        }
    }

    /// Reads the quoted field whose opening quote is at `open`.
    fn quoted(&mut self, input: &[u8], open: usize, column: usize, at_end: bool) -> Quoted {
        let (mut at, mut copied_to) = (open + 1, open + 1);
        let arena_start = self.arena.len();
        let mut copied = false;
        loop {
            let Some(next) = self.next_quote(input, at) else {
                return match at_end {
                    true => Quoted::Fault(FaultKind::Unterminated { column }),
                    false => Quoted::Open,
                };
            };
            let is_quote = input.get(next).copied() == self.quote;
            let following = input.get(next + 1).copied();
            if !is_quote || following == self.quote {
                // An escaped byte, or a doubled quote: the second of the two bytes counts.
                let Some(literal) = following else {
                    return if at_end {
                        Quoted::Fault(FaultKind::Unterminated { column })
                    } else {
                        Quoted::Open
                    };
                };
                self.arena
                    .extend_from_slice(input.get(copied_to..next).unwrap_or(&[]));
                self.arena.push(literal);
                (at, copied_to, copied) = (next + 2, next + 2, true);
                continue;
            }
            let after = match self.after_quote(input, next + 1, column, at_end) {
                Quoted::Closed(after) => after,
                other => return other,
            };
            let span = match copied {
                true => {
                    self.arena
                        .extend_from_slice(input.get(copied_to..next).unwrap_or(&[]));
                    Span::new(arena_start, self.arena.len(), true, true)
                }
                false => Span::new(open + 1, next, false, true),
            };
            self.keep(column, span);
            return Quoted::Closed(after);
        }
    }

    fn next_quote(&self, input: &[u8], from: usize) -> Option<usize> {
        let rest = input.get(from..)?;
        let quote = self.quote?;
        let found = match self.escape {
            Some(escape) => memchr2(quote, escape, rest),
            None => memchr(quote, rest),
        };
        found.map(|at| from + at)
    }

    /// What follows a closing quote: a delimiter, a line end or the end of the file.
    fn after_quote(&self, input: &[u8], at: usize, column: usize, at_end: bool) -> Quoted {
        let closed = |after| Quoted::Closed(after);
        match (input.get(at).copied(), input.get(at + 1).copied()) {
            (Some(byte), _) if byte == self.delimiter => closed(After::Field(at + 1)),
            (Some(b'\n'), _) => closed(After::Record(at + 1)),
            (Some(b'\r'), Some(b'\n')) => closed(After::Record(at + 2)),
            (Some(b'\r'), None) if at_end => closed(After::Record(at + 1)),
            (None, _) if at_end => closed(After::Record(at)),
            (None, _) | (Some(b'\r'), None) => Quoted::Open,
            _ => Quoted::Fault(FaultKind::AfterQuote { column }),
        }
    }
}

/// The end of a field before a line end, without the `\r` of `\r\n`.
fn without_return(input: &[u8], field: usize, end: usize) -> usize {
    match end > field && input.get(end - 1) == Some(&b'\r') {
        true => end - 1,
        false => end,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// All records of the text, read in pieces of `step` bytes.
    fn read(
        dialect: &Csv,
        columns: usize,
        text: &str,
        step: usize,
    ) -> Result<Vec<Vec<String>>, FaultKind> {
        let wanted: Vec<usize> = (0..columns).collect();
        let mut records = Records::new(dialect, columns, &wanted);
        let mut rows = Vec::new();
        let (mut input, mut rest) = (Vec::new(), text.as_bytes());
        loop {
            let (piece, after) = rest.split_at(step.min(rest.len()));
            input.extend_from_slice(piece);
            rest = after;
            while records
                .read(&input, rest.is_empty(), 3)
                .map_err(|f| f.kind)?
                == Pass::Full
            {
                take(&mut records, &mut input, &mut rows);
            }
            take(&mut records, &mut input, &mut rows);
            if rest.is_empty() {
                assert!(input.is_empty());
                return Ok(rows);
            }
        }
    }

    fn take(records: &mut Records, input: &mut Vec<u8>, rows: &mut Vec<Vec<String>>) {
        let text = |span: &Span| {
            String::from_utf8(span.bytes(input, &records.arena).unwrap().to_vec()).unwrap()
        };
        for row in 0..records.rows() {
            rows.push(records.columns.iter().map(|c| text(&c[row])).collect());
        }
        input.drain(..records.consumed);
        records.clear();
    }

    fn fields(text: &str, columns: usize) -> Vec<Vec<String>> {
        read(&Csv::default(), columns, text, 1 << 20).unwrap()
    }

    #[test]
    fn records_and_fields() {
        assert_eq!(
            fields("a,b\r\nc,\n\n,d", 2),
            [["a", "b"], ["c", ""], ["", "d"]]
        );
        assert_eq!(
            fields("\"a\nb\",\"c\"\"d\"\r\n\"\",x\"y", 2),
            [["a\nb", "c\"d"], ["", "x\"y"]]
        );
        assert_eq!(fields("a\n\nb\n", 1), [["a"], [""], ["b"]]);
        assert_eq!(fields("\"a\",", 2), [["a", ""]]);
    }

    #[test]
    fn comments_and_escapes() {
        let dialect = Csv {
            comment: Some(b'#'),
            escape: Some(b'\\'),
            ..Csv::default()
        };
        let text = "#x\n1,2\n# \"\n\"a\\\"b\",\"c\"\n#";
        for step in [1, 2, 5, 100] {
            let rows = read(&dialect, 2, text, step).unwrap();
            assert_eq!(rows, [["1", "2"], ["a\"b", "c"]], "{step}");
        }
    }

    #[test]
    fn faults() {
        let fault = |text: &str| read(&Csv::default(), 2, text, 1).unwrap_err();
        assert_eq!(fault("a,b\nc\n"), FaultKind::Columns { found: 1 });
        assert_eq!(fault("a,b,c\n"), FaultKind::Columns { found: 3 });
        assert_eq!(fault("a,\"b\"c\n"), FaultKind::AfterQuote { column: 1 });
        assert_eq!(fault("\"a,b\n"), FaultKind::Unterminated { column: 0 });
    }

    fn cell() -> impl Strategy<Value = String> {
        proptest::string::string_regex("[a,\"\n\r]{0,5}|[0-9]{0,8}").unwrap()
    }

    fn written(rows: &[Vec<String>]) -> String {
        let quote = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        rows.iter()
            .map(|row| row.iter().map(quote).collect::<Vec<_>>().join(",") + "\n")
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in proptest::collection::vec(proptest::collection::vec(cell(), 3), 0..20),
            step in 1_usize..40,
        ) {
            prop_assert_eq!(read(&Csv::default(), 3, &written(&rows), step).unwrap(), rows);
        }

        #[test]
        fn any_text_is_safe_and_pieces_do_not_matter(text in "[a,\"#\n\r\\\\é]{0,60}", step in 1_usize..9) {
            let dialect = Csv { comment: Some(b'#'), escape: Some(b'\\'), ..Csv::default() };
            let whole = read(&dialect, 2, &text, 1000);
            prop_assert_eq!(read(&dialect, 2, &text, step), whole);
        }
    }
}

//! Cuts CSV bytes into records and fields, looking only at delimiters, line ends and quotes.
//!
//! A field that starts with a quote ends with one; inside, a doubled quote (or an escaped byte)
//! stands for itself and line ends are text (`quoted`). A quote elsewhere is an ordinary byte. A
//! record ends with `\n` or `\r\n`; in a file whose first line ends with a lone `\r`, with that. Only
//! the wanted columns are kept, as places in the input; the fields of every record are counted
//! nevertheless, because a missing delimiter must not go unnoticed.

use memchr::{memchr, memchr3_iter};

use super::fault::{Fault, FaultKind};
use super::quoted::{After, Quoted};
use super::span::Span;
use crate::source::dialect::Csv;
use crate::source::text::{BadRows, Text};

/// The bytes that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syntax {
    pub delimiter: u8,
    /// `\n`, which may have a `\r` before it, or `\r`.
    pub line_end: u8,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    pub comment: Option<u8>,
    pub max_record_bytes: usize,
    /// What becomes of records with too few or too many fields.
    pub ragged: Ragged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ragged {
    Refuse,
    /// What a short record lacks is NULL.
    PadShort,
    /// As above, and what a long one has too much is left out.
    Take,
}

impl Syntax {
    pub fn new(dialect: &Csv, text: &Text, line_end: u8) -> Self {
        Self {
            delimiter: dialect.delimiter,
            line_end,
            quote: dialect.quote,
            escape: dialect.escape.filter(|e| Some(*e) != dialect.quote),
            comment: dialect.comment,
            max_record_bytes: text.max_line_bytes,
            ragged: match (text.bad_rows, dialect.null_padding) {
                (BadRows::Null, _) => Ragged::Take,
                (_, true) => Ragged::PadShort,
                (_, false) => Ragged::Refuse,
            },
        }
    }

    /// The same, taking any number of fields.
    pub fn any(self) -> Self {
        Self {
            ragged: Ragged::Take,
            ..self
        }
    }
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
    pub(super) syntax: Syntax,
    /// Fields that a record should have.
    expected: usize,
    /// An empty line is a record: that of one empty field.
    blank_counts: bool,
    /// For each column of the file, its place among the wanted ones.
    slots: Vec<Option<usize>>,
    /// Per wanted column, a span for each record.
    pub columns: Vec<Vec<Span>>,
    pub arena: Vec<u8>,
    /// The arena up to here belongs to whole records.
    arena_kept: usize,
    /// Where in the input each record starts.
    pub starts: Vec<u32>,
    /// And where it ends; what is in between belongs to no record.
    pub ends: Vec<u32>,
    /// Records of a number of fields that was not expected.
    pub odd: usize,
    /// The input up to here is done with.
    pub consumed: usize,
    /// Fields of the record that was read last.
    pub last_fields: usize,
    /// What is left of the line belongs to a record that was given up.
    skipping: bool,
}

enum Step {
    Pass(Pass),
    /// A comment is next.
    Comment,
}

impl Records {
    /// Records of `columns` fields, of which those in `wanted` are kept, in that order.
    pub fn new(syntax: Syntax, columns: usize, wanted: &[usize]) -> Self {
        let mut slots = vec![None; columns];
        for (place, column) in wanted.iter().enumerate() {
            if let Some(slot) = slots.get_mut(*column) {
                *slot = Some(place);
            }
        }
        Self {
            syntax,
            expected: columns,
            blank_counts: columns == 1,
            columns: vec![Vec::new(); wanted.len()],
            slots,
            arena: Vec::new(),
            arena_kept: 0,
            starts: Vec::new(),
            ends: Vec::new(),
            odd: 0,
            consumed: 0,
            last_fields: 0,
            skipping: false,
        }
    }

    /// Passes over empty lines even if they could be records.
    pub fn without_blanks(self) -> Self {
        Self {
            blank_counts: false,
            ..self
        }
    }

    pub fn line_end(&self) -> u8 {
        self.syntax.line_end
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
        self.ends.clear();
        self.odd = 0;
        self.consumed = 0;
    }

    /// Goes on after a fault: behind the record or, if its end is not certain, behind its first line.
    pub fn give_up_on(&mut self, fault: &Fault) {
        match fault.next {
            Some(next) => self.consumed = next,
            None => self.skipping = true,
        }
    }

    /// Adds a record of NULLs for the one that is going to be given up on.
    pub fn push_nulls(&mut self) {
        self.columns
            .iter_mut()
            .for_each(|spans| spans.push(Span::NULL));
        self.place(self.consumed);
    }

    /// Notes where the record that starts here ends.
    fn place(&mut self, end: usize) {
        let narrow = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        self.starts.push(narrow(self.consumed));
        self.ends.push(narrow(end));
    }

    /// Adds records from `input`, from `consumed` on, until there are `max_rows`.
    ///
    /// `at_end` says that no more input follows, so that the last record needs no line end.
    pub fn read(&mut self, input: &[u8], at_end: bool, max_rows: usize) -> Result<Pass, Fault> {
        if self.skipping && !self.skip_line(input, at_end) {
            self.consumed = input.len();
            return Ok(Pass::NeedsMore);
        }
        self.skipping = false;
        loop {
            while self.at_comment(input) && self.skip_line(input, at_end) {}
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
        self.syntax.comment.is_some() && input.get(self.consumed).copied() == self.syntax.comment
    }

    /// Skips what is left of the line if its end is there.
    fn skip_line(&mut self, input: &[u8], at_end: bool) -> bool {
        let rest = input.get(self.consumed..).unwrap_or(&[]);
        match memchr(self.syntax.line_end, rest) {
            Some(length) => self.consumed += length + 1,
            None if at_end => self.consumed = input.len(),
            None => return false,
        }
        true
    }

    /// Reads records until the input ends, a comment starts or there are enough.
    fn run(&mut self, input: &[u8], at_end: bool, max_rows: usize) -> Result<Step, Fault> {
        let (mut field, mut column) = (self.consumed, 0);
        let (delimiter, newline) = (self.syntax.delimiter, self.syntax.line_end);
        let quote = self.syntax.quote.unwrap_or(delimiter);
        'restart: loop {
            let base = field;
            let rest = input.get(base..).unwrap_or(&[]);
            for hit in memchr3_iter(delimiter, newline, quote, rest) {
                let at = base + hit;
                let byte = input.get(at).copied().unwrap_or(newline);
                if byte == delimiter {
                    self.keep(column, Span::input(field, at, false));
                    column += 1;
                    field = at + 1;
                } else if byte == newline {
                    let end = self.without_return(input, field, at);
                    let blank = column == 0 && end == field && !self.blank_counts;
                    if blank {
                        self.consumed = at + 1;
                    } else {
                        self.keep(column, Span::input(field, end, false));
                        self.finish(column + 1, at + 1)?;
                    }
                    (field, column) = (at + 1, 0);
                    if let Some(step) = self.stop(input, max_rows) {
                        return Ok(step);
                    }
                } else if at == field {
                    match self.quoted(input, at, at_end) {
                        Quoted::Closed(span, after) => {
                            self.keep(column, span);
                            match after {
                                After::Field(next) => (field, column) = (next, column + 1),
                                After::Record(next) => {
                                    self.finish(column + 1, next)?;
                                    (field, column) = (next, 0);
                                    if let Some(step) = self.stop(input, max_rows) {
                                        return Ok(step);
                                    }
                                }
                            }
                        }
                        Quoted::Open => return Ok(Step::Pass(self.unfinished())),
                        Quoted::Unterminated => {
                            return Err(self.fault(FaultKind::Unterminated { column }, None));
                        }
                        Quoted::TextFollows => {
                            return Err(self.fault(FaultKind::AfterQuote { column }, None));
                        }
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
            return Ok(self.unfinished());
        }
        if column > 0 || field < input.len() {
            let end = self.without_return(input, field, input.len());
            let blank = column == 0 && end == field;
            if !blank {
                self.keep(column, Span::input(field, end, false));
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
        let max_bytes = self.syntax.max_record_bytes;
        if next - self.consumed > max_bytes {
            return Err(self.fault(FaultKind::TooLong { max_bytes }, Some(next)));
        }
        if found != self.expected {
            self.ragged(found, next)?;
        }
        self.place(next);
        self.arena_kept = self.arena.len();
        self.last_fields = found;
        self.consumed = next;
        Ok(())
    }

    /// Takes a record of a wrong number of fields, or refuses it.
    fn ragged(&mut self, found: usize, next: usize) -> Result<(), Fault> {
        match self.syntax.ragged {
            Ragged::Take => self.odd += 1,
            Ragged::PadShort if found < self.expected => {}
            _ => return Err(self.fault(FaultKind::Columns { found }, Some(next))),
        }
        let rows = self.starts.len() + 1;
        for spans in &mut self.columns {
            spans.resize(rows, Span::NULL);
        }
        Ok(())
    }

    /// Drops what was kept of a record that is not whole.
    fn unfinished(&mut self) -> Pass {
        let rows = self.rows();
        for spans in &mut self.columns {
            spans.truncate(rows);
        }
        self.arena.truncate(self.arena_kept);
        Pass::NeedsMore
    }

    fn fault(&mut self, kind: FaultKind, next: Option<usize>) -> Fault {
        self.unfinished();
        Fault {
            record_start: self.consumed,
            next,
            kind,
        }
    }

    /// The fault of a record that goes on and on.
    pub fn too_long(&mut self) -> Fault {
        let max_bytes = self.syntax.max_record_bytes;
        self.fault(FaultKind::TooLong { max_bytes }, None)
    }

    /// The end of a field before a line end, without the `\r` of `\r\n`.
    fn without_return(&self, input: &[u8], field: usize, end: usize) -> usize {
        let has = self.syntax.line_end == b'\n' && end > field;
        match has && input.get(end - 1) == Some(&b'\r') {
            true => end - 1,
            false => end,
        }
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
        let syntax = Syntax::new(dialect, &Text::default(), b'\n');
        read_as(syntax, columns, text, step)
    }

    fn read_as(
        syntax: Syntax,
        columns: usize,
        text: &str,
        step: usize,
    ) -> Result<Vec<Vec<String>>, FaultKind> {
        let wanted: Vec<usize> = (0..columns).collect();
        let mut records = Records::new(syntax, columns, &wanted);
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
    fn lone_returns_as_line_ends() {
        let syntax = Syntax::new(&Csv::default(), &Text::default(), b'\r');
        for step in [1, 2, 100] {
            let rows = read_as(syntax, 2, "a,b\r\r\"c\",d\ne\rf,\"g\rh\"", step).unwrap();
            assert_eq!(rows, [["a", "b"], ["c", "d\ne"], ["f", "g\rh"]], "{step}");
        }
    }

    #[test]
    fn ragged_records() {
        let strict = Syntax::new(&Csv::default(), &Text::default(), b'\n');
        let padding = Syntax {
            ragged: Ragged::PadShort,
            ..strict
        };
        assert_eq!(
            read_as(padding, 2, "a\nb,c\n", 9).unwrap(),
            [["a", ""], ["b", "c"]]
        );
        let long = read_as(padding, 2, "a,b,c\n", 9);
        assert_eq!(long, Err(FaultKind::Columns { found: 3 }));
        assert_eq!(
            read_as(strict.any(), 2, "a\nb,c,d\n", 9).unwrap(),
            [["a", ""], ["b", "c"]]
        );
    }

    #[test]
    fn records_have_a_limit() {
        let short = Syntax {
            max_record_bytes: 4,
            ..Syntax::new(&Csv::default(), &Text::default(), b'\n')
        };
        assert_eq!(read_as(short, 2, "a,b\nc,d", 9).unwrap().len(), 2);
        let long = read_as(short, 2, "a,bc\n", 9);
        assert_eq!(long, Err(FaultKind::TooLong { max_bytes: 4 }));
    }

    #[test]
    fn after_a_fault_the_next_line_is_read() {
        let syntax = Syntax::new(&Csv::default(), &Text::default(), b'\n');
        let mut records = Records::new(syntax, 2, &[0, 1]);
        let text = b"1,2\n3,\"x\"y\n\nbad\n4,5\n\"6,7\n8,9\n";
        let mut kinds = Vec::new();
        while let Err(fault) = records.read(text, true, 100) {
            records.give_up_on(&fault);
            kinds.push(fault.kind);
        }
        assert_eq!(
            kinds,
            [
                FaultKind::AfterQuote { column: 1 },
                FaultKind::Columns { found: 1 },
                FaultKind::Unterminated { column: 0 },
            ]
        );
        assert_eq!(records.rows(), 3);
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

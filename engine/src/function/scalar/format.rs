//! `format('%s %I %L', …)`: a pattern with values filled in.

use arrow::array::ArrayRef;
use arrow::datatypes::Int64Type;
use datafusion::common::Result;

use super::quote::{quote_ident, quote_literal};
use crate::error::{Error, Kind};
use crate::function::define::Call;
use crate::function::rows::{check_value_bytes, given};
use crate::function::show::Shown;

pub(crate) fn format(call: &Call) -> Result<ArrayRef> {
    let patterns = call.text(0)?;
    call.each_text(|row| {
        let filler = Filler {
            call,
            row,
            next: 1,
            out: String::new(),
        };
        filler.fill(given!(patterns.at(row))).map(Some)
    })
}

/// One `%…` of a pattern.
#[derive(Default)]
struct Specifier {
    position: Option<usize>,
    left: bool,
    width: Option<Width>,
}

enum Width {
    Fixed(i64),
    Next,
    Of(usize),
}

struct Filler<'a> {
    call: &'a Call,
    row: usize,
    next: usize,
    out: String,
}

fn refuse(message: impl Into<String>) -> datafusion::common::DataFusionError {
    Error::new(Kind::InvalidParameterValue, message).into()
}

impl Filler<'_> {
    fn fill(mut self, pattern: &str) -> Result<String> {
        let mut rest = pattern;
        while let Some(at) = rest.find('%') {
            self.out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                self.out.push('%');
                rest = after;
                continue;
            }
            let (specifier, after) = parse(rest)?;
            let mut chars = after.chars();
            let Some(kind) = chars.next() else {
                return Err(refuse("unterminated format() type specifier"));
            };
            rest = chars.as_str();
            self.one(&specifier, kind)?;
        }
        self.out.push_str(rest);
        Ok(self.out)
    }

    fn one(&mut self, specifier: &Specifier, kind: char) -> Result<()> {
        let width = match specifier.width {
            None => 0,
            Some(Width::Fixed(width)) => width,
            Some(Width::Next) => {
                let place = self.take_next();
                self.width(place)?
            }
            Some(Width::Of(place)) => self.width(place)?,
        };
        let place = match specifier.position {
            Some(position) => {
                self.next = position + 1;
                position
            }
            None => self.take_next(),
        };
        let value = self.value(place)?;
        let text =
            match kind {
                's' => value.unwrap_or_default(),
                'I' => quote_ident(&value.ok_or_else(|| {
                    refuse("null values cannot be formatted as an SQL identifier")
                })?),
                'L' => value.map_or_else(|| "NULL".to_string(), |value| quote_literal(&value)),
                other => {
                    let message = format!("unrecognized format() type specifier \"{other}\"");
                    return Err(refuse(message));
                }
            };
        self.pad(&text, width, specifier.left)
    }

    fn pad(&mut self, text: &str, width: i64, left: bool) -> Result<()> {
        let wanted = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
        let spaces = wanted.saturating_sub(text.chars().count());
        let bytes = self.out.len().saturating_add(text.len());
        check_value_bytes("format", bytes.saturating_add(spaces))?;
        let spaces = " ".repeat(spaces);
        match left || width < 0 {
            true => self.out.extend([text, &spaces]),
            false => self.out.extend([&spaces, text]),
        }
        Ok(())
    }

    fn take_next(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn array(&self, place: usize) -> Result<&ArrayRef> {
        match place < self.call.arrays.len() {
            true => self.call.array(place),
            false => Err(refuse("too few arguments for format()")),
        }
    }

    fn value(&self, place: usize) -> Result<Option<String>> {
        Shown::of(self.array(place)?)?.at(self.row)
    }

    /// A width that is given as an argument; NULL is none.
    fn width(&self, place: usize) -> Result<i64> {
        let array = self.array(place)?;
        if !array.data_type().is_integer() {
            return Err(refuse("the width of format() must be an integer"));
        }
        let wide = arrow::compute::cast(array, &arrow::datatypes::DataType::Int64)?;
        let wide = arrow::array::AsArray::as_primitive::<Int64Type>(&wide);
        Ok(crate::function::rows::At::at(wide, self.row).unwrap_or(0))
    }
}

/// `[position$][-][width]` before the letter.
fn parse(text: &str) -> Result<(Specifier, &str)> {
    let mut specifier = Specifier::default();
    let mut rest = text;
    if let (Some(number), after) = leading_number(rest)
        && let Some(after) = after.strip_prefix('$')
    {
        if number == 0 {
            return Err(refuse(
                "format specifies argument 0, but arguments are numbered from 1",
            ));
        }
        specifier.position = usize::try_from(number).ok();
        rest = after;
    }
    while let Some(after) = rest.strip_prefix('-') {
        specifier.left = true;
        rest = after;
    }
    if let Some(after) = rest.strip_prefix('*') {
        rest = after;
        specifier.width = Some(Width::Next);
        if let (Some(number), after) = leading_number(rest)
            && let Some(after) = after.strip_prefix('$')
        {
            specifier.width = usize::try_from(number).ok().map(Width::Of);
            rest = after;
        }
    } else if let (Some(number), after) = leading_number(rest) {
        specifier.width = Some(Width::Fixed(number));
        rest = after;
    }
    Ok((specifier, rest))
}

fn leading_number(text: &str) -> (Option<i64>, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    match digits.is_empty() {
        true => (None, text),
        // More digits than fit are as good as the largest number: too wide.
        false => (Some(digits.parse().unwrap_or(i64::MAX)), rest),
    }
}

//! The table of shipments: who received how many grams of which drug, by year, state and county.
//!
//! The rows are invented and depend on nothing but year and number of rows, so the text files and
//! the Parquet files hold the same rows.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::parquet_file;
use super::places::{BUYERS, COUNTIES, DRUGS, STATES};
use super::random::Random;
use super::work::Watch;

/// Years, each with its weight among all rows: chunks are not all of the same size.
const YEARS: &[(u16, u64)] = &[
    (2006, 80),
    (2007, 90),
    (2008, 100),
    (2009, 108),
    (2010, 114),
    (2011, 112),
    (2012, 104),
    (2013, 92),
];

/// Digits of the grams: three after the point.
pub const GRAMS_PRECISION: u8 = 12;
pub const GRAMS_SCALE: i8 = 3;

/// Rows made between two looks at whether to stop.
const BLOCK_ROWS: usize = 32_768;

/// One file's share of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Year {
    pub year: u16,
    pub rows: u64,
}

/// The years with their rows, `total_rows` in all.
pub fn years(total_rows: u64) -> Vec<Year> {
    let weights: u64 = YEARS.iter().map(|(_, weight)| weight).sum();
    let mut left = total_rows;
    let mut years: Vec<Year> = YEARS
        .iter()
        .map(|(year, weight)| {
            let rows = total_rows * weight / weights;
            left -= rows;
            Year { year: *year, rows }
        })
        .collect();
    if let Some(last) = years.last_mut() {
        last.rows += left;
    }
    years
}

struct Shipment {
    state: &'static str,
    county: &'static str,
    drug: &'static str,
    buyer: &'static str,
    milligrams: u64,
}

struct Shipments {
    random: Random,
    left: u64,
}

impl Shipments {
    fn of(year: Year) -> Self {
        Self {
            random: Random::new(u64::from(year.year)),
            left: year.rows,
        }
    }
}

impl Iterator for Shipments {
    type Item = Shipment;

    fn next(&mut self) -> Option<Shipment> {
        /// Tablets in a package, and milligrams in a tablet.
        const PACKAGES: [u64; 8] = [20, 30, 60, 100, 200, 300, 500, 1000];
        const STRENGTHS: [u64; 8] = [5, 10, 15, 20, 30, 40, 60, 80];
        self.left = self.left.checked_sub(1)?;
        let random = &mut self.random;
        let at = random.mostly_low(STATES.len());
        let state = STATES.get(at)?;
        // States share names but not the order of their counties' sizes.
        let county = (random.mostly_low(state.counties) + at * 7) % state.counties;
        let packages = 1 + random.mostly_low(6) as u64;
        Some(Shipment {
            state: state.code,
            county: COUNTIES.get(county)?,
            drug: DRUGS.get(random.mostly_low(DRUGS.len()))?,
            buyer: BUYERS.get(random.mostly_low(BUYERS.len()))?,
            milligrams: packages
                * PACKAGES.get(random.mostly_low(PACKAGES.len()))?
                * STRENGTHS.get(random.mostly_low(STRENGTHS.len()))?,
        })
    }
}

/// Writes one year as a compressed text file with tabs.
pub fn write_tsv(file: File, year: Year, watch: &Watch) -> io::Result<()> {
    let mut out = GzEncoder::new(file, Compression::fast());
    let mut text = b"year\tstate\tcounty\tdrug\tbuyer\tgrams\n".to_vec();
    let year_text = year.year.to_string();
    let mut shipments = Shipments::of(year);
    loop {
        let mut rows = 0;
        for shipment in shipments.by_ref().take(BLOCK_ROWS) {
            append_line(&mut text, &year_text, &shipment);
            rows += 1;
        }
        out.write_all(&text)?;
        text.clear();
        if rows == 0 {
            break;
        }
        watch.add(rows)?;
    }
    out.finish()?;
    Ok(())
}

fn append_line(text: &mut Vec<u8>, year: &str, shipment: &Shipment) {
    for field in [
        year,
        shipment.state,
        shipment.county,
        shipment.drug,
        shipment.buyer,
    ] {
        text.extend_from_slice(field.as_bytes());
        text.push(b'\t');
    }
    append_grams(text, shipment.milligrams);
    text.push(b'\n');
}

/// `12.345`, written by hand: formatting would take longer than all the rest.
fn append_grams(text: &mut Vec<u8>, milligrams: u64) {
    let digit = |n: u64| b'0' + u8::try_from(n % 10).unwrap_or(0);
    let (mut whole, part) = (milligrams / 1000, milligrams % 1000);
    let mut reversed = [0_u8; 20];
    let mut length = 0;
    for place in &mut reversed {
        *place = digit(whole);
        length += 1;
        whole /= 10;
        if whole == 0 {
            break;
        }
    }
    text.extend(reversed.iter().take(length).rev());
    text.extend([b'.', digit(part / 100), digit(part / 10), digit(part)]);
}

/// Writes one year as a Parquet file; the year is in the name of its folder.
pub fn write_parquet(file: File, year: Year, watch: &Watch) -> io::Result<()> {
    let schema = schema();
    let mut shipments = Shipments::of(year);
    let batches = std::iter::from_fn(|| batch(&schema, shipments.by_ref().take(BLOCK_ROWS)));
    parquet_file::write(file, &schema, batches, watch)
}

fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let grams = DataType::Decimal128(GRAMS_PRECISION, GRAMS_SCALE);
    Arc::new(Schema::new(vec![
        text("state"),
        text("county"),
        text("drug"),
        text("buyer"),
        Field::new("grams", grams, false),
    ]))
}

/// The rows as a batch; `None` when there are none.
fn batch(
    schema: &SchemaRef,
    shipments: impl Iterator<Item = Shipment>,
) -> Option<io::Result<RecordBatch>> {
    let mut texts: [StringBuilder; 4] =
        std::array::from_fn(|_| StringBuilder::with_capacity(BLOCK_ROWS, BLOCK_ROWS * 12));
    let mut grams = Decimal128Builder::with_capacity(BLOCK_ROWS);
    let mut rows = 0;
    for s in shipments {
        let values = [s.state, s.county, s.drug, s.buyer];
        for (builder, value) in texts.iter_mut().zip(values) {
            builder.append_value(value);
        }
        grams.append_value(i128::from(s.milligrams));
        rows += 1;
    }
    if rows == 0 {
        return None;
    }
    let grams = grams.with_data_type(DataType::Decimal128(GRAMS_PRECISION, GRAMS_SCALE));
    let mut columns: Vec<ArrayRef> = Vec::new();
    columns.extend(
        texts
            .into_iter()
            .map(|mut t| Arc::new(t.finish()) as ArrayRef),
    );
    columns.push(Arc::new({ grams }.finish()));
    Some(RecordBatch::try_new(Arc::clone(schema), columns).map_err(io::Error::other))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_years_have_all_rows() {
        let years = years(1_000);
        assert_eq!(years.len(), 8);
        assert_eq!(years.iter().map(|y| y.rows).sum::<u64>(), 1_000);
    }

    #[test]
    fn grams_have_three_digits_after_the_point() {
        for (milligrams, expected) in [
            (0, "0.000"),
            (5, "0.005"),
            (12_340, "12.340"),
            (1_000_000, "1000.000"),
        ] {
            let mut text = Vec::new();
            append_grams(&mut text, milligrams);
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }
}

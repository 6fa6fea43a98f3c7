//! JSON: one array of objects, or one object a line.

use std::collections::HashSet;
use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use quern_engine::value_text::{JsonColumn, TextStyle, write_json_string};

use super::super::Problem;
use super::{Sink, Target};

pub struct Json {
    style: TextStyle,
    target: Target,
    /// The keys as JSON strings, each followed by its colon.
    keys: Vec<String>,
    /// What stands around the rows and between them.
    brackets: Option<(&'static str, &'static str, &'static str)>,
    rows: u64,
}

impl Json {
    pub fn array(style: TextStyle, schema: &SchemaRef, target: Target) -> Self {
        Self {
            brackets: Some(("[\n", ",\n", "\n]\n")),
            ..Self::lines(style, schema, target)
        }
    }

    pub fn lines(style: TextStyle, schema: &SchemaRef, target: Target) -> Self {
        let keys = distinct_names(schema).into_iter().map(|name| {
            let mut key = String::new();
            write_json_string(&name, &mut key);
            key + ":"
        });
        Self {
            style,
            target,
            keys: keys.collect(),
            brackets: None,
            rows: 0,
        }
    }
}

impl Sink for Json {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        let columns: Vec<JsonColumn> = batch
            .columns()
            .iter()
            .map(|array| JsonColumn::new(array, &self.style))
            .collect();
        let mut out = String::new();
        for row in 0..batch.num_rows() {
            if let Some((open, between, _)) = self.brackets {
                out.push_str(if self.rows == 0 { open } else { between });
            }
            for (at, (key, column)) in self.keys.iter().zip(&columns).enumerate() {
                out.push(if at == 0 { '{' } else { ',' });
                out.push_str(key);
                column.write(row, &mut out);
            }
            out.push_str(if self.keys.is_empty() { "{}" } else { "}" });
            if self.brackets.is_none() {
                out.push('\n');
            }
            self.rows += 1;
            if out.len() >= 64 << 10 {
                self.target.write_all(out.as_bytes())?;
                out.clear();
            }
        }
        Ok(self.target.write_all(out.as_bytes())?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Problem> {
        let end = match self.brackets {
            Some(_) if self.rows == 0 => "[]\n",
            Some((_, _, close)) => close,
            None => "",
        };
        Ok(self.target.write_all(end.as_bytes())?)
    }
}

/// Column names with a number added where one repeats, for formats that need them distinct.
pub fn distinct_names(schema: &SchemaRef) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let given: HashSet<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let distinct = schema.fields().iter().map(|field| {
        let mut name = field.name().clone();
        let mut number = 1;
        while taken.contains(&name) || (number > 1 && given.contains(name.as_str())) {
            number += 1;
            name = format!("{}_{number}", field.name());
        }
        taken.insert(name.clone());
        name
    });
    distinct.collect()
}

//! PostgreSQL's functions about the system: what psql, drivers and tools ask its catalog.
//!
//! They know nothing by themselves: the statement's [`Directory`] answers.

mod define;
mod names;
mod privileges;
mod server;
mod sets;
mod waiting;

use arrow::array::{Array, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;

use crate::function::define::{Call, Scalar};
use crate::function::directory::{Class, Directory, directory};
use crate::function::rows::Text;

pub(crate) use names::{REG_TEXT, UNPLANNED};
pub(crate) use waiting::all as waiting;

pub(crate) const SECTION: &str = "Other Functions";

/// The tables of this family.
pub(crate) fn tables() -> Vec<&'static [Scalar]> {
    vec![
        names::FUNCTIONS,
        define::FUNCTIONS,
        privileges::FUNCTIONS,
        server::FUNCTIONS,
        sets::FUNCTIONS,
    ]
}

/// An argument that is an OID, or the name of an object.
enum Objects<'a> {
    None,
    Numbers(Int64Array),
    Names(Text<'a>),
}

/// The value of an argument that stands for an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object<'a> {
    Oid(u32),
    Name(&'a str),
}

impl Call {
    fn objects(&self, i: usize) -> Result<Objects<'_>> {
        let array = self.array(i)?;
        Ok(match array.data_type() {
            DataType::Null => Objects::None,
            t if t.is_string() => Objects::Names(Text::of(array.as_ref())?),
            _ => {
                let numbers = cast(array, &DataType::Int64)?;
                Objects::Numbers(numbers.as_primitive::<Int64Type>().clone())
            }
        })
    }

    fn directory(&self) -> Option<&dyn Directory> {
        directory(&self.config)
    }
}

impl Objects<'_> {
    fn at(&self, row: usize) -> Option<Object<'_>> {
        match self {
            Objects::None => None,
            Objects::Numbers(numbers) => {
                // As PostgreSQL, negative numbers are the upper half.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let oid = |n: i64| Object::Oid(n as u32);
                numbers.is_valid(row).then(|| oid(numbers.value(row)))
            }
            Objects::Names(names) => {
                let name = names.at(row)?;
                Some(match name.parse() {
                    Ok(oid) => Object::Oid(oid),
                    Err(_) if name == "-" => Object::Oid(0),
                    Err(_) => Object::Name(name),
                })
            }
        }
    }

    /// The OID at a row; a name is looked up.
    fn oid(&self, row: usize, class: Class, directory: Option<&dyn Directory>) -> Option<u32> {
        match self.at(row)? {
            Object::Oid(oid) => Some(oid),
            Object::Name(name) => directory?.oid(class, name),
        }
    }
}

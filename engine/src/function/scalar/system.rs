//! What the system knows of a value; nothing here depends on the session.

use crate::function::define::{Arg, Scalar, takes};
use crate::function::rows::gives;
use crate::function::types::sql_name;

pub(crate) static FUNCTIONS: &[Scalar] = &[Scalar::new(
    "Other Functions",
    "pg_typeof",
    "pg_typeof(value)",
    "The name of the value's type.",
    &[takes(&[Arg::Any], gives::text, |call| {
        let name = sql_name(call.array(0)?.data_type());
        call.each_text(|_| Ok(Some(name.as_str())))
    })],
)];
